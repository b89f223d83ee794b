//! Recomputes what the topics say in the most naive way: everything in memory, a pass per question, and no code of the
//! program, whose faults it therefore does not share.

pub mod catalogue;
mod differences;
mod figures;
mod handling;
pub mod mail;
pub mod record;
mod reports;
pub mod sales;
mod tables;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use chrono::{DateTime, Duration, FixedOffset, NaiveDate};
use chrono_tz::Tz;
use serde_json::Value;

use catalogue::Catalogue;
use differences::Differences;
use record::{Delivery, Handled, Letter, Order};

use super::kafka::{self, Record};

/// The topics' records, raw.
#[derive(Debug, Clone, Default)]
pub struct Topics {
    pub orders: Vec<Record>,
    pub deliveries: Vec<Record>,
    pub handled: Vec<Record>,
    pub dead_letters: Vec<Record>,
}

/// A point in time, to the millisecond, with the offset it was written with.
pub type Time = DateTime<FixedOffset>;

/// The shop as its topics have it, and the parameters that it runs with.
#[derive(Debug, Clone)]
pub struct Oracle {
    pub tz: Tz,
    pub catalogue: Catalogue,
    /// `--handle-every`.
    pub every: Duration,
    /// `--handle-chance`, as a share.
    pub chance: f64,
    /// Valid orders, each once, by partition and offset.
    pub orders: Vec<Order>,
    /// Valid orders with an id that occurred before in their partition.
    pub duplicates: usize,
    /// Records of `orders` that are no valid orders.
    pub invalid: Vec<Record>,
    /// For both, in log order: when the previous order of the partition was sold, and whether it is a duplicate.
    pub uncounted: Vec<(Option<Time>, bool)>,
    pub deliveries: Vec<Delivery>,
    pub handled: Vec<Handled>,
    pub letters: Vec<Letter>,
}

impl Oracle {
    /// Reads the topics of a prefix to their ends; the products are the bundled ones.
    pub fn read(bootstrap: &str, prefix: &str) -> Self {
        let topic = |suffix| kafka::read(bootstrap, &format!("{prefix}.{suffix}"));
        let topics = Topics {
            orders: topic("orders"),
            deliveries: topic("deliveries"),
            handled: topic("handled"),
            dead_letters: topic("dead-letters"),
        };
        Self::of(&topics, Catalogue::bundled())
    }

    /// The shop in Stockholm with the default handling.
    pub fn of(topics: &Topics, catalogue: Catalogue) -> Self {
        let mut seen: BTreeSet<(i32, u64)> = BTreeSet::new();
        let (mut orders, mut invalid, mut duplicates) = (Vec::new(), Vec::new(), 0);
        let (mut uncounted, mut last) = (Vec::new(), BTreeMap::new());
        for record in &topics.orders {
            match Order::decode(record) {
                Ok(order) if seen.insert((record.partition, order.id)) => {
                    last.insert(record.partition, order.at);
                    orders.push(order);
                    continue;
                }
                Err(_) => invalid.push(record.clone()),
                Ok(_) => duplicates += 1,
            }
            uncounted.push((last.get(&record.partition).copied(), Order::decode(record).is_ok()));
        }
        Self {
            tz: Tz::Europe__Stockholm,
            catalogue,
            every: Duration::seconds(10),
            chance: 0.25,
            orders,
            duplicates,
            invalid,
            uncounted,
            deliveries: topics.deliveries.iter().map(Delivery::decode).collect(),
            handled: topics.handled.iter().map(Handled::decode).collect(),
            letters: topics.dead_letters.iter().map(Letter::decode).collect(),
        }
    }

    /// The local day of a point in time.
    pub fn day(&self, time: Time) -> NaiveDate {
        time.with_timezone(&self.tz).date_naive()
    }

    /// The shop time that a status says it is for; the error is a sentence.
    pub fn shop_time(&self, status: &Value) -> Result<Time, String> {
        let text = status["shop_time"].as_str().ok_or("the status has no shop_time")?;
        let time =
            DateTime::parse_from_rfc3339(text).map_err(|error| format!("shop_time {text}: {error}"))?;
        if time.timestamp_subsec_nanos() != 0 {
            return Err(format!("shop_time {text} is no whole second"));
        }
        if time.with_timezone(&self.tz).fixed_offset().offset() != time.offset() {
            return Err(format!("shop_time {text} has another offset than {} then", self.tz));
        }
        Ok(time)
    }

    /// All differences between a status, the files under `out` and the topics at the status's shop time, once all
    /// consumers have processed the log; empty if there are none.
    pub fn compare(&self, out: &Path, status: &Value) -> Vec<String> {
        let mut found = Differences::default();
        match self.shop_time(status) {
            Ok(now) => {
                self.compare_figures(&mut found, status, now);
                Self::compare_lag(&mut found, status);
                self.check_handling(&mut found, now);
                self.check_dead_letters(&mut found);
                self.compare_reports(&mut found, out, now);
                self.compare_tables(&mut found, out);
                self.compare_mails(&mut found, out);
            }
            Err(sentence) => found.add(sentence),
        }
        found.into_sentences()
    }

    /// The shop's past up to a second of its time.
    #[must_use]
    pub fn until(&self, second: Time) -> Self {
        let had = |time: Time| time.timestamp() <= second.timestamp();
        let counted = |duplicate: bool| {
            let of = self.uncounted.iter().filter(|(_, is_duplicate)| *is_duplicate == duplicate);
            of.filter(|(after, _)| after.is_none_or(had)).count()
        };
        let mut then = self.clone();
        then.orders.retain(|order| had(order.at));
        then.deliveries.retain(|delivery| had(delivery.at));
        then.handled.retain(|handled| had(handled.at));
        then.duplicates = counted(true);
        then.invalid.truncate(counted(false));
        then
    }

    /// Everything in which the figures of a status, without its lag, differ from the records up to its shop time.
    pub fn compare_past(&self, status: &Value) -> Vec<String> {
        let mut found = Differences::default();
        match self.shop_time(status) {
            Ok(moment) => self.until(moment).compare_figures(&mut found, status, moment),
            Err(sentence) => found.add(sentence),
        }
        found.into_sentences()
    }

    /// Each product's balance: what was delivered less what was sold; products with either.
    pub fn balances(&self) -> BTreeMap<u64, i64> {
        let mut balances = BTreeMap::new();
        for delivery in &self.deliveries {
            *balances.entry(delivery.product_id).or_default() += delivery.quantity;
        }
        for line in self.orders.iter().flat_map(|order| &order.lines) {
            *balances.entry(line.product_id).or_default() -= line.quantity;
        }
        balances
    }

    /// The names that orders and the products file give a product.
    pub fn names_of(&self, product_id: u64) -> impl Iterator<Item = &str> {
        let lines = self.orders.iter().flat_map(|order| &order.lines);
        let sold = lines.filter(move |line| line.product_id == product_id).map(|line| line.name.as_str());
        sold.chain(self.catalogue.products.get(&product_id).map(|product| product.name.as_str()))
    }

    /// Whether a name is valid for a product: its name in the catalogue, or on any order line. A product that was only
    /// delivered, and is in no catalogue, may have any.
    pub fn may_be_called(&self, product_id: u64, name: &str) -> bool {
        let mut names = self.names_of(product_id).peekable();
        // JSON escapes what tables cannot contain.
        names.peek().is_none() || names.any(|one| one == name || same_text(one, name))
    }
}

/// Whether a displayed or stored value matches: control characters and line breaks become spaces. The number of spaces
/// for a pair such as CR LF is not checked.
pub fn same_text(value: &str, written: &str) -> bool {
    let clean = |text: &str| {
        let spaced: String = text.chars().map(|one| if breaks(one) { ' ' } else { one }).collect();
        spaced.split(' ').filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    };
    !written.chars().any(breaks) && clean(value) == clean(written)
}

fn breaks(one: char) -> bool {
    one.is_control() || matches!(one, '\u{2028}' | '\u{2029}')
}
