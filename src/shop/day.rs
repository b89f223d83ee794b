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
    use super::*;

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
