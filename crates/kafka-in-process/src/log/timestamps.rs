//! Look-ups by timestamp: exact, down to the record inside a batch.

use std::{fs::File, ops::Deref, sync::Arc};

use super::{
    Log, LogError,
    batch::{BatchHeader, HEADER},
    codec,
    read::Isolation,
    record, segment,
};

/// The record that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) offset: i64,
    /// The record's timestamp: milliseconds since 1970.
    pub(crate) timestamp: i64,
}

/// The first visible record, by offset, with a timestamp at or after `timestamp` (ms). `log` locks the log while a
/// candidate batch is located; batches are read and decompressed without the lock.
pub(crate) fn find_time<L: Deref<Target = Log>>(
    log: impl Fn() -> L,
    timestamp: i64,
    isolation: Isolation,
) -> Result<Option<Found>, LogError> {
    let mut from = 0;
    loop {
        let Some(candidate) = log().locate_time(timestamp, from, isolation)? else { return Ok(None) };
        if let Some(found) = candidate.find(timestamp)? {
            return Ok(Some(found).filter(|found| found.offset < candidate.limit));
        }
        // The matching record may be below the log start offset: then continue after this batch.
        from = candidate.header.next_offset();
    }
}

/// The first record with the latest timestamp (KIP-734).
pub(crate) fn find_latest_time<L: Deref<Target = Log>>(
    log: impl Fn() -> L,
) -> Result<Option<Found>, LogError> {
    let latest = log().latest_time();
    latest.map_or(Ok(None), |latest| find_time(log, latest, Isolation::Uncommitted))
}

/// A batch that may contain the record.
struct Candidate {
    file: Arc<File>,
    position: u64,
    header: BatchHeader,
    /// The log start offset.
    start: i64,
    /// The end offset for the reader.
    limit: i64,
}

impl Candidate {
    /// The first record of the batch at or after a timestamp.
    fn find(&self, timestamp: i64) -> Result<Option<Found>, LogError> {
        let header = &self.header;
        if header.is_append_time() {
            let offset = header.base_offset.max(self.start);
            return Ok(Some(Found { offset, timestamp: header.max_timestamp }));
        }
        let batch = segment::read_batch(&self.file, self.position, header)?;
        let plain = codec::decompress(header.compression(), batch.get(HEADER..).unwrap_or_default())?;
        for record in record::iterate(&plain) {
            let record = record?;
            let found = Found {
                offset: header.base_offset.saturating_add(record.offset_delta),
                timestamp: header.base_timestamp.saturating_add(record.timestamp_delta),
            };
            if found.timestamp >= timestamp && found.offset >= self.start {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

impl Log {
    /// The first batch at or after an offset whose header promises a record at or after `timestamp` (ms).
    fn locate_time(
        &self,
        timestamp: i64,
        from: i64,
        isolation: Isolation,
    ) -> Result<Option<Candidate>, LogError> {
        let from = from.max(self.start);
        for segment in &self.segments {
            if segment.max_timestamp < timestamp || segment.next_offset <= from {
                continue;
            }
            if let Some((position, header)) = segment.locate_time(timestamp, from)? {
                let file = segment.file.open()?;
                let limit = self.limit(isolation);
                return Ok(Some(Candidate { file, position, header, start: self.start, limit }));
            }
        }
        Ok(None)
    }

    /// The latest record timestamp (ms).
    fn latest_time(&self) -> Option<i64> {
        let readable = self.segments.iter().filter(|segment| segment.size > 0);
        readable.map(|segment| segment.max_timestamp).max()
    }
}
