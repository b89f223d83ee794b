//! The data of one frame: a copy of the read model, made outside the drawing thread.

use std::{collections::VecDeque, sync::Arc};

use chrono::NaiveDate;

use crate::{
    chaos::LiveAudit,
    logging::LogLine,
    messages::{Message, Sentence},
    read_model::{Cluster, Connection, GroupState},
    shop::{Zone, pulse::RunState},
    sinks::report::Report,
    stream::order_search::TrackedOrder,
    views::shop_figures::{Audit, LatestOrder, ShopFigures},
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
    /// The simulator's state; `None` before the first pulse.
    pub simulator: Option<RunState>,
    /// The target of orders a second; `None` if unlimited or unknown.
    pub target_rate: Option<f64>,
    /// Its factor at this time of the week, and in the campaigns.
    pub rhythm: Option<f64>,
    /// The names of the campaigns that run.
    pub campaigns: Vec<String>,
    /// The remaining wall seconds of a rush of customers; 0 if unknown, `None` without a rush.
    pub rush: Option<u64>,
    /// Orders per wall second, measured over the last seconds.
    pub orders_per_second: f64,
    /// Kafka's address and whether it responds.
    pub connection: Connection,
    /// Orders handled since 00:00, by time of handling; `None` if no consumer counts them.
    pub handled_today: Option<u64>,
    /// Customers who left without buying, since the shop opened.
    pub lost_sales: u64,
    /// Each product's plan from the products file, and its pending delivery; by product id.
    pub shelf: Vec<ShelfPlan>,
    /// The consumer groups, in the order of the design.
    pub groups: Vec<GroupState>,
    /// Messages, oldest first; at most 200.
    pub messages: Vec<Message>,
    /// Sums that do not add up, or negative balances: a sentence each. Empty if all is well.
    pub alarms: Vec<Sentence>,
    /// The sums that must add up.
    pub audit: Audit,
    /// Brokers and topics.
    pub cluster: Arc<Cluster>,
    /// Orders by their last change, newest first: a longer feed than in the figures.
    pub feed: Arc<Vec<LatestOrder>>,
    /// The followed order.
    pub followed: Option<TrackedOrder>,
    /// The open report.
    pub opened: Option<OpenedReport>,
    /// The response to the last request for a past moment.
    pub rewound: Option<Arc<Rewound>>,
    /// Whether it is of a past moment: then it only has what the shop's logs record of it.
    pub is_past: bool,
    /// The injected faults and the live audit.
    pub live_audit: Arc<LiveAudit>,
    /// The latest lines of the program's log, oldest first; at most 500.
    pub log: Arc<VecDeque<LogLine>>,
}

/// The shop at a past moment that the user asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Rewound {
    /// The moment: shop time, Unix seconds.
    pub asked: i64,
    /// What there is to show for it.
    pub answer: Answer,
}

/// The answer to a request for a past moment.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The shop at that moment.
    Shop(Arc<Snapshot>),
    /// It cannot be shown.
    No(Sentence),
    /// It takes a while.
    Underway(Progress),
}

/// How far the way to a past moment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is done with the records.
    pub step: Step,
    /// The records that it was done with.
    pub done: u64,
    /// All records of this step.
    pub of: u64,
}

/// A step on the way to a past moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The logs are read.
    Read,
    /// The figures are computed from the records.
    Compute,
}

impl Snapshot {
    /// A past snapshot, completed from this present one with what the logs lack: messages up to that time, and the
    /// order and report that are open.
    #[must_use]
    pub fn beside(&self, past: &Self) -> Self {
        let moment = past.figures.shop_second;
        let messages = self.messages.iter().filter(|message| message.shop_second <= moment);
        let followed = self.followed.as_ref().map(|order| order.at(moment));
        let opened = self.opened.clone().filter(|report| report.date < past.figures.today);
        Self {
            messages: messages.cloned().collect(),
            connection: self.connection.clone(),
            followed,
            opened,
            ..past.clone()
        }
    }
}

/// A report that the user opened.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenedReport {
    /// Its day.
    pub date: NaiveDate,
    /// The report, or why it cannot be read.
    pub report: Result<Arc<Report>, Sentence>,
}

/// The plan of one product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShelfPlan {
    /// The product's id.
    pub product_id: u64,
    /// A delivery is ordered at or below this balance.
    pub reorder_point: i64,
    /// Pieces of a full bar.
    pub full: i64,
    /// Pieces in delivery.
    pub under_way: i64,
    /// When the next delivery arrives: shop time, Unix seconds.
    pub next_delivery: Option<i64>,
    /// The product's category.
    pub category: String,
    /// Its price in öre.
    pub price_ore: i64,
}
