//! Iterates over the batches of a segment file through a read window.

use std::{fs::File, io, os::unix::fs::FileExt, sync::Arc};

use super::{
    batch::{self, BatchHeader, HEADER},
    codec,
};

/// The largest batch: producers send much smaller ones, and compaction bounds what it decompresses.
const LARGEST_BATCH: usize = codec::LARGEST + HEADER;

/// An iteration over the batches between two positions of a file.
pub(crate) struct Scan {
    file: Arc<File>,
    position: u64,
    end: u64,
    window: Vec<u8>,
    window_at: u64,
    window_size: usize,
    /// End offset of the last batch.
    next_offset: i64,
}

impl Scan {
    /// `window` is the read size: small for headers near an index entry, large for a whole file.
    pub(crate) fn new(file: Arc<File>, position: u64, end: u64, window: usize) -> Self {
        let window_at = position;
        Self { file, position, end, window: Vec::new(), window_at, window_size: window, next_offset: 0 }
    }

    /// The next batch's position and header, `None` at the end. If there is no complete batch, or it is out of order,
    /// the error satisfies [`is_damage`].
    pub(crate) fn header(&mut self) -> io::Result<Option<(u64, BatchHeader)>> {
        let position = self.position;
        if position >= self.end {
            return Ok(None);
        }
        let (next_offset, left) = (self.next_offset, self.end - position);
        let fits = |header: &BatchHeader| {
            let whole = header.size <= LARGEST_BATCH && header.size as u64 <= left;
            header.is_placed() && header.base_offset >= next_offset && whole
        };
        let parsed = BatchHeader::parse(self.bytes(position, HEADER)?);
        let header = parsed.filter(fits).ok_or_else(|| damage(position))?;
        self.position = position + header.size as u64;
        self.next_offset = header.next_offset();
        Ok(Some((position, header)))
    }

    /// The bytes of a batch that [`Self::header`] returned; checks the CRC.
    pub(crate) fn batch(&mut self, position: u64, header: &BatchHeader) -> io::Result<&[u8]> {
        let bytes = self.bytes(position, header.size)?;
        if batch::checksum(bytes) == header.crc { Ok(bytes) } else { Err(damage(position)) }
    }

    /// Up to `length` bytes from `position` on.
    fn bytes(&mut self, position: u64, length: usize) -> io::Result<&[u8]> {
        let left = usize::try_from(self.end.saturating_sub(position)).unwrap_or(usize::MAX);
        let length = length.min(left);
        let inside = position >= self.window_at
            && position + length as u64 <= self.window_at + self.window.len() as u64;
        if !inside {
            // Bytes that the window has already are not zeroed again.
            self.window.resize(self.window_size.max(length).min(left), 0);
            if let Err(error) = self.file.read_exact_at(&mut self.window, position) {
                self.window.clear();
                return Err(error);
            }
            self.window_at = position;
        }
        let from = usize::try_from(position - self.window_at).unwrap_or(usize::MAX);
        Ok(self.window.get(from..from + length).unwrap_or_default())
    }
}

/// The error for a damaged batch.
pub(crate) fn damage(position: u64) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the batch at byte {position} is damaged"))
}

/// Whether an error means damaged data, not a failing disk.
pub(crate) fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}
