//! What a view should know of a partition, counted anew.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{
    named_figures::{
        NamedFigures, SLOT, WINDOWS, day_key, fact, intervals, product_facts, slot_key, wait_key,
    },
    sales_sums::{Sums, fitting},
};
use crate::{
    consumers::{Contribution, PartFigures, Recount},
    shop::{Handled, Order},
};

/// What is counted for a view.
#[derive(Debug)]
pub(super) enum ExpectedFigures {
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
pub(super) struct Windows {
    pub(super) total: u64,
    intervals: [u64; 24],
    last: [u64; 4],
    /// By seconds waited, two digits of them.
    waits: BTreeMap<i64, u64>,
}

impl ExpectedFigures {
    /// Counts for a view that says such figures.
    pub(super) fn of(figures: &PartFigures) -> Self {
        match figures.recount() {
            Recount::OrdersToday(_) => Self::OrdersToday { days: BTreeMap::new(), slots: BTreeMap::new() },
            Recount::Sales(_) => Self::Sales { days: BTreeMap::new(), slots: BTreeMap::new(), last_hour: 0 },
            Recount::DailyReport(_) => Self::DailyReport(Sums::default()),
            Recount::Stock(_) => Self::Stock(Sums::default()),
            Recount::Handling(resume) => Self::Handling {
                accepted: 0,
                duplicates: 0,
                dead_letters: 0,
                handled: 0,
                sent_until: resume.sent_until.unwrap_or(i64::MIN),
            },
            Recount::Mail(_) => Self::Mail(0),
            Recount::HandledWindows(_) => Self::Windows(Windows::default()),
            Recount::Journal | Recount::None => Self::Nothing,
        }
    }

    /// A valid order with a new id, at shop second `now` of the day `today`.
    pub(super) fn order(&mut self, order: &Order, date: NaiveDate, now: i64, today: NaiveDate) {
        let second = order.second();
        match self {
            Self::OrdersToday { days, slots } => {
                if date >= today {
                    *days.entry(date).or_default() += 1;
                }
                if has_slots(date, today) {
                    *slots.entry(second.div_euclid(SLOT)).or_default() += 1;
                }
            }
            Self::Sales { days, slots, last_hour } => {
                let ore = i128::from(order.total_ore);
                if date >= today {
                    *days.entry(date).or_default() += ore;
                }
                if has_slots(date, today) {
                    *slots.entry(second.div_euclid(SLOT)).or_default() += ore;
                }
                if second > now - 3600 && second <= now {
                    *last_hour += ore;
                }
            }
            Self::DailyReport(sums) if date == today => sums.add(order),
            Self::Stock(sums) => sums.add(order),
            Self::Handling { accepted, .. } => *accepted += 1,
            _ => {}
        }
    }

    /// A handled order, at shop second `now`.
    pub(super) fn handled(&mut self, handled: &Handled, now: i64) {
        match self {
            Self::Mail(mails) => *mails += 1,
            Self::Windows(windows) => {
                let waited = (handled.handled_at - handled.created_at).num_seconds();
                windows.add((handled.second(), three_digits(waited)), 1, now);
            }
            _ => {}
        }
    }

    /// The figures that follow from the log.
    pub(super) fn facts(&self) -> NamedFigures {
        let mut facts = NamedFigures::new();
        match self {
            Self::OrdersToday { days, slots } => {
                facts.extend(days.iter().take(3).map(|(date, count)| fact(day_key(*date), count)));
                facts.extend(slots.iter().map(|(slot, count)| fact(slot_key(*slot), count)));
            }
            Self::Sales { days, slots, last_hour } => {
                facts.extend(days.iter().take(3).map(|(date, ore)| fact(day_key(*date), fitting(*ore))));
                facts.extend(slots.iter().map(|(slot, ore)| fact(slot_key(*slot), fitting(*ore))));
                facts.extend([fact("the last hour", fitting(*last_hour))]);
            }
            Self::DailyReport(sums) => {
                facts.extend([fact("orders", sums.orders), fact("sales", fitting(sums.sales_ore))]);
                facts.extend(sums.products.iter().flat_map(|(id, product)| {
                    let (units, ore) = (fitting(product.sold), fitting(product.sales_ore));
                    product_facts(*id, units, ore, &product.name.text)
                }));
            }
            Self::Stock(sums) => {
                for (id, product) in &sums.products {
                    facts.extend([
                        fact(format!("sold of product {id}"), fitting(product.sold)),
                        fact(format!("delivered of product {id}"), fitting(product.delivered)),
                    ]);
                }
            }
            Self::Handling { accepted, duplicates, dead_letters, handled, .. } => facts.extend([
                fact("orders", accepted),
                fact("duplicates", duplicates),
                fact("dead letters", dead_letters),
                fact("handled", handled),
            ]),
            Self::Mail(mails) => facts.extend([fact("mails", mails)]),
            Self::Windows(windows) => {
                facts.extend([fact("handled", windows.total)]);
                let last = WINDOWS.iter().zip(windows.last);
                facts.extend(last.map(|((_, name), count)| fact(format!("handled in {name}"), count)));
                facts.extend(intervals(&windows.intervals));
                facts.extend(windows.waits.iter().map(|(seconds, count)| fact(wait_key(*seconds), count)));
            }
            Self::Nothing => {}
        }
        facts
    }

    /// What this partition should add to the figures of the whole shop at a date.
    pub(super) fn add_to(&self, whole: &mut Whole, today: NaiveDate) {
        match self {
            Self::OrdersToday { days, .. } => whole.orders_today += days.get(&today).copied().unwrap_or(0),
            Self::Sales { days, last_hour, .. } => {
                whole.sales_today += days.get(&today).copied().unwrap_or(0);
                whole.last_hour += last_hour;
            }
            Self::Stock(sums) => whole.stock.merge(sums),
            Self::Handling { accepted, duplicates, dead_letters, handled, .. } => {
                whole.produced += accepted;
                whole.duplicates += duplicates;
                whole.dead_letters += dead_letters;
                whole.pending += accepted.saturating_sub(*handled);
            }
            Self::Mail(mails) => whole.mails += mails,
            Self::Windows(windows) => {
                whole.handled += windows.total;
                for (sum, count) in whole.last.iter_mut().zip(windows.last) {
                    *sum += count;
                }
            }
            Self::DailyReport(sums) => whole.today.merge(sums),
            Self::Nothing => {}
        }
    }
}

impl Windows {
    /// So many orders that were handled in one second after the same wait.
    pub(super) fn add(&mut self, (second, waited): (i64, i64), orders: u64, now: i64) {
        self.total += orders;
        let age = now - second;
        for (count, (length, _)) in self.last.iter_mut().zip(WINDOWS) {
            if (0..length).contains(&age) {
                *count += orders;
            }
        }
        let back = usize::try_from(age.div_euclid(SLOT)).unwrap_or(usize::MAX);
        if let Some(count) = self.intervals.iter_mut().rev().nth(back) {
            *count += orders;
        }
        if is_in_windows(second, now) {
            *self.waits.entry(waited).or_default() += orders;
        }
    }
}

/// Whether the slots of a day are told on the day `today`: those of yesterday, too.
pub(super) fn has_slots(date: NaiveDate, today: NaiveDate) -> bool {
    date == today || today.pred_opt() == Some(date)
}

/// Whether waits of a second count: the slot that the two hours began in counts as a whole.
pub(super) fn is_in_windows(second: i64, now: i64) -> bool {
    second.div_euclid(SLOT) >= (now - 7200 + 1).div_euclid(SLOT)
}

/// A number of 0 or more with all but its first three digits zero.
pub(super) fn three_digits(number: i64) -> i64 {
    let number = number.max(0);
    let below = number.checked_ilog10().map_or(0, |digits| digits.saturating_sub(2));
    let unit = 10_i64.pow(below);
    number / unit * unit
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
    /// The orders of the day.
    pub(super) today: Sums,
}
