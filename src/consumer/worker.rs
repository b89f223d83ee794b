//! The whole work of a consumer, without Kafka: takes records, and stores state, positions and file lengths in
//! one checkpoint.

mod handover;
mod opening;
mod trouble;

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use serde::de::DeserializeOwned;

use handover::Other;
pub use handover::{Handover, Written};
pub use trouble::Trouble;

use super::{Content, Decoded, Output, Part, Position, Rule, Start, output::Appends, position::Fingerprint};
use crate::{
    shop::{Pulse, Zone},
    sinks::files::Files,
    store::{Batch, Store, StoreError},
    views::{Event, Source, View, shop_figures::ReportNote},
};

/// Bytes of appends at which a checkpoint is due before its time.
const FULL: usize = 8 << 20;

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is applied, or has no effect.
    Yes,
    /// It was taken before.
    Before,
    /// Another record is at the offset of the last applied one: the log was replaced.
    OtherLog,
}

#[derive(Default)]
struct Held<V> {
    view: V,
    position: Position,
    /// After a start from a checkpoint: the record that must come first.
    expected: Option<Fingerprint>,
    moved: bool,
    /// A record that this state is known to follow from.
    anchor: Option<Fingerprint>,
    /// Up to this offset another owner has written the rows of the files.
    silent_until: i64,
    /// Days before this were closed here: the view has all their records.
    closed_before: Option<NaiveDate>,
    /// Whether something was applied since its figures were taken last.
    unseen: bool,
}

/// One consumer: a view per partition, and what it writes.
pub struct Worker<V: View, O> {
    zone: Zone,
    /// By which rule orders are duplicates.
    ids: Rule,
    output: O,
    store: Box<dyn Store>,
    files: Box<dyn Files>,
    held: BTreeMap<Part, Held<V>>,
    appends: Appends,
    /// Rows of the next checkpoint that are already known.
    batch: Batch,
    closed_before: Option<NaiveDate>,
    /// Whether something changed that only shows in the output.
    unsettled: bool,
    /// The partitions of the view's logs and where each ends, as far as they are known.
    ends: BTreeMap<Part, i64>,
    /// What the owners of the other partitions have handed over lately.
    others: BTreeMap<Part, Other<V>>,
    /// Whether stale files of the whole shop may be here, now written by another owner.
    may_be_stale: bool,
    /// Whether it may not write any more.
    retired: bool,
}

impl<V: View, O: Output<V>> Worker<V, O> {
    /// Opens the checkpoint and truncates the files to it. `true` if that failed, so that the view starts
    /// from nothing; its files were moved to `state/set-aside/`.
    pub fn open(
        zone: Zone,
        output: O,
        store: impl Store + 'static,
        files: impl Files + 'static,
    ) -> Result<(Self, bool), Trouble> {
        let mut worker = Self {
            zone,
            ids: Rule::default(),
            output,
            store: Box::new(store),
            files: Box::new(files),
            held: BTreeMap::new(),
            appends: Appends::default(),
            batch: Batch::new(),
            closed_before: None,
            unsettled: true,
            ends: BTreeMap::new(),
            others: BTreeMap::new(),
            may_be_stale: true,
            retired: false,
        };
        let whole = worker.restore()? && worker.mend()?;
        if !whole {
            worker.reset()?;
        }
        Ok((worker, !whole))
    }

    /// Sets the rule on duplicates, before any partition is assigned.
    pub fn set_ids(&mut self, ids: Rule) {
        self.ids = ids;
    }

    /// Restores a partition from the checkpoint; returns where to read from. A checkpoint that is unreadable,
    /// or of another rule on duplicates, is emptied: the next worker starts from nothing.
    pub fn assign(&mut self, part: Part) -> Result<Start, Trouble> {
        let found = self.find(part);
        if matches!(found, Err(Trouble::Unreadable { .. } | Trouble::OtherIds { .. })) {
            self.reset()?;
            self.retire();
        }
        let held = found?;
        let start = held.position.start();
        self.held.insert(part, held);
        self.unsettled = true;
        Ok(start)
    }

    /// What the checkpoint says of a partition.
    fn find(&self, part: Part) -> Result<Held<V>, Trouble> {
        let mut view = V::default();
        let position = self.saved_position(part)?;
        let prefix = format!("part/{part}/");
        for (key, value) in self.store.scan(&prefix)? {
            let Some((table, row)) = key.get(prefix.len()..).and_then(|rest| rest.split_once('/')) else {
                continue;
            };
            if let Some((_, saved)) = view.tables().into_iter().find(|(name, _)| *name == table) {
                saved.restore(row, &value).map_err(Self::unreadable)?;
            }
        }
        let silent_until = self.row(&silent_key(part))?.unwrap_or(0);
        Ok(Held { view, position, expected: position.last, silent_until, unseen: true, ..Held::default() })
    }

    /// The position in the checkpoint; the beginning if it has none.
    fn saved_position(&self, part: Part) -> Result<Position, Trouble> {
        let saved = self.row(&position_key(part))?;
        let position = saved.unwrap_or_else(|| Position { ids: self.ids, ..Position::default() });
        if part.source == Source::Orders && position.ids != self.ids {
            return Err(Trouble::OtherIds { view: V::NAME, kept: position.ids, asked: self.ids });
        }
        Ok(position)
    }

    /// The partitions that the checkpoint has positions of.
    pub fn saved_parts(&self) -> Result<Vec<Part>, Trouble> {
        Ok(saved_parts(&*self.store)?)
    }

    /// One row of the checkpoint.
    fn row<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Trouble> {
        let saved = self.store.scan(key)?.into_iter().next();
        saved.map(|(_, value)| serde_json::from_slice(&value).map_err(Self::unreadable)).transpose()
    }

    #[expect(clippy::needless_pass_by_value, reason = "errors are mapped by it")]
    fn unreadable(reason: impl ToString) -> Trouble {
        Trouble::Unreadable { view: V::NAME, reason: reason.to_string() }
    }

    /// Releases partitions; make a checkpoint first. If any rows still wait for one, the worker retires: theirs cannot
    /// be told from others, and their next owner writes them again.
    pub fn revoke(&mut self, parts: &[Part]) {
        if self.appends.bytes() > 0 || !self.batch.is_empty() || self.held.values().any(|held| held.moved) {
            self.retire();
        }
        for part in parts {
            if let Some(held) = self.held.remove(part) {
                self.keep_as_known(*part, held);
            }
        }
    }

    /// Writes nothing any more: another worker goes on from the last checkpoint.
    pub fn retire(&mut self) {
        self.retired = true;
    }

    /// Takes in one record of a partition.
    pub fn take(&mut self, part: Part, record: &Decoded) -> Taken {
        let Some(held) = self.held.get_mut(&part) else { return Taken::Before };
        let fingerprint = record.fingerprint;
        if let Some(expected) = held.expected.take() {
            if expected != fingerprint {
                return Taken::OtherLog;
            }
            held.anchor = Some(expected);
            return Taken::Before;
        }
        if record.offset() < held.position.next {
            return Taken::Before;
        }
        held.position.next = record.offset() + 1;
        held.position.last = Some(fingerprint);
        held.anchor.get_or_insert(fingerprint);
        held.moved = true;
        held.unseen = true;
        let Content::Event(event) = &record.content else { return Taken::Yes };
        if let Event::Order(order) = event {
            held.position.note(order.order_id);
        }
        held.view.apply(event, self.zone);
        if record.offset() >= held.silent_until {
            self.output.event(event, &mut self.appends);
        }
        self.unsettled = true;
        Taken::Yes
    }

    /// Moves the position to the log start offset `low`, which is past the last applied record; `true` if records in
    /// between were never read.
    pub fn skip_to(&mut self, part: Part, low: i64) -> bool {
        let Some(held) = self.held.get_mut(&part) else { return false };
        let missed = low > held.position.next;
        held.position.next = held.position.next.max(low);
        held.position.last = None;
        held.expected = None;
        held.moved = true;
        missed
    }

    /// By partition, a record that is known to be part of its state, if one was read.
    pub fn anchors(&self) -> HashMap<Part, Fingerprint> {
        self.held.iter().filter_map(|(part, held)| Some((*part, held.anchor?))).collect()
    }

    /// Whether the last applied record has yet to be found in the log: until then the state may be that of another
    /// log.
    pub fn is_expecting(&self, part: Part) -> bool {
        self.held.get(&part).is_some_and(|held| held.expected.is_some())
    }

    /// Sets the end offsets of the view's logs. Files of the whole shop are written once each partition is owned here,
    /// empty, or known from its owner's handover.
    pub fn set_ends(&mut self, ends: impl Iterator<Item = (Part, i64)>) {
        self.ends = ends.collect();
    }

    /// Whether so much waits to be written that a checkpoint is due at once.
    pub fn is_full(&self) -> bool {
        self.appends.bytes() >= FULL
    }

    /// Closes all days before `date`; takes effect with the next checkpoint.
    pub fn close_before(&mut self, date: NaiveDate) {
        for held in self.held.values_mut() {
            held.closed_before = held.closed_before.max(Some(date));
        }
        if self.closed_before.is_none_or(|closed| closed < date) {
            self.closed_before = Some(date);
            if let Ok(value) = serde_json::to_vec(&date) {
                self.batch.insert("closed".to_owned(), Some(value));
            }
            self.unsettled = true;
        }
    }

    /// Takes in what the simulator says of itself; takes effect with the next checkpoint.
    pub fn hear(&mut self, pulse: &Pulse) {
        self.unsettled |= self.output.hear(pulse);
    }

    /// Days before this are closed.
    pub fn closed_before(&self) -> Option<NaiveDate> {
        self.closed_before
    }

    /// Writes files, and stores state and positions, as of shop second `now`. After an error nothing has
    /// changed: call it again.
    pub fn checkpoint(&mut self, now: Option<i64>) -> Result<(), Trouble> {
        self.checkpoint_while(now, &|| true)
    }

    /// The same, but asks `is_ours` after writing the files, which may take long. If it is `false`, the worker retires,
    /// and the next one truncates the files again.
    pub fn checkpoint_while(&mut self, now: Option<i64>, is_ours: &dyn Fn() -> bool) -> Result<(), Trouble> {
        if self.retired {
            return Err(Trouble::Retired { view: V::NAME });
        }
        for held in self.held.values_mut() {
            if let Some(now) = now {
                held.view.advance(now, self.zone);
            }
        }
        for (path, at, bytes) in self.appends.waiting() {
            self.files.append(path, at, bytes).map_err(|error| Trouble::file(path, error))?;
        }
        if !is_ours() {
            self.retire();
            return Err(Trouble::Retired { view: V::NAME });
        }
        self.collect();
        if !self.batch.is_empty() {
            self.store.write(&self.batch)?;
            self.batch.clear();
        }
        self.appends.settle();
        self.set_stale_aside()?;
        let noted = self
            .output
            .publish(&mut *self.files)
            .map_err(|error| Trouble::file("a file of the consumer", error))?;
        self.unsettled |= noted;
        Ok(())
    }

    /// Everything that changed since the last checkpoint, as rows.
    fn collect(&mut self) {
        for (part, held) in &mut self.held {
            for (table, saved) in held.view.tables() {
                for (key, value) in saved.changes() {
                    self.batch.insert(format!("part/{part}/{table}/{key}"), value);
                }
            }
            if std::mem::take(&mut held.moved) {
                self.batch.insert(position_key(*part), serde_json::to_vec(&held.position).ok());
            }
        }
        for (path, at, bytes) in self.appends.waiting() {
            let length = at + bytes.len() as u64;
            self.batch.insert(format!("file/{path}"), serde_json::to_vec(&length).ok());
        }
        // With some of the partitions only, files of the whole shop would be wrong.
        if self.unsettled && self.knows_all() {
            let mut rows = Batch::new();
            let missing: Vec<Part> = self.missing().collect();
            let others = || missing.iter().filter_map(|part| self.others.get(part));
            let closed_before =
                others().fold(self.closed_before, |closed, other| closed.min(other.closed_before));
            let own = self.held.values().map(|held| &held.view);
            let views: Vec<&V> = own.chain(others().map(|other| &other.view)).collect();
            self.output.settle(&views, closed_before, &mut rows);
            self.batch.extend(rows.into_iter().map(|(key, value)| (format!("out/{key}"), value)));
            self.unsettled = false;
        }
    }

    /// What each partition says at shop second `now`.
    pub fn figures(&self, now: i64) -> Vec<(Part, Position, V::Figures)> {
        self.held
            .iter()
            .map(|(part, held)| (*part, held.position, held.view.figures(now, self.zone)))
            .collect()
    }

    /// The same of the partitions in which something was applied since the last call.
    pub fn new_figures(&mut self, now: i64) -> Vec<(Part, Position, V::Figures)> {
        let figures = |(part, held): (&Part, &mut Held<V>)| {
            std::mem::take(&mut held.unseen)
                .then(|| (*part, held.position, held.view.figures(now, self.zone)))
        };
        self.held.iter_mut().filter_map(figures).collect()
    }

    /// The views of all partitions held.
    pub fn views(&self) -> impl Iterator<Item = &V> {
        self.held.values().map(|held| &held.view)
    }

    /// The partitions held and where each is.
    pub fn positions(&self) -> impl Iterator<Item = (Part, Position)> {
        self.held.iter().map(|(part, held)| (*part, held.position))
    }

    /// The daily reports that are written.
    pub fn reports(&self) -> Vec<ReportNote> {
        self.output.reports()
    }
}

fn position_key(part: Part) -> String {
    format!("position/{part}.")
}

/// The partitions that a checkpoint has positions of.
pub fn saved_parts(store: &dyn Store) -> Result<Vec<Part>, StoreError> {
    let part = |key: &str| {
        let (name, number) = key.strip_prefix("position/")?.strip_suffix('.')?.split_once('/')?;
        let source = Source::ALL.into_iter().find(|source| source.name() == name)?;
        Some(Part { source, partition: number.parse().ok()? })
    };
    Ok(store.scan("position/")?.iter().filter_map(|(key, _)| part(key)).collect())
}

fn silent_key(part: Part) -> String {
    format!("silent/{part}.")
}

fn elsewhere_key(part: Part) -> String {
    format!("elsewhere/{part}.")
}

#[cfg(test)]
mod tests;
