//! One to four machines share the partitions of a log: partitions move, machines are killed and come back, what they
//! hand over comes late or not at all, their clocks differ, and the log is made again.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::Value;

use crate::{
    consumer::{Handover, Output, Part, Record, Start, Taken, Worker, Written, position::Fingerprint},
    consumers::{DailyReport, Journal, daily_report::ReportFiles, journal::JournalFiles},
    shop::{Order, Zone},
    sinks::faulty_memory_files::{Disk, MemoryFiles},
    store::MemoryStore,
    views::{Source, View, naive},
};

/// 2026-03-27 23:59:40 in Stockholm.
const NOW: i64 = 1_774_652_380;
const DAY: i64 = 86_400;

/// What happens; `machine` and `part` count round.
#[derive(Debug, Clone)]
enum Step {
    /// So many orders are sold, some seconds before or after now.
    Sell {
        part: usize,
        count: usize,
        distance: i64,
    },
    Take {
        machine: usize,
        part: usize,
        count: usize,
    },
    /// A checkpoint, with what belongs to it. What others hand over is heard or not, and what it hands over arrives or not;
    /// a log that is another one is noticed or not.
    Save {
        machine: usize,
        hears: bool,
        is_heard: bool,
        notices: bool,
    },
    /// The machines that run get new shares; who has partitions gives them back first.
    Rebalance {
        shares: u64,
    },
    /// A process dies; its partitions are nobody's until the next rebalance.
    Kill {
        machine: usize,
    },
    /// One that does not run begins, and has no partitions before the next rebalance.
    Start {
        machine: usize,
    },
    /// So much time goes by.
    Wait {
        seconds: i64,
    },
    /// The topic is deleted and made again, with so many orders in each partition.
    MakeAgain {
        count: usize,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (machine, part) = (|| 0..4_usize, || 0..7_usize);
    let step = prop_oneof![
        6 => (part(), 1..5_usize, -DAY..100).prop_map(|(part, count, distance)| Step::Sell { part, count, distance }),
        8 => (machine(), part(), 1..9_usize).prop_map(|(machine, part, count)| Step::Take { machine, part, count }),
        8 => (machine(), prop::bool::weighted(0.7), prop::bool::weighted(0.7), any::<bool>())
            .prop_map(|(machine, hears, is_heard, notices)| Step::Save { machine, hears, is_heard, notices }),
        3 => any::<u64>().prop_map(|shares| Step::Rebalance { shares }),
        1 => machine().prop_map(|machine| Step::Kill { machine }),
        2 => machine().prop_map(|machine| Step::Start { machine }),
        2 => (1..2 * DAY).prop_map(|seconds| Step::Wait { seconds }),
        1 => (0..6_usize).prop_map(|count| Step::MakeAgain { count }),
    ];
    prop::collection::vec(step, 0..60)
}

struct Machine<V: View, O> {
    store: MemoryStore,
    disk: Disk,
    worker: Option<Worker<V, O>>,
    cursors: BTreeMap<Part, i64>,
    /// The positions of the last checkpoint, which the next one commits.
    checkpointed: BTreeMap<Part, i64>,
    /// The log that it reads.
    epoch: i64,
}

/// A Kafka with its machines.
struct Cluster<V: View, O> {
    machines: Vec<Machine<V, O>>,
    log: BTreeMap<Part, Vec<Order>>,
    epoch: i64,
    next_id: u64,
    now: i64,
    committed: BTreeMap<Part, (i64, usize)>,
    handed_over: BTreeMap<Part, Handover>,
    make: fn(Zone) -> O,
    /// Whether rows may be in two folders: a process died, or a new folder with all partitions was written whole.
    may_be_twice: bool,
}

fn count(rows: &[Order]) -> i64 {
    i64::try_from(rows.len()).unwrap()
}

impl<V: View, O: Output<V>> Cluster<V, O> {
    fn new(machines: usize, partitions: usize, make: fn(Zone) -> O) -> Self {
        let machine = || Machine {
            store: MemoryStore::default(),
            disk: Disk::default(),
            worker: None,
            cursors: BTreeMap::new(),
            checkpointed: BTreeMap::new(),
            epoch: 0,
        };
        let part = |partition| Part { source: Source::Orders, partition };
        Self {
            machines: (0..machines).map(|_| machine()).collect(),
            log: (0..i32::try_from(partitions).unwrap())
                .map(|partition| (part(partition), Vec::new()))
                .collect(),
            epoch: 0,
            next_id: 1,
            now: NOW,
            committed: BTreeMap::new(),
            handed_over: BTreeMap::new(),
            make,
            may_be_twice: false,
        }
    }

    fn part(&self, index: usize) -> Part {
        Part { source: Source::Orders, partition: i32::try_from(index % self.log.len()).unwrap() }
    }

    fn sell(&mut self, part: Part, many: usize, distance: i64) {
        for _ in 0..many {
            let order = naive::order(self.next_id, self.now + distance, &[(self.next_id % 3, 1, 1, 5)]);
            self.log.get_mut(&part).unwrap().push(order);
            self.next_id += 1;
        }
    }

    fn payload(&self, part: Part, offset: i64) -> Option<Vec<u8>> {
        let order = self.log[&part].get(usize::try_from(offset).unwrap())?;
        Some(serde_json::to_vec(order).unwrap())
    }

    fn fingerprint(&self, part: Part, offset: i64) -> Option<Fingerprint> {
        let payload = self.payload(part, offset)?;
        Some(self.record(part, offset, &payload).fingerprint())
    }

    /// Whether the log lacks the last record that a machine has applied of a partition.
    fn has_lost_what_was_read(&self, at: usize, part: Part) -> bool {
        let last = self.machines[at].worker.as_ref().unwrap().saved_last(part).unwrap();
        last.is_some_and(|last| self.fingerprint(part, last.offset) != Some(last))
    }

    fn record<'a>(&self, part: Part, offset: i64, payload: &'a [u8]) -> Record<'a> {
        Record { part, offset, timestamp: self.epoch, key: None, payload: Some(payload) }
    }

    fn open(&mut self, at: usize) {
        let machine = &mut self.machines[at];
        let files = MemoryFiles::new(&machine.disk);
        let zone = Zone::default();
        let opened = Worker::open(zone, (self.make)(zone), machine.store.clone(), files);
        let (worker, anew) = opened.unwrap();
        assert!(!anew, "the checkpoint did not fit");
        machine.worker = Some(worker);
        machine.cursors.clear();
        machine.checkpointed.clear();
        machine.epoch = self.epoch;
    }

    /// As `engine::view::assignment` takes partitions over.
    fn take_over(&mut self, at: usize, parts: &[Part]) {
        let has_all = parts.len() == self.log.len();
        let others: BTreeMap<Part, i64> = parts
            .iter()
            .filter_map(|part| {
                self.committed.get(part).filter(|(_, who)| *who != at).map(|(next, _)| (*part, *next))
            })
            .collect();
        let machine = &mut self.machines[at];
        let worker = machine.worker.as_mut().unwrap();
        let elsewhere = worker.read_elsewhere(others.clone().into_iter(), has_all).unwrap();
        self.may_be_twice |= elsewhere.is_empty() && !others.is_empty() && has_all;
        if elsewhere.keys().any(|part| self.has_lost_what_was_read(at, *part)) {
            self.machines[at].cursors.extend(parts.iter().map(|part| (*part, 0)));
            return self.begin_again(at);
        }
        let machine = &mut self.machines[at];
        let worker = machine.worker.as_mut().unwrap();
        let mut is_other_log = false;
        for part in parts {
            let start = match elsewhere.get(part) {
                Some(until) => worker.inherit(*part, self.handed_over.get(part), *until).unwrap(),
                None => worker.assign(*part).unwrap(),
            };
            let start = match start {
                Start::Offset(offset) => {
                    // Kafka says where the log ends.
                    is_other_log |= offset >= count(&self.log[part]);
                    offset
                }
                Start::Beginning => 0,
            };
            machine.cursors.insert(*part, start);
        }
        if is_other_log {
            self.begin_again(at);
        } else {
            // The first record of each shows whether it is the log of the checkpoint.
            for part in parts {
                if self.machines[at].worker.as_ref().unwrap().is_expecting(*part) && !self.take(at, *part, 1)
                {
                    break;
                }
            }
        }
    }

    /// Sets the state aside, because it is of another log.
    fn begin_again(&mut self, at: usize) {
        let parts: Vec<Part> = self.machines[at].cursors.keys().copied().collect();
        self.machines[at].worker.as_mut().unwrap().reset().unwrap();
        self.open(at);
        self.take_over(at, &parts);
    }

    /// `false` where it began again.
    fn take(&mut self, at: usize, part: Part, many: usize) -> bool {
        for _ in 0..many {
            let Some(cursor) = self.machines[at].cursors.get(&part).copied() else { return true };
            // A reader of a log that is gone is told nothing.
            if self.machines[at].epoch != self.epoch {
                return true;
            }
            let Some(payload) = self.payload(part, cursor) else { return true };
            let decoded = self.record(part, cursor, &payload).decode();
            let machine = &mut self.machines[at];
            let Some(worker) = &mut machine.worker else { return true };
            machine.cursors.insert(part, cursor + 1);
            if worker.take(part, &decoded) == Taken::OtherLog {
                self.begin_again(at);
                return false;
            }
        }
        true
    }

    /// As `engine::view::checkpoint` saves.
    fn save(&mut self, at: usize, hears: bool, is_heard: bool, notices: bool) {
        if self.machines[at].worker.is_none() {
            return;
        }
        if self.machines[at].epoch != self.epoch && notices {
            return self.begin_again(at);
        }
        let is_old = self.machines[at].epoch != self.epoch;
        let proven: Vec<(Part, Handover)> = self
            .handed_over
            .iter()
            .filter(|(part, state)| {
                hears
                    && state
                        .position
                        .last
                        .is_none_or(|last| self.fingerprint(**part, last.offset) == Some(last))
            })
            .map(|(part, state)| (*part, state.clone()))
            .collect();
        let machine = &mut self.machines[at];
        let worker = machine.worker.as_mut().unwrap();
        if !is_old {
            worker.set_ends(self.log.iter().map(|(part, rows)| (*part, count(rows))));
            let positions: Vec<_> = worker.positions().collect();
            let read = positions.iter().all(|(part, position)| {
                position.next >= count(&self.log[part]) && !worker.is_expecting(*part)
            });
            if read && !positions.is_empty() {
                worker.close_before(Zone::default().date(self.now));
            }
            for part in worker.missing().collect::<Vec<_>>() {
                if let Some((_, state)) = proven.iter().find(|(other, _)| *other == part) {
                    worker.learn(part, state);
                }
            }
        }
        worker.checkpoint(Some(self.now)).unwrap();
        let known: BTreeMap<Part, i64> = worker
            .positions()
            .filter(|(part, at)| at.next > 0 && !worker.is_expecting(*part) && worker.may_tell(*part))
            .map(|(part, position)| (part, position.next))
            .collect();
        if !is_old {
            for (part, next) in std::mem::replace(&mut machine.checkpointed, known) {
                self.committed.insert(part, (next, at));
            }
        }
        if is_heard {
            for (part, _) in worker.positions() {
                if !worker.is_expecting(part) && worker.may_tell(part) {
                    self.handed_over.insert(part, worker.handover(part).unwrap());
                }
            }
        }
    }

    /// Gives all partitions back in good order, and out again.
    fn rebalance(&mut self, mut shares: u64) {
        for at in 0..self.machines.len() {
            if self.machines[at].worker.is_none() {
                continue;
            }
            let parts: Vec<Part> = self.machines[at].cursors.keys().copied().collect();
            // Twice: what the first one wrote is committed by the second.
            self.save(at, false, true, true);
            self.save(at, false, true, true);
            let machine = &mut self.machines[at];
            machine.worker.as_mut().unwrap().revoke(&parts);
            machine.cursors.clear();
            machine.checkpointed.clear();
        }
        let running: Vec<usize> =
            (0..self.machines.len()).filter(|at| self.machines[*at].worker.is_some()).collect();
        if running.is_empty() {
            return;
        }
        let mut given: BTreeMap<usize, Vec<Part>> = BTreeMap::new();
        for part in self.log.keys() {
            let which = usize::try_from(shares % 4).unwrap();
            given.entry(running[which % running.len()]).or_default().push(*part);
            shares /= 4;
        }
        for (at, parts) in given {
            self.take_over(at, &parts);
        }
    }

    fn play(&mut self, step: &Step) {
        let machines = self.machines.len();
        match *step {
            Step::Sell { part, count, distance } => self.sell(self.part(part), count, distance),
            Step::Take { machine, part, count } => {
                let _ = self.take(machine % machines, self.part(part), count);
            }
            Step::Save { machine, hears, is_heard, notices } => {
                self.save(machine % machines, hears, is_heard, notices);
            }
            Step::Rebalance { shares } => self.rebalance(shares),
            Step::Kill { machine } => {
                let machine = &mut self.machines[machine % machines];
                machine.worker = None;
                machine.cursors.clear();
                self.may_be_twice = true;
            }
            Step::Start { machine } if self.machines[machine % machines].worker.is_none() => {
                self.open(machine % machines);
            }
            Step::Start { .. } => {}
            Step::Wait { seconds } => self.now += seconds,
            Step::MakeAgain { count } => {
                self.epoch += 1;
                self.committed.clear();
                for part in self.log.keys().copied().collect::<Vec<_>>() {
                    self.log.insert(part, Vec::new());
                    self.sell(part, count, -7);
                }
            }
        }
    }

    /// All machines run, read to the end and hear each other; returns the one that has partition 0.
    fn finish(&mut self, shares: u64) -> usize {
        for at in 0..self.machines.len() {
            if self.machines[at].worker.is_none() {
                self.open(at);
            }
        }
        if self.epoch > 0 {
            // Whoever has rows of a log that is gone sees it when it gets the partition again.
            for at in 0..u64::try_from(self.machines.len()).unwrap() {
                self.rebalance((0..7).fold(0, |shares, part| shares + (at << (2 * part))));
            }
        }
        self.rebalance(shares);
        // A day later nothing comes any more.
        self.now += DAY;
        for _ in 0..3 {
            for at in 0..self.machines.len() {
                for part in self.log.keys().copied().collect::<Vec<_>>() {
                    self.take(at, part, usize::MAX >> 1);
                }
                self.save(at, true, true, true);
            }
        }
        let first = self.part(0);
        self.machines.iter().position(|machine| machine.cursors.contains_key(&first)).unwrap()
    }

    fn text(&self, at: usize, path: &str) -> Option<String> {
        self.machines[at].disk.read(path).map(|bytes| String::from_utf8(bytes).unwrap())
    }
}

fn played<V: View, O: Output<V>>(
    (machines, partitions, shares): (usize, usize, u64),
    steps: &[Step],
    make: fn(Zone) -> O,
) -> (Cluster<V, O>, usize) {
    let mut cluster = Cluster::new(machines, partitions, make);
    for step in steps {
        cluster.play(step);
    }
    let writer = cluster.finish(shares);
    (cluster, writer)
}

fn size() -> impl Strategy<Value = (usize, usize, u64)> {
    (1..=4_usize, prop_oneof![Just(1_usize), Just(2), Just(3), Just(7)], any::<u64>())
}

/// Every row is in the folder whose checkpoint says so, and in no other unless a process died.
fn rows_are_where_checkpoints_say(size: (usize, usize, u64), steps: &[Step]) -> Result<(), TestCaseError> {
    let (cluster, writer) = played::<Journal, _>(size, steps, JournalFiles::new);
    let mut folders: BTreeMap<u64, usize> = BTreeMap::new();
    for (at, machine) in cluster.machines.iter().enumerate() {
        let worker = machine.worker.as_ref().unwrap();
        let mut expected = Vec::new();
        for (part, orders) in &cluster.log {
            let written: Written = worker.written(*part).unwrap().unwrap();
            let here = (0..).zip(orders).filter(|(offset, _)| written.has(*offset));
            expected.extend(here.map(|(_, order)| order.order_id));
        }
        expected.sort_unstable();
        let all = machine.disk.all();
        let tables = all.iter().filter(|(path, _)| path.starts_with("orders/2"));
        let text: String = tables.map(|(_, bytes)| String::from_utf8(bytes.clone()).unwrap()).collect();
        let mut rows: Vec<u64> =
            text.lines().filter_map(|row| row.split('\t').next()?.parse().ok()).collect();
        rows.sort_unstable();
        prop_assert_eq!(&rows, &expected, "machine {}", at);
        rows.dedup();
        prop_assert_eq!(rows.len(), expected.len(), "none is in a folder twice");
        for row in rows {
            *folders.entry(row).or_default() += 1;
        }
    }
    let all: BTreeSet<u64> = cluster.log.values().flatten().map(|order| order.order_id).collect();
    prop_assert_eq!(folders.keys().copied().collect::<BTreeSet<_>>(), all);
    if !cluster.may_be_twice {
        prop_assert!(folders.values().all(|count| *count == 1));
    }
    let newest = cluster.log.values().filter_map(|orders| orders.last());
    let newest = newest.max_by_key(|order| (order.created_at, order.order_id)).map(|order| order.order_id);
    for at in 0..cluster.machines.len() {
        let last = cluster.text(at, "orders/last.txt");
        let last = last.map(|text| text.lines().nth(1).unwrap().split('\t').next().unwrap().parse().unwrap());
        if at == writer {
            prop_assert_eq!(last, newest);
        } else if !cluster.machines[at].cursors.is_empty() {
            prop_assert_eq!(last, None::<u64>, "nobody takes an old one for the newest");
        }
    }
    Ok(())
}

#[test]
fn a_machine_that_was_away_while_the_log_was_made_again_keeps_no_row_of_the_old_one() {
    let (sell, take) = (
        |count| Step::Sell { part: 0, count, distance: 0 },
        |machine, count| Step::Take { machine, part: 0, count },
    );
    let rebalance = || Step::Rebalance { shares: 0 };
    let old = [sell(1), Step::Start { machine: 0 }, rebalance(), take(0, 1), rebalance()];
    let new = [
        Step::MakeAgain { count: 0 },
        Step::Kill { machine: 0 },
        Step::Start { machine: 1 },
        sell(2),
        rebalance(),
        take(1, 2),
    ];
    rows_are_where_checkpoints_say((2, 1, 0), &[&old[..], &new].concat()).unwrap();
}

proptest! {
    #![proptest_config(crate::testing::cases(1_000))]

    #[test]
    fn every_row_is_in_the_folder_whose_checkpoint_says_so(size in size(), steps in steps()) {
        rows_are_where_checkpoints_say(size, &steps)?;
    }

    #[test]
    fn whoever_has_the_first_partition_has_all_reports(size in size(), steps in steps()) {
        let (cluster, writer) = played::<DailyReport, _>(size, &steps, |_| ReportFiles::default());
        let mut days: BTreeMap<String, (u64, i64)> = BTreeMap::new();
        for order in cluster.log.values().flatten() {
            let date = order.created_at.with_timezone(&Zone::default().0).date_naive();
            if date < Zone::default().date(cluster.now) {
                let (orders, sales) = days.entry(date.to_string()).or_default();
                *orders += 1;
                *sales += order.total_ore;
            }
        }
        for (date, (orders, sales)) in days {
            let text = cluster.text(writer, &format!("reports/{date}.json"));
            prop_assert!(text.is_some(), "{} has a report", date);
            let report: Value = serde_json::from_str(&text.unwrap()).unwrap();
            prop_assert_eq!(report["orders"].as_u64(), Some(orders), "{}", date);
            prop_assert_eq!(report["sales_ore"].as_i64(), Some(sales), "{}", date);
        }
    }
}
