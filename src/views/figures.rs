//! The shop's figures at one moment: what all views say together, merged over partitions.

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset, NaiveDate};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::day_totals::ProductTotals;

/// Seconds of one slot of the charts over the day.
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
    /// Orders of today by slots of five minutes from 00:00 (a day has 288, or 276 / 300).
    pub orders_by_slot: Vec<u64>,
    /// Sales since 00:00, öre.
    pub sales_today_ore: i64,
    /// Sales of the seconds s with T − 3600 < s ≤ T, öre.
    pub sales_last_hour_ore: i64,
    /// Sales of today in öre by slots of five minutes from 00:00.
    pub sales_by_slot: Vec<i64>,
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
    /// Orders whose id had been seen before in their partition.
    pub duplicates: u64,
    /// Records of `shop.orders` that are no valid orders.
    pub dead_letters: u64,
    /// Records between each group's position and the end of its topics.
    pub lag: BTreeMap<String, u64>,
    /// Closed days, oldest first.
    pub reports: Vec<ReportNote>,
    /// Orders whose state changed last, newest first.
    pub latest: Vec<LatestOrder>,
    /// Up to which shop second (Unix) the windows were told, where whoever told them has fallen silent since: what they
    /// lost by now is not known.
    pub told_until: Option<i64>,
    /// The figures of consumers that nothing above is of, by the name of the consumer.
    pub others: BTreeMap<&'static str, Value>,
}

/// Orders as they are counted by those who handle them and by those who read what was handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Audit {
    /// Valid orders in the whole log.
    pub produced: u64,
    /// Those that are not handled yet.
    pub pending: u64,
    /// Handled orders in the log.
    pub handled: u64,
    /// Records that are still to be read, by all consumers together.
    pub behind: u64,
    /// For how long the oldest of them has lain there, wall seconds.
    pub behind_for: u64,
}

impl Audit {
    /// What these figures say.
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
    /// Its name in the newest order that has it; from the products file where none has.
    pub name: String,
    /// The highest id of an order that has it.
    pub named_by: u64,
    /// Pieces delivered, opening stock included.
    pub delivered: i64,
    /// Pieces sold.
    pub sold: i64,
}

impl StockLine {
    /// Pieces on the shelf; below zero where more was sold than ever delivered.
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
    /// The two hours in 24 intervals of five minutes, oldest first; the last one ends at T.
    pub intervals: [u64; 24],
    /// Those of the two hours by slots of the clock (Unix seconds / 300): the first slot whole, the last as far as T. On a
    /// chart they stand still while time goes on.
    #[serde(default)]
    pub by_slot: BTreeMap<i64, u64>,
    /// How long the orders handled in the two hours had waited, in whole slots: those of the first slot are all counted.
    #[serde(default)]
    pub waits: Waits,
}

/// Shop time from sale to handling, as a histogram that can be merged.
///
/// Waits are counted by their whole seconds up to 999 s, and above by three significant digits (rounded down), so a
/// quantile is less than 1 % low.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Waits(BTreeMap<i64, u64>);

impl Waits {
    /// Counts one order that waited `seconds` of shop time.
    pub fn add(&mut self, seconds: i64, orders: u64) {
        let mut unit = 1;
        while seconds / unit >= 1_000 {
            unit *= 10;
        }
        let sum = self.0.entry(seconds.max(0) / unit * unit).or_default();
        *sum = sum.saturating_add(orders);
    }

    /// Adds what another partition counted.
    pub fn merge(&mut self, other: &Self) {
        for (seconds, orders) in &other.0 {
            let sum = self.0.entry(*seconds).or_default();
            *sum = sum.saturating_add(*orders);
        }
    }

    /// Waits in seconds and how many orders each, the shortest first.
    pub fn counts(&self) -> impl Iterator<Item = (i64, u64)> {
        self.0.iter().map(|(seconds, orders)| (*seconds, *orders))
    }

    /// How many orders.
    pub fn orders(&self) -> u64 {
        self.0.values().fold(0, |sum, orders| sum.saturating_add(*orders))
    }

    /// Seconds within which the share `quantile` (0 to 1) of the orders was handled; `None` where there are none.
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

/// Orders that each partition hands to the feed.
pub const FEED: usize = 12;

/// Characters of a customer's name in the feed, far more than a screen shows: what a partition tells has to fit into a
/// record.
const NAME: usize = 200;

/// A name as the feed has it.
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
    /// The beginning of the customer's name as it came; clean it before it is shown.
    pub customer: String,
    /// Pieces over all lines; 0 where only the handled record was seen.
    pub pieces: i64,
    /// Total in öre.
    pub total_ore: i64,
    /// How far it has come.
    pub stage: Stage,
    /// Shop time of the handling, where it was handled.
    pub handled_at: Option<DateTime<FixedOffset>>,
}

/// How far an order has come.
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
