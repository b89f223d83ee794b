//! Kafka as the dashboard shows it: brokers, topics, consumer groups over time.

use std::{collections::VecDeque, sync::Arc};

use super::Said;

/// Wall seconds that a [`History`] holds.
pub const HISTORY: usize = 900;

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
    /// Partitions it holds in this process; where others run it, those that they tell of.
    pub partitions: usize,
    /// Times that its partitions were assigned anew in this process; `None` where others run it.
    pub rebalances: Option<u64>,
    /// Troubles that this process met while it consumed; `None` where others run it.
    pub errors: Option<u64>,
    /// What is wrong, or what it waits for.
    pub trouble: Option<Said>,
    /// Its last quarter of an hour.
    pub history: Arc<History>,
}

/// A point a wall second, oldest first, at most [`HISTORY`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    /// Records a second.
    pub rate: VecDeque<f64>,
    /// Records behind.
    pub lag: VecDeque<u64>,
}
