//! Parsers of typed values: rates, times, periods, percentages.

use std::net::SocketAddr;

use chrono::{NaiveDate, NaiveDateTime};
use chrono_tz::Tz;

use crate::{consumer::Rule, shop::day};

/// A rate as typed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RateArg {
    /// As fast as the broker takes it.
    Max,
    /// Orders a second.
    PerSecond(f64),
}

/// A past period as typed, in local time of the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackfillArg {
    /// From the last midnight to now.
    Today,
    /// From the first time up to but not including the second.
    Period(NaiveDateTime, NaiveDateTime),
}

pub(super) fn prefix(text: &str) -> Result<String, String> {
    let fits = !text.is_empty()
        && text.len() <= 200
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if fits {
        Ok(text.to_owned())
    } else {
        Err("use at most 200 letters, digits, '.', '_' and '-', as in names of topics".to_owned())
    }
}

pub(super) fn ids(text: &str) -> Result<Rule, String> {
    text.parse().map_err(str::to_owned)
}

pub(super) fn zone(text: &str) -> Result<Tz, String> {
    text.parse().map_err(|_| "no such time zone; use a name such as Europe/Stockholm".to_owned())
}

/// A whole number, 0 or more.
pub(super) fn whole(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "use a whole number from 0 to 18446744073709551615".to_owned())
}

pub(super) fn order_id(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "use the number of an order, such as 1042".to_owned())
}

pub(super) fn partitions(text: &str) -> Result<i32, String> {
    text.parse()
        .ok()
        .filter(|count| (1..=1000).contains(count))
        .ok_or_else(|| "use a whole number from 1 to 1000".to_owned())
}

pub(super) fn date(text: &str) -> Result<NaiveDate, String> {
    text.parse().map_err(|_| "use a day of the calendar as year-month-day, such as 2026-11-20".to_owned())
}

/// Addresses as librdkafka takes them: each may begin with a protocol and `://`, and end without a port.
pub(super) fn bootstrap(text: &str) -> Result<String, String> {
    let fits = |address: &str| {
        let address = address.trim();
        let place = address.split_once("://").map_or(address, |(_, place)| place);
        let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, "9092"),
            Some((host, rest)) => (host, rest.strip_prefix(':').unwrap_or_default()),
            None => place.split_once(':').unwrap_or((place, "9092")),
        };
        let is_named = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c == '/');
        is_named && port.parse::<u16>().is_ok_and(|port| port > 0)
    };
    if text.split(',').all(fits) {
        Ok(text.to_owned())
    } else {
        Err("use HOST:PORT, several with commas between them, such as kafka-1:9092,kafka-2:9092".to_owned())
    }
}

pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "use an IP address and a port, such as 127.0.0.1:9092".to_owned())
}

/// Properties that our guarantees depend on, with their permitted values.
const OURS: [(&str, &[&str]); 13] = [
    ("isolation.level", &["read_committed"]),
    ("partition.assignment.strategy", &["range"]),
    ("group.protocol", &["classic"]),
    ("group.id", &[]),
    ("group.instance.id", &[]),
    ("transactional.id", &[]),
    ("auto.offset.reset", &[]),
    ("enable.partition.eof", &[]),
    ("enable.auto.commit", &["false"]),
    ("enable.idempotence", &["true"]),
    ("acks", &["all", "-1"]),
    ("request.required.acks", &["all", "-1"]),
    ("allow.auto.create.topics", &["false"]),
];

pub(super) fn property(text: &str) -> Result<(String, String), String> {
    let (key, value) = text
        .split_once('=')
        .filter(|(key, _)| !key.is_empty())
        .ok_or_else(|| "use KEY=VALUE, such as security.protocol=ssl".to_owned())?;
    match OURS.iter().find(|(ours, _)| *ours == key) {
        Some((_, values)) if !values.contains(&value) => Err(format!(
            "{key} stays as shop-sim sets it, or orders would be lost or counted twice: leave it out"
        )),
        _ => Ok((key.to_owned(), value.to_owned())),
    }
}

fn positive(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0)
}

pub(super) fn rate(text: &str) -> Result<RateArg, String> {
    if text == "max" {
        return Ok(RateArg::Max);
    }
    positive(text).map(RateArg::PerSecond).ok_or_else(|| "use a number above 0, or max".to_owned())
}

pub(super) fn speed(text: &str) -> Result<f64, String> {
    positive(text)
        .filter(|speed| *speed <= 100_000.0)
        .ok_or_else(|| "use a number above 0, up to 100000".to_owned())
}

/// A date alone is its 00:00.
pub(super) fn time(text: &str) -> Result<NaiveDateTime, String> {
    day::local(text.trim().trim_matches('"'))
        .ok_or_else(|| "use a time such as \"2026-11-20 23:50\"".to_owned())
}

pub(super) fn backfill(text: &str) -> Result<BackfillArg, String> {
    if text == "today" {
        return Ok(BackfillArg::Today);
    }
    let (from, to) = text
        .split_once("..")
        .ok_or_else(|| "use today, or FROM..TO such as \"2026-11-19 08:00..2026-11-20 12:00\"".to_owned())?;
    let (from, to) = (time(from)?, time(to)?);
    if from < to {
        Ok(BackfillArg::Period(from, to))
    } else {
        Err("the period ends before it begins: give the earlier time first".to_owned())
    }
}

pub(super) fn duration_ms(text: &str) -> Result<i64, String> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let scale = match unit {
        "ms" => 1.0,
        "" | "s" => 1_000.0,
        "m" | "min" => 60_000.0,
        "h" => 3_600_000.0,
        _ => 0.0,
    };
    positive(number.trim())
        .map(|number| number * scale)
        .filter(|ms| *ms >= 1.0 && *ms <= 31_536_000_000.0)
        // In range: at most a year of milliseconds.
        .map(|ms| {
            #[expect(clippy::cast_possible_truncation, reason = "checked against a year just before")]
            let whole = ms as i64;
            whole
        })
        .ok_or_else(|| "use a time such as 10s, 500ms, 2m or 1h".to_owned())
}

pub(super) fn chance_ppm(text: &str) -> Result<u32, String> {
    text.trim()
        .trim_end_matches('%')
        .trim()
        .parse::<f64>()
        .ok()
        .filter(|percent| (0.0..=100.0).contains(percent))
        .map(|percent| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between 0 and 1,000,000"
            )]
            let ppm = (percent * 10_000.0).round() as u32;
            ppm
        })
        .ok_or_else(|| "use a percentage from 0% to 100%".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_people_type_them() {
        assert_eq!(chance_ppm("25%"), Ok(250_000));
        assert_eq!(chance_ppm("0.5"), Ok(5_000));
        assert!(chance_ppm("101%").is_err());
        assert!(chance_ppm("NaN").is_err());
        assert_eq!(duration_ms("10s"), Ok(10_000));
        assert_eq!(duration_ms("1.5m"), Ok(90_000));
        assert!(duration_ms("0s").is_err());
        assert!(duration_ms("5 years").is_err());
        assert_eq!(rate("max"), Ok(RateArg::Max));
        assert!(rate("-1").is_err() && rate("inf").is_err());
        assert!(backfill("2026-03-28 18:00..2026-03-30 02:00").is_ok());
        assert!(backfill("2026-03-30 18:00..2026-03-28 02:00").is_err());
        let days = backfill("2026-11-20..2026-11-29");
        assert_eq!(days, backfill("2026-11-20 00:00..2026-11-29T00:00:00"), "a date alone");
        assert!(days.is_ok() && backfill("2026-11-20..2026-11-20").is_err());
        assert!(
            backfill("2026-11-20..2026-11-20 12:00").is_ok() && backfill("2026-02-30..2026-03-02").is_err()
        );
        assert!(property("=x").is_err());
        assert_eq!((whole("0"), order_id("7"), partitions("1000")), (Ok(0), Ok(7), Ok(1000)));
        assert!(partitions("0").is_err() && partitions("1001").is_err() && whole("1.5").is_err());
        assert!(date("2026-11-20").is_ok() && address("[::1]:9092").is_ok() && address("localhost").is_err());
    }
}
