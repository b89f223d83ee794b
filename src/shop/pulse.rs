//! The simulator's heartbeat, as a record of `shop.pulse`.

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};

use super::day;

/// The simulator's state; written once all orders up to `shop_time` are acknowledged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pulse {
    /// Shop time up to which all orders are in the log.
    #[serde(serialize_with = "day::rfc3339_millis")]
    pub shop_time: DateTime<FixedOffset>,
    /// Wall time of the sender.
    #[serde(serialize_with = "day::rfc3339_millis")]
    pub wall_time: DateTime<FixedOffset>,
    /// Shop seconds per wall second; exactly 1 in real time, 0 during a backfill.
    pub speed: f64,
    /// The target rate, orders per second of wall time; `None` for as many as the broker takes.
    pub rate: Option<f64>,
    /// The current factor for `rate`, which is the mean of a week; `None` without a rhythm and a campaign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rhythm: Option<f64>,
    /// The names of the campaigns that run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub campaigns: Vec<String>,
    /// What the simulator is doing.
    pub state: RunState,
    /// Whether there is a rush: for a short while many more customers than for `rate`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rush: bool,
    /// For how many more seconds of wall time, begun ones included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rush_seconds: Option<u64>,
    /// The id of the simulator's run.
    pub who: String,
    /// Where it runs, for people: host and process id.
    pub host: String,
    /// Process id on `host`.
    pub pid: u32,
    /// Orders in the whole log, as far as the simulator knows.
    pub orders: u64,
    /// Customers who bought nothing, since the shop opened.
    pub lost_sales: u64,
    /// The highest delivery id so far.
    pub last_delivery_id: u64,
    /// Reorders that are on their way.
    pub under_way: Vec<UnderWay>,
    /// The shelf, only sent while nothing is sold or delivered; equals the balance of the log's sales and deliveries
    /// once they are read.
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

/// A simulator's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// Selling.
    Running,
    /// On request.
    Paused,
    /// Ended cleanly.
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
    /// A pulse of a running shop with default values.
    pub(crate) fn sample(shop_time: DateTime<FixedOffset>, speed: f64) -> Self {
        Self {
            shop_time,
            wall_time: shop_time,
            speed,
            rate: None,
            state: RunState::Running,
            rhythm: None,
            campaigns: Vec::new(),
            rush: false,
            rush_seconds: None,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pulse_of_a_simulator_that_knows_no_campaigns_is_read_and_one_without_any_is_written_alike() {
        let pulse = Pulse::sample(DateTime::default(), 1.0);
        let text = serde_json::to_string(&pulse).unwrap();
        assert!(!text.contains("campaigns"), "{text}");
        assert_eq!(Pulse::decode(Some(text.as_bytes())), Ok(pulse.clone()));
        let pulse = Pulse { campaigns: vec!["Rea".to_owned()], ..pulse };
        let bytes = serde_json::to_vec(&pulse).unwrap();
        assert_eq!(Pulse::decode(Some(&bytes)), Ok(pulse));
    }
}
