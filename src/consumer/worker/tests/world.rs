//! A process that runs a consumer, and all that may happen to it.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{
    issues::Issues,
    logs::{Kind, Logs, Row, logs},
    steps::{Fault, Step},
};
use crate::{
    consumer::{Content, Output, Part, Record, Start, Taken, Trouble, Worker},
    consumers::{PartFigures, summarize},
    shop::{Order, Zone},
    sinks::faulty_memory_files::{Disk, MemoryFiles},
    store::{MemoryStore, Store},
    views::{
        Event, View,
        naive::{PLACES, Shop},
        shop_figures::ShopFigures,
    },
};

type Running<V, O> = Worker<V, O>;

/// A machine whose disk and store outlive its processes, and the Kafka that it reads.
pub(super) struct World<V: View, O> {
    pub(super) zone: Zone,
    now: i64,
    logs: Logs,
    epoch: i64,
    /// Whether the log was ever another one.
    replaced: bool,
    pub(super) disk: Disk,
    pub(super) store: MemoryStore,
    make: fn(Zone) -> O,
    worker: Option<Running<V, O>>,
    /// Where each partition is read, and where reading began.
    cursors: BTreeMap<Part, (usize, usize)>,
    /// Up to which date the days of each partition held were closed since it was assigned.
    closed: BTreeMap<Part, NaiveDate>,
    /// Of each partition that was given back: how much was read, and up to which date its days were closed.
    known: BTreeMap<Part, (i64, Option<NaiveDate>)>,
    pub(super) issues: Issues,
    /// The issues as the store has them.
    saved: Issues,
}

impl<V: View<Figures: Into<PartFigures>>, O: Output<V>> World<V, O> {
    fn new(zone: Zone, now: i64, logs: Logs, make: fn(Zone) -> O) -> Self {
        Self {
            zone,
            now,
            logs,
            epoch: 0,
            replaced: false,
            disk: Disk::default(),
            store: MemoryStore::default(),
            make,
            worker: None,
            cursors: BTreeMap::new(),
            closed: BTreeMap::new(),
            known: BTreeMap::new(),
            issues: Issues::default(),
            saved: Issues::default(),
        }
    }

    fn all(&self) -> Vec<Part> {
        self.logs.keys().copied().filter(|part| V::SOURCES.contains(&part.source)).collect()
    }

    /// A new process with all partitions; one whose start fails is followed by one without faults.
    fn start(&mut self, fault: Fault) {
        self.worker = None;
        self.cursors.clear();
        self.closed.clear();
        self.known.clear();
        let (files, store) = (MemoryFiles::new(&self.disk), self.store.clone());
        let (files, store) = match fault {
            Fault::None => (files, store),
            Fault::Files { after, kept, for_good: true } => (files.crash(after, kept), store),
            Fault::Files { after, kept, for_good: false } => (files.fail_once(after, kept), store),
            Fault::Store { after, done, for_good: true } => (files, store.crash(after, done)),
            Fault::Store { after, done, for_good: false } => (files, store.fail_once(after, done)),
        };
        match Worker::open(self.zone, (self.make)(self.zone), store, files) {
            Ok((worker, anew)) => {
                // Only a log that was replaced in the middle of it leaves files that do not fit.
                assert!(!anew || self.replaced, "the checkpoint did not fit");
                if anew || self.store.scan("").unwrap().is_empty() {
                    self.saved = Issues::default();
                }
                self.issues = self.saved.clone();
                self.worker = Some(worker);
                let all = self.all();
                self.assign(&all);
            }
            Err(_) => self.start(Fault::None),
        }
    }

    fn assign(&mut self, parts: &[Part]) {
        let end = |part: Part| (part, i64::try_from(self.logs[&part].len()).unwrap());
        let ends: Vec<_> = self.all().into_iter().map(end).collect();
        let Some(worker) = &mut self.worker else { return };
        worker.set_ends(ends.into_iter());
        for part in parts {
            let at = match worker.assign(*part).unwrap() {
                Start::Beginning => 0,
                Start::Offset(offset) => usize::try_from(offset).unwrap(),
            };
            self.cursors.insert(*part, (at, at));
        }
        // Kafka says so where a position is behind the end of the log.
        if parts.iter().any(|part| self.cursors[part].0 > 0 && self.cursors[part].0 >= self.logs[part].len())
        {
            self.forget();
        }
    }

    /// What the loop does when it finds another log.
    fn forget(&mut self) {
        assert!(self.replaced);
        // What fails here is found again by the next process.
        let _ = self.worker.as_mut().map(Worker::reset);
        self.start(Fault::None);
    }

    fn take(&mut self, part: Part, count: usize) {
        for _ in 0..count {
            let Some((cursor, _)) = self.cursors.get_mut(&part) else { return };
            let (at, log) = (*cursor, &self.logs[&part]);
            let Some((row, worker)) = log.get(at).zip(self.worker.as_mut()) else { return };
            *cursor += 1;
            let offset = i64::try_from(at).unwrap();
            let payload = row.payload.as_deref();
            let record = Record { part, offset, timestamp: row.timestamp, key: None, payload };
            let mut record = record.decode();
            if row.event.is_none() && matches!(record.content, Content::Event(_)) {
                record.content = Content::Duplicate;
            }
            let taken = worker.take(part, &record);
            assert!(!worker.is_expecting(part));
            if taken == Taken::OtherLog {
                self.forget();
            }
        }
    }

    fn part(&self, index: usize) -> Part {
        let all = self.all();
        all[index % all.len()]
    }

    /// All that is known of the partitions: what was read, and of those given back what was read then.
    fn read(&self) -> Shop {
        let mut shop = Shop::default();
        let Some(worker) = &self.worker else { return shop };
        let held: BTreeMap<Part, i64> =
            worker.positions().map(|(part, position)| (part, position.next)).collect();
        let known = self.known.iter().filter(|(part, _)| !held.contains_key(part));
        for (part, next) in known.map(|(part, (next, _))| (*part, *next)).chain(held.clone()) {
            for row in &self.logs[&part][..usize::try_from(next).unwrap()] {
                match &row.event {
                    Some(Event::Order(order)) => shop.orders.push(order.clone()),
                    Some(Event::Delivery(delivery)) => shop.deliveries.push(delivery.clone()),
                    Some(Event::Handled(handled)) => shop.handled.push(handled.clone()),
                    None => {}
                }
            }
        }
        shop
    }

    /// Of the last order of each partition, the one that was sold last.
    pub(super) fn newest(&self) -> Option<&Order> {
        fn order(row: &Row) -> Option<&Order> {
            match &row.event {
                Some(Event::Order(order)) => Some(order),
                _ => None,
            }
        }
        let last = self.logs.values().filter_map(|rows| rows.iter().rev().find_map(order));
        last.max_by_key(|order| (order.created_at, order.order_id))
    }

    /// `false` where the process has to end.
    fn checkpoint(&mut self) -> bool {
        let (read, all, written) = (self.read(), self.all(), self.store.written());
        let Some(worker) = &mut self.worker else { return false };
        let held: Vec<Part> = worker.positions().map(|(part, _)| part).collect();
        let missing = || all.iter().filter(|part| !held.contains(part) && !self.logs[part].is_empty());
        // Whoever holds the first partition writes for all of which it knows; those without records need not be known.
        let is_whole = held.contains(&all[0]) && missing().all(|part| self.known.contains_key(part));
        let known = missing().filter_map(|part| self.known.get(part));
        self.issues.closed = known.fold(worker.closed_before(), |closed, (_, known)| closed.min(*known));
        let done = worker.checkpoint(Some(self.now));
        if is_whole && !matches!(done, Err(Trouble::Retired { .. })) {
            self.issues.settle(&read, self.zone);
        }
        if self.store.written() > written {
            self.saved = self.issues.clone();
        }
        done.is_ok()
    }

    fn play(&mut self, step: &Step) {
        self.now += 7;
        match *step {
            Step::Take { part, count } => self.take(self.part(part), count),
            Step::Redeliver { part, count } => {
                if let Some((cursor, from)) = self.cursors.get_mut(&self.part(part)) {
                    // Kafka never goes back behind where it was told to begin, and that record comes first.
                    *cursor = cursor.saturating_sub(count).max(*cursor.min(&mut (*from + 1)));
                }
            }
            Step::Checkpoint => {
                // A failure may pass; now and then the process is told to end instead.
                if !self.checkpoint() && !self.checkpoint() {
                    self.start(Fault::None);
                }
            }
            Step::Close(days) => {
                let date = self.zone.date(self.now) + chrono::Duration::days(days);
                for part in self.all() {
                    self.take(part, usize::MAX >> 1);
                }
                if let Some(worker) = &mut self.worker {
                    worker.close_before(date);
                    for (part, _) in worker.positions() {
                        let closed = self.closed.entry(part).or_insert(date);
                        *closed = date.max(*closed);
                    }
                }
            }
            Step::Rebalance { keep, lost } => self.rebalance(keep, lost),
            Step::Crash(fault) => self.start(fault),
            Step::OtherLog(less) => {
                self.epoch += 1;
                self.replaced = true;
                for rows in self.logs.values_mut() {
                    // What was a duplicate of an order that is left out would be none any more.
                    rows.retain(|row| row.event.is_some());
                    rows.drain(..less.min(rows.len()));
                    if rows.is_empty() {
                        rows.push(Row { payload: None, timestamp: 0, event: None });
                    }
                    for row in rows {
                        row.timestamp = self.epoch;
                    }
                }
                self.start(Fault::None);
                // The first record of each partition shows it.
                for part in self.all() {
                    self.take(part, 1);
                }
            }
        }
    }

    fn rebalance(&mut self, keep: u8, lost: bool) {
        let saved = !lost && self.checkpoint();
        let held: Vec<Part> = self.cursors.keys().copied().collect();
        let kept: Vec<Part> = self
            .all()
            .into_iter()
            .zip(0..)
            .filter(|(_, bit)| keep >> bit & 1 == 1)
            .map(|(part, _)| part)
            .collect();
        self.cursors.clear();
        if let Some(worker) = &mut self.worker {
            for (part, position) in worker.positions().filter(|(part, _)| held.contains(part)) {
                self.known.insert(part, (position.next, self.closed.remove(&part)));
            }
            worker.revoke(&held);
        }
        self.assign(&kept);
        if saved {
            return;
        }
        // Until the loop sees it, some more is taken, and a checkpoint may fall due.
        for part in kept {
            self.take(part, 2);
        }
        if !self.checkpoint() {
            self.start(Fault::None);
        }
    }

    /// A process without faults reads to the end and closes the days before the last moment's.
    fn finish(&mut self) -> ShopFigures {
        self.start(Fault::None);
        for part in self.all() {
            self.take(part, usize::MAX >> 1);
        }
        let date = self.zone.date(self.now);
        self.worker.as_mut().unwrap().close_before(date);
        assert!(self.checkpoint());
        assert!(self.checkpoint());
        let figures = self.worker.as_ref().unwrap().figures(self.now);
        let parts: Vec<PartFigures> = figures.into_iter().map(|(_, _, figures)| figures.into()).collect();
        summarize(parts.iter(), self.now, self.zone)
    }

    /// The lines of the files of a folder, sorted, without a heading.
    pub(super) fn lines(&self, folder: &str, heading: usize) -> BTreeMap<String, Vec<String>> {
        let files = self.disk.all();
        let ours = files.iter().filter(|(path, _)| path.starts_with(folder));
        ours.map(|(path, bytes)| {
            let text = String::from_utf8(bytes.clone()).unwrap();
            let mut lines: Vec<String> = text.lines().skip(heading).map(str::to_owned).collect();
            lines.sort_unstable();
            (path.clone(), lines)
        })
        .collect()
    }
}

pub(super) fn played<V: View<Figures: Into<PartFigures>>, O: Output<V>>(
    place: usize,
    kinds: &[(usize, Kind)],
    steps: &[Step],
    make: fn(Zone) -> O,
) -> (World<V, O>, ShopFigures, Shop) {
    let (tz, now) = PLACES[place];
    let mut world = World::new(Zone(tz), now, logs(kinds, now, 0), make);
    world.start(Fault::None);
    for step in steps {
        world.play(step);
    }
    let figures = world.finish();
    let shop = world.read();
    let all: usize = world
        .all()
        .iter()
        .map(|part| world.logs[part].iter().filter(|row| row.event.is_some()).count())
        .sum();
    assert_eq!(shop.orders.len() + shop.deliveries.len() + shop.handled.len(), all, "all was read");
    (world, figures, shop)
}
