//! When loops look what is due.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Where time is short: with an end to come to, and in a process that is young.
const QUICK: Duration = Duration::from_millis(500);
/// Each look costs every loop something. Twice the quick one, so that loops stay together when one of them changes
/// first.
const CALM: Duration = Duration::from_secs(1);
/// A process is young for so long: what it found is to be seen soon.
const YOUNG: Duration = Duration::from_secs(10);

/// A beat that all loops of a process have in common: what they say then goes out together, and the screen changes
/// once.
#[derive(Debug)]
pub struct Beat {
    begun: Instant,
    /// Whether there is an end to come to.
    ends: bool,
    next: Instant,
}

impl Beat {
    /// Joins the beat that began at a moment; the first tick comes at once.
    pub(super) fn since(begun: Instant, ends: bool) -> Self {
        Self { begun, ends, next: begun }
    }

    /// Waits for the next beat; those that were missed are left out. A wait that is given up loses nothing.
    pub async fn tick(&mut self) {
        sleep_until(self.next).await;
        self.next = self.begun + self.after(self.begun.elapsed());
    }

    /// The beat after a moment, both from the beginning.
    fn after(&self, gone: Duration) -> Duration {
        let period = if self.ends || gone < YOUNG { QUICK } else { CALM };
        let whole = gone.as_millis() / period.as_millis() + 1;
        // Runs out after 68 years.
        period * u32::try_from(whole).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The beat after so many ms.
    fn after(ms: u64, ends: bool) -> u128 {
        Beat::since(Instant::now(), ends).after(Duration::from_millis(ms)).as_millis()
    }

    #[test]
    fn it_is_quick_at_first_and_then_calm() {
        assert_eq!([0, 499, 500, 9_999].map(|ms| after(ms, false)), [500, 500, 1_000, 10_000]);
        assert_eq!([10_000, 20_700, 21_000].map(|ms| after(ms, false)), [11_000, 21_000, 22_000]);
        assert_eq!([10_000, 20_700].map(|ms| after(ms, true)), [10_500, 21_000]);
    }

    proptest! {
        #[test]
        fn whoever_joins_whenever_is_in_step(ms in 0..100_000_000_u64, ends in any::<bool>()) {
            let next = after(ms, ends);
            let longest = if ends { QUICK } else { CALM };
            prop_assert!(next > u128::from(ms) && next <= u128::from(ms) + longest.as_millis());
            prop_assert_eq!(next % QUICK.as_millis(), 0);
        }
    }
}
