//! Consumer 3: the sums of each day, for the report that is written when the day closes.

use chrono::NaiveDate;

use super::{
    Event, Source, View,
    day_totals::DayTotals,
    part::PartFigures,
    table::{Saved, Table},
};
use crate::shop::Zone;

/// Every day's totals. None is forgotten: a late order may revise any of them.
#[derive(Debug, Clone, Default)]
pub struct DailyReport {
    days: Table<NaiveDate, DayTotals>,
}

impl DailyReport {
    /// The days that have orders, oldest first.
    pub fn days(&self) -> impl Iterator<Item = (NaiveDate, &DayTotals)> {
        self.days.rows().map(|(date, totals)| (*date, totals))
    }

    /// One day's totals.
    pub fn day(&self, date: NaiveDate) -> Option<&DayTotals> {
        self.days.get(date)
    }
}

impl View for DailyReport {
    const NAME: &'static str = "daily-report";
    const SOURCES: &'static [Source] = &[Source::Orders];

    fn apply(&mut self, event: &Event, zone: Zone) {
        if let Event::Order(order) = event {
            self.days.row(zone.date(order.second())).add(order);
        }
    }

    fn figures(&self, now: i64, zone: Zone) -> PartFigures {
        let date = zone.date(now);
        PartFigures::DailyReport { date, today: self.days.get(date).cloned().unwrap_or_default() }
    }

    fn tables(&mut self) -> Vec<(&'static str, &mut dyn Saved)> {
        vec![("days", &mut self.days)]
    }
}
