//! The audit of a running shop: the same counts, kept up to date record by record, which can be compared with the
//! consumers' states at any time.
//!
//! Each partition of a consumer is counted exactly up to its claimed position, so that both sides count the same
//! records. Records that some consumer has not claimed yet are buffered, up to a limit for each partition; a consumer
//! that lags by more is compared again once it has caught up.

mod expected_counts;

use std::collections::{BTreeMap, HashMap, VecDeque};

use self::expected_counts::{Event, ExpectedCounts};
use super::{
    claim::Claim, difference::Differences, duplicate_rule::Duplicates, expected_figures::Whole,
    named_figures::said, order_set::OrderSet, record::Record, replayed_log::fingerprint, sales_sums::fitting,
};
use crate::{
    consumer::{Part, Rule},
    consumers::{
        DailyReport, HandledWindows, Handling, Mail, NAMES, OrdersToday, PartFigures, Sales, Stock, reads,
    },
    shop::{Delivery, Handled, Order, Zone},
    views::{Source, View, shop_figures::ShopFigures},
};

/// Records of a partition that are kept for consumers that are behind.
const KEPT: usize = 50_000;

/// A figure that is compared with the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Figure {
    OrdersToday,
    SalesToday,
    SalesLastHour,
    PiecesToday,
    InStock,
    Pending,
    Handled,
    HandledLast5Min,
    HandledLast30Min,
    HandledLast1H,
    HandledLast2H,
    Mails,
    Duplicates,
    DeadLetters,
}

impl Figure {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 14] = [
        Self::OrdersToday,
        Self::SalesToday,
        Self::SalesLastHour,
        Self::PiecesToday,
        Self::InStock,
        Self::Pending,
        Self::Handled,
        Self::HandledLast5Min,
        Self::HandledLast30Min,
        Self::HandledLast1H,
        Self::HandledLast2H,
        Self::Mails,
        Self::Duplicates,
        Self::DeadLetters,
    ];

    /// Whose it is.
    pub fn view(self) -> &'static str {
        match self {
            Self::OrdersToday => OrdersToday::NAME,
            Self::SalesToday | Self::SalesLastHour => Sales::NAME,
            Self::PiecesToday => DailyReport::NAME,
            Self::InStock => Stock::NAME,
            Self::Pending | Self::Duplicates | Self::DeadLetters => Handling::NAME,
            Self::Handled
            | Self::HandledLast5Min
            | Self::HandledLast30Min
            | Self::HandledLast1H
            | Self::HandledLast2H => HandledWindows::NAME,
            Self::Mails => Mail::NAME,
        }
    }

    /// Whether it is an amount, in öre.
    pub fn is_money(self) -> bool {
        matches!(self, Self::SalesToday | Self::SalesLastHour)
    }

    fn counted(self, whole: &Whole) -> i64 {
        let [five, thirty, hour, two_hours] = whole.last;
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        match self {
            Self::OrdersToday => count(whole.orders_today),
            Self::SalesToday => fitting(whole.sales_today),
            Self::SalesLastHour => fitting(whole.last_hour),
            Self::PiecesToday => fitting(whole.today.products.values().map(|product| product.sold).sum()),
            Self::InStock => {
                let balance = |product: &super::sales_sums::Product| product.delivered - product.sold;
                fitting(whole.stock.products.values().map(balance).sum())
            }
            Self::Pending => count(whole.pending),
            Self::Handled => count(whole.handled),
            Self::HandledLast5Min => count(five),
            Self::HandledLast30Min => count(thirty),
            Self::HandledLast1H => count(hour),
            Self::HandledLast2H => count(two_hours),
            Self::Mails => count(whole.mails),
            Self::Duplicates => count(whole.duplicates),
            Self::DeadLetters => count(whole.dead_letters),
        }
    }

    fn shown(self, figures: &ShopFigures) -> i64 {
        let handled = &figures.handled;
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        match self {
            Self::OrdersToday => count(figures.orders_today),
            Self::SalesToday => figures.sales_today_ore,
            Self::SalesLastHour => figures.sales_last_hour_ore,
            Self::PiecesToday => {
                figures.products_today.values().fold(0, |sum, product| sum.saturating_add(product.units))
            }
            Self::InStock => figures.stock.iter().fold(0, |sum, line| sum.saturating_add(line.balance())),
            Self::Pending => count(figures.pending),
            Self::Handled => count(handled.total),
            Self::HandledLast5Min => count(handled.last_5_min),
            Self::HandledLast30Min => count(handled.last_30_min),
            Self::HandledLast1H => count(handled.last_1_h),
            Self::HandledLast2H => count(handled.last_2_h),
            Self::Mails => count(figures.mails),
            Self::Duplicates => count(figures.duplicates),
            Self::DeadLetters => count(figures.dead_letters),
        }
    }
}

/// One figure, counted and shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Which.
    pub figure: Figure,
    /// The count from the log: up to its end if the consumer lags, otherwise up to the consumer's position.
    pub truth: i64,
    /// The sum of the consumers' states.
    pub screen: i64,
    /// Records that its consumer should have read by now.
    pub behind: u64,
    /// Whether any figure of its consumer differs from the log.
    pub differs: bool,
}

/// What a comparison came to.
#[derive(Debug, Clone, Default)]
pub struct Check {
    /// The figures of the screen.
    pub rows: Vec<Row>,
    /// How many values were compared: days, five minutes, products, windows, of each partition.
    pub values: u64,
    /// Records that consumers should have read by now, all consumers together.
    pub behind: u64,
    /// The differences from the log.
    pub found: Differences,
}

/// A partition of the orders.
#[derive(Debug)]
struct Partition {
    duplicates: Duplicates,
    known: OrderSet,
    handled: HandledOrders,
}

/// The handled orders of a partition of the orders.
#[derive(Debug, Clone, Default)]
struct HandledOrders {
    /// Those up to the last claim.
    counted: u64,
    /// The others: the order's index, and the second of the handling.
    waiting: Vec<(usize, i64)>,
}

impl HandledOrders {
    /// How many of the first `orders` were handled by a second; neither may decrease.
    fn count(&mut self, orders: usize, until: i64) -> u64 {
        let waiting = self.waiting.len();
        self.waiting.retain(|(index, second)| *index >= orders || *second > until);
        self.counted += (waiting - self.waiting.len()) as u64;
        self.counted
    }

    fn all(&self) -> u64 {
        self.counted + self.waiting.len() as u64
    }
}

/// The records of a partition that some consumer has not claimed yet.
#[derive(Debug, Default)]
struct Tail {
    events: VecDeque<(i64, Event)>,
    /// The offset up to which it was read.
    read: i64,
}

impl Tail {
    /// How many of the records lie between two offsets.
    fn between(&self, from: i64, to: i64) -> u64 {
        let before = |offset: i64| self.events.partition_point(|(at, _)| *at < offset);
        (before(to).saturating_sub(before(from))) as u64
    }
}

/// Everything that follows from the log so far.
#[derive(Debug)]
pub struct Live {
    zone: Zone,
    /// By which rule orders are duplicates.
    ids: Rule,
    handled_partitions: i32,
    partitions: BTreeMap<i32, Partition>,
    tails: HashMap<Part, Tail>,
    counts: HashMap<(&'static str, Part), ExpectedCounts>,
    /// Handled orders whose order was not read yet, with their partition.
    unjoined: Vec<(i32, Handled)>,
    /// How many records were read.
    records: u64,
}

impl Live {
    /// An empty log in which orders are duplicates by the rule `ids`.
    pub fn new(zone: Zone, ids: Rule, handled_partitions: i32) -> Self {
        Self {
            zone,
            ids,
            handled_partitions: handled_partitions.max(1),
            partitions: BTreeMap::new(),
            tails: HashMap::new(),
            counts: HashMap::new(),
            unjoined: Vec::new(),
            records: 0,
        }
    }

    /// How many records were read.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Adds the next record of a partition; `false` if its offset was read before: then the log was replaced.
    pub fn take(&mut self, source: Source, record: &Record<'_>) -> bool {
        let part = Part { source, partition: record.partition };
        let tail = self.tails.entry(part).or_default();
        if record.offset < tail.read {
            return false;
        }
        tail.read = record.offset + 1;
        self.records += 1;
        let event = match source {
            Source::Orders => self.judge(record),
            Source::Deliveries => Event::Delivery(Delivery::decode(record.payload).ok()),
            Source::Handled => match Handled::decode(record.payload) {
                Ok(handled) => {
                    let event = Event::handled(&handled);
                    self.unjoined.push((record.partition, handled));
                    event
                }
                Err(_) => Event::NoOrder,
            },
        };
        let tail = self.tails.entry(part).or_default();
        tail.events.push_back((record.offset, event));
        if tail.events.len() > KEPT {
            self.forget(part);
        }
        true
    }

    /// Notes that everything before this offset is read.
    pub fn has_read(&mut self, part: Part, offset: i64) {
        let tail = self.tails.entry(part).or_default();
        tail.read = tail.read.max(offset);
    }

    /// Up to where a partition was read.
    pub fn next(&self, part: Part) -> i64 {
        self.tails.get(&part).map_or(0, |tail| tail.read)
    }

    fn judge(&mut self, record: &Record<'_>) -> Event {
        let Ok(order) = Order::decode(record.payload) else { return Event::NoOrder };
        let ids = self.ids;
        let partition = self.partitions.entry(record.partition).or_insert_with(|| Partition {
            duplicates: Duplicates::new(ids),
            known: OrderSet::default(),
            handled: HandledOrders::default(),
        });
        if partition.duplicates.has(&order, &partition.known) {
            return Event::Duplicate;
        }
        let created_ms = order.created_at.timestamp_millis();
        let print = fingerprint(created_ms, &order.customer, order.total_ore);
        partition.known.push(order.order_id, print, false);
        let date = self.zone.date(order.second());
        Event::Order(Box::new(order), date)
    }

    /// Matches the handled orders with their orders.
    fn join(&mut self) {
        let modulus = self.handled_partitions;
        let partitions = &mut self.partitions;
        self.unjoined.retain(|(handled_partition, handled)| {
            let created_ms = handled.created_at.timestamp_millis();
            let print = fingerprint(created_ms, &handled.customer, handled.total_ore);
            let there = partitions
                .iter()
                .filter(|(number, _)| number.rem_euclid(modulus) == *handled_partition)
                .flat_map(|(number, partition)| {
                    partition.known.find(handled.order_id).map(move |index| (*number, partition, index))
                })
                .find(|(_, Partition { known, .. }, index)| {
                    known.digest(*index) == Some(print) && !known.is_handled(*index)
                })
                .map(|(number, _, index)| (number, index));
            let Some((number, index)) = there else { return true };
            if let Some(partition) = partitions.get_mut(&number) {
                partition.known.handle(index);
                partition.handled.waiting.push((index, handled.second()));
            }
            false
        });
    }

    /// Drops the records that every consumer has claimed, and those beyond the limit.
    fn forget(&mut self, part: Part) {
        let readers = || NAMES.into_iter().filter(move |view| reads(view, part.source));
        let Some(tail) = self.tails.get_mut(&part) else { return };
        let too_old = tail.events.len().checked_sub(KEPT).and_then(|place| tail.events.get(place));
        if let Some((offset, _)) = too_old {
            let offset = *offset;
            for view in readers() {
                let count = self.counts.entry((view, part)).or_insert_with(|| ExpectedCounts::of(view));
                count.advance(&tail.events, offset);
            }
        }
        let claimed = readers().map(|view| self.counts.get(&(view, part)).map_or(0, |count| count.next));
        let claimed = claimed.min().unwrap_or(i64::MAX);
        while tail.events.front().is_some_and(|(offset, _)| *offset < claimed) {
            tail.events.pop_front();
        }
    }

    /// Counts up to the claims and drops what all have claimed: for a log that is read from its beginning.
    pub fn follow(&mut self, claims: &[Claim]) {
        for claim in claims {
            self.advance(claim);
        }
        for part in self.tails.keys().copied().collect::<Vec<_>>() {
            self.forget(part);
        }
    }

    fn advance(&mut self, claim: &Claim) {
        let count =
            self.counts.entry((claim.view, claim.part)).or_insert_with(|| ExpectedCounts::of(claim.view));
        if let Some(tail) = self.tails.get(&claim.part) {
            count.advance(&tail.events, claim.state.position.next.min(tail.read));
        }
    }

    /// Compares claims, one for each view and partition, and the figures that they add up to with the log. Consumers
    /// should have read everything before the ends `due`.
    pub fn check(&mut self, claims: &[Claim], figures: &ShopFigures, due: &HashMap<Part, i64>) -> Check {
        self.join();
        self.follow(claims);
        let mut check = Check::default();
        let today = self.zone.date(figures.shop_second);
        let (mut counted, mut ended) = (Whole::default(), Whole::default());
        let mut differing: BTreeMap<&str, u64> = BTreeMap::new();
        for claim in claims {
            let Claim { view, part, state, .. } = claim;
            let Some(count) = self.counts.get(&(*view, *part)) else { continue };
            // If the count is ahead of a consumer, they cannot be compared: the consumer lags.
            if count.next > state.position.next {
                continue;
            }
            let before = check.found.count();
            if count.next < state.position.next {
                let what = format!("{view} of {part}, its position");
                check.found.compare("figures", what, &count.next, &state.position.next);
                *differing.entry(view).or_default() += 1;
                continue;
            }
            let handled = match &state.figures {
                PartFigures::Handling(resume) => {
                    let until = resume.sent_until.unwrap_or(i64::MIN);
                    let partition = self.partitions.get_mut(&part.partition);
                    partition.map_or(0, |known| known.handled.count(count.orders(), until))
                }
                _ => 0,
            };
            let tally = count.at(state.shop_second, self.zone, handled);
            let (expected, said) = (tally.facts(), said(&state.figures));
            let about = |what: &str| format!("{view} of {part}, {what}");
            for (what, value) in &expected {
                let found = said.get(what).map_or("nothing", String::as_str);
                check.found.compare("figures", about(what), value.as_str(), found);
            }
            for (what, value) in said.iter().filter(|(what, _)| !expected.contains_key(*what)) {
                check.found.add("figures", about(what), "nothing", value);
            }
            check.values += expected.len() as u64;
            *differing.entry(view).or_default() += check.found.count() - before;
            tally.add_to(&mut counted, today);
        }
        for (_, handled) in &self.unjoined {
            let what = format!("the handled order {}", handled.order_id);
            check.found.add("handled orders", what, "an order that it is of", "none");
            *differing.entry(Handling::NAME).or_default() += 1;
        }
        let behind = self.behind(claims, due);
        for (key, count) in &mut self.counts {
            count.prune(figures.shop_second, self.zone);
            let (view, part) = key;
            let mut count = count.clone();
            if let Some(tail) = self.tails.get(part) {
                count.advance(&tail.events, tail.read);
            }
            let handled = match self.partitions.get(&part.partition) {
                Some(known) if *view == Handling::NAME => known.handled.all(),
                _ => 0,
            };
            count.at(figures.shop_second, self.zone, handled).add_to(&mut ended, today);
        }
        check.behind = behind.values().sum();
        check.rows = Figure::ALL
            .into_iter()
            .map(|figure| {
                let behind = behind.get(figure.view()).copied().unwrap_or(0);
                let truth = figure.counted(if behind > 0 { &ended } else { &counted });
                let screen = figure.shown(figures);
                let differs = differing.get(figure.view()).is_some_and(|count| *count > 0);
                Row { figure, truth, screen, behind, differs: differs || behind == 0 && truth != screen }
            })
            .collect();
        if check.behind == 0 {
            counted.compare(figures, &mut check.found);
        }
        check
    }

    /// Records before the ends `due` that consumers have not claimed, all consumers together.
    pub fn behind_of(&self, claims: &[Claim], due: &HashMap<Part, i64>) -> u64 {
        self.behind(claims, due).values().sum()
    }

    /// By view, the records before the ends `due` that it has not claimed.
    fn behind(&self, claims: &[Claim], due: &HashMap<Part, i64>) -> BTreeMap<&'static str, u64> {
        let claimed: HashMap<(&str, Part), i64> =
            claims.iter().map(|claim| ((claim.view, claim.part), claim.state.position.next)).collect();
        let mut behind = BTreeMap::new();
        for (part, tail) in &self.tails {
            let Some(end) = due.get(part) else { continue };
            for view in NAMES.into_iter().filter(|view| reads(view, part.source)) {
                let next = claimed.get(&(view, *part)).copied().unwrap_or(0);
                // Of dropped records, the offsets are counted.
                let ahead = self.counts.get(&(view, *part)).map_or(0, |count| count.next - next);
                let forgotten = u64::try_from(ahead).unwrap_or(0);
                *behind.entry(view).or_default() += forgotten + tail.between(next, *end);
            }
        }
        behind
    }
}
