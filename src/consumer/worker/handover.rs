//! What one owner of a partition hands to the next, and to whoever writes the files that are over all partitions.
//!
//! Each owner publishes the state of its partitions now and then. A new owner that has no checkpoint of its own as far
//! as the old one came begins with that state, reads what lies between it and where the old owner was, without writing
//! again the rows that the old owner wrote, and goes on from there.
//!
//! Files over all partitions (the daily reports, the stock table, the newest order) are written by the owner of
//! partition 0 alone, from its own state and what the other owners handed over last. A day is closed when each
//! partition's owner says that it has read everything up to its end.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Held, Trouble, Worker, position_key, silent_key};
use crate::{
    consumer::{Output, Part, Position, Start},
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
    /// With the partition whose owner writes the files over all partitions: what is known of these.
    #[serde(default, skip_serializing_if = "Rows::is_empty")]
    output: Rows,
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

    /// What the last checkpoint says of a partition, for others; `None` before there is one.
    pub fn handover(&self, part: Part) -> Result<Option<Handover>, Trouble> {
        let unreadable = |reason: String| Trouble::Unreadable { view: V::NAME, reason };
        let Some((_, position)) = self.store.scan(&position_key(part))?.into_iter().next() else {
            return Ok(None);
        };
        let rows = |prefix: String| -> Result<Rows, Trouble> {
            let row = |(key, value): (String, Vec<u8>)| {
                let text = String::from_utf8(value).map_err(|error| unreadable(error.to_string()))?;
                let value = RawValue::from_string(text).map_err(|error| unreadable(error.to_string()))?;
                Ok((key.get(prefix.len()..).unwrap_or_default().to_owned(), value))
            };
            self.store.scan(&prefix)?.into_iter().map(row).collect()
        };
        Ok(Some(Handover {
            position: serde_json::from_slice(&position).map_err(|error| unreadable(error.to_string()))?,
            closed_before: self.held.get(&part).and_then(|held| held.closed_before),
            rows: rows(format!("part/{part}/"))?,
            output: if part == Self::FIRST { rows("out/".to_owned())? } else { Rows::new() },
        }))
    }

    /// Whether there is no checkpoint of any partition.
    pub fn is_blank(&self) -> Result<bool, Trouble> {
        Ok(self.store.scan("position/")?.is_empty())
    }

    /// The offset that the checkpoint says to read next; 0 where it says nothing.
    pub fn saved_next(&self, part: Part) -> Result<i64, Trouble> {
        Ok(self.find(part)?.position.next)
    }

    /// Takes over a partition that another owner has read up to `until` and written the rows of; `handed` is what it
    /// has handed over. Returns where to read from.
    pub fn inherit(&mut self, part: Part, handed: Option<&Handover>, until: i64) -> Result<Start, Trouble> {
        let own = self.saved_next(part)?;
        let handed = handed.filter(|handed| {
            let next = handed.position.next;
            next > own && next <= until && self.goes_by(part, handed.position)
        });
        let mut batch = Batch::new();
        // What this worker has closed, that partition need not have.
        let closed = handed.and_then(|handed| handed.closed_before).min(self.closed_before);
        self.closed_before = closed;
        batch.insert("closed".to_owned(), closed.and_then(|date| serde_json::to_vec(&date).ok()));
        batch.insert(silent_key(part), serde_json::to_vec(&until).ok());
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
                let unreadable = |reason: String| Trouble::Unreadable { view: V::NAME, reason };
                self.output.restore(key.trim_start_matches("out/"), &value).map_err(unreadable)?;
            }
        }
        self.assign(part)
    }

    /// Whether what was read up to a position is judged by the same rule as here.
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

    /// Whether Kafka may be told how far a partition was read: not before what another owner has told.
    pub fn may_tell(&self, part: Part) -> bool {
        self.held.get(&part).is_some_and(|held| held.position.next >= held.silent_until)
    }

    /// Waits until what was written survives the end of the process.
    pub fn flush(&mut self) -> Result<(), Trouble> {
        Ok(self.store.flush()?)
    }

    /// Whether this worker writes the files over all partitions from what others hand over as well.
    pub fn needs_others(&self) -> bool {
        self.held.contains_key(&Self::FIRST) && !self.missing().is_empty()
    }

    /// The partitions that others own.
    pub fn missing(&self) -> Vec<Part> {
        self.partitions.iter().copied().filter(|part| !self.held.contains_key(part)).collect()
    }

    /// Takes note of what the owner of another partition has handed over.
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

    /// What was known of a partition when it was given back holds until its next owner tells more.
    pub(super) fn keep_as_known(&mut self, part: Part, held: Held<V>) {
        let other = Other { view: held.view, next: held.position.next, closed_before: held.closed_before };
        self.others.insert(part, other);
    }

    /// Whether this worker is the one to write for all partitions, and knows all of them.
    pub(super) fn knows_all(&self) -> bool {
        let missing = self.missing();
        let writes = missing.is_empty() || self.held.contains_key(&Self::FIRST);
        !self.partitions.is_empty() && writes && missing.iter().all(|part| self.others.contains_key(part))
    }
}

#[cfg(test)]
mod tests;
