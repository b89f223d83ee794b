//! The ticks of a consumer: at the turn of each second, since shop time advances by whole seconds in real time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::{Instant, sleep_until};

/// Period with `--until-end`, so that the end is noticed soon.
const ENDS: Duration = Duration::from_millis(100);
/// Period in a young run.
const QUICK: Duration = Duration::from_millis(500);
/// Period.
const CALM: Duration = Duration::from_secs(1);
/// How long a run is young: its first figures should appear soon.
const YOUNG: Duration = Duration::from_secs(10);

/// Ticks at the turns of wall seconds; all consumers of a machine tick together.
#[derive(Debug)]
pub struct Ticker {
    begun: Instant,
    /// Whether the run has an end.
    ends: bool,
    next: Instant,
}

impl Ticker {
    /// The first tick comes at once.
    pub fn new(ends: bool) -> Self {
        let now = Instant::now();
        Self { begun: now, ends, next: now }
    }

    /// Waits for the next tick; returns at once while one is due, until [`Ticker::rest`] is called.
    pub async fn tick(&self) {
        sleep_until(self.next).await;
    }

    /// Schedules the next tick at the first turn after now; missed ones are skipped.
    pub fn rest(&mut self) {
        let young = self.begun.elapsed() < YOUNG;
        let period = match self.ends {
            true => ENDS,
            false if young => QUICK,
            false => CALM,
        };
        // A clock before 1970 has no turns that matter.
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.next = Instant::now() + until_turn(wall, period);
    }
}

/// From a time of the wall, since 1970, to the next whole multiple of a period.
fn until_turn(wall: Duration, period: Duration) -> Duration {
    let into = wall.as_nanos() % period.as_nanos().max(1);
    // Less than the period.
    period.saturating_sub(Duration::from_nanos(u64::try_from(into).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_tick_comes_at_a_turn_within_a_period(
            ns in any::<u64>(), period in prop::sample::select(vec![ENDS, QUICK, CALM]),
        ) {
            let wall = Duration::from_nanos(ns);
            let wait = until_turn(wall, period);
            prop_assert!(wait > Duration::ZERO && wait <= period);
            prop_assert_eq!((wall + wait).as_nanos() % period.as_nanos(), 0);
        }
    }
}
