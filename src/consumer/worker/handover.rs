//! Handovers: the state of a partition, for its next owner and for the writer of the files over all partitions.
//!
//! Each owner publishes the state of its partitions from time to time. A new owner whose own checkpoint is behind
//! restores that state and replays the records up to the old owner's committed offset, without writing the rows that
//! the old owner wrote; then it goes on from there.
//!
//! Only the owner of partition 0 writes the files over all partitions (daily reports, stock table, newest order), from
//! its own state and the latest handovers of the other owners; an empty partition needs no owner. A day is closed when
//! the owner of each partition has read everything up to the end of the day. The next owner of partition 0 writes all
//! of these files into its own folder.
//!
//! Rows of appended files are in the folder of the owner that first read their record; a checkpoint lists the offsets
//! whose rows another owner wrote.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Held, Trouble, Worker, elsewhere_key, position_key, silent_key};
use crate::{
    consumer::{Output, Part, Position, Start, position::Fingerprint},
    store::Batch,
    views::{Source, View},
};

/// Rows of a checkpoint by their keys; the values are JSON.
type Rows = BTreeMap<String, Box<RawValue>>;

/// A view's whole state of one partition at a checkpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Handover {
    /// How far its log was read.
    #[serde(flatten)]
    pub position: Position,
    /// Days before this are closed, as far as this partition goes.
    pub closed_before: Option<NaiveDate>,
    /// The view's rows.
    rows: Rows,
    /// Only in a handover of partition 0: the state of the files over all partitions.
    #[serde(default, skip_serializing_if = "Rows::is_empty")]
    output: Rows,
}

/// Which records of a partition have their rows in the files here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    /// The offset behind the last one.
    next: i64,
    /// Half-open ranges of offsets before it whose rows another owner wrote, in order.
    elsewhere: Vec<(i64, i64)>,
}

impl Written {
    /// The same after everything up to an offset was read here.
    #[must_use]
    pub fn up_to(self, next: i64) -> Self {
        Self { next: self.next.max(next), ..self }
    }

    /// Whether the rows of the record at an offset are here.
    pub fn has(&self, offset: i64) -> bool {
        offset < self.next && !self.elsewhere.iter().any(|(from, to)| (*from..*to).contains(&offset))
    }
}

/// Adds a range to others that are in order; those that touch become one.
fn unite(ranges: &mut Vec<(i64, i64)>, (from, to): (i64, i64)) {
    let touches = |(other_from, other_to): &(i64, i64)| *other_from <= to && from <= *other_to;
    let touching = ranges.iter().filter(|range| touches(range));
    let united = touching.fold((from, to), |(from, to), range| (from.min(range.0), to.max(range.1)));
    ranges.retain(|range| !touches(range));
    ranges.push(united);
    ranges.sort_unstable();
}

/// A partition that another owner has.
pub(super) struct Other<V> {
    pub(super) view: V,
    next: i64,
    pub(super) closed_before: Option<NaiveDate>,
}

impl<V: View, O: Output<V>> Worker<V, O> {
    /// The partition whose owner writes the files over all partitions.
    const FIRST: Part = Part { source: V::SOURCES[0], partition: 0 };

    /// The state of a partition in the last checkpoint, to be published.
    pub fn handover(&self, part: Part) -> Result<Handover, Trouble> {
        let rows = |prefix: String| -> Result<Rows, Trouble> {
            let row = |(key, value): (String, Vec<u8>)| {
                let text = String::from_utf8(value).map_err(Self::unreadable)?;
                let value = RawValue::from_string(text).map_err(Self::unreadable)?;
                Ok((key.get(prefix.len()..).unwrap_or_default().to_owned(), value))
            };
            self.store.scan(&prefix)?.into_iter().map(row).collect()
        };
        Ok(Handover {
            // The default if nothing was read: the partition is empty, or has only transaction markers.
            position: self.saved_position(part)?,
            closed_before: self.held.get(&part).and_then(|held| held.closed_before),
            rows: rows(format!("part/{part}/"))?,
            output: if part == Self::FIRST { rows("out/".to_owned())? } else { Rows::new() },
        })
    }

    /// The offset that the checkpoint says to read next; 0 where it says nothing.
    pub fn saved_next(&self, part: Part) -> Result<i64, Trouble> {
        Ok(self.saved_position(part)?.next)
    }

    /// The last record that the checkpoint has applied of a partition.
    pub fn saved_last(&self, part: Part) -> Result<Option<Fingerprint>, Trouble> {
        Ok(self.saved_position(part)?.last)
    }

    /// Of the assigned partitions and their committed offsets, those that a former owner has read further than the local
    /// checkpoint. None if there is no checkpoint and this worker `has_all` partitions: a new folder without other
    /// machines gets all files in full.
    pub fn read_elsewhere(
        &self,
        committed: impl Iterator<Item = (Part, i64)>,
        has_all: bool,
    ) -> Result<HashMap<Part, i64>, Trouble> {
        if has_all && self.store.scan("position/")?.is_empty() {
            return Ok(HashMap::new());
        }
        let mut elsewhere = HashMap::new();
        for (part, next) in committed {
            if next > self.saved_next(part)? {
                elsewhere.insert(part, next);
            }
        }
        Ok(elsewhere)
    }

    /// Restores a partition whose records up to `until` another owner has read and written the rows of; `handed` is its
    /// handover. Returns where to read from. The caller must have found [`Self::saved_last`] in the log: the handover
    /// replaces it, and rows of a log that is gone would be taken for rows of this one.
    pub fn inherit(&mut self, part: Part, handed: Option<&Handover>, until: i64) -> Result<Start, Trouble> {
        let own = self.saved_next(part)?;
        let handed = handed.filter(|handed| {
            let next = handed.position.next;
            next > own && next <= until && self.goes_by(part, handed.position)
        });
        let mut batch = Batch::new();
        // Days that are closed here may be open in that partition.
        let closed = handed.and_then(|handed| handed.closed_before).min(self.closed_before);
        self.closed_before = closed;
        batch.insert("closed".to_owned(), closed.and_then(|date| serde_json::to_vec(&date).ok()));
        batch.insert(silent_key(part), serde_json::to_vec(&until).ok());
        let mut elsewhere = self.row(&elsewhere_key(part))?.unwrap_or_default();
        unite(&mut elsewhere, (own, until));
        batch.insert(elsewhere_key(part), serde_json::to_vec(&elsewhere).ok());
        if let Some(handed) = handed {
            batch.insert(position_key(part), serde_json::to_vec(&handed.position).ok());
            self.replace(&format!("part/{part}/"), &handed.rows, &mut batch)?;
            if part == Self::FIRST {
                self.replace("out/", &handed.output, &mut batch)?;
            }
        }
        self.store.write(&batch)?;
        if handed.is_some() && part == Self::FIRST {
            self.output.reset();
            for (key, value) in self.store.scan("out/")? {
                self.output.restore(key.trim_start_matches("out/"), &value).map_err(Self::unreadable)?;
            }
            self.output.rewrite();
        }
        self.assign(part)
    }

    /// Which records of a partition have their rows here, by the checkpoint; `None` if an older version made it, which
    /// did not record the rows of other owners.
    pub fn written(&self, part: Part) -> Result<Option<Written>, Trouble> {
        let elsewhere: Vec<_> = self.row(&elsewhere_key(part))?.unwrap_or_default();
        let is_known = !elsewhere.is_empty() || self.row::<i64>(&silent_key(part))?.is_none();
        Ok(is_known.then_some(Written { next: self.saved_next(part)?, elsewhere }))
    }

    /// Sets stale files of the whole shop aside once another owner writes them.
    pub(super) fn set_stale_aside(&mut self) -> Result<(), Trouble> {
        let is_writer = self.held.contains_key(&Self::FIRST);
        let files = self.output.single_files();
        if self.may_be_stale && !is_writer && !self.held.is_empty() && !files.is_empty() {
            for path in files {
                self.files.set_aside(path).map_err(|error| Trouble::file(path, error))?;
            }
            self.output.rewrite();
        }
        self.may_be_stale = is_writer || self.may_be_stale && self.held.is_empty();
        Ok(())
    }

    /// Whether a position was reached by our rule on duplicates.
    fn goes_by(&self, part: Part, position: Position) -> bool {
        part.source != Source::Orders || position.ids == self.ids
    }

    /// Puts other rows in the place of those that begin with `prefix`.
    fn replace(&self, prefix: &str, rows: &Rows, batch: &mut Batch) -> Result<(), Trouble> {
        batch.extend(self.store.scan(prefix)?.into_iter().map(|(key, _)| (key, None)));
        for (key, value) in rows {
            batch.insert(format!("{prefix}{key}"), Some(value.get().as_bytes().to_vec()));
        }
        Ok(())
    }

    /// Whether the position may be committed: not while it is behind a former owner's.
    pub fn may_tell(&self, part: Part) -> bool {
        self.held.get(&part).is_some_and(|held| held.position.next >= held.silent_until)
    }

    /// Waits until what was written survives the end of the process.
    pub fn flush(&mut self) -> Result<(), Trouble> {
        Ok(self.store.flush()?)
    }

    /// Whether this worker writes the files over all partitions from what others hand over as well.
    pub fn needs_others(&self) -> bool {
        self.held.contains_key(&Self::FIRST) && self.missing().next().is_some()
    }

    /// The partitions with records that others own.
    pub fn missing(&self) -> impl Iterator<Item = Part> + '_ {
        let has_records = self.ends.iter().filter(|(_, end)| **end > 0);
        has_records.map(|(part, _)| *part).filter(|part| !self.held.contains_key(part))
    }

    /// If the files of the whole shop are written here: whether the handover of each other partition is at the published
    /// position, `told`, and has closed the days before `date`.
    pub fn knows_up_to(&self, date: NaiveDate, told: impl Fn(Part) -> i64) -> bool {
        let is_known = |part| {
            let other = self.others.get(&part);
            other.is_some_and(|other| other.next >= told(part) && other.closed_before >= Some(date))
        };
        !self.needs_others() || self.missing().all(is_known)
    }

    /// Drops the handovers of others, since their logs may have been replaced.
    pub fn forget_others(&mut self) {
        self.others.clear();
    }

    /// Stores the handover of another partition's owner.
    pub fn learn(&mut self, part: Part, handed: &Handover) {
        let news = (handed.position.next, handed.closed_before);
        let known = self.others.get(&part);
        if known.is_some_and(|known| (known.next, known.closed_before) >= news)
            || !self.goes_by(part, handed.position)
        {
            return;
        }
        let mut view = V::default();
        for (key, value) in &handed.rows {
            let Some((table, row)) = key.split_once('/') else { continue };
            if let Some((_, saved)) = view.tables().into_iter().find(|(name, _)| *name == table)
                && let Err(error) = saved.restore(row, value.get().as_bytes())
            {
                tracing::warn!("{}: what was handed over of {part} is passed over: {error}", V::NAME);
                return;
            }
        }
        let other = Other { view, next: handed.position.next, closed_before: handed.closed_before };
        self.others.insert(part, other);
        self.unsettled = true;
    }

    /// Keeps the state of a revoked partition until its next owner publishes a later one.
    pub(super) fn keep_as_known(&mut self, part: Part, held: Held<V>) {
        let other = Other { view: held.view, next: held.position.next, closed_before: held.closed_before };
        self.others.insert(part, other);
    }

    /// Whether this worker writes the files over all partitions, and knows all of them.
    pub(super) fn knows_all(&self) -> bool {
        let knows = |part| self.others.contains_key(&part);
        !self.ends.is_empty() && self.held.contains_key(&Self::FIRST) && self.missing().all(knows)
    }
}

#[cfg(test)]
mod tests;
