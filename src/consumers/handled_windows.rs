//! Monitoring of the handling: how many orders were handled in the last 5 min, 30 min, 1 h and 2 h.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{Consumer, Contribution, FileSetting, Recount};
use crate::{
    consumer::output::NoOutput,
    shop::Zone,
    views::{
        Event, Source, View,
        figures_merger::Summary,
        shop_figures::{HandledFigures, SLOT_SECONDS, Waits},
        table::{Saved, Table},
        window_sums::Seconds,
    },
};

const TWO_HOURS: i64 = 7200;

/// Handled orders: the total, counts by second for the windows, and histograms of waits by slot. A histogram has at
/// most a few hundred buckets, so its size does not grow with the orders.
#[derive(Debug, Clone, Default)]
pub struct HandledWindows {
    /// One row, 0: all handled orders of the partition.
    total: Table<u8, u64>,
    /// By local date of the handling.
    days: Table<NaiveDate, u64>,
    seconds: Seconds,
    /// By slot (Unix seconds / 300) of the handling.
    waits: Table<i64, Waits>,
}

impl View for HandledWindows {
    const NAME: &'static str = "handled-windows";
    const SOURCES: &'static [Source] = &[Source::Handled];
    const HAS_WINDOWS: bool = true;
    type Figures = Figures;

    fn apply(&mut self, event: &Event, zone: Zone) {
        if let Event::Handled(handled) = event {
            *self.total.row(0) += 1;
            *self.days.row(zone.date(handled.second())) += 1;
            self.seconds.add(handled.second(), 1);
            let waited = handled.handled_at.signed_duration_since(handled.created_at).num_seconds();
            self.waits.row(handled.second().div_euclid(SLOT_SECONDS)).add(waited, 1);
        }
    }

    fn advance(&mut self, now: i64, zone: Zone) {
        self.days.forget_before(zone.date(now));
        self.seconds.forget_until(now - TWO_HOURS);
        self.waits.forget_before(first_slot(now));
    }

    fn figures(&self, now: i64, zone: Zone) -> Figures {
        let mut intervals = [0; 24];
        for (interval, back) in intervals.iter_mut().rev().zip(0..) {
            let until = now - back * SLOT_SECONDS;
            // Counts are never negative.
            *interval = self.seconds.sum(until - SLOT_SECONDS, until).unsigned_abs();
        }
        // Every window consists of whole intervals.
        let last = |count: usize| intervals.iter().rev().take(count).sum();
        let mut waits = Waits::default();
        let mut by_slot = BTreeMap::new();
        for (slot, counted) in self.waits.range(first_slot(now)..=now.div_euclid(SLOT_SECONDS)) {
            waits.merge(counted);
            by_slot.insert(*slot, counted.orders());
        }
        Box::new(HandledFigures {
            total: self.total.get(0).copied().unwrap_or(0),
            by_day: self.days.range(zone.date(now)..).map(|(date, count)| (*date, *count)).collect(),
            last_5_min: last(1),
            last_30_min: last(6),
            last_1_h: last(12),
            last_2_h: last(24),
            intervals,
            by_slot,
            waits,
        })
    }

    fn tables(&mut self) -> Vec<(&'static str, &mut dyn Saved)> {
        vec![
            ("total", &mut self.total),
            ("days", &mut self.days),
            ("seconds", &mut self.seconds.minutes),
            ("waits", &mut self.waits),
        ]
    }
}

/// Handled orders by window.
pub type Figures = Box<HandledFigures>;

impl Contribution for Figures {
    fn add_to(&self, shop: &mut Summary) {
        let ours = &mut shop.figures.handled;
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
        add(&mut ours.total, self.total);
        add(&mut ours.last_5_min, self.last_5_min);
        add(&mut ours.last_30_min, self.last_30_min);
        add(&mut ours.last_1_h, self.last_1_h);
        add(&mut ours.last_2_h, self.last_2_h);
        for (sum, interval) in ours.intervals.iter_mut().zip(self.intervals) {
            add(sum, interval);
        }
        for (date, count) in &self.by_day {
            add(ours.by_day.entry(*date).or_default(), *count);
        }
        for (slot, count) in &self.by_slot {
            add(ours.by_slot.entry(*slot).or_default(), *count);
        }
        ours.waits.merge(&self.waits);
    }

    fn recount(&self) -> Recount<'_> {
        Recount::HandledWindows(self)
    }
}

impl Consumer for HandledWindows {
    type Files = NoOutput;

    fn files(_: &FileSetting<'_>) -> NoOutput {
        NoOutput
    }
}

/// The slot of the first second of the last two hours.
fn first_slot(now: i64) -> i64 {
    (now - TWO_HOURS + 1).div_euclid(SLOT_SECONDS)
}
