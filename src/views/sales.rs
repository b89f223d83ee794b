//! Consumer 2: today's sales so far and those of the last hour.

use chrono::NaiveDate;

use super::{
    Event, Source, View,
    figures::SLOT_SECONDS,
    orders_today::from_today,
    part::PartFigures,
    seconds::Seconds,
    table::{Saved, Table},
};
use crate::shop::Zone;

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

    fn figures(&self, now: i64, zone: Zone) -> PartFigures {
        let (days, slots) = from_today(&self.days, &self.slots, now, zone);
        PartFigures::Sales { days, slots, last_hour_ore: self.hour.sum(now - HOUR, now) }
    }

    fn tables(&mut self) -> Vec<(&'static str, &mut dyn Saved)> {
        vec![("days", &mut self.days), ("slots", &mut self.slots), ("hour", &mut self.hour.minutes)]
    }
}
