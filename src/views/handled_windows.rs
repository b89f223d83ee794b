//! Monitoring of the handling: how many orders were handled in the last 5 min, 30 min, 1 h and 2 h.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{
    Event, Source, View,
    figures::{HandledFigures, SLOT_SECONDS, Waits},
    part::PartFigures,
    seconds::Seconds,
    table::{Saved, Table},
};
use crate::shop::Zone;

const TWO_HOURS: i64 = 7200;

/// Handled orders in all, by second for the windows, and how long they had waited, by slot: a histogram has at most a
/// few hundred buckets, so what is kept does not grow with the orders.
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

    fn figures(&self, now: i64, zone: Zone) -> PartFigures {
        let mut intervals = [0; 24];
        for (interval, back) in intervals.iter_mut().rev().zip(0..) {
            let until = now - back * SLOT_SECONDS;
            // Counts of at least zero.
            *interval = self.seconds.sum(until - SLOT_SECONDS, until).unsigned_abs();
        }
        // Every window is made of whole intervals.
        let last = |count: usize| intervals.iter().rev().take(count).sum();
        let mut waits = Waits::default();
        let mut by_slot = BTreeMap::new();
        for (slot, counted) in self.waits.range(first_slot(now)..=now.div_euclid(SLOT_SECONDS)) {
            waits.merge(counted);
            by_slot.insert(*slot, counted.orders());
        }
        PartFigures::HandledWindows(Box::new(HandledFigures {
            total: self.total.get(0).copied().unwrap_or(0),
            by_day: self.days.range(zone.date(now)..).map(|(date, count)| (*date, *count)).collect(),
            last_5_min: last(1),
            last_30_min: last(6),
            last_1_h: last(12),
            last_2_h: last(24),
            intervals,
            by_slot,
            waits,
        }))
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

/// The slot of the first second of the last two hours.
fn first_slot(now: i64) -> i64 {
    (now - TWO_HOURS + 1).div_euclid(SLOT_SECONDS)
}
