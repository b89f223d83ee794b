//! The header of a produced batch must match its records, compressed or not.

use bytes::Bytes;

use super::kit::{NOBODY, NOW, bytes, compressed, config, given};
use crate::log::{
    Batch, LogError,
    batch::{self, BatchHeader, HEADER},
};

fn records() -> Vec<super::kit::Given> {
    (0..4).map(|n| given("key", Some(&n.to_string()), NOW + n)).collect()
}

/// Changes the header of a batch; its check sum is right.
fn changed(batch: &Bytes, change: impl FnOnce(&mut [u8])) -> Bytes {
    let mut bytes = batch.to_vec();
    change(&mut bytes);
    batch::reseal(&mut bytes);
    bytes.into()
}

#[test]
fn a_record_count_that_is_not_so_is_refused() {
    for codec in 0..=4 {
        let honest = compressed(&records(), codec);
        Batch::check(honest.clone(), NOW, &config()).unwrap();
        for count in [3i32, 5, 1_000_000_000] {
            let lie = changed(&honest, |bytes| {
                bytes[23..27].copy_from_slice(&(count - 1).to_be_bytes());
                bytes[57..61].copy_from_slice(&count.to_be_bytes());
            });
            let refused = Batch::check(lie, NOW, &config()).map(|_| ());
            assert!(matches!(refused, Err(LogError::InvalidRecord(_))), "codec {codec}, {count} records");
        }
    }
}

#[test]
fn garbage_is_refused_whatever_it_says_it_is() {
    for codec in 1..=4 {
        let plain = bytes(&records(), NOBODY);
        let garbage = [&plain[..HEADER], b"these are no records of anything".as_slice()].concat();
        let mut garbage = garbage;
        let header = BatchHeader::parse(&plain).unwrap();
        batch::rewrite(&mut garbage, &BatchHeader { attributes: codec, ..header });
        let refused = Batch::check(garbage.into(), NOW, &config()).map(|_| ());
        assert!(matches!(refused, Err(LogError::CorruptBatch | LogError::InvalidRecord(_))), "codec {codec}");
    }
}

/// A batch that decompresses to a thousand times its size is streamed, not held in memory.
#[test]
fn a_small_batch_that_opens_to_a_large_one_is_read_through() {
    let long = "0".repeat(8 << 20);
    for codec in [1, 3, 4] {
        let batch = compressed(&[given("key", Some(&long), NOW), given("key", None, NOW)], codec);
        assert!(batch.len() < 1 << 20, "codec {codec}: {}", batch.len());
        Batch::check(batch, NOW, &config()).unwrap();
    }
}
