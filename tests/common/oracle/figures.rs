//! The figures of `status --json`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Differences, Oracle, Time};

/// The views, as their consumer groups are called.
const VIEWS: [&str; 8] =
    ["orders-today", "sales", "daily-report", "stock", "handling", "mail", "handled-windows", "journal"];

/// The windows over handled orders, in seconds.
const WINDOWS: [(&str, i64); 4] =
    [("last_5_min", 300), ("last_30_min", 1800), ("last_1_h", 3600), ("last_2_h", 7200)];

/// How many of these points in time lie in the whole seconds s with now − length < s ≤ now.
fn within(times: impl Iterator<Item = Time>, now: Time, length: i64) -> i64 {
    let now = now.timestamp();
    times.filter(|time| (now - length + 1..=now).contains(&time.timestamp())).map(|_| 1).sum()
}

impl Oracle {
    pub(super) fn compare_figures(&self, found: &mut Differences, status: &Value, now: Time) {
        let count = |number: usize| i64::try_from(number).unwrap();
        let today: Vec<_> = self.orders.iter().filter(|order| self.day(order.at) == self.day(now)).collect();
        let last_hour = self.orders.iter().filter(|order| within([order.at].into_iter(), now, 3600) == 1);
        let handled = count(self.handled.len());
        let expected = [
            ("orders_since_midnight", count(today.len())),
            ("sales_today_ore", today.iter().map(|order| order.total_ore).sum()),
            ("sales_last_hour_ore", last_hour.map(|order| order.total_ore).sum()),
            ("pending", count(self.orders.len()) - handled),
            ("mails", handled),
            ("duplicates", count(self.duplicates)),
            ("dead_letters", count(self.invalid.len())),
        ];
        for (name, value) in expected {
            found.same(name, &Some(value), &status[name].as_i64());
        }
        found.same("handled.total", &Some(handled), &status["handled"]["total"].as_i64());
        let times = || self.handled.iter().map(|handled| handled.at);
        for (name, length) in WINDOWS {
            let value = within(times(), now, length);
            found.same(&format!("handled.{name}"), &Some(value), &status["handled"][name].as_i64());
        }
        let mean = within(times(), now, 7200) as f64 / 24.0;
        // Shown to two decimals.
        match status["handled"]["mean_per_5_min_last_2_h"].as_f64() {
            Some(value) if (value - mean).abs() < 0.005_001 => {}
            other => {
                found.add(format!("handled.mean_per_5_min_last_2_h: expected {mean:.2}, found {other:?}"));
            }
        }
        self.compare_stock(found, status);
    }

    pub(super) fn compare_lag(found: &mut Differences, status: &Value) {
        for view in VIEWS {
            found.same(&format!("lag.{view}"), &Some(0), &status["lag"][view].as_i64());
        }
    }

    fn compare_stock(&self, found: &mut Differences, status: &Value) {
        let Some(stock) = status["stock"].as_array() else { return found.add("the status has no stock") };
        let rows: Vec<(Option<u64>, Option<i64>)> =
            stock.iter().map(|row| (row["product_id"].as_u64(), row["balance"].as_i64())).collect();
        let expected: BTreeMap<_, _> = self.balances();
        found.same_bag("stock", expected.into_iter().map(|(id, balance)| (Some(id), Some(balance))), rows);
        for row in stock {
            let (id, name) = (row["product_id"].as_u64().unwrap_or(0), row["name"].as_str().unwrap_or(""));
            if !self.may_be_called(id, name) {
                found.add(format!("stock: product {id} is called {name:?}"));
            }
        }
    }
}
