//! When loops look what is due.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::clock::Clock;

/// Where time is short: in accelerated time, with an end to come to, and in a process that is young.
const QUICK: Duration = Duration::from_millis(500);
/// In real time a second passes in a second, and each look costs every loop something. Twice the quick one, so that
/// loops stay together when one of them changes first.
const CALM: Duration = Duration::from_secs(1);
/// A process is young for so long: what it found is to be seen soon.
const YOUNG: Duration = Duration::from_secs(10);

/// A beat that all loops of a process have in common: what they say then goes out together, and the screen changes
/// once.
#[derive(Debug)]
pub struct Beat {
    begun: Instant,
    clock: Clock,
    /// Whether there is an end to come to.
    ends: bool,
    next: Instant,
}

impl Beat {
    /// Joins the beat that began at a moment; the first tick comes at once.
    pub(super) fn since(begun: Instant, clock: Clock, ends: bool) -> Self {
        Self { begun, clock, ends, next: begun }
    }

    /// Waits for the next beat; those that were missed are left out. A wait that is given up loses nothing.
    pub async fn tick(&mut self) {
        sleep_until(self.next).await;
        self.next = self.begun + self.after(self.begun.elapsed());
    }

    /// The beat after a moment, both from the beginning.
    fn after(&self, gone: Duration) -> Duration {
        let is_quick = self.ends || gone < YOUNG || !self.clock.is_real_time();
        let period = if is_quick { QUICK } else { CALM };
        let whole = gone.as_millis() / period.as_millis() + 1;
        // Runs out after 68 years.
        period * u32::try_from(whole).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;
    use crate::shop::Pulse;

    /// The beat after so many ms.
    fn after(ms: u64, speed: f64, ends: bool) -> u128 {
        let clock = Clock::default();
        clock.beat(Pulse::sample(DateTime::UNIX_EPOCH.fixed_offset(), speed));
        Beat::since(Instant::now(), clock, ends).after(Duration::from_millis(ms)).as_millis()
    }

    #[test]
    fn in_real_time_it_is_quick_at_first_and_then_calm() {
        assert_eq!([0, 499, 500, 9_999].map(|ms| after(ms, 1.0, false)), [500, 500, 1_000, 10_000]);
        assert_eq!([10_000, 20_700, 21_000].map(|ms| after(ms, 1.0, false)), [11_000, 21_000, 22_000]);
    }

    proptest! {
        #[test]
        fn whoever_joins_whenever_is_in_step(ms in 0..100_000_000_u64, fast in any::<bool>(), ends in any::<bool>()) {
            let next = after(ms, if fast { 60.0 } else { 1.0 }, ends);
            let longest = if fast || ends { QUICK } else { CALM };
            prop_assert!(next > u128::from(ms) && next <= u128::from(ms) + longest.as_millis());
            prop_assert_eq!(next % QUICK.as_millis(), 0);
        }
    }
}
