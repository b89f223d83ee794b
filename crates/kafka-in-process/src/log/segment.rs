//! One segment of a partition: a file of batches and a sparse index of it.
//!
//! An index entry tells, for every 16 KiB or so, where a batch begins, and the latest time of all batches before
//! it: so one list serves look-ups by offset and by time.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::Path,
    sync::Arc,
};

use super::{
    batch::{self, BatchHeader},
    scan::{Scan, damage, is_damage},
};

/// Bytes between two index entries; few in tests, whose segments are small.
pub(crate) const INDEX_INTERVAL: u64 = if cfg!(test) { 128 } else { 16 * 1024 };
/// Bytes read at a time while a whole segment is checked.
const RECOVERY_WINDOW: usize = 1 << 20;

/// A known place in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Base offset of the batch here, less the segment's.
    pub(crate) offset: u32,
    pub(crate) position: u32,
    /// The latest record time (ms) before this place; `i64::MIN` at the beginning.
    pub(crate) max_timestamp_before: i64,
}

/// A segment and what is known of its content.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) base: i64,
    pub(crate) file: Arc<File>,
    /// Bytes of whole batches.
    pub(crate) size: u64,
    /// The offset after the last batch.
    pub(crate) next_offset: i64,
    /// The latest record time (ms), `i64::MIN` while empty.
    pub(crate) max_timestamp: i64,
    /// Wall time (ms) of the first append, for `segment.ms`.
    pub(crate) born: i64,
    pub(crate) index: Vec<Entry>,
}

/// The name of a segment's file.
pub(crate) fn file_name(base: i64, extension: &str) -> String {
    format!("{base:020}.{extension}")
}

impl Segment {
    /// Makes an empty segment.
    pub(crate) fn create(folder: &Path, base: i64, now: i64) -> io::Result<Self> {
        let path = folder.join(file_name(base, "log"));
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&path)?;
        Ok(Self::empty(base, file, now))
    }

    /// A segment of which nothing is known yet.
    pub(crate) fn empty(base: i64, file: File, now: i64) -> Self {
        Self {
            base,
            file: Arc::new(file),
            size: 0,
            next_offset: base,
            max_timestamp: i64::MIN,
            born: now,
            index: Vec::new(),
        }
    }

    /// Opens a segment's file for reading and appending.
    pub(crate) fn open_file(path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).open(path)
    }

    /// Takes in a batch that lies at the segment's end.
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

    /// Whether a batch would not fit: by size, or because offsets in the index are 32 bits wide.
    pub(crate) fn is_full(&self, header: &BatchHeader, base_offset: i64, limit: u64) -> bool {
        let end = base_offset + i64::from(header.last_offset_delta) - self.base;
        self.size > 0 && (self.size + header.size as u64 > limit || end > i64::from(i32::MAX))
    }

    /// Writes a batch behind the last one. A failed write leaves the segment as it was.
    pub(crate) fn write(&self, header: &[u8], rest: &[u8]) -> io::Result<()> {
        /// Up to here one write of a copy costs less than two writes.
        const COPY_UP_TO: usize = 64 * 1024;
        let written = if header.len() + rest.len() <= COPY_UP_TO {
            self.file.write_all_at(&[header, rest].concat(), self.size)
        } else {
            self.file
                .write_all_at(header, self.size)
                .and_then(|()| self.file.write_all_at(rest, self.size + header.len() as u64))
        };
        if written.is_err() {
            // What the failed write left behind is invisible, and overwritten by the next; cutting it gives
            // its room back to a full disk.
            let _ = self.file.set_len(self.size);
        }
        written
    }

    /// The position and header of the first batch that ends at or after `offset`.
    pub(crate) fn locate(&self, offset: i64) -> io::Result<Option<(u64, BatchHeader)>> {
        let after = self.index.partition_point(|entry| self.base + i64::from(entry.offset) <= offset);
        let wanted = |header: &BatchHeader| header.last_offset() >= offset;
        let found = self.find_from(after, wanted)?;
        // Whoever asks for the middle of a batch that lies at an entry has come there by the batch before, which was not
        // looked at: the two may overlap.
        let at_entry = |position| after >= 2 && u64::from(self.index[after - 1].position) == position;
        match found {
            Some((position, header)) if header.base_offset < offset && at_entry(position) => {
                self.find_from(after - 1, wanted)
            }
            found => Ok(found),
        }
    }

    /// The first batch that holds a record at or after `timestamp` (ms) and ends at or after `from`.
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
        let mut scan = self.scan(known.map_or(0, |entry| u64::from(entry.position)), 4096);
        let mut before: Option<(u64, BatchHeader)> = None;
        let found = loop {
            let Some((position, header)) = scan.header()? else { break None };
            if wanted(&header) {
                break Some((position, header));
            }
            before = Some((position, header));
        };
        // A header alone has no check sum: where offsets are left out, that may be compaction's doing, or the batch
        // before is damaged and hides what it holds.
        if let Some((position, header)) = found
            && header.next_offset() > self.offset_bound(position + 1)
        {
            return Err(damage(position));
        }
        let follows = found.map_or(self.next_offset, |(_, header)| header.base_offset);
        if let Some((position, header)) = before
            && header.next_offset() != follows
        {
            self.read(position, &header)?;
        }
        Ok(found)
    }

    /// The offset of the first indexed batch at or behind a position: all before the position lie below it.
    pub(crate) fn offset_bound(&self, position: u64) -> i64 {
        let at = self.index.partition_point(|entry| u64::from(entry.position) < position);
        self.index.get(at).map_or(self.next_offset, |entry| self.base + i64::from(entry.offset))
    }

    /// The places of the index within so many bytes behind a position: how far each is from the position, and the
    /// offset below which all before it lie. The last of them is the bound of all these bytes.
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

    /// Walks the batches from a position on.
    pub(crate) fn scan(&self, position: u64, window: usize) -> Scan<'_> {
        Scan::new(&self.file, position, self.size, window)
    }

    /// The time (ms) that retention goes by: the latest record's, or where records have none, the first append's.
    pub(crate) fn latest(&self) -> i64 {
        if self.max_timestamp < 0 { self.born } else { self.max_timestamp }
    }

    /// Reads a whole batch and checks it.
    pub(crate) fn read(&self, position: u64, header: &BatchHeader) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; header.size];
        self.file.read_exact_at(&mut bytes, position)?;
        if batch::checksum(&bytes) == header.crc { Ok(bytes) } else { Err(damage(position)) }
    }

    /// Checks every batch behind what is known already, takes in the good ones and cuts the file behind the last of
    /// them. Returns the bytes cut. Where nothing was ever compacted, the segment is `dense`: no offset is left out.
    pub(crate) fn recover(&mut self, dense: bool) -> io::Result<u64> {
        let file = Arc::clone(&self.file);
        let length = file.metadata()?.len();
        let mut scan = Scan::new(&file, self.size, length, RECOVERY_WINDOW);
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
