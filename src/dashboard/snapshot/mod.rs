//! Everything one picture shows: a copy of the read model, made outside the drawing thread.

mod kafka;
mod order;
mod said;

use std::{collections::VecDeque, sync::Arc};

use chrono::NaiveDate;

use crate::{
    shop::{Zone, pulse::RunState},
    sinks::report::Report,
    views::figures::{LatestOrder, ShopFigures},
};

pub use self::{
    kafka::{Cluster, GroupState, HISTORY, History, TopicState},
    order::{Followed, OrderWay, Place, Way},
    said::Said,
};

/// The shop at one moment, as the dashboard draws it.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// All figures at shop time T.
    pub figures: ShopFigures,
    /// The shop's time zone.
    pub zone: Zone,
    /// Shop seconds a wall second: 1 for real time.
    pub speed: f64,
    /// What the simulator does; `None` while no pulse was seen.
    pub simulator: Option<RunState>,
    /// Orders a second that are aimed at; `None` for as many as possible or unknown.
    pub target_rate: Option<f64>,
    /// Orders a second of wall time, measured over the last seconds.
    pub orders_per_second: f64,
    /// Where Kafka is and whether it answers.
    pub link: Link,
    /// Orders handled since 00:00, by the time of handling; `None` where nobody counts them.
    pub handled_today: Option<u64>,
    /// Customers who left with nothing, since the shop opened.
    pub lost_sales: u64,
    /// What the products file says of each product, and what is on its way; by product id.
    pub shelf: Vec<ShelfPlan>,
    /// The consumer groups, in the order of the design.
    pub groups: Vec<GroupState>,
    /// What happened, oldest first; at most 200.
    pub messages: Vec<Message>,
    /// Sums that do not add up, or balances below zero: each a sentence. Empty when all is well.
    pub alarms: Vec<Said>,
    /// The sums that must add up.
    pub audit: Audit,
    /// Brokers and topics.
    pub cluster: Arc<Cluster>,
    /// Orders whose state changed last, newest first: a longer feed than that of the figures.
    pub feed: Arc<Vec<LatestOrder>>,
    /// The order that is followed.
    pub followed: Option<Followed>,
    /// The report that is read.
    pub opened: Option<OpenedReport>,
    /// The latest lines of the program's log, oldest first; at most 500.
    pub log: Arc<VecDeque<LogLine>>,
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
}

impl Audit {
    /// What these figures say.
    pub fn of(figures: &ShopFigures) -> Self {
        Self {
            produced: figures.produced,
            pending: figures.pending,
            handled: figures.handled.total,
            behind: figures.lag.values().fold(0, |sum, lag| sum.saturating_add(*lag)),
        }
    }

    /// Whether both count the same.
    pub fn adds_up(&self) -> bool {
        self.pending.checked_add(self.handled) == Some(self.produced)
    }
}

/// A report that a person asked to read.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenedReport {
    /// Its day.
    pub date: NaiveDate,
    /// The report, or why it cannot be read.
    pub report: Result<Arc<Report>, Said>,
}

/// A line of the program's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Wall time, Unix ms.
    pub wall_ms: i64,
    /// How grave it is.
    pub level: LogLevel,
    /// The part of the program, as `stream::ends`.
    pub target: String,
    /// What it says.
    pub text: String,
}

/// How grave a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// For those who look for a fault.
    Debug,
    /// Good to know.
    Info,
    /// Something needs a look.
    Warn,
    /// Something is broken.
    Error,
}

/// The connection to Kafka.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// `127.0.0.1:9092`, as a person would type it.
    pub bootstrap: String,
    /// Whether it is the broker inside a shop-sim process.
    pub embedded: bool,
    /// Whether it answered lately.
    pub up: bool,
    /// What is wrong, when it is not up.
    pub trouble: Option<Said>,
}

/// What is planned for one product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShelfPlan {
    /// The product's number.
    pub product_id: u64,
    /// At or below this balance a delivery is ordered.
    pub reorder_point: i64,
    /// Pieces that fill the bar.
    pub full: i64,
    /// Pieces on their way.
    pub under_way: i64,
    /// When the next delivery arrives: shop time, Unix seconds.
    pub next_delivery: Option<i64>,
    /// What kind of goods it is.
    pub category: String,
    /// Its price in öre.
    pub price_ore: i64,
}

/// Something a person should know.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Counts up; tells new messages from old.
    pub number: u64,
    /// Shop time, Unix seconds.
    pub shop_second: i64,
    /// How grave it is.
    pub weight: Weight,
    /// What it says.
    pub said: Said,
}

/// How grave a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Good to know.
    Info,
    /// Something needs a look.
    Warning,
    /// Something is broken.
    Error,
}
