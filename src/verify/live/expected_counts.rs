//! What a consumer should know of a partition, counted along; for any second of shop time that has not passed yet.

use std::collections::{BTreeMap, VecDeque};

use chrono::NaiveDate;

use super::super::{
    expected_figures::{ExpectedFigures, Windows, has_slots, is_in_windows, three_digits},
    named_figures::SLOT,
    sales_sums::Sums,
};
use crate::{
    consumers::{DailyReport, HandledWindows, Handling, Mail, OrdersToday, Sales, Stock},
    shop::{Delivery, Handled, Order, Zone},
    views::View,
};

/// A record, judged.
#[derive(Debug)]
pub(super) enum Event {
    /// A valid order with a new id, and the day that it belongs to.
    Order(Box<Order>, NaiveDate),
    /// An order that came before.
    Duplicate,
    /// What is not what the topic is for.
    NoOrder,
    Delivery(Option<Delivery>),
    /// When an order was handled, and after how long.
    Handled {
        second: i64,
        waited: i64,
    },
}

impl Event {
    pub(super) fn handled(handled: &Handled) -> Self {
        let waited = three_digits((handled.handled_at - handled.created_at).num_seconds());
        Self::Handled { second: handled.second(), waited }
    }
}

/// What is counted for one view of one partition.
#[derive(Debug, Clone)]
pub(super) struct ExpectedCounts {
    /// The offset behind the last record that counts.
    pub(super) next: i64,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    /// Orders by day and slot.
    OrdersToday {
        days: BTreeMap<NaiveDate, u64>,
        slots: BTreeMap<(NaiveDate, i64), u64>,
    },
    /// Öre by day, by slot and by second.
    Sales {
        days: BTreeMap<NaiveDate, i128>,
        slots: BTreeMap<(NaiveDate, i64), i128>,
        seconds: BTreeMap<i64, i128>,
    },
    DailyReport(BTreeMap<NaiveDate, Sums>),
    Stock(Sums),
    Handling {
        accepted: u64,
        duplicates: u64,
        dead_letters: u64,
    },
    Mail(u64),
    /// All of them, and those that may lie in a window by second and wait.
    Windows {
        total: u64,
        last: BTreeMap<(i64, i64), u64>,
    },
    Nothing,
}

impl ExpectedCounts {
    pub(super) fn of(view: &str) -> Self {
        let kind = match view {
            OrdersToday::NAME => Kind::OrdersToday { days: BTreeMap::new(), slots: BTreeMap::new() },
            Sales::NAME => {
                Kind::Sales { days: BTreeMap::new(), slots: BTreeMap::new(), seconds: BTreeMap::new() }
            }
            DailyReport::NAME => Kind::DailyReport(BTreeMap::new()),
            Stock::NAME => Kind::Stock(Sums::default()),
            Handling::NAME => Kind::Handling { accepted: 0, duplicates: 0, dead_letters: 0 },
            Mail::NAME => Kind::Mail(0),
            HandledWindows::NAME => Kind::Windows { total: 0, last: BTreeMap::new() },
            _ => Kind::Nothing,
        };
        Self { next: 0, kind }
    }

    /// Counts the records from its own offset up to another one.
    pub(super) fn advance(&mut self, events: &VecDeque<(i64, Event)>, to: i64) {
        if to <= self.next {
            return;
        }
        let from = events.partition_point(|(offset, _)| *offset < self.next);
        for (_, event) in events.range(from..).take_while(|(offset, _)| *offset < to) {
            self.take(event);
        }
        self.next = to;
    }

    fn take(&mut self, event: &Event) {
        match (&mut self.kind, event) {
            (Kind::OrdersToday { days, slots }, Event::Order(order, date)) => {
                *days.entry(*date).or_default() += 1;
                *slots.entry((*date, order.second().div_euclid(SLOT))).or_default() += 1;
            }
            (Kind::Sales { days, slots, seconds }, Event::Order(order, date)) => {
                let (second, ore) = (order.second(), i128::from(order.total_ore));
                *days.entry(*date).or_default() += ore;
                *slots.entry((*date, second.div_euclid(SLOT))).or_default() += ore;
                *seconds.entry(second).or_default() += ore;
            }
            (Kind::DailyReport(days), Event::Order(order, date)) => days.entry(*date).or_default().add(order),
            (Kind::Stock(sums), Event::Order(order, _)) => sums.add(order),
            (Kind::Stock(sums), Event::Delivery(Some(delivery))) => sums.deliver(delivery),
            (Kind::Handling { accepted, .. }, Event::Order(..)) => *accepted += 1,
            (Kind::Handling { duplicates, .. }, Event::Duplicate) => *duplicates += 1,
            (Kind::Handling { dead_letters, .. }, Event::NoOrder) => *dead_letters += 1,
            (Kind::Mail(mails), Event::Handled { .. }) => *mails += 1,
            (Kind::Windows { total, last }, Event::Handled { second, waited }) => {
                *total += 1;
                *last.entry((*second, *waited)).or_default() += 1;
            }
            _ => {}
        }
    }

    /// How many orders of its partition count, for the handling.
    pub(super) fn orders(&self) -> usize {
        match self.kind {
            Kind::Handling { accepted, .. } => usize::try_from(accepted).unwrap_or(usize::MAX),
            _ => 0,
        }
    }

    /// Lets go of what no second from `now` on can ask for.
    pub(super) fn prune(&mut self, now: i64, zone: Zone) {
        // A partition's claim may be of a moment ago.
        let then = now - SLOT;
        let today = zone.date(then);
        match &mut self.kind {
            Kind::OrdersToday { days, slots } => {
                days.retain(|date, _| *date >= today);
                slots.retain(|(date, _), _| *date >= today || has_slots(*date, today));
            }
            Kind::Sales { days, slots, seconds } => {
                days.retain(|date, _| *date >= today);
                slots.retain(|(date, _), _| *date >= today || has_slots(*date, today));
                *seconds = seconds.split_off(&(then - 3600));
            }
            Kind::DailyReport(days) => days.retain(|date, _| *date >= today),
            Kind::Windows { last, .. } => last.retain(|(second, _), _| is_in_windows(*second, then)),
            Kind::Stock(_) | Kind::Handling { .. } | Kind::Mail(_) | Kind::Nothing => {}
        }
    }

    /// The figures at a second of shop time; `handled` are the orders of its partition that were.
    pub(super) fn at(&self, now: i64, zone: Zone, handled: u64) -> ExpectedFigures {
        let today = zone.date(now);
        match &self.kind {
            Kind::OrdersToday { days, slots } => ExpectedFigures::OrdersToday {
                days: days.range(today..).map(|(date, count)| (*date, *count)).collect(),
                slots: told(slots, today),
            },
            Kind::Sales { days, slots, seconds } => ExpectedFigures::Sales {
                days: days.range(today..).map(|(date, ore)| (*date, *ore)).collect(),
                slots: told(slots, today),
                last_hour: seconds.range(now - 3599..=now).map(|(_, ore)| ore).sum(),
            },
            Kind::DailyReport(days) => {
                ExpectedFigures::DailyReport(days.get(&today).cloned().unwrap_or_default())
            }
            Kind::Stock(sums) => ExpectedFigures::Stock(sums.clone()),
            Kind::Handling { accepted, duplicates, dead_letters } => ExpectedFigures::Handling {
                accepted: *accepted,
                duplicates: *duplicates,
                dead_letters: *dead_letters,
                handled,
                sent_until: now,
            },
            Kind::Mail(mails) => ExpectedFigures::Mail(*mails),
            Kind::Windows { total, last } => {
                let mut windows = Windows::default();
                for (one, orders) in last {
                    windows.add(*one, *orders, now);
                }
                windows.total = *total;
                ExpectedFigures::Windows(windows)
            }
            Kind::Nothing => ExpectedFigures::Nothing,
        }
    }
}

/// The slots that are told on a day.
fn told<T: Copy>(slots: &BTreeMap<(NaiveDate, i64), T>, today: NaiveDate) -> BTreeMap<i64, T> {
    let told = slots.iter().filter(|((date, _), _)| has_slots(*date, today));
    told.map(|((_, slot), value)| (*slot, *value)).collect()
}
