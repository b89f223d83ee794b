//! Days and seconds of the shop's time zone, days of 23 and 25 hours included.

use chrono::{DateTime, Duration, FixedOffset, NaiveDate, NaiveTime, Offset, SecondsFormat, TimeZone, Utc};
use chrono_tz::Tz;
use serde::Serializer;

/// The shop's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone(pub Tz);

impl Default for Zone {
    fn default() -> Self {
        Self(Tz::Europe__Stockholm)
    }
}

impl Zone {
    /// The local date that a Unix second lies in; the earliest date for a second no calendar holds.
    pub fn date(&self, second: i64) -> NaiveDate {
        let Some(utc) = DateTime::from_timestamp(second, 0) else { return NaiveDate::MIN };
        let utc = utc.naive_utc();
        let offset = self.0.offset_from_utc_datetime(&utc).fix();
        // At the calendar's very ends the local time may lie outside of it.
        utc.checked_add_offset(offset).unwrap_or(utc).date()
    }

    /// The first Unix second of a local date. Where midnight does not exist (a zone that springs
    /// forward at 00:00) it is the first second that does; where it comes twice, the first one.
    pub fn start_of(&self, date: NaiveDate) -> i64 {
        let midnight = date.and_time(NaiveTime::MIN);
        if let Some(start) = self.0.from_local_datetime(&midnight).earliest() {
            return start.timestamp();
        }
        // Midnight was skipped: the first existing second is where the new offset begins. Any
        // second before the gap is still the day before, so search for the turn.
        let mut before = Utc.from_utc_datetime(&midnight).timestamp() - 36 * 3600;
        let mut after = before + 72 * 3600;
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if self.date(middle) < date { before = middle } else { after = middle }
        }
        after
    }

    /// The first second of the day after `date`.
    pub fn end_of(&self, date: NaiveDate) -> i64 {
        date.checked_add_signed(Duration::days(1)).map_or(i64::MAX, |next| self.start_of(next))
    }

    /// A Unix second as local time with its offset.
    pub fn at(&self, second: i64) -> DateTime<Tz> {
        DateTime::from_timestamp(second, 0).unwrap_or_default().with_timezone(&self.0)
    }

    /// Unix milliseconds as local time with a fixed offset, as records carry it.
    pub fn stamp(&self, millis: i64) -> DateTime<FixedOffset> {
        DateTime::from_timestamp_millis(millis).unwrap_or_default().with_timezone(&self.0).fixed_offset()
    }

    /// A local date and time, as typed, to Unix milliseconds; of a time that comes twice the first,
    /// of one that is skipped the first that exists after it.
    pub fn resolve(&self, local: chrono::NaiveDateTime) -> i64 {
        let mut probe = local;
        // No zone has ever skipped more than a day.
        for _ in 0..=96 {
            if let Some(found) = self.0.from_local_datetime(&probe).earliest() {
                return found.timestamp_millis();
            }
            probe += Duration::minutes(15);
        }
        Utc.from_utc_datetime(&local).timestamp_millis()
    }
}

/// Writes a time as RFC 3339 with milliseconds and offset, as the records have it.
pub fn rfc3339_millis<S: Serializer>(time: &DateTime<FixedOffset>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, false))
}

#[cfg(test)]
mod tests {
    use chrono_tz::TZ_VARIANTS;
    use proptest::prelude::*;

    use super::*;

    /// Seconds of 2012 to 2037, often close to a local midnight or a turn of the clocks.
    fn second() -> impl Strategy<Value = i64> {
        let any = 1_325_376_000..2_145_916_800_i64;
        let near = prop::sample::select(vec![-7200, -3601, -3600, -1, 0, 1, 3599, 3600, 7200]);
        prop_oneof![
            any.clone(),
            (any, near).prop_map(|(second, off)| second.div_euclid(86_400) * 86_400 + off)
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_second_is_in_one_day(zone in 0..TZ_VARIANTS.len(), second in second(), days in -2..3_i64) {
            let zone = Zone(TZ_VARIANTS[zone]);
            let today = DateTime::from_timestamp(second, 0).unwrap().with_timezone(&zone.0).date_naive();
            prop_assert_eq!(zone.date(second), today);
            let other = today + Duration::days(days);
            let (start, end) = (zone.start_of(other), zone.end_of(other));
            prop_assert_eq!((start..end).contains(&second), days == 0, "{} from {} to {}", other, start, end);
            prop_assert_eq!(end, zone.start_of(other + Duration::days(1)));
            // At its first second it begins.
            prop_assert!(zone.date(start) == other && zone.date(start - 1) < other);
        }
    }

    #[test]
    fn midnights_that_are_missing_or_come_twice_and_a_day_that_was_left_out() {
        let hours = |zone: Tz, date: &str| {
            let date = date.parse().unwrap();
            (Zone(zone).end_of(date) - Zone(zone).start_of(date)) / 3600
        };
        assert_eq!(hours(Tz::America__Sao_Paulo, "2018-11-04"), 23);
        assert_eq!(hours(Tz::America__Sao_Paulo, "2018-02-17"), 25);
        assert_eq!(hours(Tz::Africa__Cairo, "2024-04-26"), 23);
        assert_eq!(hours(Tz::Asia__Beirut, "2022-03-27"), 23);
        assert_eq!(hours(Tz::America__Havana, "2026-03-08"), 23);
        assert_eq!(hours(Tz::America__Havana, "2026-11-01"), 25);
        let zone = Zone(Tz::Pacific__Apia);
        let [before, gone, after] =
            ["2011-12-29", "2011-12-30", "2011-12-31"].map(|date| date.parse::<NaiveDate>().unwrap());
        let turn = zone.start_of(after);
        assert_eq!((zone.start_of(gone), zone.end_of(gone), zone.end_of(before)), (turn, turn, turn));
        assert_eq!((zone.date(turn - 1), zone.date(turn)), (before, after));
        assert_eq!(hours(Tz::Pacific__Apia, "2011-12-29"), 24);
    }

    #[test]
    fn the_calendar_has_ends_and_no_cliffs() {
        for zone in [Tz::Europe__Stockholm, Tz::America__New_York].map(Zone) {
            let last = DateTime::<Utc>::MAX_UTC;
            let first = DateTime::<Utc>::MIN_UTC;
            assert!(last.date_naive().signed_duration_since(zone.date(last.timestamp())).num_days() <= 1);
            assert!(zone.date(first.timestamp()).signed_duration_since(first.date_naive()).num_days() <= 1);
            assert_eq!(zone.date(i64::MAX), NaiveDate::MIN);
        }
    }
}
