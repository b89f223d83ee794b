//! Look-ups by time.

use bytes::Bytes;

use super::kit::{NOBODY, NOW, bytes, config, given};
use crate::log::{
    Batch, Isolation, Log,
    batch::{self, BatchHeader, HEADER},
};

/// A batch as sarama up to 1.45 compresses it: its header does not know the latest time.
fn compressed_without_a_time() -> Bytes {
    let plain = bytes(&[given("a", None, NOW), given("b", None, NOW + 5), given("c", None, NOW + 2)], NOBODY);
    let records = snap::raw::Encoder::new().compress_vec(&plain[HEADER..]).unwrap();
    let mut batch = [&plain[..HEADER], &records].concat();
    let header = BatchHeader::parse(&batch).unwrap();
    batch::rewrite(&mut batch, &BatchHeader { attributes: 2, max_timestamp: -1, ..header });
    batch.into()
}

#[test]
fn a_compressed_batch_that_does_not_say_its_time_is_found_by_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::open(folder.path(), 0, NOW).unwrap();
    let batch = Batch::check(compressed_without_a_time(), NOW, &config()).unwrap();
    log.append(&batch, None, NOW, &config()).unwrap();
    let found = log.find_time(NOW + 3, Isolation::Uncommitted).unwrap().map(|found| found.offset);
    assert_eq!(found, Some(1));
    assert_eq!(log.find_latest_time().unwrap().map(|found| found.timestamp), Some(NOW + 5));
}
