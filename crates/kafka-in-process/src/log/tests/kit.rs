//! Batches and logs for tests.

use bytes::Bytes;

use crate::{
    log::{
        Batch, Isolation, Log, LogConfig, LogError,
        batch::{self, BatchHeader, HEADER},
        codec, each_record, record,
    },
    topics::config::{Overrides, log_config},
};

/// The current time in the tests.
pub(crate) const NOW: i64 = 1_800_000_000_000;

pub(crate) fn config() -> LogConfig {
    log_config(&Overrides::new(), &Overrides::new())
}

/// A record: key, value, time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) timestamp: i64,
}

pub(crate) fn given(key: &str, value: Option<&str>, timestamp: i64) -> Given {
    Given {
        key: Some(key.as_bytes().to_vec()),
        value: value.map(|value| value.as_bytes().to_vec()),
        timestamp,
    }
}

/// The producer: id, epoch, first sequence, and whether in a transaction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writer {
    pub(crate) id: i64,
    pub(crate) epoch: i16,
    pub(crate) sequence: i32,
    pub(crate) transactional: bool,
}

pub(crate) const NOBODY: Writer = Writer { id: -1, epoch: -1, sequence: -1, transactional: false };

fn varint(out: &mut Vec<u8>, value: i64) {
    let mut zigzag = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while zigzag >= 0x80 {
        out.push(u8::try_from(zigzag & 0x7f).unwrap() | 0x80);
        zigzag >>= 7;
    }
    out.push(u8::try_from(zigzag).unwrap());
}

fn nullable(out: &mut Vec<u8>, bytes: Option<&Vec<u8>>) {
    match bytes {
        None => varint(out, -1),
        Some(bytes) => {
            varint(out, i64::try_from(bytes.len()).unwrap());
            out.extend_from_slice(bytes);
        }
    }
}

/// The bytes of a batch as a producer would send it.
pub(crate) fn bytes(records: &[Given], writer: Writer) -> Bytes {
    let base = records[0].timestamp;
    let mut batch = vec![0; HEADER];
    batch[16] = 2;
    let attributes: i16 = if writer.transactional { 1 << 4 } else { 0 };
    batch[21..23].copy_from_slice(&attributes.to_be_bytes());
    let count = i32::try_from(records.len()).unwrap();
    batch[23..27].copy_from_slice(&(count - 1).to_be_bytes());
    batch[27..35].copy_from_slice(&base.to_be_bytes());
    let latest = records.iter().map(|record| record.timestamp).max().unwrap();
    batch[35..43].copy_from_slice(&latest.to_be_bytes());
    batch[43..51].copy_from_slice(&writer.id.to_be_bytes());
    batch[51..53].copy_from_slice(&writer.epoch.to_be_bytes());
    batch[53..57].copy_from_slice(&writer.sequence.to_be_bytes());
    batch[57..61].copy_from_slice(&count.to_be_bytes());
    for (offset, record) in (0..).zip(records) {
        let mut body = vec![0];
        varint(&mut body, record.timestamp - base);
        varint(&mut body, offset);
        nullable(&mut body, record.key.as_ref());
        nullable(&mut body, record.value.as_ref());
        varint(&mut body, 0);
        varint(&mut batch, i64::try_from(body.len()).unwrap());
        batch.extend_from_slice(&body);
    }
    batch::seal(&mut batch);
    Bytes::from(batch)
}

/// The same, compressed by the codec of this number.
pub(crate) fn compressed(records: &[Given], codec: i16) -> Bytes {
    let plain = bytes(records, NOBODY);
    let mut batch = plain[..HEADER].to_vec();
    batch.extend(codec::compress(codec, plain[HEADER..].to_vec()).unwrap());
    let header = BatchHeader::parse(&plain).unwrap();
    batch::rewrite(&mut batch, &BatchHeader { attributes: codec, ..header });
    batch.into()
}

/// Appends records; a transactional writer's partition counts as verified.
pub(crate) fn append(
    log: &mut Log,
    records: &[Given],
    writer: Writer,
    config: &LogConfig,
) -> Result<i64, LogError> {
    let batch = Batch::check(bytes(records, writer), NOW, config)?;
    let verified = Some(log.markers());
    log.append(&batch, verified, NOW, config).map(|appended| appended.base_offset)
}

/// All data records from an offset on, with their offsets, as a reader with this isolation sees them.
pub(crate) fn read_from(log: &Log, from: i64, isolation: Isolation) -> Vec<(i64, Given)> {
    let mut seen = Vec::new();
    let mut next = from.max(log.start());
    loop {
        let reading = log.read(next, 500, isolation).unwrap();
        let Some(slice) = reading.slice else { return seen };
        let bytes = slice.read().unwrap();
        assert!(!bytes.is_empty(), "a slice holds at least one batch");
        let each = |offset, timestamp, record: record::Record<'_>| {
            if offset >= from {
                let (key, value) = (record.key.map(<[u8]>::to_vec), record.value.map(<[u8]>::to_vec));
                seen.push((offset, Given { key, value, timestamp }));
            }
        };
        next = each_record(&bytes, &reading.aborted, each).unwrap();
    }
}

/// Seals all full segments, as the housekeeping does.
pub(crate) fn seal(log: &mut Log) {
    while let Some(sealing) = log.to_seal() {
        sealing.run().unwrap();
        log.sealed();
    }
}
