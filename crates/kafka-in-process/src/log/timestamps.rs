//! Look-ups by time: exact, down to the record inside a batch.

use super::{
    Log, LogError,
    batch::{BatchHeader, HEADER},
    codec,
    read::Isolation,
    records,
    segment::Segment,
};

/// A record found by its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) offset: i64,
    /// Milliseconds since 1970, as the record has it.
    pub(crate) timestamp: i64,
}

impl Log {
    /// The first record, by offset, whose time is at or after `timestamp` (ms) and that the reader may see.
    pub(crate) fn find_time(&self, timestamp: i64, isolation: Isolation) -> Result<Option<Found>, LogError> {
        let limit = self.limit(isolation);
        for segment in &self.segments {
            if segment.max_timestamp < timestamp || segment.next_offset <= self.start {
                continue;
            }
            let mut from = self.start;
            // A batch may hold its late record before the first readable offset: then go on behind it.
            while let Some((position, header)) = segment.locate_time(timestamp, from)? {
                let found = self.find_in_batch(segment, position, &header, timestamp)?;
                if let Some(found) = found {
                    return Ok(Some(found).filter(|found| found.offset < limit));
                }
                from = header.next_offset();
            }
        }
        Ok(None)
    }

    /// The record with the latest time (KIP-734); the first of several.
    pub(crate) fn find_latest_time(&self) -> Result<Option<Found>, LogError> {
        let readable = self.segments.iter().filter(|segment| segment.size > 0);
        let latest = readable.map(|segment| segment.max_timestamp).max();
        match latest {
            Some(latest) => self.find_time(latest, Isolation::Uncommitted),
            None => Ok(None),
        }
    }

    fn find_in_batch(
        &self,
        segment: &Segment,
        position: u64,
        header: &BatchHeader,
        timestamp: i64,
    ) -> Result<Option<Found>, LogError> {
        if header.is_append_time() {
            let offset = header.base_offset.max(self.start);
            return Ok(Some(Found { offset, timestamp: header.max_timestamp }));
        }
        let batch = segment.read(position, header)?;
        let plain = codec::decompress(header.compression(), batch.get(HEADER..).unwrap_or_default())?;
        for record in records::iterate(&plain) {
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
