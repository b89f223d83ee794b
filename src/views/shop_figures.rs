//! The shop's figures at one moment, merged over views and partitions.

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset, NaiveDate};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::day_totals::ProductTotals;

/// Seconds of a slot of the day charts.
pub const SLOT_SECONDS: i64 = 300;

/// Every figure of the shop at one second of shop time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShopFigures {
    /// Shop time T: Unix seconds.
    pub shop_second: i64,
    /// The shop's date at T.
    pub today: NaiveDate,
    /// Orders since 00:00 of the shop's zone.
    pub orders_today: u64,
    /// Today's orders by five-minute slots from 00:00 (a day has 288, or 276 / 300).
    pub orders_by_slot: Vec<u64>,
    /// Sales since 00:00, öre.
    pub sales_today_ore: i64,
    /// Sales of the seconds s with T − 3600 < s ≤ T, öre.
    pub sales_last_hour_ore: i64,
    /// Today's sales in öre by five-minute slots from 00:00.
    pub sales_by_slot: Vec<i64>,
    /// The day before, whole, by slots of five minutes; see [`ShopFigures::whole_yesterday`].
    pub yesterday: SlotsOfDay,
    /// What was sold of each product since 00:00, by id.
    pub products_today: BTreeMap<u64, ProductTotals>,
    /// Every product with a delivery or a sale, by id.
    pub stock: Vec<StockLine>,
    /// The handled orders.
    pub handled: HandledFigures,
    /// Valid orders that are not handled yet.
    pub pending: u64,
    /// Valid orders in the whole log, each id once.
    pub produced: u64,
    /// Mails written.
    pub mails: u64,
    /// Orders with an id that occurred before in their partition.
    pub duplicates: u64,
    /// Invalid records of `shop.orders`.
    pub dead_letters: u64,
    /// Records between each group's position and the end of its topics.
    pub lag: BTreeMap<String, u64>,
    /// Closed days, oldest first.
    pub reports: Vec<ReportNote>,
    /// Orders with the latest changes of state, newest first.
    pub latest: Vec<LatestOrder>,
    /// The shop second (Unix) of the windows, if their publisher is silent since: which orders have left them by now is
    /// unknown.
    pub told_until: Option<i64>,
    /// The figures of consumers without a field above, by consumer.
    pub others: BTreeMap<&'static str, Value>,
}

/// A whole day by slots of five minutes from 00:00.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SlotsOfDay {
    /// Orders of each.
    pub orders: Vec<u64>,
    /// Sales of each, öre.
    pub sales_ore: Vec<i64>,
}

impl ShopFigures {
    /// Yesterday by slots, where that is all of it: they add up to the day's report. They do not where the state is of a
    /// version that forgot them at midnight.
    pub fn whole_yesterday(&self) -> Option<&SlotsOfDay> {
        let date = self.today.pred_opt()?;
        let report = self.reports.iter().rfind(|report| report.date == date)?;
        let orders = self.yesterday.orders.iter().fold(0, |sum: u64, orders| sum.saturating_add(*orders));
        let sales = self.yesterday.sales_ore.iter().fold(0, |sum: i64, ore| sum.saturating_add(*ore));
        (orders > 0 && (orders, sales) == (report.orders, report.sales_ore)).then_some(&self.yesterday)
    }
}

/// Counts of orders, by `handling` and by the consumers of handled orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audit {
    /// Valid orders in the whole log.
    pub produced: u64,
    /// Those that are not handled yet.
    pub pending: u64,
    /// Handled orders in the log.
    pub handled: u64,
    /// The lag of all consumers, in records.
    pub behind: u64,
    /// The age of the oldest unread record, wall seconds.
    pub behind_for: u64,
}

impl Audit {
    /// Extracts the counts.
    pub fn of(figures: &ShopFigures) -> Self {
        Self {
            produced: figures.produced,
            pending: figures.pending,
            handled: figures.handled.total,
            behind: figures.lag.values().fold(0, |sum, lag| sum.saturating_add(*lag)),
            behind_for: 0,
        }
    }

    /// Whether both count the same.
    pub fn adds_up(&self) -> bool {
        self.pending.checked_add(self.handled) == Some(self.produced)
    }
}

/// The balance of one product.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StockLine {
    /// The product's number.
    pub product_id: u64,
    /// Its name in the newest order with it; otherwise from the products file.
    pub name: String,
    /// The highest id of an order with it.
    pub named_by: u64,
    /// Pieces delivered, opening stock included.
    pub delivered: i64,
    /// Pieces sold.
    pub sold: i64,
}

impl StockLine {
    /// Pieces on the shelf; negative if more was sold than delivered.
    pub fn balance(&self) -> i64 {
        self.delivered.saturating_sub(self.sold)
    }
}

/// Handled orders in windows that end at T.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HandledFigures {
    /// All handled orders in the log.
    pub total: u64,
    /// By local date of the handling, from today on.
    #[serde(default)]
    pub by_day: BTreeMap<NaiveDate, u64>,
    /// In the last 5 minutes.
    pub last_5_min: u64,
    /// In the last 30 minutes.
    pub last_30_min: u64,
    /// In the last hour.
    pub last_1_h: u64,
    /// In the last two hours.
    pub last_2_h: u64,
    /// Counts of the two hours in 24 five-minute intervals, oldest first; the last one ends at T.
    pub intervals: [u64; 24],
    /// Counts of the two hours by clock slots (Unix seconds / 300): the first slot is complete, the last ends at T. On
    /// a chart these bars do not move.
    #[serde(default)]
    pub by_slot: BTreeMap<i64, u64>,
    /// Waits of the orders handled in the two hours, including all of the first slot.
    #[serde(default)]
    pub waits: Waits,
}

/// Shop time from sale to handling, as a mergeable histogram.
///
/// Waits up to 999 s are counted by second, longer ones rounded down to three digits, so a quantile is less than 1 %
/// low.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Waits(BTreeMap<i64, u64>);

impl Waits {
    /// Counts `orders` that waited `seconds` of shop time.
    pub fn add(&mut self, seconds: i64, orders: u64) {
        let mut unit = 1;
        while seconds / unit >= 1_000 {
            unit *= 10;
        }
        let sum = self.0.entry(seconds.max(0) / unit * unit).or_default();
        *sum = sum.saturating_add(orders);
    }

    /// Adds another partition's counts.
    pub fn merge(&mut self, other: &Self) {
        for (seconds, orders) in &other.0 {
            let sum = self.0.entry(*seconds).or_default();
            *sum = sum.saturating_add(*orders);
        }
    }

    /// Waits in seconds with their number of orders, shortest first.
    pub fn counts(&self) -> impl Iterator<Item = (i64, u64)> {
        self.0.iter().map(|(seconds, orders)| (*seconds, *orders))
    }

    /// How many orders.
    pub fn orders(&self) -> u64 {
        self.0.values().fold(0, |sum, orders| sum.saturating_add(*orders))
    }

    /// Seconds within which the share `quantile` (0 to 1) of the orders was handled; `None` if there are none.
    pub fn quantile(&self, quantile: f64) -> Option<i64> {
        let all = self.orders();
        let mut passed = 0_u64;
        self.0.iter().find_map(|(seconds, orders)| {
            passed = passed.saturating_add(*orders);
            (passed > 0 && passed as f64 >= all as f64 * quantile).then_some(*seconds)
        })
    }
}

impl HandledFigures {
    /// Mean per five minutes over the last two hours: the two-hour count / 24.
    pub fn mean_per_5_min(&self) -> f64 {
        self.last_2_h as f64 / 24.0
    }
}

/// A daily report that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportNote {
    /// The day it is about.
    pub date: NaiveDate,
    /// Orders of that day.
    pub orders: u64,
    /// Sales of that day, öre.
    pub sales_ore: i64,
    /// How many times it was rewritten.
    pub revision: u32,
}

/// Orders of each partition's feed.
pub const FEED: usize = 12;

/// Most characters of a customer's name in the feed: more than a screen shows, and few enough for a state record.
const NAME: usize = 200;

/// Shortens a name for the feed.
pub fn feed_name(name: &str) -> String {
    let end = name.char_indices().nth(NAME).map_or(name.len(), |(at, _)| at);
    name[..end].to_owned()
}

/// An order in the feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatestOrder {
    /// The order's id.
    pub order_id: u64,
    /// Shop time of the sale.
    pub created_at: DateTime<FixedOffset>,
    /// The start of the customer's name, not sanitized yet.
    pub customer: String,
    /// Pieces over all lines; 0 if only the handled record was seen.
    pub pieces: i64,
    /// Total in öre.
    pub total_ore: i64,
    /// Its state.
    pub stage: Stage,
    /// Shop time of the handling, if handled.
    pub handled_at: Option<DateTime<FixedOffset>>,
}

/// The state of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Sold, waiting to be handled.
    Sold,
    /// In the topic of handled orders.
    Handled,
    /// The customer's mail is written.
    Mailed,
}
