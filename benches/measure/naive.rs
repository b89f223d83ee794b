//! Counts the topics with the tests' naive reader, and checks the output of a consumers' run.

use std::{fs, path::Path};

use chrono::DateTime;
use serde_json::Value;

use crate::{
    common::{
        files,
        kafka::{self, Record},
        oracle::{Oracle, Time, Topics, catalogue::Catalogue, record::Handled},
    },
    load::ReadyMade,
    shop::Shop,
};

/// The windows over handled orders, in seconds.
const WINDOWS: [(&str, i64); 4] =
    [("last_5_min", 300), ("last_30_min", 1800), ("last_1_h", 3600), ("last_2_h", 7200)];

/// What a simulator wrote, read once.
pub(crate) struct Naive {
    oracle: Oracle,
    /// Records of the same number and mean size.
    pub(crate) alike: ReadyMade,
}

impl Naive {
    /// Reads orders and deliveries; invalid ones end the bench.
    pub(crate) fn read(shop: &Shop) -> Self {
        let topic = |suffix| kafka::read(&shop.bootstrap, &shop.topic(suffix));
        let topics = Topics { orders: topic("orders"), deliveries: topic("deliveries"), ..Topics::default() };
        let count = topics.orders.len().max(1);
        let mean = |bytes: fn(&Record) -> &Option<Vec<u8>>| {
            let sizes = topics.orders.iter().map(|order| bytes(order).as_ref().map_or(0, Vec::len));
            sizes.sum::<usize>().div_ceil(count)
        };
        let (key, value) = (mean(|order| &order.key), mean(|order| &order.payload));
        let alike = ReadyMade { records: topics.orders.len(), key: Some(key), value };
        let oracle = Oracle::of(&topics, Catalogue::bundled());
        none(&oracle.check_sales());
        Self { oracle, alike }
    }

    /// Valid orders.
    pub(crate) fn orders(&self) -> usize {
        self.oracle.orders.len()
    }

    /// Ends the bench if a run of some consumers does not match the topics at shop time `now`.
    pub(crate) fn check(&self, shop: &Shop, views: &[&str], now: &str, stdout: &str) {
        let status: Value = serde_json::from_str(stdout.lines().last().unwrap_or_default()).unwrap();
        let topic = kafka::read(&shop.bootstrap, &shop.topic("handled"));
        let handled = topic.iter().map(Handled::decode).collect();
        let now = DateTime::parse_from_rfc3339(now).unwrap();
        let mut check = Check { oracle: &self.oracle, now, handled, status, wrong: Wrong::default() };
        check.common();
        for view in views {
            check.view(view, shop.out());
        }
        none(&check.wrong.0);
    }
}

/// A consumers' run to check.
struct Check<'a> {
    oracle: &'a Oracle,
    now: Time,
    handled: Vec<Handled>,
    status: Value,
    wrong: Wrong,
}

impl Check<'_> {
    fn common(&mut self) {
        let time = self.status["shop_time"].as_str().unwrap_or_default().to_owned();
        self.wrong.compare("shop_time", &self.now.to_rfc3339(), &time);
        self.wrong.number(&self.status, "duplicates", 0);
        self.wrong.number(&self.status, "dead_letters", 0);
    }

    fn view(&mut self, view: &str, out: &Path) {
        self.wrong.number(&self.status["lag"], view, 0);
        match view {
            "orders-today" => self.wrong.number(&self.status, "orders_since_midnight", self.today().0),
            "sales" => {
                self.wrong.number(&self.status, "sales_today_ore", self.today().1);
                self.wrong.number(&self.status, "sales_last_hour_ore", self.last_hour_ore());
            }
            "stock" => self.stock(),
            "daily-report" => self.reports(out),
            "journal" => {
                let lines: usize = self.oracle.orders.iter().map(|order| order.lines.len()).sum();
                self.wrong.compare("rows of the journal", &lines, &rows(&out.join("orders"), "last.txt"));
            }
            "handling" => {
                let pending = self.oracle.orders.len() - self.handled.len();
                self.wrong.number(&self.status, "pending", count(pending));
            }
            "mail" => {
                self.wrong.number(&self.status, "mails", count(self.handled.len()));
                let written = rows(&out.join("handled"), "");
                self.wrong.compare("rows of the register", &self.handled.len(), &written);
            }
            "handled-windows" => self.windows(),
            other => panic!("nobody knows what {other} should have found"),
        }
    }

    /// Orders and sales since midnight.
    fn today(&self) -> (i64, i64) {
        let day = self.oracle.days().remove(&self.oracle.day(self.now)).unwrap_or_default();
        (day.orders, day.sales_ore)
    }

    fn last_hour_ore(&self) -> i64 {
        let orders = self.oracle.orders.iter().filter(|order| self.within(order.at, 3600));
        orders.map(|order| order.total_ore).sum()
    }

    /// Whether a time lies in the whole seconds s with now − length < s ≤ now.
    fn within(&self, time: Time, length: i64) -> bool {
        let now = self.now.timestamp();
        (now - length + 1..=now).contains(&time.timestamp())
    }

    fn stock(&mut self) {
        let rows = self.status["stock"].as_array().map_or(&[][..], Vec::as_slice);
        let told =
            rows.iter().filter_map(|row| Some((row["product_id"].as_u64()?, row["balance"].as_i64()?)));
        self.wrong.compare("stock", &self.oracle.balances(), &told.collect());
    }

    fn reports(&mut self, out: &Path) {
        let today = self.oracle.day(self.now);
        for (date, day) in self.oracle.days().into_iter().filter(|(date, _)| *date < today) {
            let text = fs::read_to_string(out.join(format!("reports/{date}.json"))).unwrap_or_default();
            let report: Value = serde_json::from_str(&text).unwrap_or_default();
            let products = report["products"].as_array().map_or(&[][..], Vec::as_slice);
            let units = products
                .iter()
                .filter_map(|row| Some((row["product_id"].as_u64()?, row["units"].as_i64()?)))
                .filter(|(_, units)| *units > 0);
            let sums = (report["orders"].as_i64(), report["sales_ore"].as_i64(), units.collect());
            let expected = (Some(day.orders), Some(day.sales_ore), day.units);
            self.wrong.compare(&format!("the report of {date}"), &expected, &sums);
        }
    }

    fn windows(&mut self) {
        let told = &self.status["handled"];
        self.wrong.number(told, "total", count(self.handled.len()));
        for (name, length) in WINDOWS {
            let inside = self.handled.iter().filter(|one| self.within(one.at, length)).count();
            self.wrong.number(told, name, count(inside));
        }
    }
}

/// Rows without headings in the tables of a folder, except one file.
fn rows(folder: &Path, but: &str) -> usize {
    let tables = files::tree(folder).into_keys().filter(|name| name != Path::new(but));
    tables.map(|name| files::Table::read(&folder.join(name)).unwrap().rows.len()).sum()
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap()
}

fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "the totals are wrong: {wrong:#?}");
}

/// The differences, as sentences.
#[derive(Default)]
struct Wrong(Vec<String>);

impl Wrong {
    fn compare<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, expected: &T, found: &T) {
        if expected != found {
            self.0.push(format!("{what}: expected {expected:?}, found {found:?}"));
        }
    }

    fn number(&mut self, status: &Value, name: &str, expected: i64) {
        self.compare(name, &Some(expected), &status[name].as_i64());
    }
}
