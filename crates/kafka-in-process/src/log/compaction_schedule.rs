//! Compaction of a log: when it is due, which segments it covers, and how its result is installed.
//!
//! [`super::cleaner`] does the work without the lock; readers use the old files meanwhile.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{
    Aborted, Log, LogConfig, Segment,
    compaction_pass::{Cleaned, Source},
    sidecar_files,
};
use crate::fsync;

const FILE: &str = "cleaned.json";
/// A tombstone may be kept longer by 1/64 of its time.
const GRAIN: i64 = 64;

/// The progress of compaction, stored beside the segments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct History {
    /// Below this offset every key occurs once.
    pub(crate) cleaned_to: i64,
    /// Below this offset compaction may have left gaps.
    #[serde(default)]
    pub(super) gaps_to: i64,
    /// Passes: end offset and wall time (ms). A tombstone's time starts with the first pass over it.
    passes: Vec<(i64, i64)>,
}

impl History {
    pub(super) fn read(folder: &Path) -> io::Result<Self> {
        let path = folder.join(FILE);
        let bytes = match std::fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            read => read?,
        };
        // Older versions wrote the JSON without a check sum.
        let json = if bytes.starts_with(b"{") { Some(&bytes[..]) } else { sidecar_files::unsealed(&bytes) };
        let read = json.and_then(|json| serde_json::from_slice::<Self>(json).ok());
        let Some(mut history) = read.filter(|history| history.cleaned_to >= 0) else {
            let file = path.display();
            tracing::warn!(%file, "what is known of compaction is damaged: it begins again");
            return Ok(Self { gaps_to: i64::MAX, ..Self::default() });
        };
        history.gaps_to = history.gaps_to.max(history.cleaned_to);
        Ok(history)
    }

    /// Stores the offset up to which gaps may exist, before they do: any other gap means lost records.
    pub(super) fn expect_gaps(&mut self, to: i64, folder: &Path) -> io::Result<()> {
        self.gaps_to = self.gaps_to.max(to);
        self.write(folder)?;
        let folder = fsync::folder(folder)?;
        fsync::sync(&folder)
    }

    fn write(&self, folder: &Path) -> io::Result<()> {
        sidecar_files::replace(&folder.join(FILE), &sidecar_files::sealed(&serde_json::to_vec(self)?))
            .map(drop)
    }

    /// Whether a tombstone, or an unneeded marker, has outlived `delete.retention.ms`.
    pub(super) fn is_over(&self, offset: i64, now: i64, delete_retention_ms: i64) -> bool {
        let first = self.passes.iter().find(|(to, _)| *to > offset);
        first.is_some_and(|(_, at)| now.saturating_sub(*at) >= delete_retention_ms)
    }

    pub(super) fn advance(&mut self, to: i64, now: i64, delete_retention_ms: i64) {
        self.cleaned_to = to;
        let recent =
            self.passes.last().is_some_and(|(_, at)| now.saturating_sub(*at) < delete_retention_ms / GRAIN);
        if !recent {
            self.passes.push((to, now));
        }
        // The latest of the expired passes covers the earlier ones.
        let past =
            self.passes.iter().filter(|(_, at)| now.saturating_sub(*at) >= delete_retention_ms).count();
        self.passes.drain(..past.saturating_sub(1));
    }
}

/// The input of a pass.
pub(crate) struct Plan {
    pub(super) sources: Vec<Source>,
    pub(super) aborted: Vec<Aborted>,
    pub(super) history: History,
    pub(super) folder: PathBuf,
    pub(super) start: i64,
    /// Memory for keys, in bytes; a log with more keys takes several passes.
    pub(super) memory: usize,
}

/// The result of a pass.
pub(crate) struct Compacted {
    pub(super) cleaned: Vec<Cleaned>,
    pub(super) history: History,
    pub(super) folder: PathBuf,
}

/// What remains to be written after compacted segments were installed.
#[must_use = "indexes are missing until it is written"]
pub(crate) struct Installed {
    folder: PathBuf,
    /// By base offset.
    indexes: Vec<(i64, Vec<u8>)>,
    history: History,
}

impl Installed {
    /// Writes the indexes of the compacted segments and the history; blocks on the disk.
    pub(crate) fn write(&self) -> io::Result<()> {
        self.indexes
            .iter()
            .try_for_each(|(base, index)| sidecar_files::write_index(&self.folder, *base, index))?;
        self.history.write(&self.folder)
    }
}

impl Log {
    /// The compaction that is due, if any: of sealed segments, up to the first undecided transaction. A segment that is
    /// still to be sealed is not included: sealing would write the index of the uncompacted one.
    pub(crate) fn plan_compaction(&self, now: i64, config: &LogConfig, memory: usize) -> Option<Plan> {
        if !config.compact || self.uncleanable {
            return None;
        }
        let full = &self.segments[..self.segments.len() - 1];
        let (stable, sealed) = (self.last_stable(), self.sealed_to());
        let ripe = |segment: &&Segment| {
            let rested = now.saturating_sub(segment.latest()) >= config.min_compaction_lag_ms;
            segment.base < sealed && segment.next_offset <= stable && rested
        };
        let sources: Vec<Source> = full.iter().take_while(ripe).map(Source::of).collect();
        let dirty = sources.iter().filter(|source| source.next_offset > self.history.cleaned_to);
        let (dirty_bytes, oldest) =
            dirty.fold((0, now), |(bytes, oldest), source| (bytes + source.size, oldest.min(source.born)));
        let total: u64 = sources.iter().map(|source| source.size).sum();
        let enough = dirty_bytes as f64 >= config.min_dirty_ratio * total as f64;
        let overdue = now.saturating_sub(oldest) >= config.max_compaction_lag_ms;
        (dirty_bytes > 0 && (enough || overdue)).then(|| Plan {
            sources,
            aborted: self.aborted.clone(),
            history: self.history.clone(),
            folder: self.folder.clone(),
            start: self.start,
            memory,
        })
    }

    /// Disables compaction until the next start: a batch is damaged, and a rewrite would hide that.
    pub(crate) fn give_up_compaction(&mut self) {
        self.uncleanable = true;
    }

    /// Replaces the sources with the compacted segments, unless they were deleted meanwhile. The caller must write the
    /// rest ([`Installed::write`]) without the log lock, but with the upkeep lock.
    pub(crate) fn install_compaction(&mut self, compacted: Compacted) -> io::Result<Installed> {
        let Compacted { cleaned, history, folder } = compacted;
        self.history.gaps_to = history.gaps_to;
        let mut indexes = Vec::new();
        for one in cleaned {
            let inside = |segment: &Segment| (one.segment.base..one.end).contains(&segment.base);
            let first = self.segments.iter().position(inside);
            let (Some(first), true) = (first, self.holds(&one.sources)) else {
                one.discard()?;
                continue;
            };
            let count = self.segments.iter().filter(|segment| inside(segment)).count();
            let swap = one.ready()?;
            sidecar_files::install_swap(&folder, &swap, one.segment.base, one.end)?;
            let (base, end) = (one.segment.base, one.end);
            indexes.push((base, sidecar_files::index_bytes(&one.segment, one.aborted.clone())));
            self.segments.splice(first..first + count, [one.segment]);
            self.aborted.retain(|aborted| {
                !(base..end).contains(&aborted.last_offset) || one.aborted.contains(aborted)
            });
        }
        self.history = history.clone();
        Ok(Installed { folder, indexes, history })
    }

    /// Whether the log still has these segments.
    fn holds(&self, sources: &[Source]) -> bool {
        sources.iter().all(|source| {
            self.segments
                .iter()
                .any(|segment| segment.base == source.base && Arc::ptr_eq(&segment.file, &source.file))
        })
    }
}
