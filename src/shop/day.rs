//! Days and seconds of the shop's time zone, days of 23 and 25 hours included.

use std::cell::Cell;

use chrono::{
    DateTime, Datelike, Duration, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Offset, SecondsFormat,
    TimeZone, Timelike, Utc,
};
use chrono_tz::Tz;
use serde::Serializer;

const HOUR: i64 = 3600;

const DAY: i64 = 24 * HOUR;

thread_local! {
    /// A zone, an hour counted from 1970, and the offset from UTC in all of that hour.
    static LATEST: Cell<Option<(Tz, i64, FixedOffset)>> = const { Cell::new(None) };
}

/// The shop's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone(pub Tz);

impl Default for Zone {
    fn default() -> Self {
        Self(Tz::Europe__Stockholm)
    }
}

impl Zone {
    /// The local date of a Unix second; the earliest date for a second outside the calendar.
    pub fn date(&self, second: i64) -> NaiveDate {
        let date = |second: i64| NaiveDate::from_epoch_days(i32::try_from(second.div_euclid(DAY)).ok()?);
        let Some(offset) = self.offset(second) else { return NaiveDate::MIN };
        // At the ends of the calendar the local time may be out of range.
        date(second + i64::from(offset.local_minus_utc())).or_else(|| date(second)).unwrap_or(NaiveDate::MIN)
    }

    /// The zone's UTC offset at a Unix second; `None` outside the calendar.
    ///
    /// Each thread caches the offset of one hour: records come roughly in order of time, and every view needs the date
    /// of each.
    fn offset(self, second: i64) -> Option<FixedOffset> {
        let hour = second.div_euclid(HOUR);
        if let Some((zone, kept, offset)) = LATEST.get()
            && zone == self.0
            && kept == hour
        {
            return Some(offset);
        }
        let look_up = |second| {
            let utc = DateTime::from_timestamp(second, 0)?.naive_utc();
            Some(self.0.offset_from_utc_datetime(&utc).fix())
        };
        let offset = look_up(second)?;
        // The offset changes at most once an hour (two changes are at least a week apart), so if it is the same at both
        // ends, it is in between.
        if [hour * HOUR, hour * HOUR + HOUR - 1].map(look_up) == [Some(offset); 2] {
            LATEST.set(Some((self.0, hour, offset)));
        }
        Some(offset)
    }

    /// The first Unix second of a local date: if midnight does not exist (the zone springs forward at 00:00), the first
    /// second that does; if it occurs twice, the first.
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

    /// Unix milliseconds as local time with a fixed offset, as records carry it. RFC 3339 has offsets of whole minutes:
    /// an old offset with seconds is rounded, and the local time is that of the rounded offset.
    pub fn stamp(&self, millis: i64) -> DateTime<FixedOffset> {
        let utc = DateTime::from_timestamp_millis(millis).unwrap_or_default();
        let rounded = |offset: FixedOffset| {
            let seconds = offset.local_minus_utc();
            FixedOffset::east_opt((seconds + 30 * seconds.signum()) / 60 * 60)
        };
        let offset = self.offset(utc.timestamp()).and_then(rounded);
        offset.map_or_else(|| utc.fixed_offset(), |offset| utc.with_timezone(&offset))
    }

    /// A Unix second as RFC 3339 text, without milliseconds.
    pub fn rfc3339(&self, second: i64) -> String {
        self.stamp(second.saturating_mul(1000)).to_rfc3339_opts(SecondsFormat::Secs, false)
    }

    /// Converts a local date and time to Unix milliseconds: of an ambiguous time the first, of a skipped time the first
    /// that exists after it.
    pub fn resolve(&self, local: NaiveDateTime) -> i64 {
        let mut probe = local;
        // No zone has ever skipped more than a day, and gaps end at a whole minute.
        for _ in 0..=24 * 60 {
            if let Some(found) = self.0.from_local_datetime(&probe).earliest() {
                return found.timestamp_millis();
            }
            let minute = probe.with_second(0).unwrap_or(probe);
            let Some(next) = minute.checked_add_signed(Duration::minutes(1)) else { break };
            probe = next;
        }
        Utc.from_utc_datetime(&local).timestamp_millis()
    }
}

/// Reads a local time as people write it; a date alone is its 00:00.
pub fn local(text: &str) -> Option<NaiveDateTime> {
    ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .or_else(|| text.parse().ok().map(|date: NaiveDate| date.and_time(NaiveTime::MIN)))
}

/// Writes a time as RFC 3339 with milliseconds and offset, as the records have it.
pub fn rfc3339_millis<S: Serializer>(time: &DateTime<FixedOffset>, to: S) -> Result<S::Ok, S::Error> {
    match print(time).as_ref().map(|text| str::from_utf8(text)) {
        Some(Ok(text)) => to.serialize_str(text),
        _ => to.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, false)),
    }
}

/// A time as the records have it: `2026-11-21T14:03:07.123+01:00`.
pub(super) type Text = [u8; 29];

/// The text of a time; `None` for a year that is not written with four digits.
fn print(time: &DateTime<FixedOffset>) -> Option<Text> {
    let local = time.naive_local();
    let year = u32::try_from(local.year()).ok().filter(|year| *year < 10_000)?;
    // A leap second is encoded as nanoseconds beyond the second before it.
    let (leap, millis) = (local.nanosecond() / 1_000_000_000, local.nanosecond() / 1_000_000 % 1000);
    let offset = time.offset().local_minus_utc();
    // Old offsets have seconds.
    let minutes = (offset.unsigned_abs() + 30) / 60;
    let mut text = *b"0000-00-00T00:00:00.000+00:00";
    let mut put = |mut number: u32, last: usize| {
        for digit in text[..=last].iter_mut().rev() {
            if number == 0 {
                return;
            }
            *digit = b"0123456789"[(number % 10) as usize];
            number /= 10;
        }
    };
    put(year, 3);
    put(local.month(), 6);
    put(local.day(), 9);
    put(local.hour(), 12);
    put(local.minute(), 15);
    put(local.second() + leap, 18);
    put(millis, 22);
    put(minutes / 60, 25);
    put(minutes % 60, 28);
    if offset < 0 {
        text[23] = b'-';
    }
    Some(text)
}

/// Parses a time in the usual format; `None` for other formats, which may be valid, too.
pub(super) fn parse(text: &Text) -> Option<DateTime<FixedOffset>> {
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (26, b':')];
    if separators.iter().any(|(at, separator)| text[*at] != *separator) {
        return None;
    }
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0_u32, |number, digit| {
            digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0'))
        })
    };
    let date = NaiveDate::from_ymd_opt(
        number(&text[0..4])?.try_into().ok()?,
        number(&text[5..7])?,
        number(&text[8..10])?,
    )?;
    let time = NaiveTime::from_hms_milli_opt(
        number(&text[11..13])?,
        number(&text[14..16])?,
        number(&text[17..19])?,
        number(&text[20..23])?,
    )?;
    let (hours, minutes) = (number(&text[24..26])?, number(&text[27..29]).filter(|minutes| *minutes < 60)?);
    let seconds = i32::try_from((hours * 60 + minutes) * 60).ok()?;
    let offset = match text[23] {
        b'+' => FixedOffset::east_opt(seconds),
        b'-' => FixedOffset::west_opt(seconds),
        _ => None,
    }?;
    date.and_time(time).and_local_timezone(offset).single()
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
        #![proptest_config(crate::testing::cases(5_000))]

        #[test]
        fn every_second_is_in_one_day(zone in 0..TZ_VARIANTS.len(), second in second(), days in -2..3_i64) {
            let zone = Zone(TZ_VARIANTS[zone]);
            let today = DateTime::from_timestamp(second, 0).unwrap().with_timezone(&zone.0).date_naive();
            prop_assert_eq!(zone.date(second), today);
            let other = today + Duration::days(days);
            let (start, end) = (zone.start_of(other), zone.end_of(other));
            prop_assert_eq!((start..end).contains(&second), days == 0, "{} from {} to {}", other, start, end);
            prop_assert_eq!(end, zone.start_of(other + Duration::days(1)));
            // The day begins at its first second.
            prop_assert!(zone.date(start) == other && zone.date(start - 1) < other);
        }
    }

    /// The first second after the next change of the offset, if one follows within three years of `from`.
    fn turn(zone: Tz, from: i64) -> i64 {
        let offset = |second| Utc.timestamp_opt(second, 0).unwrap().with_timezone(&zone).offset().fix();
        let mut weeks = (0..150).map(|week| (from + week * 7 * DAY, from + (week + 1) * 7 * DAY));
        let changed = weeks.find(|(before, after)| offset(*before) != offset(*after));
        let (mut before, mut after) = changed.unwrap_or((from - 1, from));
        while after - before > 1 {
            let middle = before.midpoint(after);
            if offset(middle) == offset(before) { before = middle } else { after = middle }
        }
        after
    }

    /// The expected result: the time, if the text has the usual format.
    fn usual(text: &str) -> Option<DateTime<FixedOffset>> {
        let form = "0000-00-00T00:00:00.000+00:00";
        let alike = |(c, form): (char, char)| match form {
            '0' => c.is_ascii_digit(),
            '+' => c == '+' || c == '-',
            _ => c == form,
        };
        let usual = text.len() == form.len() && text.chars().zip(form.chars()).all(alike);
        text.parse().ok().filter(|_| usual && &text[17..19] != "60")
    }

    /// Times in the usual format, some that do not exist, and some in other formats.
    fn text() -> impl Strategy<Value = String> {
        let date = (0..10_000_u32, 0..=13_u32, 0..=32_u32);
        let time = (0..=24_u32, 0..=60_u32, 0..=61_u32, 0..1000_u32);
        let offset = (prop::sample::select(vec!["+", "-"]), 0..=24_u32, 0..=60_u32);
        let piece = prop::sample::select(vec![
            "0", "00", "60", "9", "-", "+", "\u{2212}", ":", ".", ",", "T", "t", "z", "Z", " ", "", "é", "a",
        ]);
        let change = (any::<prop::sample::Index>(), 0..3_usize, piece);
        (date, time, offset, prop::collection::vec(change, 0..3)).prop_map(|(date, time, offset, changes)| {
            let (year, month, day) = date;
            let (hour, minute, second, ms) = time;
            let (sign, hours, minutes) = offset;
            let mut text = format!(
                "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}{sign}{hours:02}:{minutes:02}"
            );
            for (at, cut, piece) in changes {
                let at = at.index(text.len());
                let end = text.len().min(at + cut);
                if text.is_char_boundary(at) && text.is_char_boundary(end) {
                    text.replace_range(at..end, piece);
                }
            }
            text
        })
    }

    fn any_time() -> impl Strategy<Value = DateTime<FixedOffset>> {
        let day = prop_oneof![4 => -800_000..3_000_000_i32, 1 => -100_000_000..100_000_000_i32];
        // Up to the end of a leap second.
        let nanos = prop_oneof![0..1_000_000_000_u32, 0..2_000_000_000_u32, 999_999_999..1_000_000_001_u32];
        let whole = (-23..24_i32).prop_map(|hours| hours * 3600);
        let offset = prop_oneof![-86_399..86_400_i32, whole];
        (day, 0..86_400_u32, nanos, offset).prop_map(|(day, second, nanos, offset)| {
            let date = NaiveDate::from_epoch_days(day).unwrap_or_default();
            let time = NaiveTime::from_num_seconds_from_midnight_opt(second, nanos)
                .or_else(|| NaiveTime::from_num_seconds_from_midnight_opt(86_399, nanos));
            date.and_time(time.unwrap()).and_utc().with_timezone(&FixedOffset::east_opt(offset).unwrap())
        })
    }

    proptest! {
        #![proptest_config(crate::testing::cases(2_000))]

        #[test]
        fn no_answer_depends_on_what_was_asked_before(
            places in prop::collection::vec((0..TZ_VARIANTS.len(), -4_000_000_000..4_000_000_000_i64), 1..3),
            asked in prop::collection::vec(
                (any::<prop::sample::Index>(), prop_oneof![-4_000..4_000_i64, -90_000..90_000_i64]),
                1..60,
            ),
        ) {
            let places: Vec<(Tz, i64)> = places
                .into_iter()
                .map(|(zone, from)| (TZ_VARIANTS[zone], turn(TZ_VARIANTS[zone], from)))
                .collect();
            for (place, distance) in asked {
                let (zone, turn) = *place.get(&places);
                let second = turn + distance;
                let local = Utc.timestamp_opt(second, 7_000_000).unwrap().with_timezone(&zone);
                prop_assert_eq!(Zone(zone).date(second), local.date_naive());
                let stamp = Zone(zone).stamp(second * 1000 + 7);
                prop_assert_eq!(stamp, local);
                prop_assert!(is_rounded(&stamp, local.offset().fix()), "{} for {}", stamp, local);
            }
        }

        #[test]
        fn a_stamp_that_is_written_and_read_is_the_same_moment(
            zone in 0..TZ_VARIANTS.len(),
            ms in prop_oneof![-62_135_500_000_000..253_402_200_000_000_i64, -3_000_000_000_000..100_000_000_000_i64],
        ) {
            read_again(TZ_VARIANTS[zone], ms)?;
        }
    }

    /// Whether a time has an offset of whole minutes, the nearest to `exact`.
    fn is_rounded(time: &DateTime<FixedOffset>, exact: FixedOffset) -> bool {
        let seconds = time.offset().local_minus_utc();
        seconds % 60 == 0 && (seconds - exact.local_minus_utc()).abs() <= 30
    }

    fn read_again(zone: Tz, ms: i64) -> Result<(), TestCaseError> {
        let stamp = Zone(zone).stamp(ms);
        let text = rfc3339_millis(&stamp, serde_json::value::Serializer).unwrap();
        let read = DateTime::parse_from_rfc3339(text.as_str().unwrap()).unwrap();
        prop_assert_eq!(read.timestamp_millis(), ms, "{} in {}", text, zone);
        prop_assert!(is_rounded(&read, zone.offset_from_utc_datetime(&stamp.naive_utc()).fix()), "{}", text);
        Ok(())
    }

    #[test]
    fn offsets_with_seconds_lead_to_the_same_moment() {
        // Stockholm had +00:53:28 until 1879, Monrovia −00:44:30 until 1972.
        for (zone, utc, written) in [
            (Tz::Europe__Stockholm, "0001-01-01T00:00:10Z", "0001-01-01T00:53:10+00:53"),
            (Tz::Africa__Monrovia, "1971-06-01T12:00:00Z", "1971-06-01T11:15:00-00:45"),
        ] {
            let ms = DateTime::parse_from_rfc3339(utc).unwrap().timestamp_millis();
            assert_eq!(Zone(zone).stamp(ms).to_rfc3339(), written);
            read_again(zone, ms).unwrap();
        }
    }

    proptest! {
        #![proptest_config(crate::testing::cases(20_000))]

        #[test]
        fn a_text_is_the_time_that_chrono_reads(text in text()) {
            let parsed = text.as_bytes().try_into().ok().and_then(parse);
            let usual = usual(&text);
            prop_assert_eq!(parsed, usual, "{}", text);
            prop_assert_eq!(parsed.map(|time| *time.offset()), usual.map(|time| *time.offset()));
        }

        #[test]
        fn a_time_is_written_as_chrono_writes_it(time in any_time()) {
            let written = rfc3339_millis(&time, serde_json::value::Serializer).unwrap();
            prop_assert_eq!(written, time.to_rfc3339_opts(SecondsFormat::Millis, false));
        }
    }

    #[test]
    fn texts_at_the_edge_are_read_as_chrono_reads_them() {
        for text in [
            "0000-01-01T00:00:00.000+00:00",
            "9999-12-31T23:59:59.999-23:59",
            "2026-11-21T14:03:07.123-00:00",
            "2016-12-31T23:59:60.000+00:00",
            "2026-11-21T24:00:00.000+00:00",
            "2026-11-21t14:03:07.123+01:00",
            "2026-11-21T14:03:07.12345678z",
            "2026-02-29T14:03:07.123+01:00",
            "2024-02-29T14:03:07.123+23:59",
            "2024-02-29T14:03:07.123+24:00",
            "2024-02-29T14:03:07.123+01:60",
        ] {
            let parsed = text.as_bytes().try_into().ok().and_then(parse);
            assert_eq!(
                parsed.map(|time| time.to_rfc3339()),
                usual(text).map(|time| time.to_rfc3339()),
                "{text}"
            );
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
    fn a_skipped_time_is_the_first_moment_after_it() {
        let at = |zone: Tz, text: &str| {
            let local = Zone(zone).at(Zone(zone).resolve(local(text).unwrap()) / 1000);
            local.format("%Y-%m-%d %H:%M:%S").to_string()
        };
        for text in ["2026-03-29 02:00", "2026-03-29 02:10:30", "2026-03-29 02:59:59"] {
            assert_eq!(at(Tz::Europe__Stockholm, text), "2026-03-29 03:00:00", "{text}");
        }
        assert_eq!(at(Tz::Europe__Stockholm, "2026-03-29 03:00:07"), "2026-03-29 03:00:07");
        assert_eq!(at(Tz::Pacific__Apia, "2011-12-30 00:01"), "2011-12-31 00:00:00");
        let last = NaiveDateTime::MAX;
        assert!(Zone(Tz::America__New_York).resolve(last) >= last.and_utc().timestamp_millis());
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
