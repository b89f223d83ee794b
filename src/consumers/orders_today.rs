//! Consumer 1: the number of orders since midnight.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Consumer, Contribution, FileSetting, Recount};
use crate::{
    consumer::output::NoOutput,
    shop::Zone,
    views::{
        Event, Source, View,
        figures_merger::Summary,
        shop_figures::SLOT_SECONDS,
        table::{Saved, Table},
    },
};

/// Orders by day, and by five-minute slot for the day's chart.
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
        self.days.forget_before(zone.date(now));
        self.slots.forget_before(first_slot(now, zone));
    }

    fn figures(&self, now: i64, zone: Zone) -> Figures {
        let (days, slots) = shown(&self.days, &self.slots, now, zone);
        Figures { days, slots }
    }

    fn tables(&mut self) -> Vec<(&'static str, &mut dyn Saved)> {
        vec![("days", &mut self.days), ("slots", &mut self.slots)]
    }
}

/// Orders by day from today on, and yesterday's and today's by slot (Unix seconds / 300).
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
            if let Some(sum) = shop.orders_of(*slot) {
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

    fn files(_: &FileSetting<'_>) -> NoOutput {
        NoOutput
    }
}

/// The first slot that is kept: yesterday's first.
pub(super) fn first_slot(now: i64, zone: Zone) -> i64 {
    let today = zone.date(now);
    zone.start_of(today.pred_opt().unwrap_or(today)).div_euclid(SLOT_SECONDS)
}

/// The days from today on, so that figures published before midnight are right after it, too; and the slots of
/// yesterday and today.
pub(super) fn shown<A: Copy + Default, B: Copy + Default>(
    days: &Table<NaiveDate, A>,
    slots: &Table<i64, B>,
    now: i64,
    zone: Zone,
) -> (BTreeMap<NaiveDate, A>, BTreeMap<i64, B>) {
    let today = zone.date(now);
    let kept = first_slot(now, zone)..zone.end_of(today).div_euclid(SLOT_SECONDS);
    (
        days.range(today..).take(3).map(|(date, value)| (*date, *value)).collect(),
        slots.range(kept).map(|(slot, value)| (*slot, *value)).collect(),
    )
}
