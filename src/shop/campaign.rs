//! Campaigns: for a while, customers want some products more often. Pure.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDateTime, NaiveTime, TimeDelta, Weekday};
use serde::Deserialize;

use super::{Product, Zone, day};

/// The valid factors of one campaign.
const FACTORS: std::ops::RangeInclusive<f64> = 0.01..=100.0;
/// How far ahead the next begin or end of a campaign that recurs is searched, ms.
const AHEAD_MS: i64 = 6 * 3600 * 1000;
/// The days, relative to the local date of a moment, whose times are looked at for it: in a zone that leaves out a day,
/// the day after tomorrow may begin within [`AHEAD_MS`].
const DAYS: std::ops::RangeInclusive<i64> = -1..=2;

/// While it runs, some products are wanted `factor` times as often.
#[derive(Debug, Clone, PartialEq)]
pub struct Campaign {
    /// Name as people read it.
    pub name: String,
    /// When it runs.
    pub times: Times,
    /// Ids of its products.
    pub products: BTreeSet<u64>,
    /// How many times as often they are wanted, more than 0.
    pub factor: f64,
}

/// When a campaign runs, in local time: from the first moment on, up to and not including the second. A local time that
/// occurs twice, as clocks are set back, is its first occurrence; one that is skipped is the moment after the gap.
#[derive(Debug, Clone, PartialEq)]
pub enum Times {
    /// Once.
    Once(NaiveDateTime, NaiveDateTime),
    /// On each of these weekdays, or each day if there are none; times since the day's 00:00, at most 24 hours.
    Weekly(Vec<Weekday>, TimeDelta, TimeDelta),
}

impl Campaign {
    /// Whether it runs at a moment, Unix ms.
    pub fn runs(&self, zone: Zone, ms: i64) -> bool {
        self.periods(zone, ms).any(|(from, to)| (from..to).contains(&ms))
    }

    /// A later moment, Unix ms, up to which it neither begins nor ends.
    pub fn unchanged_until(&self, zone: Zone, ms: i64) -> i64 {
        let limit = if let Times::Once(..) = self.times { i64::MAX } else { ms.saturating_add(AHEAD_MS) };
        let turns = self.periods(zone, ms).flat_map(|(from, to)| [from, to]);
        turns.filter(|turn| *turn > ms).fold(limit, i64::min)
    }

    /// Its periods near a moment, Unix ms.
    fn periods(&self, zone: Zone, ms: i64) -> impl Iterator<Item = (i64, i64)> {
        let periods: Vec<_> = match &self.times {
            Times::Once(from, to) => vec![(*from, *to)],
            Times::Weekly(weekdays, from, to) => {
                let date = zone.date(ms.div_euclid(1000));
                let near = DAYS.filter_map(|days| date.checked_add_signed(TimeDelta::days(days)));
                near.filter(|date| weekdays.is_empty() || weekdays.contains(&date.weekday()))
                    .map(|date| date.and_time(NaiveTime::MIN))
                    .filter_map(|midnight| {
                        Some((midnight.checked_add_signed(*from)?, midnight.checked_add_signed(*to)?))
                    })
                    .collect()
            }
        };
        periods.into_iter().map(move |(from, to)| (zone.resolve(from), zone.resolve(to)))
    }
}

/// A campaign in a products file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) name: String,
    from: toml::Value,
    to: toml::Value,
    #[serde(default)]
    weekdays: Vec<Weekday>,
    #[serde(default)]
    products: Vec<toml::Value>,
    #[serde(default)]
    categories: Vec<String>,
    factor: f64,
}

/// What is wrong with an entry, and what is valid.
type Fault = (String, &'static str);

impl Entry {
    /// The campaign for these products; without products and categories it is for all.
    pub(super) fn campaign(self, range: &[Product]) -> Result<Campaign, Fault> {
        if self.name.trim().is_empty() {
            return Err(("an empty name".to_owned(), "give it one"));
        }
        if self.name.chars().any(char::is_control) {
            return Err(("a control character in its name".to_owned(), "take it out"));
        }
        if !FACTORS.contains(&self.factor) {
            return Err((format!("the factor {}", self.factor), "it must be a number from 0.01 to 100"));
        }
        let mut products = BTreeSet::new();
        let mut add = |what: String, is_meant: &dyn Fn(&Product) -> bool| {
            let before = products.len();
            let meant = range.iter().filter(|product| is_meant(product));
            products.extend(meant.map(|product| product.id));
            let remedy = "give one that a [[product]] of the file has, and each once";
            if products.len() > before { Ok(()) } else { Err((what, remedy)) }
        };
        for named in &self.products {
            add(format!("the product {named}"), &|product| match named {
                toml::Value::Integer(id) => u64::try_from(*id) == Ok(product.id),
                toml::Value::String(name) => *name == product.name,
                _ => false,
            })?;
        }
        for category in &self.categories {
            add(format!("the category {category:?}"), &|product| product.category == *category)?;
        }
        if products.is_empty() {
            products.extend(range.iter().map(|product| product.id));
        }
        Ok(Campaign { times: self.times()?, name: self.name, products, factor: self.factor })
    }

    fn times(&self) -> Result<Times, Fault> {
        let text = |value: &toml::Value| match value {
            toml::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let (from, to) = (text(&self.from), text(&self.to));
        let fault = format!("the times {from} to {to}");
        let (is_ascending, times) =
            match (time_of_day(&from).zip(time_of_day(&to)), day::local(&from).zip(day::local(&to))) {
                (Some((from, to)), _) => (from < to, Times::Weekly(self.weekdays.clone(), from, to)),
                (None, Some(_)) if !self.weekdays.is_empty() => {
                    return Err((fault, "with weekdays they must be times of day such as \"16:00\""));
                }
                (None, Some((from, to))) => (from < to, Times::Once(from, to)),
                (None, None) => {
                    let remedy =
                        "give two times such as \"2026-11-27 16:00\", or two times of day such as \"16:00\"";
                    return Err((fault, remedy));
                }
            };
        if is_ascending { Ok(times) } else { Err((fault, "the second must be later than the first")) }
    }
}

/// The time since 00:00; `24:00` is the end of the day.
fn time_of_day(text: &str) -> Option<TimeDelta> {
    if text == "24:00" {
        return Some(TimeDelta::days(1));
    }
    let time =
        ["%H:%M", "%H:%M:%S"].iter().find_map(|format| NaiveTime::parse_from_str(text, format).ok())?;
    Some(time.signed_duration_since(NaiveTime::MIN))
}

#[cfg(test)]
mod tests;
