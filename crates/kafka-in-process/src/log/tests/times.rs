//! Look-ups by time.

use bytes::Bytes;

use super::kit::{NOBODY, NOW, bytes, compressed, config, given};
use crate::log::{
    Batch, Isolation, Log,
    batch::{self, BatchHeader, HEADER},
    find_latest_time, find_time,
};

/// A batch as sarama up to 1.45 compresses it: without the latest timestamp in its header.
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
    let found = find_time(|| &log, NOW + 3, Isolation::Uncommitted).unwrap().map(|found| found.offset);
    assert_eq!(found, Some(1));
    assert_eq!(find_latest_time(|| &log).unwrap().map(|found| found.timestamp), Some(NOW + 5));
}

/// A look-up by time does not hold the lock while it decompresses a batch.
#[test]
fn a_batch_is_opened_without_the_log() {
    use std::{
        sync::{
            Mutex,
            atomic::{AtomicBool, Ordering},
        },
        thread,
    };

    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::open(folder.path(), 0, NOW).unwrap();
    // It opens to many times its size, and the record looked for is the last.
    let long = "0".repeat(32 << 20);
    let batch = compressed(&[given("a", Some(&long), NOW), given("b", None, NOW + 1)], 1);
    let batch = Batch::check(batch, NOW, &config()).unwrap();
    log.append(&batch, None, NOW, &config()).unwrap();
    let log = Mutex::new(log);
    let begun = AtomicBool::new(false);
    let mut taken = 0;
    thread::scope(|scope| {
        let access = || {
            let log = log.lock().unwrap();
            begun.store(true, Ordering::SeqCst);
            log
        };
        let looking = scope.spawn(move || find_time(access, NOW + 1, Isolation::Uncommitted));
        while !looking.is_finished() {
            if begun.load(Ordering::SeqCst) && log.try_lock().is_ok() {
                taken += 1;
            }
            thread::yield_now();
        }
        assert_eq!(looking.join().unwrap().unwrap().map(|found| found.offset), Some(1));
    });
    // The lock is free for a moment after the look-up in any case.
    assert!(taken > 20, "{taken}");
}
