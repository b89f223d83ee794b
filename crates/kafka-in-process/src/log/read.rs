//! Reading: finds the requested batches in the segments and reads their bytes.

use std::{fs::File, io, sync::Arc};

use rustix::{buffer::spare_capacity, io::Errno};

use super::{
    Aborted, Log, LogError,
    batch::{self, BatchHeader, HEADER},
    batch_scan::damage,
    codec,
    record::{self, Record},
};

/// A reader's isolation level (KIP-98).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isolation {
    Uncommitted,
    Committed,
}

impl From<i8> for Isolation {
    fn from(level: i8) -> Self {
        if level == 1 { Self::Committed } else { Self::Uncommitted }
    }
}

/// A run of batches in a file.
#[derive(Clone, Debug)]
pub(crate) struct Slice {
    file: Arc<File>,
    position: u64,
    /// Bytes to read; may end within a batch.
    pub(crate) length: usize,
    /// Size of the first batch.
    pub(crate) first: usize,
    /// Index entries within the slice: distance from its start, and base offset.
    bounds: Vec<(usize, i64)>,
}

/// The result of a fetch from a partition.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) start: i64,
    pub(crate) high_watermark: i64,
    pub(crate) last_stable: i64,
    /// For `read_committed`: the aborted transactions to filter.
    pub(crate) aborted: Vec<Aborted>,
    /// `None` if there is nothing to read.
    pub(crate) slice: Option<Slice>,
}

impl Slice {
    /// Reads complete batches of up to `length` bytes and checks each; stops before a damaged one, or fails if it is
    /// the first.
    pub(crate) fn read(&self) -> io::Result<Vec<u8>> {
        let mut bytes = bytes_at(&self.file, self.position, self.length)?;
        let mut whole = 0;
        let mut next_offset = 0;
        let mut bounds = self.bounds.iter().peekable();
        while let Some(header) = bytes.get(whole..).and_then(batch::intact) {
            while bounds.next_if(|(distance, _)| *distance <= whole).is_some() {}
            let beyond = |(_, bound): &&(usize, i64)| header.next_offset() > *bound;
            if header.base_offset < next_offset || bounds.peek().is_some_and(beyond) {
                break;
            }
            next_offset = header.next_offset();
            batch::unplace(&mut bytes[whole..]);
            whole += header.size;
        }
        if whole < self.first {
            return Err(damage(self.position));
        }
        bytes.truncate(whole);
        Ok(bytes)
    }
}

/// Calls `each` with offset, timestamp and content of every data record outside aborted transactions. Returns the
/// offset after the batches.
pub(crate) fn each_record(
    batches: &[u8],
    aborted: &[Aborted],
    mut each: impl FnMut(i64, i64, Record<'_>),
) -> Result<i64, LogError> {
    let mut rest = batches;
    let mut next = 0;
    while let Some(header) = BatchHeader::parse(rest) {
        let (batch, behind) = rest.split_at_checked(header.size).ok_or(LogError::CorruptBatch)?;
        (rest, next) = (behind, header.next_offset());
        let of_aborted = aborted.iter().any(|one| {
            one.producer_id == header.producer_id
                && (one.first_offset..=one.last_offset).contains(&header.base_offset)
        });
        if header.is_control() || header.is_transactional() && of_aborted {
            continue;
        }
        let plain = codec::decompress(header.compression(), batch.get(HEADER..).unwrap_or_default())?;
        for record in record::iterate(&plain) {
            let record = record?;
            let offset = header.base_offset.saturating_add(record.offset_delta);
            let timestamp = if header.is_append_time() {
                header.max_timestamp
            } else {
                header.base_timestamp.saturating_add(record.timestamp_delta)
            };
            each(offset, timestamp, record);
        }
    }
    Ok(next)
}

/// Reads bytes of a file into uninitialized memory.
fn bytes_at(file: &File, position: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        let at = position + bytes.len() as u64;
        match rustix::io::pread(file, spare_capacity(&mut bytes), at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

impl Log {
    /// The end offset for an isolation level.
    pub(crate) fn limit(&self, isolation: Isolation) -> i64 {
        match isolation {
            Isolation::Uncommitted => self.end(),
            Isolation::Committed => self.last_stable(),
        }
    }

    /// Finds up to `max_bytes` of batches, starting with the one that contains `offset`.
    pub(crate) fn read(
        &self,
        offset: i64,
        max_bytes: usize,
        isolation: Isolation,
    ) -> Result<Reading, LogError> {
        if self.closed {
            return Err(LogError::Closed);
        }
        if offset < self.start || offset > self.end() {
            return Err(LogError::OutOfRange);
        }
        let mut reading = Reading {
            start: self.start,
            high_watermark: self.end(),
            last_stable: self.last_stable(),
            aborted: Vec::new(),
            slice: None,
        };
        let limit = self.limit(isolation);
        if offset < limit
            && let Some((slice, upper)) = self.slice(offset, limit, max_bytes)?
        {
            if isolation == Isolation::Committed {
                let from = self.aborted.partition_point(|aborted| aborted.last_offset < offset);
                let concerned = self.aborted[from..].iter().filter(|aborted| aborted.first_offset < upper);
                reading.aborted = concerned.copied().collect();
            }
            reading.slice = Some(slice);
        }
        Ok(reading)
    }

    /// The batches of one segment from `offset` up to `limit`, and an exclusive upper bound of their offsets.
    fn slice(&self, offset: i64, limit: i64, max_bytes: usize) -> io::Result<Option<(Slice, i64)>> {
        let at = self.segments.partition_point(|segment| segment.base <= offset).saturating_sub(1);
        for segment in self.segments.iter().skip(at) {
            if segment.next_offset <= offset {
                continue;
            }
            // Compaction leaves gaps: this segment may have no batch at or after `offset`.
            let Some((position, first)) = segment.locate(offset)? else { continue };
            if first.base_offset >= limit {
                return Ok(None);
            }
            let end = if limit >= segment.next_offset {
                segment.size
            } else {
                segment.locate(limit)?.map_or(segment.size, |(end, _)| end)
            };
            let available = usize::try_from(end.saturating_sub(position)).unwrap_or(usize::MAX);
            let length = max_bytes.max(first.size).min(available);
            let upper = segment.offset_bound(position + length as u64).min(limit);
            let file = segment.file.open()?;
            let bounds = segment.bounds(position, length);
            let slice = Slice { file, position, length, first: first.size, bounds };
            return Ok(Some((slice, upper)));
        }
        Ok(None)
    }
}
