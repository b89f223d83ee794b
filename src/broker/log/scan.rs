//! Walks the batches of a segment file, a window of bytes at a time.

use std::{fs::File, io, os::unix::fs::FileExt};

use super::batch::{BatchHeader, HEADER};

/// A walk over the batches that lie between two positions of a file.
pub(crate) struct Scan<'a> {
    file: &'a File,
    position: u64,
    end: u64,
    window: Vec<u8>,
    window_at: u64,
    window_size: usize,
}

impl<'a> Scan<'a> {
    /// `window` bytes are read at a time: few for headers near a known place, many for a whole file.
    pub(crate) fn new(file: &'a File, position: u64, end: u64, window: usize) -> Self {
        Self { file, position, end, window: Vec::new(), window_at: position, window_size: window }
    }

    /// The next batch's position and header. `None` at the end and where no whole batch lies.
    pub(crate) fn header(&mut self) -> io::Result<Option<(u64, BatchHeader)>> {
        let position = self.position;
        let Some(header) = BatchHeader::parse(self.bytes(position, HEADER)?) else { return Ok(None) };
        let next = position + header.size as u64;
        if next > self.end {
            return Ok(None);
        }
        self.position = next;
        Ok(Some((position, header)))
    }

    /// The bytes of a batch that [`Self::header`] gave.
    pub(crate) fn batch(&mut self, position: u64, header: &BatchHeader) -> io::Result<&[u8]> {
        self.bytes(position, header.size)
    }

    /// As many of `length` bytes from `position` on as there are before the end.
    fn bytes(&mut self, position: u64, length: usize) -> io::Result<&[u8]> {
        let left = usize::try_from(self.end.saturating_sub(position)).unwrap_or(usize::MAX);
        let length = length.min(left);
        let inside = position >= self.window_at
            && position + length as u64 <= self.window_at + self.window.len() as u64;
        if !inside {
            self.window.clear();
            self.window.resize(self.window_size.max(length).min(left), 0);
            self.file.read_exact_at(&mut self.window, position)?;
            self.window_at = position;
        }
        let from = usize::try_from(position - self.window_at).unwrap_or(usize::MAX);
        Ok(self.window.get(from..from + length).unwrap_or_default())
    }
}
