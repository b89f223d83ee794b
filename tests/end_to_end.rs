//! The whole program on a broker: its output and files match a naive computation from the topics.
//!
//! On the embedded broker, or on the Kafka that `SHOP_SIM_TEST_BOOTSTRAP` names. `SHOP_SIM_TEST_FULL=1` takes ten
//! times the orders.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{collections::BTreeMap, fs};

use chrono::DateTime;
use common::{
    files::{bytes, tree},
    oracle::{Oracle, mail::split_mbox},
    shop::Shop,
};
use serde_json::Value;

/// From the evening before the day of 23 hours until two hours after it: 31 hours.
const PERIOD: &str = "2026-03-28 18:00..2026-03-30 02:00";
const PERIOD_SECONDS: f64 = 31.0 * 3600.0;
const PERIOD_START: &str = "2026-03-28T18:00:00+01:00";
const PERIOD_END: &str = "2026-03-30T02:00:00+02:00";

/// Orders a second of shop time.
fn rate() -> f64 {
    if common::is_full() { 1.0 } else { 0.1 }
}

/// Enough orders for three kills to interrupt the work.
fn many() -> f64 {
    rate().max(0.6)
}

/// A shop with the period's orders.
fn sold(rate: f64) -> Shop {
    let shop = Shop::new();
    shop.run(&["produce", "--backfill", PERIOD, "--rate", &rate.to_string(), "--seed", "7"]).ok();
    shop
}

fn consume(shop: &Shop) -> Value {
    shop.run(&["consume", "--until-end", "--json"]).ok().json()
}

#[track_caller]
fn assert_agrees(oracle: &Oracle, shop: &Shop, status: &Value) {
    let differences = oracle.compare(&shop.out(), status);
    assert!(differences.is_empty(), "{}\n{status}", differences.join("\n"));
}

#[test]
fn a_past_period_is_sold_and_worked_off() {
    let shop = sold(rate());
    let status = consume(&shop);
    let oracle = shop.oracle();

    let wrong = oracle.check_sales();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let [from, to] = [PERIOD_START, PERIOD_END].map(|time| DateTime::parse_from_rfc3339(time).unwrap());
    let outside = oracle.orders.iter().find(|order| order.at < from || order.at > to);
    assert!(outside.is_none(), "{outside:?}");
    // Poisson: five standard deviations, plus sales lost for lack of stock.
    let (orders, expected) = (oracle.orders.len() as f64, PERIOD_SECONDS * rate());
    let spread = 5.0 * expected.sqrt();
    assert!(orders < expected + spread && orders > 0.95 * expected - spread, "{orders} of {expected} orders");
    let partitions = oracle.orders_by_partition();
    assert_eq!(partitions.len(), 6, "{partitions:?}");
    let even = orders / 6.0;
    assert!(partitions.values().all(|count| (*count as f64 - even).abs() < 0.1 * even), "{partitions:?}");

    assert_agrees(&oracle, &shop, &status);
    assert_eq!(status["shop_time"], PERIOD_END);
    let mut reports: Vec<_> = tree(&shop.out().join("reports")).into_keys().collect();
    reports.sort();
    assert_eq!(
        reports.iter().map(|path| path.to_str().unwrap()).collect::<Vec<_>>(),
        ["2026-03-28.json", "2026-03-28.txt", "2026-03-29.json", "2026-03-29.txt"]
    );
    assert_eq!(revision(&shop, "2026-03-28"), 0);

    // A second run changes nothing: the same figures, byte-identical files.
    let before = contents(&shop);
    assert_eq!(consume(&shop), status);
    assert_eq!(contents(&shop), before);
    assert_eq!(shop.run(&["status", "--json"]).ok().json(), status);
}

fn revision(shop: &Shop, date: &str) -> i64 {
    let bytes = fs::read(shop.out().join(format!("reports/{date}.json"))).unwrap();
    serde_json::from_slice::<Value>(&bytes).unwrap()["revision"].as_i64().unwrap()
}

/// The files that people read.
fn contents(shop: &Shop) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for folder in ["reports", "mail", "orders", "handled"] {
        for path in tree(&shop.out().join(folder)).into_keys() {
            let name = format!("{folder}/{}", path.display());
            found.insert(name.clone(), fs::read(shop.out().join(&name)).unwrap());
        }
    }
    found.insert("stock.txt".into(), fs::read(shop.out().join("stock.txt")).unwrap());
    found
}

/// The same with sorted rows and mails, as the order of partitions varies.
fn sorted_contents(shop: &Shop) -> BTreeMap<String, Vec<Vec<u8>>> {
    let sorted = |(name, bytes): (String, Vec<u8>)| {
        let mut parts = if name.starts_with("mail/") {
            split_mbox(&bytes).unwrap()
        } else {
            bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
        };
        parts.sort();
        (name, parts)
    };
    contents(shop).into_iter().map(sorted).collect()
}

#[test]
fn the_same_seed_sells_the_same() {
    let sold = || {
        let shop = Shop::new();
        shop.run(&[
            "produce",
            "--backfill",
            "2026-03-28 18:00..2026-03-28 20:00",
            "--rate",
            "0.1",
            "--seed",
            "9",
        ])
        .ok();
        let oracle = shop.oracle();
        oracle.orders.iter().map(|order| format!("{order:?}")).collect::<Vec<_>>()
    };
    assert_eq!(sold(), sold());
}

#[test]
fn killed_three_times_on_the_way_it_ends_the_same() {
    if common::is_left_out() {
        return;
    }
    let (undisturbed, killed) = (sold(many()), sold(many()));
    let right = consume(&undisturbed);

    for folder in ["orders", "mail", "handled"] {
        let folder = killed.out().join(folder);
        let before = bytes(&folder);
        let mut running = killed.start(&["consume", "--until-end"]);
        running.wait_until("its files grow", || bytes(&folder) > before);
        running.kill();
    }
    let status = consume(&killed);
    assert_agrees(&killed.oracle(), &killed, &status);
    assert_eq!(status, right);
    let (expected, found) = (sorted_contents(&undisturbed), sorted_contents(&killed));
    assert_eq!(expected.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>());
    for (name, expected) in expected {
        assert!(expected == found[&name], "{name} has other rows or mails than without the kills");
    }
}

#[test]
fn a_late_order_revises_its_day() {
    let shop = Shop::new();
    shop.run(&[
        "produce",
        "--backfill",
        "2026-03-28 22:00..2026-03-29 03:30",
        "--rate",
        "0.05",
        "--seed",
        "3",
    ])
    .ok();
    consume(&shop);
    assert_eq!(revision(&shop, "2026-03-28"), 0);

    let late = common::orders::Hand::at("2026-03-28T23:30:00.000+01:00").id(1_000_000);
    shop.write("orders", &[late.record(0)]);
    let status = consume(&shop);
    assert_agrees(&shop.oracle(), &shop, &status);
    assert_eq!(revision(&shop, "2026-03-28"), 1);
}

#[test]
fn days_without_a_sale_have_their_report_too() {
    let shop = Shop::new();
    for day in ["2026-03-26 12:00..2026-03-26 12:30", "2026-03-29 12:00..2026-03-29 12:30"] {
        shop.run(&["produce", "--backfill", day, "--rate", "0.1", "--seed", "3"]).ok();
    }
    let status = consume(&shop);
    let oracle = shop.oracle();
    assert_agrees(&oracle, &shop, &status);
    let wrong = oracle.check_sales();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for day in ["2026-03-26", "2026-03-27", "2026-03-28"] {
        assert!(shop.out().join(format!("reports/{day}.json")).exists(), "no report for {day}");
    }
}

#[test]
fn counted_orders_have_no_gap_and_nothing_is_oversold() {
    let shop = Shop::new();
    for total in [200, 400] {
        shop.run(&["produce", "--count", "200", "--rate", "max"]).ok();
        let oracle = shop.oracle();
        assert_eq!(oracle.orders.len(), total);
        let wrong = oracle.check_sales();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
    // In real time shop time advances: the figures are those of the status's time.
    let status = consume(&shop);
    assert_agrees(&shop.oracle(), &shop, &status);
}
