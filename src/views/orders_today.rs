//! Consumer 1: how many orders since midnight.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::{
    Event, Source, View,
    figures::SLOT_SECONDS,
    part::PartFigures,
    table::{Saved, Table},
};
use crate::shop::Zone;

/// Orders by day, and by slots of five minutes for the chart of the day.
#[derive(Debug, Clone, Default)]
pub struct OrdersToday {
    days: Table<NaiveDate, u64>,
    slots: Table<i64, u64>,
}

impl View for OrdersToday {
    const NAME: &'static str = "orders-today";
    const SOURCES: &'static [Source] = &[Source::Orders];

    fn apply(&mut self, event: &Event, zone: Zone) {
        if let Event::Order(order) = event {
            *self.days.row(zone.date(order.second())) += 1;
            *self.slots.row(order.second().div_euclid(SLOT_SECONDS)) += 1;
        }
    }

    fn advance(&mut self, now: i64, zone: Zone) {
        let today = zone.date(now);
        self.days.forget_before(today);
        self.slots.forget_before(zone.start_of(today).div_euclid(SLOT_SECONDS));
    }

    fn figures(&self, now: i64, zone: Zone) -> PartFigures {
        let (days, slots) = from_today(&self.days, &self.slots, now, zone);
        PartFigures::OrdersToday { days, slots }
    }

    fn tables(&mut self) -> Vec<(&'static str, &mut dyn Saved)> {
        vec![("days", &mut self.days), ("slots", &mut self.slots)]
    }
}

/// The days from today on, so that a figure of yesterday is right after midnight too, and today's slots.
pub(super) fn from_today<A: Copy + Default, B: Copy + Default>(
    days: &Table<NaiveDate, A>,
    slots: &Table<i64, B>,
    now: i64,
    zone: Zone,
) -> (BTreeMap<NaiveDate, A>, BTreeMap<i64, B>) {
    let today = zone.date(now);
    let slots_of_today =
        zone.start_of(today).div_euclid(SLOT_SECONDS)..zone.end_of(today).div_euclid(SLOT_SECONDS);
    (
        days.range(today..).take(3).map(|(date, value)| (*date, *value)).collect(),
        slots.range(slots_of_today).map(|(slot, value)| (*slot, *value)).collect(),
    )
}
