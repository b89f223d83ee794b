//! Backfill or live: which one the simulator is in, and how often customers come in each.

use super::options::{Pace, Rate, SimulatorOptions};

/// A backfill whose `to` is this near to now follows the clock.
const NOW_MS: i64 = 60_000;

/// What is being sold: the past or the present.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Phase {
    /// A past period, up to and without `to_ms`, Unix ms of shop time.
    Backfill {
        to_ms: i64,
        per_second: f64,
        /// Whether `to_ms` is now, and moves on with the wall's clock.
        follow: bool,
    },
    /// As the clock goes.
    Live,
}

impl Phase {
    pub(super) fn first(options: &SimulatorOptions, wall_ms: i64) -> Self {
        options.backfill.map_or(Self::Live, |backfill| Self::Backfill {
            to_ms: backfill.to_ms,
            per_second: backfill.per_second,
            follow: options.then_live
                && options.pace == Pace::Real
                && wall_ms.abs_diff(backfill.to_ms) <= NOW_MS.unsigned_abs(),
        })
    }

    /// The mean time between customers in ms of shop time; `None` for none at all.
    pub(super) fn mean_gap_ms(self, pace: Pace, rate: Rate) -> Option<f64> {
        match (self, pace) {
            (Self::Backfill { per_second, .. }, _) => Some(1_000.0 / per_second),
            (Self::Live, Pace::Real) => rate.per_second().map(|rate| 1_000.0 / rate),
            (Self::Live, Pace::Accelerated { speed, .. }) => {
                rate.per_second().map(|rate| 1_000.0 * speed / rate)
            }
        }
    }
}
