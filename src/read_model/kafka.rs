//! What is known of Kafka: the connection, brokers, topics, consumer groups over time.

use std::{collections::VecDeque, sync::Arc};

use crate::messages::Sentence;

/// Wall seconds that a [`History`] holds.
pub const HISTORY: usize = 900;

/// The connection to Kafka.
#[derive(Debug, Clone, PartialEq)]
pub struct Connection {
    /// `127.0.0.1:9092`, as a person would type it.
    pub bootstrap: String,
    /// Whether it is the broker inside a shop-sim process.
    pub embedded: bool,
    /// Whether it answered lately.
    pub up: bool,
    /// What is wrong, when it is not up.
    pub trouble: Option<Sentence>,
}

/// The cluster and its topics.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cluster {
    /// Every broker, `HOST:PORT`.
    pub brokers: Vec<String>,
    /// The shop's topics, in the order of the design.
    pub topics: Vec<TopicState>,
}

/// One topic.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TopicState {
    /// Its full name.
    pub name: String,
    /// How many partitions it has.
    pub partitions: usize,
    /// Offsets between the beginning and the end of its partitions: its records, and transaction markers.
    pub records: u64,
    /// Offsets a second of wall time.
    pub rate: f64,
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
    /// For how long the oldest of them has lain there, wall seconds.
    pub lag_seconds: u64,
    /// Partitions it holds in this process; where others run it, those that they tell of.
    pub partitions: usize,
    /// Times that its partitions were assigned anew in this process; `None` where others run it.
    pub rebalances: Option<u64>,
    /// Troubles that this process met while it consumed; `None` where others run it.
    pub errors: Option<u64>,
    /// What is wrong, or what it waits for.
    pub trouble: Option<Sentence>,
    /// Its last quarter of an hour.
    pub history: Arc<History>,
}

impl GroupState {
    /// Whether it is a consumer that nobody runs.
    pub fn is_unattended(&self) -> bool {
        matches!(self.trouble, Some(Sentence::NobodyRuns { .. }))
    }
}

/// A point a wall second, oldest first, at most [`HISTORY`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    /// Records a second.
    pub rate: VecDeque<f64>,
    /// Records behind.
    pub lag: VecDeque<u64>,
}
