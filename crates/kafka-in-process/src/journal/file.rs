//! The journal's file: frames of a length, a CRC-32C and a JSON list of keys and values.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::Path,
    sync::Arc,
};

use serde_json::value::RawValue;

use super::{Key, Values};
use crate::fsync;

const FRAME_HEADER: usize = 8;
/// A smaller file is not rewritten (bytes).
const WORTH_REWRITING: u64 = 1 << 20;
/// A file is rewritten when it is this many times larger than its content.
const BLOAT: u64 = 4;

pub(super) struct JournalFile {
    file: Arc<File>,
    size: u64,
    /// Size after the last rewrite.
    fresh: u64,
}

impl JournalFile {
    pub(super) fn open(path: &Path) -> io::Result<(Values, Self)> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let bytes = fs::read(path)?;
        let mut values = Values::new();
        let mut at = 0;
        let mut damaged = false;
        while at < bytes.len() {
            let Some((changes, next)) = frame(&bytes, at) else {
                let Some(next) = next_frame(&bytes, at + 1) else { break };
                tracing::warn!(file = %path.display(), offset = at, bytes = next - at, "left out a damaged part of the journal");
                damaged = true;
                at = next;
                continue;
            };
            for (key, value) in changes {
                match value {
                    Some(value) => values.insert(key, value),
                    None => values.remove(&key),
                };
            }
            at = next;
        }
        if at < bytes.len() {
            let cut = bytes.len() - at;
            tracing::warn!(file = %path.display(), offset = at, bytes = cut, "cut a torn tail off the journal");
            file.set_len(at as u64)?;
        }
        let mut journal = Self { file: Arc::new(file), size: at as u64, fresh: 0 };
        if damaged {
            let copy = path.with_extension("damaged");
            // The copy is for inspection; the rewrite spares the next start the same damage.
            let anew = fs::copy(path, copy).and_then(|_| journal.rewrite(path, &values));
            if let Err(error) = anew {
                tracing::warn!(%error, "the journal could not be written anew without its damaged part");
            }
        }
        Ok((values, journal))
    }

    pub(super) fn handle(&self) -> &Arc<File> {
        &self.file
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Creates a file with these frames, and syncs it.
    pub(super) fn write(path: &Path, frames: &[u8]) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
        let mut written = Self { file: Arc::new(file), size: 0, fresh: frames.len() as u64 };
        written.append(frames)?;
        written.sync()?;
        Ok(written)
    }

    /// The same file.
    pub(super) fn share(&self) -> Self {
        Self { file: Arc::clone(&self.file), ..*self }
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        fsync::sync(&self.file)
    }

    /// The frames from a position on.
    pub(super) fn read_from(&self, place: u64) -> io::Result<Vec<u8>> {
        let length = usize::try_from(self.size.saturating_sub(place)).map_err(io::Error::other)?;
        let mut frames = vec![0; length];
        self.file.read_exact_at(&mut frames, place)?;
        Ok(frames)
    }

    /// Appends frames.
    pub(super) fn append(&mut self, frame: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all_at(frame, self.size) {
            // The next frame overwrites the remains of this one; truncating frees their space.
            let _ = self.file.set_len(self.size);
            return Err(error);
        }
        self.size += frame.len() as u64;
        Ok(())
    }

    pub(super) fn is_bloated(&self) -> bool {
        self.size > WORTH_REWRITING.max(self.fresh.saturating_mul(BLOAT))
    }

    /// Lets the file double before the next rewrite.
    pub(super) fn bear_with_bloat(&mut self) {
        self.fresh = self.size.saturating_mul(2) / BLOAT;
    }

    /// Replaces the file with a new one that holds all values.
    pub(super) fn rewrite(&mut self, path: &Path, values: &Values) -> io::Result<()> {
        let bytes = encode_all(values)?;
        // Keeps the handle of the new file: if it were opened again and that failed, this journal would continue in the
        // file that was replaced.
        let file = super::super::log::replace_file(path, &bytes)?;
        *self = Self { file: Arc::new(file), size: bytes.len() as u64, fresh: bytes.len() as u64 };
        Ok(())
    }
}

/// One frame per value.
pub(super) fn encode_all(values: &Values) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for (key, value) in values {
        bytes.extend(encode(&[(key, Some(&**value))])?);
    }
    Ok(bytes)
}

pub(super) fn encode(changes: &[(&Key, Option<&RawValue>)]) -> io::Result<Vec<u8>> {
    let payload = serde_json::to_vec(changes)?;
    let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
    let mut frame = Vec::with_capacity(FRAME_HEADER + payload.len());
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&crc32c::crc32c(&payload).to_le_bytes());
    frame.extend_from_slice(&payload);
    Ok(frame)
}

type Changes = Vec<(Key, Option<Box<RawValue>>)>;

/// The frame at a position, and the position of the next one.
fn frame(bytes: &[u8], at: usize) -> Option<(Changes, usize)> {
    let (head, rest) = bytes.get(at..)?.split_at_checked(FRAME_HEADER)?;
    let length = u32::from_le_bytes(head[..4].try_into().ok()?) as usize;
    let payload = rest.get(..length)?;
    let sound = length > 0 && head[4..] == crc32c::crc32c(payload).to_le_bytes();
    let changes = sound.then(|| serde_json::from_slice(payload).ok())??;
    Some((changes, at + FRAME_HEADER + length))
}

/// The position of the first sound frame at or after `from`.
fn next_frame(bytes: &[u8], from: usize) -> Option<usize> {
    // A payload begins with `[[`: a cheap pre-check.
    let begins = |at: &usize| bytes.get(at + FRAME_HEADER..at + FRAME_HEADER + 2) == Some(b"[[");
    (from..bytes.len()).filter(begins).find(|at| frame(bytes, *at).is_some())
}

/// Sets the check sums of arbitrary frames to valid ones.
#[cfg(any(test, fuzzing))]
pub(crate) fn reseal_all(mut bytes: &mut [u8]) {
    while let Some((head, rest)) = bytes.split_first_chunk_mut::<FRAME_HEADER>() {
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let Some((payload, rest)) = rest.split_at_mut_checked(length) else { return };
        head[4..].copy_from_slice(&crc32c::crc32c(payload).to_le_bytes());
        bytes = rest;
    }
}
