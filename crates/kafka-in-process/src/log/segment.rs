//! One segment of a partition: a file of batches and a sparse index of it.
//!
//! An index entry per 16 KiB or so holds the position of a batch and the latest timestamp before it, for look-ups by
//! offset and by time.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::Path,
    sync::Arc,
};

use super::{
    batch::{self, BatchHeader},
    batch_scan::{Scan, damage, is_damage},
    handle::Handle,
};

/// Bytes between two index entries; small in tests, whose segments are small.
pub(crate) const INDEX_INTERVAL: u64 = if cfg!(test) { 128 } else { 16 * 1024 };
/// Read size of the recovery of a segment.
const RECOVERY_WINDOW: usize = 1 << 20;

/// An index entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Base offset of the batch, relative to the segment's.
    pub(crate) offset: u32,
    pub(crate) position: u32,
    /// The latest record timestamp (ms) before this position; `i64::MIN` at the start.
    pub(crate) max_timestamp_before: i64,
}

/// A segment and its index.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) base: i64,
    pub(crate) file: Arc<Handle>,
    /// Size of its batches.
    pub(crate) size: u64,
    /// The offset after the last batch.
    pub(crate) next_offset: i64,
    /// The latest record timestamp (ms), `i64::MIN` if empty.
    pub(crate) max_timestamp: i64,
    /// Wall time (ms) of the first append, for `segment.ms`.
    pub(crate) born: i64,
    pub(crate) index: Vec<Entry>,
}

/// The file name of a segment.
pub(crate) fn file_name(base: i64, extension: &str) -> String {
    format!("{base:020}.{extension}")
}

/// Reads a batch and checks its CRC.
pub(crate) fn read_batch(file: &File, position: u64, header: &BatchHeader) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; header.size];
    file.read_exact_at(&mut bytes, position)?;
    if batch::checksum(&bytes) == header.crc { Ok(bytes) } else { Err(damage(position)) }
}

impl Segment {
    /// Makes an empty segment.
    pub(crate) fn create(folder: &Path, base: i64, now: i64) -> io::Result<Self> {
        let path = folder.join(file_name(base, "log"));
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path)?;
        Ok(Self::empty(base, Handle::of(path, file), now))
    }

    /// A segment whose file has not been read yet.
    pub(crate) fn empty(base: i64, file: Arc<Handle>, now: i64) -> Self {
        Self { base, file, size: 0, next_offset: base, max_timestamp: i64::MIN, born: now, index: Vec::new() }
    }

    /// Adds a batch that is at the end of the file.
    pub(crate) fn extend(&mut self, header: &BatchHeader) {
        let indexed_to = self.index.last().map(|entry| u64::from(entry.position));
        if indexed_to.is_none_or(|position| self.size - position >= INDEX_INTERVAL)
            && let (Ok(offset), Ok(position)) =
                (u32::try_from(header.base_offset - self.base), u32::try_from(self.size))
        {
            self.index.push(Entry { offset, position, max_timestamp_before: self.max_timestamp });
        }
        self.size += header.size as u64;
        self.next_offset = header.next_offset();
        self.max_timestamp = self.max_timestamp.max(header.max_timestamp);
    }

    /// Whether a batch does not fit: by size, or as index offsets have 32 bits.
    pub(crate) fn is_full(&self, header: &BatchHeader, base_offset: i64, limit: u64) -> bool {
        let end = base_offset + i64::from(header.last_offset_delta) - self.base;
        self.size > 0 && (self.size + header.size as u64 > limit || end > i64::from(i32::MAX))
    }

    /// Appends a batch to the file. A failed write does not change the segment.
    pub(crate) fn write(&self, header: &[u8], rest: &[u8]) -> io::Result<()> {
        /// Up to this size one write of a copy is faster than two writes.
        const COPY_UP_TO: usize = 64 * 1024;
        let file = self.file.open()?;
        let written = if header.len() + rest.len() <= COPY_UP_TO {
            file.write_all_at(&[header, rest].concat(), self.size)
        } else {
            file.write_all_at(header, self.size)
                .and_then(|()| file.write_all_at(rest, self.size + header.len() as u64))
        };
        if written.is_err() {
            // The remains of a failed write are ignored, and overwritten by the next one; truncating them frees their
            // space on a full disk.
            let _ = file.set_len(self.size);
        }
        written
    }

    /// The position and header of the first batch that ends at or after `offset`.
    pub(crate) fn locate(&self, offset: i64) -> io::Result<Option<(u64, BatchHeader)>> {
        let after = self.index.partition_point(|entry| self.base + i64::from(entry.offset) <= offset);
        let wanted = |header: &BatchHeader| header.last_offset() >= offset;
        let found = self.find_from(after, wanted)?;
        // A reader that asks for the middle of a batch at an index entry has read the batch before it, which this
        // search skipped: the two may overlap.
        let at_entry = |position| after >= 2 && u64::from(self.index[after - 1].position) == position;
        match found {
            Some((position, header)) if header.base_offset < offset && at_entry(position) => {
                self.find_from(after - 1, wanted)
            }
            found => Ok(found),
        }
    }

    /// The first batch with a record at or after `timestamp` (ms) that ends at or after `from`.
    pub(crate) fn locate_time(&self, timestamp: i64, from: i64) -> io::Result<Option<(u64, BatchHeader)>> {
        let after = self.index.partition_point(|entry| entry.max_timestamp_before < timestamp);
        self.find_from(after, |header| header.max_timestamp >= timestamp && header.last_offset() >= from)
    }

    fn find_from(
        &self,
        after: usize,
        wanted: impl Fn(&BatchHeader) -> bool,
    ) -> io::Result<Option<(u64, BatchHeader)>> {
        let known = after.checked_sub(1).and_then(|at| self.index.get(at));
        let mut scan = self.scan(known.map_or(0, |entry| u64::from(entry.position)), 4096)?;
        let mut before: Option<(u64, BatchHeader)> = None;
        let found = loop {
            let Some((position, header)) = scan.header()? else { break None };
            if wanted(&header) {
                break Some((position, header));
            }
            before = Some((position, header));
        };
        // Headers have no check sum of their own: a gap may come from compaction, or from a damaged batch before it,
        // which is checked.
        if let Some((position, header)) = found
            && header.next_offset() > self.offset_bound(position + 1)
        {
            return Err(damage(position));
        }
        let follows = found.map_or(self.next_offset, |(_, header)| header.base_offset);
        if let Some((position, header)) = before
            && header.next_offset() != follows
        {
            read_batch(&*self.file.open()?, position, &header)?;
        }
        Ok(found)
    }

    /// The base offset of the first index entry at or after a position: an exclusive bound of all offsets before it.
    pub(crate) fn offset_bound(&self, position: u64) -> i64 {
        let at = self.index.partition_point(|entry| u64::from(entry.position) < position);
        self.index.get(at).map_or(self.next_offset, |entry| self.base + i64::from(entry.offset))
    }

    /// The index entries in a byte range: their distance from its start, and their base offset, which bounds all
    /// offsets before them. The last item bounds the whole range.
    pub(crate) fn bounds(&self, position: u64, length: usize) -> Vec<(usize, i64)> {
        let end = position.saturating_add(length as u64);
        let after = self.index.partition_point(|entry| u64::from(entry.position) <= position);
        let inside = self.index.iter().skip(after).take_while(|entry| u64::from(entry.position) < end);
        let bound = |entry: &Entry| {
            let distance = u64::from(entry.position) - position;
            (usize::try_from(distance).unwrap_or(usize::MAX), self.base + i64::from(entry.offset))
        };
        inside.map(bound).chain([(usize::MAX, self.offset_bound(end))]).collect()
    }

    /// Iterates over batches from a position.
    pub(crate) fn scan(&self, position: u64, window: usize) -> io::Result<Scan> {
        Ok(Scan::new(self.file.open()?, position, self.size, window))
    }

    /// The timestamp (ms) for retention: the latest record's, or if records have none, that of the first append.
    pub(crate) fn latest(&self) -> i64 {
        if self.max_timestamp < 0 { self.born } else { self.max_timestamp }
    }

    /// Checks every batch after the indexed part, adds the intact ones and truncates the file after them. Returns the
    /// bytes cut. A `dense` segment was never compacted: it has no offset gaps.
    pub(crate) fn recover(&mut self, dense: bool) -> io::Result<u64> {
        let file = self.file.open()?;
        let length = file.metadata()?.len();
        let mut scan = Scan::new(Arc::clone(&file), self.size, length, RECOVERY_WINDOW);
        loop {
            let sound = scan.header().and_then(|found| match found {
                Some((position, header)) => scan.batch(position, &header).map(|_| Some(header)),
                None => Ok(None),
            });
            let follows = |header: &BatchHeader| {
                let inside = header.last_offset() - self.base <= i64::from(i32::MAX);
                let next =
                    header.base_offset == self.next_offset || !dense && header.base_offset > self.next_offset;
                inside && next
            };
            match sound {
                Ok(Some(header)) if follows(&header) => self.extend(&header),
                Ok(_) => break,
                Err(error) if is_damage(&error) => break,
                Err(error) => return Err(error),
            }
        }
        let torn = length - self.size;
        if torn > 0 {
            file.set_len(self.size)?;
        }
        Ok(torn)
    }
}
