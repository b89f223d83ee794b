//! A dashboard's request to a simulator, on `shop.control`.

use serde::{Deserialize, Serialize};

/// One request to the simulator.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case")]
pub enum Control {
    /// Stop selling; accelerated shop time stops, too.
    Pause,
    /// Go on selling.
    Resume,
    /// Sell at this many orders a second (wall time).
    Rate {
        /// Orders a second, more than 0.
        rate: f64,
    },
    /// Write the orders up to just before the next midnight at once, and go on from there; in accelerated time.
    ToMidnight,
    /// Sell at ten times the rate for a short while; in accelerated time.
    Rush,
}
