//! The log of one partition on disk: segments, indexes and producer states.
//!
//! Everything here is synchronous, and the caller passes the time and holds the partition's lock. A write is a
//! `write(2)` into the page cache.

mod append;
mod batch;
mod batch_scan;
mod codec;
mod compaction_pass;
mod compaction_schedule;
mod handle;
mod open;
mod producers;
mod read;
mod record;
mod retention;
mod segment;
mod sidecar_files;
mod timestamps;

use std::{io, path::PathBuf, sync::Arc};

pub(crate) use append::{Appended, Batch};
pub(crate) use batch::Marker;
pub(crate) use producers::{Aborted, Producer};
pub(crate) use read::{Isolation, Reading, Slice, each_record};
pub(crate) use retention::Sealing;
pub(crate) use sidecar_files::replace as replace_file;
pub(crate) use timestamps::{Found, find_latest_time, find_time};

use producers::Producers;
use segment::Segment;

use super::fsync::Lost;

/// Errors of a log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
    #[error("{0}")]
    InvalidRecord(&'static str),
    /// Indexes of its records.
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
    /// Whether data on disk are damaged.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Self::Io(error) if batch_scan::is_damage(error)) || matches!(self, Self::CorruptBatch)
    }
}

/// The topic settings of a log.
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
    /// The number of unsynced records that forces a sync, whatever the durability.
    pub(crate) flush_messages: i64,
    /// The same, by age in ms.
    pub(crate) flush_ms: i64,
    pub(crate) min_insync_replicas: i64,
}

/// One partition's log.
#[derive(Debug)]
pub(crate) struct Log {
    folder: PathBuf,
    /// By offset, never empty; the last segment is the active one.
    segments: Vec<Segment>,
    /// The log start offset.
    start: i64,
    producers: Producers,
    /// Sorted by marker offset.
    aborted: Vec<Aborted>,
    /// Markers written so far; an append compares it with its verification.
    markers: u64,
    /// Segments that are full and not yet synced.
    sealing: Vec<Arc<Sealing>>,
    history: compaction_schedule::History,
    /// Whether compaction has found a damaged batch.
    uncleanable: bool,
    /// Base offset and size of the active segment at its last checkpoint.
    checkpointed: (i64, u64),
    /// Unsynced records: their number, and the wall time (ms) of the first.
    unflushed: (i64, i64),
    /// Set when a sync of its files fails: from then on nothing is written or acknowledged, since earlier records may
    /// be missing on disk.
    lost: Lost,
    /// The topic is deleted: the folder may already belong to a new one.
    closed: bool,
}

impl Log {
    /// The log start offset.
    pub(crate) fn start(&self) -> i64 {
        self.start
    }

    /// The end offset; with a single broker also the high watermark.
    pub(crate) fn end(&self) -> i64 {
        self.active().next_offset
    }

    /// The last stable offset (KIP-98): all transactions below it have ended.
    pub(crate) fn last_stable(&self) -> i64 {
        // An open transaction may start below the log start offset.
        self.producers.first_open().map_or_else(|| self.end(), |first| first.max(self.start))
    }

    /// Refuses all reads and writes.
    pub(crate) fn close(&mut self) {
        self.closed = true;
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// The flag that a sync of its files failed.
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
