//! Numbers and times as bytes: the same output as `Display` and chrono's formats, but faster, for what is written with
//! every order.

use std::io::Write;

use chrono::{DateTime, Datelike, FixedOffset, Offset, TimeZone, Timelike};

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Appends texts.
pub(super) fn put(out: &mut Vec<u8>, texts: &[&str]) {
    for text in texts {
        out.extend_from_slice(text.as_bytes());
    }
}

/// Appends an integer.
pub(super) fn number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    put(out, &[itoa::Buffer::new().format(number)]);
}

/// Whole öre in the format of [`kronor`](crate::shop::number_format::kronor).
pub(super) fn kronor(out: &mut Vec<u8>, ore: i64) {
    let magnitude = ore.unsigned_abs();
    let mut digits = itoa::Buffer::new();
    let digits = digits.format(magnitude / 100).as_bytes();
    if ore < 0 {
        put(out, &["−"]);
    }
    for (place, one) in digits.iter().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.extend_from_slice("\u{a0}".as_bytes());
        }
        out.push(*one);
    }
    out.push(b',');
    pair(out, u32::try_from(magnitude % 100).unwrap_or(0));
    put(out, &[" kr"]);
}

/// Number of characters that [`kronor`] writes.
pub(super) fn kronor_columns(ore: i64) -> usize {
    let digits = (ore.unsigned_abs() / 100).checked_ilog10().map_or(1, |log| log as usize + 1);
    usize::from(ore < 0) + digits + (digits - 1) / 3 + ",00 kr".len()
}

/// Text escaped for HTML.
pub(super) fn html(out: &mut Vec<u8>, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>']) {
        let (plain, from) = rest.split_at(at);
        let entity = match from.as_bytes().first() {
            Some(b'&') => "&amp;",
            Some(b'<') => "&lt;",
            _ => "&gt;",
        };
        put(out, &[plain, entity]);
        rest = &from[1..];
    }
    put(out, &[rest]);
}

/// Spaces.
pub(super) fn spaces(out: &mut Vec<u8>, count: usize) {
    out.resize(out.len() + count, b' ');
}

/// `2026-11-20 23:59:59`, the local time.
pub(super) fn date_time<Z: TimeZone>(out: &mut Vec<u8>, time: &DateTime<Z>) {
    date(out, time);
    out.push(b' ');
    clock(out, time);
}

/// `2026-11-20T23:59:59.120+01:00` (RFC 3339).
pub(super) fn rfc3339(out: &mut Vec<u8>, time: &DateTime<FixedOffset>) {
    date(out, time);
    out.push(b'T');
    clock(out, time);
    let millis = time.timestamp_subsec_millis() % 1000;
    out.extend([b'.', digit(millis / 100), digit(millis / 10), digit(millis)]);
    offset(out, time, ":");
}

/// `Fri, 20 Nov 2026 23:59:59 +0100` (RFC 5322 §3.3).
pub(super) fn rfc5322<Z: TimeZone>(out: &mut Vec<u8>, time: &DateTime<Z>) {
    put(out, &[weekday(time), ", "]);
    number(out, time.day());
    put(out, &[" ", month(time), " "]);
    year(out, time);
    out.push(b' ');
    clock(out, time);
    out.push(b' ');
    offset(out, time, "");
}

/// `Fri Nov 20 23:59:59 2026` (asctime(3)), as in the `From ` line of an mbox.
pub(super) fn asctime<Z: TimeZone>(out: &mut Vec<u8>, time: &DateTime<Z>) {
    put(out, &[weekday(time), " ", month(time), if time.day() < 10 { "  " } else { " " }]);
    number(out, time.day());
    out.push(b' ');
    clock(out, time);
    out.push(b' ');
    year(out, time);
}

fn weekday(time: &impl Datelike) -> &'static str {
    WEEKDAYS[time.weekday().num_days_from_monday() as usize]
}

fn month(time: &impl Datelike) -> &'static str {
    MONTHS[time.month0() as usize]
}

fn date(out: &mut Vec<u8>, time: &impl Datelike) {
    year(out, time);
    out.push(b'-');
    pair(out, time.month());
    out.push(b'-');
    pair(out, time.day());
}

/// Four digits; other years have a sign (ISO 8601).
fn year(out: &mut Vec<u8>, time: &impl Datelike) {
    match u32::try_from(time.year()) {
        Ok(year @ ..=9999) => {
            pair(out, year / 100);
            pair(out, year);
        }
        _ => {
            // Writing to a Vec cannot fail.
            let _ = write!(out, "{:+05}", time.year());
        }
    }
}

/// A leap second is the second 60.
fn clock(out: &mut Vec<u8>, time: &impl Timelike) {
    pair(out, time.hour());
    out.push(b':');
    pair(out, time.minute());
    out.push(b':');
    pair(out, time.second() + time.nanosecond() / 1_000_000_000);
}

/// The offset from UTC, to the nearest minute.
fn offset<Z: TimeZone>(out: &mut Vec<u8>, time: &DateTime<Z>, colon: &str) {
    let seconds = time.offset().fix().local_minus_utc();
    let minutes = (seconds.unsigned_abs() + 30) / 60;
    out.push(if seconds < 0 { b'-' } else { b'+' });
    pair(out, minutes / 60);
    put(out, &[colon]);
    pair(out, minutes % 60);
}

/// The last two digits of a number.
fn pair(out: &mut Vec<u8>, number: u32) {
    out.extend([digit(number / 10), digit(number)]);
}

/// The last digit of a number.
fn digit(number: u32) -> u8 {
    b"0123456789"[(number % 10) as usize]
}

#[cfg(test)]
mod tests {
    use chrono::SecondsFormat;
    use proptest::prelude::*;

    use super::*;
    use crate::sinks::samples::any_time;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    proptest! {
        #![proptest_config(crate::testing::cases(5_000))]

        #[test]
        fn times_are_those_of_chrono(time in any_time(), odd in -30_i32..30) {
            // Historical offsets are not whole minutes.
            let offset = FixedOffset::east_opt(time.offset().local_minus_utc() + odd).unwrap();
            let time = time.with_timezone(&offset);
            prop_assert_eq!(
                written(|out| rfc3339(out, &time)),
                time.to_rfc3339_opts(SecondsFormat::Millis, false)
            );
            prop_assert_eq!(written(|out| date_time(out, &time)), time.format("%Y-%m-%d %H:%M:%S").to_string());
            prop_assert_eq!(written(|out| asctime(out, &time)), time.format("%a %b %e %H:%M:%S %Y").to_string());
            if (0..=9999).contains(&time.year()) {
                prop_assert_eq!(written(|out| rfc5322(out, &time)), time.to_rfc2822());
            }
        }

        #[test]
        fn money_is_that_of_people(ore in prop_oneof![any::<i64>(), -1_000_000_i64..100_000_000]) {
            let expected = crate::shop::number_format::kronor(ore);
            prop_assert_eq!(kronor_columns(ore), expected.chars().count());
            prop_assert_eq!(written(|out| kronor(out, ore)), expected);
        }

        #[test]
        fn text_in_html_is_itself(text in "[<>&;a-zå\"]{0,30}") {
            let escaped = written(|out| html(out, &text));
            prop_assert!(!escaped.contains(['<', '>']));
            let back = escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
            prop_assert_eq!(back, text);
        }

        #[test]
        fn numbers_are_those_of_display(unsigned in any::<u64>(), signed in any::<i64>()) {
            prop_assert_eq!(written(|out| number(out, unsigned)), unsigned.to_string());
            prop_assert_eq!(written(|out| number(out, signed)), signed.to_string());
        }
    }
}
