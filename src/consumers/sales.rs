//! Consumer 2: sales of today and of the last hour.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{
    Consumer, Contribution, FileSetting, Recount,
    orders_today::{first_slot, shown},
};
use crate::{
    consumer::output::NoOutput,
    shop::Zone,
    views::{
        Event, Source, View,
        figures_merger::Summary,
        shop_figures::SLOT_SECONDS,
        table::{Saved, Table},
        window_sums::Seconds,
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
        self.days.forget_before(zone.date(now));
        self.slots.forget_before(first_slot(now, zone));
        self.hour.forget_until(now - HOUR);
    }

    fn figures(&self, now: i64, zone: Zone) -> Figures {
        let (days, slots) = shown(&self.days, &self.slots, now, zone);
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
    /// Yesterday's and today's, by slot (Unix seconds / 300).
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
            if let Some(sum) = shop.sales_of(*slot) {
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

    fn files(_: &FileSetting<'_>) -> NoOutput {
        NoOutput
    }
}
