//! What the topics say, computed again in the most naive way there is: everything in memory, one pass a
//! question, none of the program's own code. A fault in the program cannot hide in it.

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
    /// How many valid orders had an id that was in their partition before.
    pub duplicates: usize,
    /// Records of `orders` that are no valid orders.
    pub invalid: Vec<Record>,
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
        for record in &topics.orders {
            match Order::decode(record) {
                Err(_) => invalid.push(record.clone()),
                Ok(order) if seen.insert((record.partition, order.id)) => orders.push(order),
                Ok(_) => duplicates += 1,
            }
        }
        Self {
            tz: Tz::Europe__Stockholm,
            catalogue,
            every: Duration::seconds(10),
            chance: 0.25,
            orders,
            duplicates,
            invalid,
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

    /// Everything that a status, the files under `out` and the topics disagree on at the status's shop time,
    /// when all the consumers have worked off the log; empty when all agree.
    pub fn compare(&self, out: &Path, status: &Value) -> Vec<String> {
        let mut found = Differences::default();
        match self.shop_time(status) {
            Ok(now) => {
                self.compare_figures(&mut found, status, now);
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

    /// Whether a product may be called that: its name in the catalogue or on any line it was sold on. One that
    /// was only delivered and that no catalogue knows may be called anything.
    pub fn may_be_called(&self, product_id: u64, name: &str) -> bool {
        let mut names = self.names_of(product_id).peekable();
        // JSON escapes what a table must not hold.
        names.peek().is_none() || names.any(|one| one == name || same_text(one, name))
    }
}

/// Whether a shown or written value is this one: control characters and line breaks have become spaces.
/// How many spaces a pair such as CR LF becomes is left open.
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
