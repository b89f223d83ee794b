//! Sealing of full segments, and their deletion by time, by size or on request.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Aborted, Log, LogConfig, LogError, Segment, handle::Handle, sidecar_files};
use crate::fsync::{self, Lost};

/// Unindexed bytes after which an index is written: bounds what a start must check per partition.
const CHECKPOINT_EVERY: u64 = 32 << 20;

/// A full segment to be synced, after which its index can be trusted.
#[derive(Debug)]
pub(crate) struct Sealing {
    folder: PathBuf,
    base: i64,
    next_offset: i64,
    size: u64,
    file: Arc<Handle>,
    index: Vec<u8>,
    producers: Vec<u8>,
    lost: Lost,
}

impl Sealing {
    /// For a segment with its aborted transactions, and the producers at `next_offset`.
    pub(super) fn of(
        folder: &Path,
        segment: &Segment,
        aborted: Vec<Aborted>,
        next_offset: i64,
        producers: Vec<u8>,
        lost: &Lost,
    ) -> Self {
        Self {
            folder: folder.to_owned(),
            base: segment.base,
            next_offset,
            size: segment.size,
            file: Arc::clone(&segment.file),
            index: sidecar_files::index_bytes(segment, aborted),
            producers,
            lost: lost.clone(),
        }
    }

    /// Syncs the segment, then writes its index and a snapshot of the producers.
    pub(crate) fn run(&self) -> io::Result<()> {
        if self.lost.is_set() {
            return Err(lost());
        }
        self.lost.sync([&self.file.open()?].into_iter())?;
        sidecar_files::write_index(&self.folder, self.base, &self.index)?;
        sidecar_files::write_producers(&self.folder, self.next_offset, &self.producers)
    }
}

fn lost() -> io::Error {
    io::Error::other(LogError::Lost)
}

impl Log {
    /// A sealing of the active segment in its current state, for a faster next start.
    pub(crate) fn sealing_of_active(&self) -> Sealing {
        let active = self.active();
        let aborted = Aborted::inside(&self.aborted, active);
        let producers = sidecar_files::producers_bytes(&self.producers);
        Sealing::of(&self.folder, active, aborted, active.next_offset, producers, &self.lost)
    }

    /// The same, if more than [`CHECKPOINT_EVERY`] bytes were written since the last one.
    pub(crate) fn checkpoint(&self) -> Option<Sealing> {
        let (base, size) = (self.active().base, self.active().size);
        let (known_base, known_size) = self.checkpointed;
        let news = if known_base == base { size.saturating_sub(known_size) } else { size };
        if news < CHECKPOINT_EVERY || self.lost.is_set() {
            return None;
        }
        Some(self.sealing_of_active())
    }

    /// Notes that [`Self::checkpoint`] was run.
    pub(crate) fn checkpointed(&mut self, checkpoint: &Sealing) {
        self.checkpointed = (checkpoint.base, checkpoint.size);
    }

    /// The oldest unsealed full segment; the caller seals it without the lock, then calls [`Self::sealed`].
    pub(crate) fn to_seal(&self) -> Option<Arc<Sealing>> {
        self.sealing.first().filter(|_| !self.lost.is_set()).map(Arc::clone)
    }

    /// Notes that [`Self::to_seal`]'s segment is sealed.
    pub(crate) fn sealed(&mut self) {
        self.sealing.remove(0);
    }

    /// The base offset of the first unsealed segment.
    pub(super) fn sealed_to(&self) -> i64 {
        self.sealing.first().map_or(self.active().base, |sealing| sealing.base)
    }

    /// The files with records that may not be synced yet, and the folders that list them.
    pub(crate) fn unsynced(&mut self) -> io::Result<Vec<Arc<File>>> {
        if self.lost.is_set() {
            return Err(lost());
        }
        self.unflushed.0 = 0;
        let full = self.sealing.iter().map(|sealing| &sealing.file);
        let mut files =
            full.chain([&self.active().file]).map(|file| file.open()).collect::<io::Result<Vec<_>>>()?;
        files.push(fsync::folder(&self.folder)?);
        files.extend(self.folder.parent().map(fsync::folder).transpose()?);
        Ok(files)
    }

    /// Closes idle files of sealed segments.
    pub(crate) fn close_idle_files(&self) {
        let sealed = self.sealed_to();
        let idle = self.segments.iter().filter(|segment| segment.base < sealed);
        idle.for_each(|segment| segment.file.close_if_idle());
    }

    /// Whether `flush.messages` or `flush.ms` asks for a sync.
    pub(crate) fn is_flush_due(&self, now: i64, config: &LogConfig) -> bool {
        let (records, since) = self.unflushed;
        records > 0 && (records >= config.flush_messages || now.saturating_sub(since) >= config.flush_ms)
    }

    /// Rolls to a new segment if the active one is older than `segment.ms`.
    pub(crate) fn roll_if_old(&mut self, now: i64, config: &LogConfig) -> Result<(), LogError> {
        let active = self.active();
        let expired = config.delete
            && config.retention_ms >= 0
            && now.saturating_sub(active.latest()) > config.retention_ms;
        if active.size > 0
            && !self.lost.is_set()
            && (now.saturating_sub(active.born) >= config.segment_ms || expired)
        {
            self.roll(now)?;
        }
        Ok(())
    }

    /// Deletes the oldest segments beyond `retention.ms` and `retention.bytes`. Returns their number.
    pub(crate) fn retain(&mut self, now: i64, config: &LogConfig) -> Result<usize, LogError> {
        let mut excess = if config.delete && config.retention_bytes >= 0 {
            self.size().saturating_sub(config.retention_bytes.unsigned_abs())
        } else {
            0
        };
        let mut gone = 0;
        for segment in &self.segments[..self.segments.len() - 1] {
            let expired = config.delete
                && config.retention_ms >= 0
                && now.saturating_sub(segment.latest()) > config.retention_ms;
            let too_many = segment.size > 0 && excess >= segment.size;
            let deleted_records = segment.next_offset <= self.start;
            let undecided = segment.next_offset > self.last_stable();
            if undecided || !(expired || too_many || deleted_records) {
                break;
            }
            excess = excess.saturating_sub(segment.size);
            gone += 1;
        }
        for segment in self.segments.drain(..gone) {
            sidecar_files::remove_segment(&self.folder, segment.base)?;
        }
        let first = self.segments.first().map_or(0, |segment| segment.base);
        // Deleted segments need no index.
        self.sealing.retain(|sealing| sealing.base >= first);
        self.start = self.start.max(first);
        self.forget_aborted();
        Ok(gone)
    }

    /// Raises the log start offset, for `DeleteRecords`; -1 is the end of the log.
    pub(crate) fn delete_before(&mut self, offset: i64) -> Result<i64, LogError> {
        let offset = if offset == -1 { self.end() } else { offset };
        if offset < 0 || offset > self.end() {
            return Err(LogError::OutOfRange);
        }
        self.start = self.start.max(offset);
        self.forget_aborted();
        Ok(self.start)
    }

    /// Expires producers without an append since `before` (wall ms).
    pub(crate) fn expire_producers(&mut self, before: i64) {
        self.producers.expire(before);
    }

    fn forget_aborted(&mut self) {
        let start = self.start;
        self.aborted.retain(|aborted| aborted.last_offset >= start);
    }
}

impl Aborted {
    /// The transactions with an abort marker in a segment.
    pub(super) fn inside(all: &[Self], segment: &Segment) -> Vec<Self> {
        let inside = segment.base..segment.next_offset;
        all.iter().filter(|one| inside.contains(&one.last_offset)).copied().collect()
    }
}
