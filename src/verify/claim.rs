//! What a consumer says that it knows of a partition, and what it should know there.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{
    days::{Sums, fitting},
    difference::Differences,
};
use crate::{
    consumer::Part,
    handling::Resume,
    shop::{Delivery, Handled, Order, Zone},
    stream::board::PartState,
    views::{figures::HandledFigures, part::PartFigures},
};

/// Seconds of a slot of the charts.
const SLOT: i64 = 300;

/// What is said of one partition of one view, and by whom.
#[derive(Debug, Clone)]
pub struct Claim {
    /// `shop.state`, or where a checkpoint lies.
    pub by: &'static str,
    /// The view's name.
    pub view: &'static str,
    /// The partition.
    pub part: Part,
    /// Its figures, how far it has read, and the shop second that they are for.
    pub state: PartState,
}

/// Counts what a view should know, up to where the claims say that it has read.
#[derive(Debug)]
pub(super) struct Witness {
    claims: Vec<Claim>,
    /// The offset behind the last record that counts.
    next: i64,
    now: i64,
    today: NaiveDate,
    last_order_id: Option<u64>,
    /// Whether the last record that was read is there.
    seen_last: bool,
    /// Records behind the position.
    pub(super) behind: u64,
    tally: Tally,
}

#[derive(Debug)]
enum Tally {
    OrdersToday { days: BTreeMap<NaiveDate, u64>, slots: BTreeMap<i64, u64> },
    Sales { days: BTreeMap<NaiveDate, i128>, slots: BTreeMap<i64, i128>, last_hour: i128 },
    DailyReport(Sums),
    Stock(Sums),
    Handling { accepted: u64, duplicates: u64, dead_letters: u64, handled: u64, sent_until: i64 },
    Mail(u64),
    Windows(Windows),
    Nothing,
}

#[derive(Debug, Default)]
struct Windows {
    total: u64,
    intervals: [u64; 24],
    last: [u64; 4],
}

/// The windows over handled orders, in seconds.
const WINDOWS: [(i64, &str); 4] = [(300, "5 min"), (1800, "30 min"), (3600, "1 h"), (7200, "2 h")];

impl Witness {
    pub(super) fn new(claim: Claim, zone: Zone) -> Self {
        let now = claim.state.shop_second;
        let tally = match &claim.state.figures {
            PartFigures::OrdersToday { .. } => {
                Tally::OrdersToday { days: BTreeMap::new(), slots: BTreeMap::new() }
            }
            PartFigures::Sales { .. } => {
                Tally::Sales { days: BTreeMap::new(), slots: BTreeMap::new(), last_hour: 0 }
            }
            PartFigures::DailyReport { .. } => Tally::DailyReport(Sums::default()),
            PartFigures::Stock { .. } => Tally::Stock(Sums::default()),
            PartFigures::Handling(resume) => Tally::Handling {
                accepted: 0,
                duplicates: 0,
                dead_letters: 0,
                handled: 0,
                sent_until: resume.sent_until.unwrap_or(i64::MIN),
            },
            PartFigures::Mail { .. } => Tally::Mail(0),
            PartFigures::HandledWindows(_) => Tally::Windows(Windows::default()),
            PartFigures::Journal { .. } => Tally::Nothing,
        };
        Self {
            next: claim.state.position.next,
            now,
            today: zone.date(now),
            last_order_id: None,
            seen_last: claim.state.position.last.is_none(),
            behind: 0,
            tally,
            claims: vec![claim],
        }
    }

    /// Takes a claim that is to be held against the same count; gives it back where it needs one of its own.
    pub(super) fn join(&mut self, claim: Claim) -> Option<Claim> {
        let same = self.claims.iter().any(|ours| {
            let (ours, theirs) = (&ours.state, &claim.state);
            (ours.position, ours.shop_second) == (theirs.position, theirs.shop_second)
                && std::mem::discriminant(&ours.figures) == std::mem::discriminant(&theirs.figures)
        });
        if same {
            self.claims.push(claim);
            return None;
        }
        Some(claim)
    }

    /// Whether the view has read the record at an offset.
    fn has_read(&mut self, offset: i64) -> bool {
        let read = offset < self.next;
        self.behind += u64::from(!read);
        let last = self.claims.first().and_then(|claim| claim.state.position.last);
        self.seen_last |= last.is_some_and(|last| last.offset == offset);
        read
    }

    /// A valid order with a new id.
    pub(super) fn order(&mut self, offset: i64, order: &Order, date: NaiveDate) {
        if !self.has_read(offset) {
            return;
        }
        self.last_order_id = Some(order.order_id);
        let second = order.second();
        match &mut self.tally {
            Tally::OrdersToday { days, slots } if date >= self.today => {
                *days.entry(date).or_default() += 1;
                if date == self.today {
                    *slots.entry(second.div_euclid(SLOT)).or_default() += 1;
                }
            }
            Tally::Sales { days, slots, last_hour } => {
                let ore = i128::from(order.total_ore);
                if date >= self.today {
                    *days.entry(date).or_default() += ore;
                }
                if date == self.today {
                    *slots.entry(second.div_euclid(SLOT)).or_default() += ore;
                }
                if second > self.now - 3600 && second <= self.now {
                    *last_hour += ore;
                }
            }
            Tally::DailyReport(sums) if date == self.today => sums.add(order),
            Tally::Stock(sums) => sums.add(order),
            Tally::Handling { accepted, .. } => *accepted += 1,
            _ => {}
        }
    }

    /// A record of orders without effect: a duplicate, or no order at all.
    pub(super) fn other(&mut self, offset: i64, is_duplicate: bool) {
        if self.has_read(offset)
            && let Tally::Handling { duplicates, dead_letters, .. } = &mut self.tally
        {
            *(if is_duplicate { duplicates } else { dead_letters }) += 1;
        }
    }

    pub(super) fn delivery(&mut self, offset: i64, delivery: Option<&Delivery>) {
        if self.has_read(offset)
            && let (Tally::Stock(sums), Some(delivery)) = (&mut self.tally, delivery)
        {
            sums.deliver(delivery);
        }
    }

    pub(super) fn handled(&mut self, offset: i64, handled: Option<&Handled>) {
        if !self.has_read(offset) {
            return;
        }
        let Some(handled) = handled else { return };
        match &mut self.tally {
            Tally::Mail(mails) => *mails += 1,
            Tally::Windows(windows) => windows.add(handled.second(), self.now),
            _ => {}
        }
    }

    /// An order of this partition that lies in the topic of handled orders.
    pub(super) fn was_handled(&mut self, order_id: u64, second: i64) {
        if let Tally::Handling { handled, sent_until, .. } = &mut self.tally
            && self.last_order_id.is_some_and(|last| order_id <= last)
            && second <= *sent_until
        {
            *handled += 1;
        }
    }

    /// Holds each claim against what was counted.
    pub(super) fn compare(&self, found: &mut Differences) {
        let expected = self.expected();
        for claim in &self.claims {
            let Claim { by, view, part, state } = claim;
            let about = |what: &str| format!("{by}, {view} of {part}, {what}");
            if !self.seen_last {
                let offset = state.position.last.map_or(0, |last| last.offset);
                found.add(
                    "figures",
                    about("its last record"),
                    format!("a record at offset {offset}"),
                    "none",
                );
                continue;
            }
            if part.source == crate::views::Source::Orders {
                let id = |id: Option<u64>| id.map_or("none".to_owned(), |id| id.to_string());
                let (ours, theirs) = (id(self.last_order_id), id(state.position.last_order_id));
                found.compare("figures", about("the highest order id"), &ours, &theirs);
            }
            let said = said(&state.figures);
            for (what, value) in &expected {
                found.compare("figures", about(what), value, said.get(what).unwrap_or(&"nothing".to_owned()));
            }
            for (what, value) in said.iter().filter(|(what, _)| !expected.contains_key(*what)) {
                found.add("figures", about(what), "nothing", value);
            }
        }
    }

    /// The figures that follow from the log.
    fn expected(&self) -> Facts {
        let mut facts = Facts::new();
        match &self.tally {
            Tally::OrdersToday { days, slots } => {
                facts.extend(days.iter().take(3).map(|(date, count)| fact(day_key(*date), count)));
                facts.extend(slots.iter().map(|(slot, count)| fact(slot_key(*slot), count)));
            }
            Tally::Sales { days, slots, last_hour } => {
                facts.extend(days.iter().take(3).map(|(date, ore)| fact(day_key(*date), fitting(*ore))));
                facts.extend(slots.iter().map(|(slot, ore)| fact(slot_key(*slot), fitting(*ore))));
                facts.extend([fact("the last hour", fitting(*last_hour))]);
            }
            Tally::DailyReport(sums) => {
                facts.extend([fact("orders", sums.orders), fact("sales", fitting(sums.sales_ore))]);
                facts.extend(sums.products.iter().flat_map(|(id, product)| {
                    let (sold, name) = (fitting(product.sold), &product.name.text);
                    [
                        fact(format!("units of product {id}"), sold),
                        fact(format!("name of product {id}"), name),
                    ]
                }));
            }
            Tally::Stock(sums) => {
                for (id, product) in &sums.products {
                    facts.extend([
                        fact(format!("sold of product {id}"), fitting(product.sold)),
                        fact(format!("delivered of product {id}"), fitting(product.delivered)),
                    ]);
                }
            }
            Tally::Handling { accepted, duplicates, dead_letters, handled, .. } => facts.extend([
                fact("orders", accepted),
                fact("duplicates", duplicates),
                fact("dead letters", dead_letters),
                fact("handled", handled),
            ]),
            Tally::Mail(mails) => facts.extend([fact("mails", mails)]),
            Tally::Windows(windows) => {
                facts.extend([fact("handled", windows.total)]);
                let last = WINDOWS.iter().zip(windows.last);
                facts.extend(last.map(|((_, name), count)| fact(format!("handled in {name}"), count)));
                facts.extend(intervals(&windows.intervals));
            }
            Tally::Nothing => {}
        }
        facts
    }

    /// What this partition should add to the figures of the whole shop at a date.
    pub(super) fn add_to(&self, whole: &mut Whole, today: NaiveDate) {
        match &self.tally {
            Tally::OrdersToday { days, .. } => whole.orders_today += days.get(&today).copied().unwrap_or(0),
            Tally::Sales { days, last_hour, .. } => {
                whole.sales_today += days.get(&today).copied().unwrap_or(0);
                whole.last_hour += last_hour;
            }
            Tally::Stock(sums) => whole.stock.merge(sums),
            Tally::Handling { accepted, duplicates, dead_letters, handled, .. } => {
                whole.produced += accepted;
                whole.duplicates += duplicates;
                whole.dead_letters += dead_letters;
                whole.pending += accepted.saturating_sub(*handled);
            }
            Tally::Mail(mails) => whole.mails += mails,
            Tally::Windows(windows) => {
                whole.handled += windows.total;
                for (sum, count) in whole.last.iter_mut().zip(windows.last) {
                    *sum += count;
                }
            }
            Tally::DailyReport(_) | Tally::Nothing => {}
        }
    }

    /// The first claim, of which there is always one.
    pub(super) fn claim(&self) -> Option<&Claim> {
        self.claims.first()
    }
}

impl Windows {
    fn add(&mut self, second: i64, now: i64) {
        self.total += 1;
        let age = now - second;
        if age < 0 {
            return;
        }
        for (count, (length, _)) in self.last.iter_mut().zip(WINDOWS) {
            *count += u64::from(age < length);
        }
        let back = usize::try_from(age / SLOT).unwrap_or(usize::MAX);
        if let Some(count) = self.intervals.iter_mut().rev().nth(back) {
            *count += 1;
        }
    }
}

/// The figures of the whole shop.
#[derive(Debug, Default)]
pub(super) struct Whole {
    pub(super) orders_today: u64,
    pub(super) sales_today: i128,
    pub(super) last_hour: i128,
    pub(super) produced: u64,
    pub(super) pending: u64,
    pub(super) duplicates: u64,
    pub(super) dead_letters: u64,
    pub(super) mails: u64,
    pub(super) handled: u64,
    /// By window.
    pub(super) last: [u64; 4],
    pub(super) stock: Sums,
}

type Facts = BTreeMap<String, String>;

fn fact(what: impl Into<String>, value: impl std::fmt::Display) -> (String, String) {
    (what.into(), format!("{value}"))
}

fn day_key(date: NaiveDate) -> String {
    format!("the day {date}")
}

fn slot_key(slot: i64) -> String {
    format!("the five minutes from second {}", slot.saturating_mul(SLOT))
}

fn intervals(counts: &[u64; 24]) -> impl Iterator<Item = (String, String)> + '_ {
    counts
        .iter()
        .zip(1..)
        .map(|(count, number)| fact(format!("handled in five-minute interval {number}"), count))
}

/// The figures as they are said.
fn said(figures: &PartFigures) -> Facts {
    let mut facts = Facts::new();
    match figures {
        PartFigures::OrdersToday { days, slots } => {
            facts.extend(days.iter().map(|(date, count)| fact(day_key(*date), count)));
            facts.extend(slots.iter().map(|(slot, count)| fact(slot_key(*slot), count)));
        }
        PartFigures::Sales { days, slots, last_hour_ore } => {
            facts.extend(days.iter().map(|(date, ore)| fact(day_key(*date), ore)));
            facts.extend(slots.iter().map(|(slot, ore)| fact(slot_key(*slot), ore)));
            facts.extend([fact("the last hour", last_hour_ore)]);
        }
        PartFigures::DailyReport { today, .. } => {
            facts.extend([fact("orders", today.orders), fact("sales", today.sales_ore)]);
            facts.extend(today.products.iter().flat_map(|(id, product)| {
                let (units, name) = (product.units, &product.name);
                [fact(format!("units of product {id}"), units), fact(format!("name of product {id}"), name)]
            }));
        }
        PartFigures::Stock { lines } => facts.extend(lines.iter().flat_map(|line| {
            let id = line.product_id;
            [
                fact(format!("sold of product {id}"), line.sold),
                fact(format!("delivered of product {id}"), line.delivered),
            ]
        })),
        PartFigures::Handling(Resume { figures, .. }) => facts.extend([
            fact("orders", figures.accepted),
            fact("duplicates", figures.duplicates),
            fact("dead letters", figures.dead_letters),
            fact("handled", figures.handled),
        ]),
        PartFigures::Mail { mails, .. } => facts.extend([fact("mails", mails)]),
        PartFigures::HandledWindows(windows) => {
            let HandledFigures {
                total, last_5_min, last_30_min, last_1_h, last_2_h, intervals: counts, ..
            } = windows;
            facts.extend([fact("handled", total)]);
            let last = WINDOWS.iter().zip([last_5_min, last_30_min, last_1_h, last_2_h]);
            facts.extend(last.map(|((_, name), count)| fact(format!("handled in {name}"), count)));
            facts.extend(intervals(counts));
        }
        PartFigures::Journal { .. } => {}
    }
    facts
}
