//! When customers come: by the hour and the weekday, or at all times alike, and more or fewer in a campaign. Pure.
//!
//! Visits are a Poisson process whose rate follows a curve: the time between two of them is drawn for the mean rate and
//! then stretched or compressed, so that the same seed has the same visits in the same order under every rhythm (time
//! rescaling, as in Daley and Vere-Jones, «An Introduction to the Theory of Point Processes», section 7.4).

use chrono::{Datelike, Timelike};

use super::campaigns::Campaigns;
use crate::shop::Zone;

/// How many customers come at each full hour of a day, relative to each other; between two hours the curve is straight.
/// The shape of a web shop: a quiet night, a rise until lunch, and most in the evening.
const HOURS: [f64; 24] = [
    0.60, 0.50, 0.40, 0.40, 0.40, 0.45, 0.60, 0.80, 0.95, 1.05, 1.15, 1.25, 1.30, 1.20, 1.10, 1.10, 1.15,
    1.25, 1.40, 1.60, 1.70, 1.50, 1.15, 0.80,
];
/// The same for the weekdays, from Monday.
const DAYS: [f64; 7] = [1.05, 1.00, 0.95, 0.95, 0.90, 0.95, 1.20];
/// So long the rate stays the same outside of campaigns, ms; hours and midnights of all zones begin with one.
const QUARTER_MS: i64 = 15 * 60 * 1_000;
/// Over so long, ms, as many come as at the mean rate; longer waits leave campaigns out of account.
const WEEK_MS: i64 = 7 * 24 * 4 * QUARTER_MS;

/// How the rate of visits changes with shop time.
#[derive(Debug, Clone)]
pub struct Rhythm {
    /// Whose hours and weekdays count; without one, all times are alike.
    zone: Option<Zone>,
    campaigns: Campaigns,
    /// The one that was asked for last.
    last: Stretch,
}

/// A time in which the rate stays the same.
#[derive(Debug, Clone, Copy, Default)]
struct Stretch {
    /// Unix ms.
    from: i64,
    /// Unix ms, exclusive.
    until: i64,
    /// What the mean rate is multiplied with.
    factor: f64,
}

impl Rhythm {
    /// All times are alike.
    pub fn flat() -> Self {
        Self { zone: None, campaigns: Campaigns::default(), last: Stretch::default() }
    }

    /// Customers come by the hours and weekdays of a zone.
    pub fn shop(zone: Zone) -> Self {
        Self { zone: Some(zone), ..Self::flat() }
    }

    /// This rhythm with campaigns.
    #[must_use]
    pub fn with(self, campaigns: Campaigns) -> Self {
        Self { campaigns, last: Stretch::default(), ..self }
    }

    /// Its campaigns.
    pub fn campaigns(&self) -> &Campaigns {
        &self.campaigns
    }

    /// What the mean rate is multiplied with at a moment, Unix ms; `None` without hours and a campaign.
    pub fn shaped(&self, ms: i64) -> Option<f64> {
        let by_hour = self.zone.map(|zone| curve(zone, ms.div_euclid(QUARTER_MS).saturating_mul(QUARTER_MS)));
        match (by_hour, self.campaigns.visits(ms)) {
            (None, None) => None,
            (by_hour, by_campaign) => Some(by_hour.unwrap_or(1.0) * by_campaign.unwrap_or(1.0)),
        }
    }

    /// The rest of the stretch that a moment, Unix ms, lies in.
    fn stretch(&mut self, ms: i64) -> Stretch {
        if !(self.last.from..self.last.until).contains(&ms) {
            let quarter = ms.saturating_sub(ms.rem_euclid(QUARTER_MS));
            let until = quarter.saturating_add(QUARTER_MS).min(self.campaigns.unchanged_until(ms));
            self.last = Stretch { from: ms, until, factor: self.shaped(ms).unwrap_or(1.0) };
        }
        self.last
    }

    /// Whether the rate is the mean rate for ever.
    fn is_flat(&self) -> bool {
        self.zone.is_none() && self.campaigns.is_empty()
    }

    /// The moment, as whole ms and the part of one behind it, at which `wait_ms` have passed since `ms` and `part`, in time
    /// that goes as fast as customers come.
    pub fn after(&mut self, ms: i64, part: f64, wait_ms: f64) -> (i64, f64) {
        if self.is_flat() {
            return moment(ms, part + wait_ms);
        }
        let weeks = (wait_ms / WEEK_MS as f64).floor();
        let (mut left, (mut at, mut part)) =
            (wait_ms - weeks * WEEK_MS as f64, moment(ms, part + weeks * WEEK_MS as f64));
        // A moment that far away stands for never.
        while at < i64::MAX - WEEK_MS {
            let Stretch { until, factor, .. } = self.stretch(at);
            let room = (until - at) as f64 - part;
            if left <= room * factor {
                return moment(at, part + left / factor);
            }
            left -= room * factor;
            (at, part) = (until, 0.0);
        }
        (i64::MAX, 0.0)
    }

    /// How much of that time, ms, the `wait_ms` after a moment are.
    pub fn within(&mut self, ms: i64, wait_ms: f64) -> f64 {
        if self.is_flat() {
            return wait_ms;
        }
        let weeks = (wait_ms / WEEK_MS as f64).floor();
        let (mut left, mut at) = (wait_ms - weeks * WEEK_MS as f64, ms);
        let mut sum = weeks * WEEK_MS as f64;
        while left > 0.0 && at < i64::MAX {
            let Stretch { until, factor, .. } = self.stretch(at);
            let stretch = ((until - at) as f64).min(left);
            sum += stretch * factor;
            left -= stretch;
            at = until;
        }
        sum
    }
}

/// `wait_ms` after a moment: whole ms, and the part of one.
fn moment(ms: i64, wait_ms: f64) -> (i64, f64) {
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and so does the sum")]
    let whole = wait_ms.floor() as i64;
    (ms.saturating_add(whole), wait_ms.fract())
}

/// The factor at a moment, Unix ms; its mean over a week is 1.
fn curve(zone: Zone, ms: i64) -> f64 {
    let local = zone.stamp(ms);
    let of = |table: &[f64], at: u32| table.get(at as usize % table.len()).copied().unwrap_or(1.0);
    let mean = |table: &[f64]| table.iter().sum::<f64>() / table.len() as f64;
    let (hour, share) = (local.hour(), f64::from(local.minute()) / 60.0);
    let by_hour = of(&HOURS, hour) * (1.0 - share) + of(&HOURS, hour + 1) * share;
    by_hour / mean(&HOURS) * of(&DAYS, local.weekday().num_days_from_monday()) / mean(&DAYS)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use chrono_tz::TZ_VARIANTS;
    use proptest::prelude::*;

    use super::*;
    use crate::shop::Catalog;

    /// Monday 2026-11-23 00:00 UTC.
    const MONDAY_MS: i64 = 1_795_392_000_000;
    const HOUR_MS: i64 = 4 * QUARTER_MS;

    fn utc() -> Rhythm {
        Rhythm::shop(Zone(chrono_tz::UTC))
    }

    #[test]
    fn a_week_has_as_many_as_the_mean_rate_and_an_evening_more_than_a_night() {
        let mut rhythm = utc();
        // Within a third of a percent: a quarter has the rate of its beginning, and days differ.
        let week = rhythm.within(MONDAY_MS + 1, WEEK_MS as f64 - 1.0);
        assert!((week / WEEK_MS as f64 - 1.0).abs() < 0.003, "{week}");
        let day = |hour| utc().stretch(MONDAY_MS + hour * HOUR_MS).factor;
        assert!(day(20) > 1.5 && day(12) > day(9) && day(9) > day(6) && day(3) < 0.5 && day(3) > 0.3);
        assert!(
            utc().stretch(MONDAY_MS - HOUR_MS).factor > day(23),
            "more come on a Sunday than on a Monday"
        );
        assert!((Rhythm::flat().stretch(MONDAY_MS).factor - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_flat_rhythm_is_the_wait_as_it_is() {
        assert_eq!(Rhythm::flat().after(1_000, 0.25, 0.5), (1_000, 0.75));
        assert_eq!(Rhythm::flat().after(1_000, 0.5, 0.75), (1_001, 0.25));
    }

    proptest! {
        #[test]
        fn what_lies_between_a_moment_and_the_one_after_a_wait_is_the_wait(
            tz in 0..TZ_VARIANTS.len(), ms in 0..2_000_000_000_000_i64, part in 0.0..1.0_f64,
            wait in 0.0..(3.0 * WEEK_MS as f64),
        ) {
            let mut rhythm = Rhythm::shop(Zone(TZ_VARIANTS[tz]));
            let (at, rest) = rhythm.after(ms, part, wait);
            prop_assert!(at >= ms && (0.0..1.0).contains(&rest));
            let between = rhythm.within(ms, (at - ms) as f64 + rest) - rhythm.within(ms, part);
            // Whole weeks, of the wait or of the way back, are counted as weeks without a clock change.
            let has_weeks = wait >= WEEK_MS as f64 || at - ms >= WEEK_MS;
            let slack = if has_weeks { 2.0 * HOUR_MS as f64 } else { 1.0 };
            prop_assert!((between - wait).abs() < slack, "{} for {}", between, wait);
        }

        #[test]
        fn with_campaigns_too_what_lies_between_is_the_wait(
            ms in 0..200_000_000_i64, wait in 0.0..1e8_f64, is_flat: bool,
            hours in prop::collection::vec((0..24_u32, 0..60_u32, 0.01..100.0_f64), 1..4),
        ) {
            let campaign = |(hour, minute, factor): (u32, u32, f64)| {
                format!(
                    "[[campaigns]]\nname = \"x\"\nfrom = \"{hour}:{minute}\"\nto = \"24:00\"\nfactor = {factor}\n"
                )
            };
            let text: String = hours.into_iter().map(campaign).collect();
            let text = format!("{}\n{text}", include_str!("../../assets/products.toml"));
            let campaigns =
                Campaigns::new(&Catalog::parse(&text, Path::new("x")).unwrap(), Zone(chrono_tz::UTC));
            let mut rhythm = if is_flat { Rhythm::flat() } else { utc() }.with(campaigns);
            let (at, rest) = rhythm.after(ms, 0.0, wait);
            // Longer waits leave campaigns out of account.
            prop_assume!(at - ms < WEEK_MS);
            let between = rhythm.within(ms, (at - ms) as f64 + rest);
            prop_assert!((between - wait).abs() < 1.0, "{} for {}", between, wait);
            // The rate at each moment is what is told of it.
            let told = rhythm.shaped(at).unwrap_or(1.0);
            prop_assert!((rhythm.within(at, 1.0) - told).abs() < 1e-6 * told || rhythm.shaped(at + 1) != rhythm.shaped(at));
        }

        #[test]
        fn a_longer_wait_ends_later(ms in 0..2_000_000_000_000_i64, wait in 0.0..1e9_f64, more in 0.0..1e9_f64) {
            prop_assert!(utc().after(ms, 0.0, wait + more) >= utc().after(ms, 0.0, wait));
        }
    }

    #[test]
    fn a_wait_for_ever_ends() {
        for wait in [1e18, 1e300, f64::INFINITY] {
            assert!(utc().after(MONDAY_MS, 0.0, wait).0 > MONDAY_MS);
        }
    }
}
