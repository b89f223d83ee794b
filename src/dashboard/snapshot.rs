//! Everything one picture shows: a copy of the read model, made outside the drawing thread.

use std::{collections::VecDeque, sync::Arc};

use chrono::NaiveDate;

use crate::{
    logging::LogLine,
    messages::{Message, Sentence},
    read_model::{Cluster, Connection, GroupState},
    shop::{Zone, pulse::RunState},
    sinks::report::Report,
    stream::order_search::TrackedOrder,
    views::figures::{Audit, LatestOrder, ShopFigures},
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
    pub connection: Connection,
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
    pub alarms: Vec<Sentence>,
    /// The sums that must add up.
    pub audit: Audit,
    /// Brokers and topics.
    pub cluster: Arc<Cluster>,
    /// Orders whose state changed last, newest first: a longer feed than that of the figures.
    pub feed: Arc<Vec<LatestOrder>>,
    /// The order that is followed.
    pub followed: Option<TrackedOrder>,
    /// The report that is read.
    pub opened: Option<OpenedReport>,
    /// The latest lines of the program's log, oldest first; at most 500.
    pub log: Arc<VecDeque<LogLine>>,
}

/// A report that a person asked to read.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenedReport {
    /// Its day.
    pub date: NaiveDate,
    /// The report, or why it cannot be read.
    pub report: Result<Arc<Report>, Sentence>,
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
