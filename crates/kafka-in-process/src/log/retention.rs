//! What becomes of segments that are full: sealed, then deleted by time, by size or on request.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Aborted, Log, LogConfig, LogError, Segment, files};
use crate::disk::{self, Lost};

/// When so much is not covered by an index, one is written: about what a start has to check at most for each partition.
const CHECKPOINT_EVERY: u64 = 32 << 20;

/// A full segment that is to be synced, so that its index may be believed from then on.
#[derive(Debug)]
pub(crate) struct Sealing {
    folder: PathBuf,
    base: i64,
    next_offset: i64,
    size: u64,
    file: Arc<File>,
    index: Vec<u8>,
    producers: Vec<u8>,
    lost: Lost,
}

impl Sealing {
    /// For a segment with what was aborted in it, and the producers' states at `next_offset`.
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
            index: files::index_bytes(segment, aborted),
            producers,
            lost: lost.clone(),
        }
    }

    /// Syncs the segment, then writes its index and the producers' states at its end.
    pub(crate) fn run(&self) -> io::Result<()> {
        if self.lost.is_set() {
            return Err(lost());
        }
        self.lost.sync([&self.file].into_iter())?;
        files::write_index(&self.folder, self.base, &self.index)?;
        files::write_producers(&self.folder, self.next_offset, &self.producers)
    }
}

fn lost() -> io::Error {
    io::Error::other(LogError::Lost)
}

impl Log {
    /// What is needed to make a later start believe the segment being written to as it is now.
    pub(crate) fn sealing_of_active(&self) -> Sealing {
        let active = self.active();
        let aborted = Aborted::inside(&self.aborted, active);
        let producers = files::producers_bytes(&self.producers);
        Sealing::of(&self.folder, active, aborted, active.next_offset, producers, &self.lost)
    }

    /// The same, when so much was written since the last time that a start would have long to check.
    pub(crate) fn checkpoint(&self) -> Option<Sealing> {
        let (base, size) = (self.active().base, self.active().size);
        let (known_base, known_size) = self.checkpointed;
        let news = if known_base == base { size.saturating_sub(known_size) } else { size };
        if news < CHECKPOINT_EVERY || self.lost.is_set() {
            return None;
        }
        Some(self.sealing_of_active())
    }

    /// What [`Self::checkpoint`] gave was run.
    pub(crate) fn checkpointed(&mut self, checkpoint: &Sealing) {
        self.checkpointed = (checkpoint.base, checkpoint.size);
    }

    /// The oldest full segment that is not sealed yet; the caller seals it outside the lock, then says so.
    pub(crate) fn to_seal(&self) -> Option<Arc<Sealing>> {
        self.sealing.first().filter(|_| !self.lost.is_set()).map(Arc::clone)
    }

    /// The segment of [`Self::to_seal`] is sealed.
    pub(crate) fn sealed(&mut self) {
        self.sealing.remove(0);
    }

    /// The base of the first segment that is not sealed.
    pub(super) fn sealed_to(&self) -> i64 {
        self.sealing.first().map_or(self.active().base, |sealing| sealing.base)
    }

    /// What holds records that may not be on the disk itself yet, and the folders that know of these files.
    pub(crate) fn unsynced(&self) -> io::Result<Vec<Arc<File>>> {
        if self.lost.is_set() {
            return Err(lost());
        }
        let full = self.sealing.iter().map(|sealing| &sealing.file);
        let mut files: Vec<_> = full.chain([&self.active().file]).map(Arc::clone).collect();
        files.push(disk::folder(&self.folder)?);
        files.extend(self.folder.parent().map(disk::folder).transpose()?);
        Ok(files)
    }

    /// Begins a new segment when the one being written to is older than `segment.ms`.
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

    /// Deletes the oldest segments that `retention.ms` and `retention.bytes` no longer keep. Returns how many.
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
            files::remove_segment(&self.folder, segment.base)?;
        }
        let first = self.segments.first().map_or(0, |segment| segment.base);
        // What is gone needs no index.
        self.sealing.retain(|sealing| sealing.base >= first);
        self.start = self.start.max(first);
        self.forget_aborted();
        Ok(gone)
    }

    /// Moves the first readable offset up, as `DeleteRecords` asks; -1 is the end of the log.
    pub(crate) fn delete_before(&mut self, offset: i64) -> Result<i64, LogError> {
        let offset = if offset == -1 { self.end() } else { offset };
        if offset < 0 || offset > self.end() {
            return Err(LogError::OutOfRange);
        }
        self.start = self.start.max(offset);
        self.forget_aborted();
        Ok(self.start)
    }

    /// Forgets producers that have appended nothing since `before` (wall ms).
    pub(crate) fn expire_producers(&mut self, before: i64) {
        self.producers.expire(before);
    }

    fn forget_aborted(&mut self) {
        let start = self.start;
        self.aborted.retain(|aborted| aborted.last_offset >= start);
    }
}

impl Aborted {
    /// Those whose abort marker lies in a segment.
    pub(super) fn inside(all: &[Self], segment: &Segment) -> Vec<Self> {
        let inside = segment.base..segment.next_offset;
        all.iter().filter(|one| inside.contains(&one.last_offset)).copied().collect()
    }
}
