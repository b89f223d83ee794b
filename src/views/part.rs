//! What a view says of one partition: what goes to `shop.state` and what the figures are merged from.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::handling::Resume;

use super::{
    day_totals::DayTotals,
    figures::{HandledFigures, LatestOrder, StockLine},
};

/// Orders that each partition hands to the feed.
pub const FEED: usize = 12;

/// The figures of one view and partition at one second of shop time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartFigures {
    /// Orders by day from today on, and today's by slot (Unix seconds / 300).
    OrdersToday {
        /// Orders by local date.
        days: BTreeMap<NaiveDate, u64>,
        /// Orders by slot.
        slots: BTreeMap<i64, u64>,
    },
    /// Sales in öre.
    Sales {
        /// By local date, from today on.
        days: BTreeMap<NaiveDate, i64>,
        /// Today's, by slot.
        slots: BTreeMap<i64, i64>,
        /// In the hour that ends now.
        last_hour_ore: i64,
    },
    /// The day so far.
    DailyReport {
        /// Which day.
        date: NaiveDate,
        /// Its totals.
        today: DayTotals,
    },
    /// Deliveries and sales of each product.
    Stock {
        /// By product id.
        lines: Vec<StockLine>,
    },
    /// The state of `handling`.
    Handling(Resume),
    /// Mails written.
    Mail {
        /// How many.
        mails: u64,
        /// The newest ones, newest first.
        latest: Vec<LatestOrder>,
    },
    /// Handled orders in their windows.
    HandledWindows(Box<HandledFigures>),
    /// The newest orders, newest first.
    Journal {
        /// At most [`FEED`].
        latest: Vec<LatestOrder>,
    },
}

/// What `handling` has done with one partition of the orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HandlingFigures {
    /// Valid orders, each id once.
    pub accepted: u64,
    /// Of those, sent to the topic of handled orders.
    pub handled: u64,
    /// Records that are no valid orders.
    pub dead_letters: u64,
    /// Orders whose id was not above the last one.
    pub duplicates: u64,
}
