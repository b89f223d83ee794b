//! What the daily reports have to be.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::{shop::Zone, views::naive::Shop};

/// A day's report as it has to be: orders, sales, products, revision.
type Issue = (u64, i64, BTreeMap<u64, (String, i64)>, u32);

/// What the daily reports have to be, by the checkpoints that were made.
#[derive(Debug, Clone, Default)]
pub(super) struct Issues {
    opened: Option<NaiveDate>,
    pub(super) closed: Option<NaiveDate>,
    pub(super) days: BTreeMap<NaiveDate, Issue>,
}

impl Issues {
    pub(super) fn settle(&mut self, shop: &Shop, zone: Zone) {
        let Some(closed) = self.closed else { return };
        let opened = *self.opened.get_or_insert(closed);
        let first = shop.days(zone.0).into_iter().chain(self.days.keys().copied()).chain([opened]).min();
        let mut day = first.unwrap_or(closed);
        while day < closed {
            let (orders, sales) = shop.day(day, zone.0);
            let products = shop.products(Some(day), zone.0);
            let revision = match self.days.get(&day) {
                Some(old) if (old.0, old.1, &old.2) == (orders, sales, &products) => old.3,
                Some(old) => old.3 + 1,
                None => 0,
            };
            self.days.insert(day, (orders, sales, products, revision));
            day = day.succ_opt().unwrap();
        }
    }
}
