use std::collections::BTreeMap;

use chrono::NaiveDate;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::{
    consumer::outputs::{JournalFiles, MailFiles, ReportFiles, StockFiles},
    shop::Catalog,
    sinks::memory::{Disk, MemoryFiles},
    store::MemoryStore,
    views::{
        DailyReport, Journal, Mail, Stock,
        figures::ShopFigures,
        naive::{self, PLACES, Shop, Sold, lines},
        summary::summarize,
    },
};

/// A record, before it has a partition's numbers.
#[derive(Debug, Clone)]
enum Kind {
    Order { distance: i64, sold: Vec<Sold> },
    Again { back: u64 },
    WrongTotal,
    Garbage(Option<Vec<u8>>),
    Delivery { product: u64, quantity: i64 },
    Handled { distance: i64 },
}

/// What happens to a process that runs a consumer.
#[derive(Debug, Clone)]
enum Step {
    /// So many more records of a partition come.
    Take {
        part: usize,
        count: usize,
    },
    /// The last ones come again.
    Redeliver {
        part: usize,
        count: usize,
    },
    Checkpoint,
    /// Everything in the log is read; the days before this one, counted from the middle one, are closed.
    Close(i64),
    /// Partitions are given back and others taken over, in good order or not.
    Rebalance {
        keep: u8,
        lost: bool,
    },
    /// The process ends, and the next one has these faults.
    Crash(Fault),
    /// Kafka has another log, without these many of the first events of each partition and without all that is none.
    OtherLog(usize),
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    None,
    Files { after: usize, kept: usize, for_good: bool },
    Store { after: usize, done: bool, for_good: bool },
}

fn kind() -> impl Strategy<Value = Kind> {
    let far = -200_000..200_000_i64;
    prop_oneof![
        8 => (far.clone(), lines()).prop_map(|(distance, sold)| Kind::Order { distance, sold }),
        1 => (0..3_u64).prop_map(|back| Kind::Again { back }),
        1 => Just(Kind::WrongTotal),
        1 => prop::option::of(prop::collection::vec(any::<u8>(), 0..4)).prop_map(Kind::Garbage),
        2 => (0..5_u64, 1..1000_i64).prop_map(|(product, quantity)| Kind::Delivery { product, quantity }),
        6 => far.prop_map(|distance| Kind::Handled { distance }),
    ]
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        2 => Just(Fault::None),
        3 => (0..6_usize, 0..40_usize, any::<bool>())
            .prop_map(|(after, kept, for_good)| Fault::Files { after, kept, for_good }),
        3 => (0..4_usize, any::<bool>(), any::<bool>())
            .prop_map(|(after, done, for_good)| Fault::Store { after, done, for_good }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let part = || 0..PARTS;
    prop_oneof![
        8 => (part(), 1..6_usize).prop_map(|(part, count)| Step::Take { part, count }),
        1 => (part(), 1..6_usize).prop_map(|(part, count)| Step::Redeliver { part, count }),
        6 => Just(Step::Checkpoint),
        2 => (-3..4_i64).prop_map(Step::Close),
        1 => (any::<u8>(), any::<bool>()).prop_map(|(keep, lost)| Step::Rebalance { keep, lost }),
        2 => fault().prop_map(Step::Crash),
        1 => (0..20_usize).prop_map(Step::OtherLog),
    ]
}

/// Partitions of each log.
const PARTS: usize = 3;

#[derive(Debug, Clone)]
struct Row {
    payload: Option<Vec<u8>>,
    timestamp: i64,
    event: Option<Event>,
}

/// The records of one log, by partition: every order, delivery and handled order, each in its own topic.
type Logs = BTreeMap<Part, Vec<Row>>;

fn logs(kinds: &[(usize, Kind)], now: i64, epoch: i64) -> Logs {
    let mut logs = Logs::new();
    for source in [Source::Orders, Source::Deliveries, Source::Handled] {
        for partition in 0..PARTS {
            logs.insert(Part { source, partition: i32::try_from(partition).unwrap() }, Vec::new());
        }
    }
    let mut last = [None; PARTS];
    for ((partition, kind), id) in kinds.iter().zip(10_u64..) {
        let order = |id| naive::order(id, now, &[(1, 1, 1, 5)]);
        let (source, payload, event) = match kind {
            Kind::Order { distance, sold } => {
                last[*partition] = Some(id);
                let order = naive::order(id, now + distance, sold);
                (Source::Orders, serde_json::to_vec(&order).ok(), Some(Event::Order(order)))
            }
            Kind::Again { back } => match last[*partition] {
                Some(last) => (Source::Orders, serde_json::to_vec(&order(last - back)).ok(), None),
                None => (Source::Orders, None, None),
            },
            Kind::WrongTotal => {
                let order = Order { total_ore: 6, ..order(id) };
                (Source::Orders, serde_json::to_vec(&order).ok(), None)
            }
            Kind::Garbage(bytes) => (Source::Orders, bytes.clone(), None),
            Kind::Delivery { product, quantity } => {
                let delivery = naive::delivery(*product, now, *quantity);
                (Source::Deliveries, serde_json::to_vec(&delivery).ok(), Some(Event::Delivery(delivery)))
            }
            Kind::Handled { distance } => {
                let handled = naive::handled(id, now + distance, 40_999);
                (Source::Handled, serde_json::to_vec(&handled).ok(), Some(Event::Handled(handled)))
            }
        };
        let part = Part { source, partition: i32::try_from(*partition).unwrap() };
        logs.entry(part).or_default().push(Row { payload, timestamp: epoch, event });
    }
    logs
}

/// A day's report as it has to be: orders, sales, products, revision.
type Issue = (u64, i64, BTreeMap<u64, (String, i64)>, u32);

/// What the daily reports have to be, by the checkpoints that were made.
#[derive(Debug, Clone, Default)]
struct Issues {
    opened: Option<NaiveDate>,
    closed: Option<NaiveDate>,
    days: BTreeMap<NaiveDate, Issue>,
}

impl Issues {
    fn settle(&mut self, shop: &Shop, zone: Zone) {
        let Some(closed) = self.closed else { return };
        let opened = *self.opened.get_or_insert(closed);
        let first = shop.days(zone.0).into_iter().chain(self.days.keys().copied()).chain([opened]).min();
        let mut day = first.unwrap_or(closed);
        while day < closed {
            let (orders, sales) = shop.day(day, zone.0);
            let products = shop.products(Some(day), zone.0);
            let revision = match self.days.get(&day) {
                Some(old) if (old.0, old.1, &old.2) == (orders, sales, &products) => old.3,
                Some(old) => old.3 + 1,
                None => 0,
            };
            self.days.insert(day, (orders, sales, products, revision));
            day = day.succ_opt().unwrap();
        }
    }
}

type Running<V, O> = Worker<V, O, MemoryStore, MemoryFiles>;

/// A machine whose disk and store outlive its processes, and the Kafka that it reads.
struct World<V: View, O> {
    zone: Zone,
    now: i64,
    logs: Logs,
    epoch: i64,
    /// Whether the log was ever another one.
    replaced: bool,
    disk: Disk,
    store: MemoryStore,
    make: fn(Zone) -> O,
    worker: Option<Running<V, O>>,
    /// Where each partition is read, and where reading began.
    cursors: BTreeMap<Part, (usize, usize)>,
    /// Up to which date the days of each partition held were closed since it was assigned.
    closed: BTreeMap<Part, NaiveDate>,
    /// Of each partition that was given back: how much was read, and up to which date its days were closed.
    known: BTreeMap<Part, (i64, Option<NaiveDate>)>,
    issues: Issues,
    /// The issues as the store has them.
    saved: Issues,
}

impl<V: View, O: Output<V>> World<V, O> {
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
        let all = self.all();
        let Some(worker) = &mut self.worker else { return };
        worker.set_partitions(all.into_iter());
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
            let taken = worker.take(&Record { part, offset, timestamp: row.timestamp, key: None, payload });
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

    /// `false` where the process has to end.
    fn checkpoint(&mut self) -> bool {
        let (read, all, written) = (self.read(), self.all(), self.store.written());
        let Some(worker) = &mut self.worker else { return false };
        let held: Vec<Part> = worker.positions().map(|(part, _)| part).collect();
        let missing = || all.iter().filter(|part| !held.contains(part));
        // Whoever holds the first partition writes for all of which it knows.
        let is_whole = missing().next().is_none()
            || held.contains(&all[0]) && missing().all(|part| self.known.contains_key(part));
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
        let parts = self.worker.as_ref().unwrap().figures(self.now);
        summarize(parts.iter().map(|(_, _, figures)| figures), self.now, self.zone)
    }

    /// The lines of the files of a folder, sorted, without a heading.
    fn lines(&self, folder: &str, heading: usize) -> BTreeMap<String, Vec<String>> {
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

fn played<V: View, O: Output<V>>(
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

/// A time as the tables write it.
fn text(time: &chrono::DateTime<chrono::FixedOffset>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
}

fn sorted(mut files: BTreeMap<String, Vec<String>>) -> BTreeMap<String, Vec<String>> {
    for lines in files.values_mut() {
        lines.sort_unstable();
    }
    files
}

fn kinds() -> impl Strategy<Value = Vec<(usize, Kind)>> {
    prop::collection::vec((0..PARTS, kind()), 0..60)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 700, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_order_is_in_the_journal_once(place in 0..PLACES.len(), kinds in kinds(), steps in steps()) {
        let (world, _, shop) = played::<Journal, _>(place, &kinds, &steps, JournalFiles::new);
        let mut expected: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for order in &shop.orders {
            let rows = order.lines.iter().map(|line| format!(
                "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
                order.order_id, text(&order.created_at), order.customer.customer_id, order.customer.name,
                order.customer.email, line.product_id, line.name, line.quantity, line.unit_price_ore,
                line.quantity * line.unit_price_ore,
            ));
            let date = order.created_at.with_timezone(&world.zone.0).date_naive();
            expected.entry(format!("orders/{date}.txt")).or_default().extend(rows);
        }
        let newest = shop.orders.iter().max_by_key(|order| order.order_id).map(|order| order.order_id.to_string());
        let mut found = world.lines("orders/", 1);
        let last = found.remove("orders/last.txt");
        prop_assert_eq!(found, sorted(expected));
        prop_assert_eq!(last.map(|rows| rows[0].split('\t').next().unwrap().to_owned()), newest);
    }

    #[test]
    fn every_mail_and_its_row_is_there_once(place in 0..PLACES.len(), kinds in kinds(), steps in steps()) {
        let (world, figures, shop) = played::<Mail, _>(place, &kinds, &steps, MailFiles::new);
        let mut rows: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut mails: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for handled in &shop.handled {
            let date = handled.handled_at.with_timezone(&world.zone.0).date_naive();
            rows.entry(format!("handled/{date}.txt")).or_default().push(format!(
                "{}\t{}\t{}\t{}\t{}\t{}",
                handled.order_id, text(&handled.created_at), text(&handled.handled_at),
                handled.customer.customer_id, handled.customer.email, handled.total_ore,
            ));
            mails.entry(format!("mail/{date}.mbox")).or_default().push(format!("X-Order-Id: {}", handled.order_id));
        }
        prop_assert_eq!(world.lines("handled/", 1), sorted(rows));
        let mut found = world.lines("mail/", 0);
        for lines in found.values_mut() {
            prop_assert_eq!(lines.iter().filter(|line| line.starts_with("From orders@")).count(),
                lines.iter().filter(|line| line.starts_with("Thank you")).count());
            lines.retain(|line| line.starts_with("X-Order-Id: "));
        }
        prop_assert_eq!(found, sorted(mails));
        prop_assert_eq!(figures.mails, shop.handled.len() as u64);
    }

    #[test]
    fn every_report_is_right_and_counts_its_rewrites(place in 0..PLACES.len(), kinds in kinds(), steps in steps()) {
        let (world, _, _) = played::<DailyReport, _>(place, &kinds, &steps, |_| ReportFiles::default());
        let files = world.disk.all();
        let told = files.keys().filter(|path| path.starts_with("reports/") && path.contains(".json")).count();
        prop_assert_eq!(told, world.issues.days.len());
        for (date, (orders, sales, products, revision)) in &world.issues.days {
            let json: Value = serde_json::from_slice(&files[&format!("reports/{date}.json")]).unwrap();
            prop_assert_eq!(&json["date"], &date.to_string());
            prop_assert_eq!(&json["orders"], *orders);
            prop_assert_eq!(&json["sales_ore"], *sales);
            prop_assert_eq!(&json["revision"], *revision, "{}", date);
            let found: BTreeMap<u64, (String, i64)> = json["products"].as_array().unwrap().iter().map(|product| {
                let name = product["name"].as_str().unwrap().to_owned();
                (product["product_id"].as_u64().unwrap(), (name, product["units"].as_i64().unwrap()))
            }).collect();
            prop_assert_eq!(&found, products);
            let text = format!("reports/{date}.txt");
            prop_assert!(files.contains_key(&text));
        }
    }

    #[test]
    fn the_stock_table_is_what_was_delivered_less_what_was_sold(
        place in 0..PLACES.len(),
        kinds in kinds(),
        steps in steps(),
    ) {
        let (world, _, shop) = played::<Stock, _>(place, &kinds, &steps, |_| {
            let catalog = Catalog { products: Catalog::builtin().products.into_iter().take(2).collect() };
            StockFiles::new(&catalog)
        });
        let mut expected: BTreeMap<u64, (String, i128)> = BTreeMap::new();
        for (id, pieces) in shop.delivered() {
            expected.entry(id).or_default().1 += i128::from(pieces);
        }
        for (id, (name, pieces)) in shop.products(None, world.zone.0) {
            let product = expected.entry(id).or_default();
            *product = (name, product.1 - i128::from(pieces));
        }
        for product in Catalog::builtin().products.into_iter().take(2) {
            if let Some((name, _)) = expected.get_mut(&product.id).filter(|(name, _)| name.is_empty()) {
                *name = product.name;
            }
        }
        if expected.is_empty() {
            return Ok(());
        }
        let rows: Vec<String> =
            expected.iter().map(|(id, (name, balance))| format!("{id}\t{name}\t{balance}")).collect();
        let text = String::from_utf8(world.disk.read("stock.txt").unwrap()).unwrap();
        prop_assert_eq!(text.lines().skip(1).collect::<Vec<_>>(), rows);
        for (id, (_, balance)) in &expected {
            let key = format!("out/balance/{id}");
            let rows = world.store.scan(&key).unwrap();
            let row = rows.iter().find(|(found, _)| *found == key).unwrap();
            prop_assert_eq!(&row.1, &balance.to_string().into_bytes());
        }
    }
}

#[test]
fn a_checkpoint_that_cannot_be_read_is_emptied() {
    let part = Part { source: Source::Orders, partition: 0 };
    let mut store = MemoryStore::default();
    for (key, value) in [("position/orders/0.", "{"), ("part/orders/0/newest/0", "{")] {
        store.write(&Batch::from([(key.to_owned(), Some(value.into()))])).unwrap();
        let open = || {
            let files = MemoryFiles::new(&Disk::default());
            let output = JournalFiles::new(Zone::default());
            Worker::<Journal, _, _, _>::open(Zone::default(), output, store.clone(), files).unwrap().0
        };
        assert!(matches!(open().assign(part), Err(Trouble::Unreadable { .. })), "{key}");
        assert_eq!(open().assign(part).unwrap(), Start::Beginning, "{key}");
    }
}
