//! Everything one picture shows: a copy of the read model, made outside the drawing thread.

use crate::{
    shop::{Zone, pulse::RunState},
    views::figures::ShopFigures,
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
    /// Pieces that customers wanted and did not get.
    pub lost_sales: u64,
    /// What the products file says of each product, and what is on its way; by product id.
    pub shelf: Vec<ShelfPlan>,
    /// The consumer groups, in the order of the design.
    pub groups: Vec<GroupState>,
    /// What happened, oldest first; at most 200.
    pub messages: Vec<Message>,
    /// Sums that do not add up, or balances below zero: each a sentence. Empty when all is well.
    pub alarms: Vec<String>,
}

/// The connection to Kafka.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// `127.0.0.1:9092`, as a person would type it.
    pub bootstrap: String,
    /// Whether it is the broker inside a shop-sim process.
    pub embedded: bool,
    /// Whether it answered lately.
    pub up: bool,
    /// What is wrong, when it is not up.
    pub trouble: Option<String>,
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
}

/// One consumer group.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupState {
    /// `orders-today`, `sales`, …
    pub view: &'static str,
    /// Records a second of wall time.
    pub rate: f64,
    /// Records behind the end of its topics.
    pub lag: u64,
    /// Partitions it holds in this process.
    pub partitions: usize,
    /// What is wrong, or what it waits for.
    pub trouble: Option<String>,
}

/// Something a person should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Counts up; tells new messages from old.
    pub number: u64,
    /// Shop time, Unix seconds.
    pub shop_second: i64,
    /// How grave it is.
    pub weight: Weight,
    /// A sentence.
    pub text: String,
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
