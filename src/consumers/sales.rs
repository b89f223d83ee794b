//! Consumer 2: today's sales so far and those of the last hour.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Consumer, Contribution, Recount, orders_today::from_today};
use crate::{
    consumer::output::NoOutput,
    shop::{Catalog, Zone},
    views::{
        Event, Source, View,
        figures::SLOT_SECONDS,
        seconds::Seconds,
        summary::Summary,
        table::{Saved, Table},
    },
};

/// Seconds of the window of the last hour.
pub const HOUR: i64 = 3600;

/// Sales in öre by day, by slots of five minutes, and by second for the last hour.
#[derive(Debug, Clone, Default)]
pub struct Sales {
    days: Table<NaiveDate, i64>,
    slots: Table<i64, i64>,
    hour: Seconds,
}

impl View for Sales {
    const NAME: &'static str = "sales";
    const SOURCES: &'static [Source] = &[Source::Orders];
    const HAS_WINDOWS: bool = true;
    type Figures = Figures;

    fn apply(&mut self, event: &Event, zone: Zone) {
        if let Event::Order(order) = event {
            let day = self.days.row(zone.date(order.second()));
            *day = day.saturating_add(order.total_ore);
            let slot = self.slots.row(order.second().div_euclid(SLOT_SECONDS));
            *slot = slot.saturating_add(order.total_ore);
            self.hour.add(order.second(), order.total_ore);
        }
    }

    fn advance(&mut self, now: i64, zone: Zone) {
        let today = zone.date(now);
        self.days.forget_before(today);
        self.slots.forget_before(zone.start_of(today).div_euclid(SLOT_SECONDS));
        self.hour.forget_until(now - HOUR);
    }

    fn figures(&self, now: i64, zone: Zone) -> Figures {
        let (days, slots) = from_today(&self.days, &self.slots, now, zone);
        Figures { days, slots, last_hour_ore: self.hour.sum(now - HOUR, now) }
    }

    fn tables(&mut self) -> Vec<(&'static str, &mut dyn Saved)> {
        vec![("days", &mut self.days), ("slots", &mut self.slots), ("hour", &mut self.hour.minutes)]
    }
}

/// Sales in öre.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// By local date, from today on.
    pub days: BTreeMap<NaiveDate, i64>,
    /// Today's, by slot (Unix seconds / 300).
    pub slots: BTreeMap<i64, i64>,
    /// In the hour that ends now.
    pub last_hour_ore: i64,
}

impl Contribution for Figures {
    fn add_to(&self, shop: &mut Summary) {
        let sales = self.days.get(&shop.today()).copied().unwrap_or(0);
        shop.figures.sales_today_ore = shop.figures.sales_today_ore.saturating_add(sales);
        shop.figures.sales_last_hour_ore =
            shop.figures.sales_last_hour_ore.saturating_add(self.last_hour_ore);
        for (slot, ore) in &self.slots {
            let index = shop.slot_index(*slot);
            if let Some(sum) = shop.figures.sales_by_slot.get_mut(index) {
                *sum = sum.saturating_add(*ore);
            }
        }
    }

    fn recount(&self) -> Recount<'_> {
        Recount::Sales(self)
    }
}

impl Consumer for Sales {
    type Files = NoOutput;

    fn files(_: Zone, _: &Catalog) -> NoOutput {
        NoOutput
    }
}
