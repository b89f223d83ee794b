//! The simulator's heartbeat, as it lies on `shop.pulse`.

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};

use super::day;

/// What the simulator says of itself; written when every order up to `shop_time` is acknowledged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pulse {
    /// Shop time up to which all orders are in the log.
    #[serde(serialize_with = "day::rfc3339_millis")]
    pub shop_time: DateTime<FixedOffset>,
    /// Wall time of the sender.
    #[serde(serialize_with = "day::rfc3339_millis")]
    pub wall_time: DateTime<FixedOffset>,
    /// Shop seconds a wall second; exactly 1 for real time, 0 for a past period written at once.
    pub speed: f64,
    /// Orders a second of wall time that are aimed at; `None` for as fast as the broker takes them.
    pub rate: Option<f64>,
    /// What the simulator is doing.
    pub state: RunState,
    /// Whether many more customers come than `rate` aims at, for a short while.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rush: bool,
    /// Which simulator: unique for each run.
    pub who: String,
    /// Where it runs, for people: host and process id.
    pub host: String,
    /// Process id on `host`.
    pub pid: u32,
    /// Orders sold in the whole log, as far as the simulator knows.
    pub orders: u64,
    /// Customers who left with nothing, since the shop opened.
    pub lost_sales: u64,
    /// The highest delivery id given out so far.
    pub last_delivery_id: u64,
    /// Reorders that are on their way.
    pub under_way: Vec<UnderWay>,
    /// What is on the shelf, told while nothing is sold or delivered: the balance of the log's sales and deliveries, once
    /// they are read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shelf: Vec<OnShelf>,
}

/// A product on the simulator's shelf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnShelf {
    /// Which.
    pub product_id: u64,
    /// Pieces.
    pub pieces: i64,
}

/// What a simulator is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// Selling.
    Running,
    /// Told to wait.
    Paused,
    /// Ended in good order.
    Stopped,
}

/// A reorder that has not arrived yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnderWay {
    /// What was ordered.
    pub product_id: u64,
    /// Pieces.
    pub quantity: i64,
    /// Shop time at which it arrives.
    #[serde(serialize_with = "day::rfc3339_millis")]
    pub due: DateTime<FixedOffset>,
}

impl Pulse {
    /// Whether shop time is wall time.
    pub fn is_real_time(&self) -> bool {
        (self.speed - 1.0).abs() < f64::EPSILON
    }

    /// Reads the bytes of a record; the error is a sentence.
    pub fn decode(payload: Option<&[u8]>) -> Result<Self, String> {
        let bytes = payload.filter(|bytes| !bytes.is_empty()).ok_or("the payload is empty")?;
        serde_json::from_slice(bytes).map_err(|error| format!("not a pulse: {error}"))
    }
}

#[cfg(test)]
impl Pulse {
    /// A shop that runs, of which nothing else is known.
    pub(crate) fn sample(shop_time: DateTime<FixedOffset>, speed: f64) -> Self {
        Self {
            shop_time,
            wall_time: shop_time,
            speed,
            rate: None,
            state: RunState::Running,
            rush: false,
            who: String::new(),
            host: String::new(),
            pid: 0,
            orders: 0,
            lost_sales: 0,
            last_delivery_id: 0,
            under_way: Vec::new(),
            shelf: Vec::new(),
        }
    }
}
