//! Consumer 1: how many orders since midnight.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Consumer, Contribution, Recount};
use crate::{
    consumer::output::NoOutput,
    shop::{Catalog, Zone},
    views::{
        Event, Source, View,
        figures::SLOT_SECONDS,
        summary::Summary,
        table::{Saved, Table},
    },
};

/// Orders by day, and by slots of five minutes for the chart of the day.
#[derive(Debug, Clone, Default)]
pub struct OrdersToday {
    days: Table<NaiveDate, u64>,
    slots: Table<i64, u64>,
}

impl View for OrdersToday {
    const NAME: &'static str = "orders-today";
    const SOURCES: &'static [Source] = &[Source::Orders];
    const HAS_WINDOWS: bool = false;
    type Figures = Figures;

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

    fn figures(&self, now: i64, zone: Zone) -> Figures {
        let (days, slots) = from_today(&self.days, &self.slots, now, zone);
        Figures { days, slots }
    }

    fn tables(&mut self) -> Vec<(&'static str, &mut dyn Saved)> {
        vec![("days", &mut self.days), ("slots", &mut self.slots)]
    }
}

/// Orders by day from today on, and today's by slot (Unix seconds / 300).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Orders by local date.
    pub days: BTreeMap<NaiveDate, u64>,
    /// Orders by slot.
    pub slots: BTreeMap<i64, u64>,
}

impl Contribution for Figures {
    fn add_to(&self, shop: &mut Summary) {
        let count = self.days.get(&shop.today()).copied().unwrap_or(0);
        shop.figures.orders_today = shop.figures.orders_today.saturating_add(count);
        for (slot, count) in &self.slots {
            let index = shop.slot_index(*slot);
            if let Some(sum) = shop.figures.orders_by_slot.get_mut(index) {
                *sum = sum.saturating_add(*count);
            }
        }
    }

    fn recount(&self) -> Recount<'_> {
        Recount::OrdersToday(self)
    }
}

impl Consumer for OrdersToday {
    type Files = NoOutput;

    fn files(_: Zone, _: &Catalog) -> NoOutput {
        NoOutput
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
