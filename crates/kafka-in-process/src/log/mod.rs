//! The log of one partition on disk: segments, their indexes, the producers' states, and what is done to them.
//!
//! Everything here is synchronous and told the time: the caller holds the partition's lock, and a write is a
//! `write(2)` into the page cache.

mod append;
mod batch;
mod cleaner;
mod codec;
mod compaction;
mod files;
mod open;
mod producers;
mod read;
mod records;
mod retention;
mod scan;
mod segment;
mod timestamps;

use std::{io, path::PathBuf, sync::Arc};

pub(crate) use append::{Appended, Batch};
pub(crate) use batch::Marker;
pub(crate) use files::replace as replace_file;
pub(crate) use producers::{Aborted, Producer};
pub(crate) use read::{Isolation, Reading, Slice};
pub(crate) use retention::Sealing;
pub(crate) use timestamps::Found;

use producers::Producers;
use segment::Segment;

use super::disk::Lost;

/// Why a log refuses.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
    #[error("{0}")]
    InvalidRecord(&'static str),
    /// These records of a batch.
    #[error("a compacted topic takes no record without a key: {} of the batch have none", .0.len())]
    Keyless(Vec<i32>),
    #[error("only record batches of format v2 are taken; set the client's message format to the current one")]
    UnsupportedFormat,
    #[error("the record batch's check sum does not match its bytes")]
    CorruptBatch,
    #[error("the record batch is larger than max.message.bytes allows")]
    TooLarge,
    #[error("a record's timestamp is further ahead than message.timestamp.after.max.ms allows")]
    InvalidTimestamp,
    #[error("the producer's epoch is older than the one known here")]
    StaleEpoch,
    #[error("the batch's sequence number does not follow the last one")]
    OutOfOrder,
    #[error("the partition is not part of the producer's transaction")]
    NotInTransaction,
    #[error("the offset lies outside the log")]
    OutOfRange,
    #[error(
        "the disk has lost records that were written; the partition takes no more until the broker starts anew"
    )]
    Lost,
    #[error("the topic has been deleted")]
    Closed,
    #[error("the disk refused: {0}")]
    Io(#[from] io::Error),
}

impl LogError {
    /// Whether bytes on disk are not what was written.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Self::Io(error) if scan::is_damage(error)) || matches!(self, Self::CorruptBatch)
    }
}

/// The topic settings that a log goes by.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LogConfig {
    pub(crate) segment_bytes: u64,
    pub(crate) segment_ms: i64,
    /// Negative: no limit.
    pub(crate) retention_ms: i64,
    /// Negative: no limit.
    pub(crate) retention_bytes: i64,
    /// `cleanup.policy` contains `delete`.
    pub(crate) delete: bool,
    /// `cleanup.policy` contains `compact`.
    pub(crate) compact: bool,
    pub(crate) delete_retention_ms: i64,
    pub(crate) min_compaction_lag_ms: i64,
    pub(crate) max_compaction_lag_ms: i64,
    pub(crate) min_dirty_ratio: f64,
    pub(crate) max_message_bytes: usize,
    /// `message.timestamp.type=LogAppendTime`.
    pub(crate) append_time: bool,
    pub(crate) timestamp_before_max_ms: i64,
    pub(crate) timestamp_after_max_ms: i64,
}

/// One partition's log.
#[derive(Debug)]
pub(crate) struct Log {
    folder: PathBuf,
    /// In order of offsets; the last one is written to, and there is always one.
    segments: Vec<Segment>,
    /// The first offset that may be read.
    start: i64,
    producers: Producers,
    /// By their markers' offsets.
    aborted: Vec<Aborted>,
    /// Markers written so far, to notice one between a check and a write.
    markers: u64,
    /// Segments that are full and not yet synced.
    sealing: Vec<Arc<Sealing>>,
    history: compaction::History,
    /// Compaction came across a damaged batch.
    uncleanable: bool,
    /// The segment being written to and its size, when its index was last put down.
    checkpointed: (i64, u64),
    /// Set when a sync of its files failed: then nothing more is written, or said to be safe, as its records may not be
    /// there in the end.
    lost: Lost,
    /// The topic is deleted: the folder may be somebody else's by now.
    closed: bool,
}

impl Log {
    /// The first offset that may be read.
    pub(crate) fn start(&self) -> i64 {
        self.start
    }

    /// The offset that the next record gets; on a single broker also the high watermark.
    pub(crate) fn end(&self) -> i64 {
        self.active().next_offset
    }

    /// The last stable offset (KIP-98): below it every transaction is decided.
    pub(crate) fn last_stable(&self) -> i64 {
        // Of an open transaction the beginning may have been deleted.
        self.producers.first_open().map_or_else(|| self.end(), |first| first.max(self.start))
    }

    /// Ends all writing and reading.
    pub(crate) fn close(&mut self) {
        self.closed = true;
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Where it is noted that a sync of its files failed.
    pub(crate) fn lost(&self) -> Lost {
        self.lost.clone()
    }

    /// Bytes on disk.
    pub(crate) fn size(&self) -> u64 {
        self.segments.iter().map(|segment| segment.size).sum()
    }

    /// Producers known here.
    pub(crate) fn producers(&self) -> impl Iterator<Item = (i64, &Producer)> {
        self.producers.iter()
    }

    #[expect(clippy::expect_used, reason = "opening makes a segment and none removes the last")]
    fn active(&self) -> &Segment {
        self.segments.last().expect("a log has a segment")
    }

    #[expect(clippy::expect_used, reason = "opening makes a segment and none removes the last")]
    fn active_mut(&mut self) -> &mut Segment {
        self.segments.last_mut().expect("a log has a segment")
    }
}

#[cfg(any(test, fuzzing))]
pub(crate) use batch::{intact, marker, reseal, reseal_all};

#[cfg(test)]
pub(crate) mod tests;
