//! A rush of customers and a jump to midnight: what a presenter asks of a shop in accelerated time. Pure.

use std::time::{Duration, Instant};

use super::{
    backfill_or_live::Phase,
    options::{Pace, Rate},
};
use crate::shop::Zone;

/// How many times as many customers come in a rush.
const MORE: f64 = 10.0;
/// How long a rush lasts, wall time.
const LASTS: Duration = Duration::from_secs(15);
/// How long before midnight a jump ends, wall time at the speed of the shop: time enough to look up.
const BEFORE_MIDNIGHT: Duration = Duration::from_millis(6_500);

/// Whether there is a rush, and how long.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rush {
    until: Option<Instant>,
}

impl Rush {
    /// Begins one, or begins it again.
    pub(super) fn begin(&mut self, now: Instant) {
        self.until = Some(now + LASTS);
    }

    /// Whether there is one.
    pub(super) fn is_on(&self) -> bool {
        self.until.is_some()
    }

    /// Seconds that are left of it, begun ones included.
    pub(super) fn seconds_left(&self, now: Instant) -> Option<u64> {
        let left = self.until?.saturating_duration_since(now);
        u64::try_from(left.as_millis().div_ceil(1000)).ok()
    }

    /// Whether it has just come to its end.
    pub(super) fn ends(&mut self, now: Instant) -> bool {
        self.until.take_if(|until| *until <= now).is_some()
    }

    /// The rate that a shop sells at which aims at `rate` when there is no rush.
    pub(super) fn rate(&self, rate: Rate) -> Rate {
        match rate {
            Rate::PerSecond(orders) if self.is_on() => Rate::PerSecond(orders * MORE),
            rate => rate,
        }
    }
}

/// What a shop at `now_ms` (Unix ms of shop time) writes at once to come to a moment before the next midnight, at
/// the rate that it sells at. `None` in real time, without a rate, and where that moment has passed already.
pub(super) fn to_midnight(zone: Zone, now_ms: i64, pace: Pace, rate: Rate) -> Option<Phase> {
    let (Pace::Accelerated { speed, .. }, Some(rate)) = (pace, rate.per_second()) else { return None };
    let to_ms = before_midnight(zone, now_ms, speed)?;
    Some(Phase::Backfill { to_ms, per_second: rate / speed, follow: false })
}

/// The moment that a shop at `now_ms` (Unix ms of shop time) with this speed can jump to: a few seconds of wall time
/// before its next midnight. `None` where that has passed already.
pub fn before_midnight(zone: Zone, now_ms: i64, speed: f64) -> Option<i64> {
    let midnight_ms = zone.end_of(zone.date(now_ms.div_euclid(1000))).checked_mul(1000)?;
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and so does the difference")]
    let before_ms = (BEFORE_MIDNIGHT.as_secs_f64() * 1000.0 * speed) as i64;
    let to_ms = midnight_ms.saturating_sub(before_ms);
    (to_ms > now_ms).then_some(to_ms)
}

#[cfg(test)]
mod tests {
    use chrono_tz::TZ_VARIANTS;
    use proptest::prelude::*;

    use super::*;

    const SPEEDY: Pace = Pace::Accelerated { speed: 60.0, start: None };

    #[test]
    fn a_rush_is_ten_times_the_rate_for_fifteen_seconds() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut rush = Rush::default();
        assert!(!rush.ends(start) && rush.rate(Rate::PerSecond(5.0)) == Rate::PerSecond(5.0));
        rush.begin(start);
        assert_eq!(rush.rate(Rate::PerSecond(5.0)), Rate::PerSecond(50.0));
        assert_eq!(rush.rate(Rate::Max), Rate::Max);
        assert!(!rush.ends(at(14_999)) && rush.is_on());
        let left = [0, 1, 6_000, 14_999].map(|ms| rush.seconds_left(at(ms)));
        assert_eq!(left, [15, 15, 9, 1].map(Some));
        // Asked for again, it lasts longer.
        rush.begin(at(10_000));
        assert!(!rush.ends(at(24_999)));
        assert!(rush.ends(at(25_000)) && !rush.ends(at(25_000)) && !rush.is_on());
    }

    proptest! {
        #[test]
        fn a_jump_leaves_the_same_wall_time_before_every_midnight(
            tz in 0..TZ_VARIANTS.len(), now_ms in 1_400_000_000_000..2_000_000_000_000_i64, speed in 1.5..2_000.0_f64,
        ) {
            let zone = Zone(TZ_VARIANTS[tz]);
            let pace = Pace::Accelerated { speed, start: None };
            let midnight_ms = zone.end_of(zone.date(now_ms.div_euclid(1000))) * 1000;
            let left = |ms: i64| (midnight_ms - ms) as f64 / 1000.0 / speed;
            match to_midnight(zone, now_ms, pace, Rate::PerSecond(12.0)) {
                Some(Phase::Backfill { to_ms, per_second, follow: false }) => {
                    prop_assert!(to_ms > now_ms && (5.0..8.0).contains(&left(to_ms)), "{} s are left", left(to_ms));
                    prop_assert!((per_second * speed - 12.0).abs() < 1e-9);
                }
                None => prop_assert!(left(now_ms) <= 6.6, "{} s were left", left(now_ms)),
                Some(other) => prop_assert!(false, "{:?}", other),
            }
        }
    }

    #[test]
    fn nobody_jumps_in_real_time_or_without_a_rate() {
        let now_ms = 1_795_179_787_000;
        assert!(to_midnight(Zone::default(), now_ms, SPEEDY, Rate::PerSecond(5.0)).is_some());
        assert_eq!(to_midnight(Zone::default(), now_ms, SPEEDY, Rate::Max), None);
        assert_eq!(to_midnight(Zone::default(), now_ms, Pace::Real, Rate::PerSecond(5.0)), None);
    }
}
