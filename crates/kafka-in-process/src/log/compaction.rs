//! Compaction of a log: when it is due, which segments take part, and how the result takes their place.
//!
//! The work itself is done in [`super::cleaner`] without the lock; readers go on in the old files meanwhile.

use std::{io, path::Path, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    Aborted, Log, LogConfig, LogError, Segment,
    cleaner::{Cleaned, Source},
    files,
};
use crate::disk;

const FILE: &str = "cleaned.json";
/// Of a tombstone's time the part that may be lost to rounding.
const GRAIN: i64 = 64;

/// How far compaction has come, kept beside the segments.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct History {
    /// Up to this offset every key is there once.
    pub(crate) cleaned_to: i64,
    /// Below this offset compaction may have left offsets out.
    #[serde(default)]
    pub(super) gaps_to: i64,
    /// Passes that went up to an offset, and when (wall ms): a tombstone's time begins with the first that saw it.
    passes: Vec<(i64, i64)>,
}

impl History {
    pub(super) fn read(folder: &Path) -> io::Result<Self> {
        let path = folder.join(FILE);
        let bytes = match std::fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            read => read?,
        };
        // Before it got a check sum it began with its brace.
        let json = if bytes.starts_with(b"{") { Some(&bytes[..]) } else { files::unsealed(&bytes) };
        let read = json.and_then(|json| serde_json::from_slice::<Self>(json).ok());
        let Some(mut history) = read.filter(|history| history.cleaned_to >= 0) else {
            let file = path.display();
            tracing::warn!(%file, "what is known of compaction is damaged: it begins again");
            return Ok(Self { gaps_to: i64::MAX, ..Self::default() });
        };
        history.gaps_to = history.gaps_to.max(history.cleaned_to);
        Ok(history)
    }

    fn write(&self, folder: &Path) -> io::Result<()> {
        files::replace(&folder.join(FILE), &files::sealed(&serde_json::to_vec(self)?)).map(drop)
    }

    /// Whether a tombstone, or a marker that nothing needs any more, has been kept long enough for all to see.
    pub(super) fn is_over(&self, offset: i64, now: i64, delete_retention_ms: i64) -> bool {
        let first = self.passes.iter().find(|(to, _)| *to > offset);
        first.is_some_and(|(_, at)| now.saturating_sub(*at) >= delete_retention_ms)
    }

    fn advance(&mut self, to: i64, now: i64, delete_retention_ms: i64) {
        self.cleaned_to = to;
        let recent =
            self.passes.last().is_some_and(|(_, at)| now.saturating_sub(*at) < delete_retention_ms / GRAIN);
        if !recent {
            self.passes.push((to, now));
        }
        // Of the passes that are long enough ago, the last covers the others.
        let past =
            self.passes.iter().filter(|(_, at)| now.saturating_sub(*at) >= delete_retention_ms).count();
        self.passes.drain(..past.saturating_sub(1));
    }
}

/// What a pass works on.
pub(crate) struct Plan {
    pub(super) sources: Vec<Source>,
    pub(super) aborted: Vec<Aborted>,
    pub(super) history: History,
    pub(super) folder: std::path::PathBuf,
    pub(super) start: i64,
}

impl Log {
    /// What to compact now, if it is time to: sealed segments, up to the first undecided transaction. One that is still to be
    /// sealed would be given the index of what it was before.
    pub(crate) fn plan_compaction(&self, now: i64, config: &LogConfig) -> Option<Plan> {
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
        })
    }

    /// Leaves everything as it is until the next start: a batch is damaged, and writing it anew would hide that.
    pub(crate) fn give_up_compaction(&mut self) {
        self.uncleanable = true;
    }

    /// Keeps that offsets may be missing up to here, before they are: missing anywhere else they mean lost records.
    pub(super) fn expect_gaps(&mut self, to: i64) -> io::Result<()> {
        self.history.gaps_to = self.history.gaps_to.max(to);
        self.history.write(&self.folder)?;
        let folder = disk::folder(&self.folder)?;
        disk::sync(&folder)
    }

    /// Puts the compacted segments in the place of those they were made from, unless these are gone by now.
    pub(crate) fn install_compaction(
        &mut self,
        cleaned: Vec<Cleaned>,
        to: i64,
        now: i64,
        config: &LogConfig,
    ) -> Result<(), LogError> {
        if let Err(error) = self.expect_gaps(to) {
            cleaned.iter().try_for_each(Cleaned::discard)?;
            return Err(error.into());
        }
        for one in cleaned {
            let inside = |segment: &Segment| (one.segment.base..one.end).contains(&segment.base);
            let first = self.segments.iter().position(inside);
            let (Some(first), true) = (first, self.holds(&one.sources)) else {
                one.discard()?;
                continue;
            };
            let count = self.segments.iter().filter(|segment| inside(segment)).count();
            let swap = one.ready()?;
            files::install_swap(&self.folder, &swap, one.segment.base, one.end)?;
            let (base, end) = (one.segment.base, one.end);
            let index = files::index_bytes(&one.segment, one.aborted.clone());
            self.segments.splice(first..first + count, [one.segment]);
            self.aborted.retain(|aborted| {
                !(base..end).contains(&aborted.last_offset) || one.aborted.contains(aborted)
            });
            files::write_index(&self.folder, base, &index)?;
        }
        self.history.advance(to, now, config.delete_retention_ms);
        self.history.write(&self.folder)?;
        Ok(())
    }

    /// Whether these very segments are still there.
    fn holds(&self, sources: &[Source]) -> bool {
        sources.iter().all(|source| {
            self.segments
                .iter()
                .any(|segment| segment.base == source.base && Arc::ptr_eq(&segment.file, &source.file))
        })
    }
}
