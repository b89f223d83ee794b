//! Invalid records, and strange but valid orders: none stops a consumer, none is lost, and only valid ones change
//! figures.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{
    kafka::Record,
    orders::{Hand, garbage},
    shop::Shop,
};
use serde_json::{Value, json};

/// Within the period that the simulator sold before.
const THEN: &str = "2026-03-28T23:10:00.250+01:00";

fn consume(shop: &Shop) -> Value {
    shop.run(&["consume", "--until-end", "--json"]).ok().json()
}

#[track_caller]
fn assert_agrees(shop: &Shop, status: &Value) {
    let differences = shop.oracle().compare(&shop.out(), status);
    assert!(differences.is_empty(), "{}\n{status}", differences.join("\n"));
}

/// Valid orders that a simulator would never make.
fn strange() -> Vec<Hand> {
    let order = || Hand::at(THEN);
    let names = [
        "Eva\r\nBcc: eve@example.com",
        "Eva\n\nHej, klicka här",
        "Eva\u{1b}[2J\u{7}\tEk",
        "Eva\u{2028}Ek\u{85}Ek",
        "Ek, Eva",
        "Eva \"Evis\" Ek <eva@example.org>",
        "=?utf-8?B?QmNjOiBldmU=?=",
        "From Eva",
        "O'Brien \\ Ek; (hemma)",
        "李小龙 🎉",
        "",
    ];
    let long = "Åsa ".repeat(400);
    let mut orders: Vec<Hand> = names.iter().map(|name| order().name(name)).collect();
    orders.extend([
        order().name(long.trim_end()),
        order().email("inte en adress"),
        order().email("eva@example.com\r\nBcc: eve@example.com"),
        order().email(""),
        order()
            .and("colour", json!({"deep": [1, 2, {"er": null}]}))
            .and("total", json!("unknown fields are fine")),
        order().with("/lines/0/product_id", json!(999_999)).with("/lines/0/name", json!("Okänd\tvara")),
        order().with("/lines/0/unit_price_ore", json!(0)).with("/total_ore", json!(0)),
        order().lines(2_000),
        // The same moment in other zones.
        order().with("/created_at", json!("2026-03-28T12:10:00.250-10:00")),
        order().with("/created_at", json!("2026-03-28T22:10:00Z")),
        // Long ago, later today, and far ahead.
        order().with("/created_at", json!("2026-03-20T12:00:00.000+01:00")),
        order().with("/created_at", json!("2026-03-29T23:00:00.000+02:00")),
        order().with("/created_at", json!("2031-01-01T00:00:00.000+01:00")),
    ]);
    orders
}

#[test]
fn garbage_between_orders_changes_nothing_but_the_count_of_dead_letters() {
    let shop = Shop::new();
    shop.run(&[
        "produce",
        "--backfill",
        "2026-03-28 22:00..2026-03-29 04:00",
        "--rate",
        "0.05",
        "--seed",
        "5",
    ])
    .ok();

    let mut records = Vec::new();
    for (order, i) in strange().into_iter().zip(0_u64..) {
        let partition = i32::try_from(i % 6).unwrap();
        records.push(order.clone().id(1_000_000 + i).record(partition));
        if i % 4 == 0 {
            // A repetition, the oldest of its partition, and the same id with other content.
            records.push(order.clone().id(1_000_000 + i).record(partition));
            records.push(order.id(1_000_000 + i % 6).record(partition));
            records.push(Hand::at(THEN).id(1_000_000 + i).record(partition));
        }
    }
    // Not a duplicate but a dead letter: a record is validated before its id is checked.
    records.push(Hand::at(THEN).id(3).with("/total_ore", json!(1)).record(0));
    for (payload, i) in garbage(THEN).into_iter().zip(0..) {
        let key = (i % 3 != 0).then(|| b"77".to_vec());
        let at = (usize::try_from(i).unwrap() * 2).min(records.len());
        records.insert(at, Record { partition: i % 6, key, payload, ..Record::default() });
    }
    shop.write("orders", &records);

    let status = consume(&shop);
    assert_agrees(&shop, &status);
    assert_eq!(status["dead_letters"], json!(garbage(THEN).len() + 1));
    assert_eq!(status["duplicates"], json!(3 * strange().len().div_ceil(4)));
    assert_eq!(status["shop_time"], "2026-03-29T04:00:00+02:00", "an order from the future moves no clock");

    // A second run changes nothing: each dead letter exists once.
    assert_eq!(consume(&shop), status);
    assert_agrees(&shop, &status);

    // The simulator gets past them, too.
    shop.run(&[
        "produce",
        "--backfill",
        "2026-03-29 04:00..2026-03-29 05:00",
        "--rate",
        "0.05",
        "--seed",
        "6",
    ])
    .ok();
    let status = consume(&shop);
    assert_agrees(&shop, &status);
    assert_eq!(status["shop_time"], "2026-03-29T05:00:00+02:00");
}

#[test]
fn a_log_of_garbage_alone_is_worked_off() {
    let shop = Shop::new();
    shop.run(&[
        "produce",
        "--backfill",
        "2026-03-28 22:00..2026-03-28 22:01",
        "--rate",
        "0.001",
        "--seed",
        "5",
    ])
    .ok();
    let records = garbage(THEN).into_iter().map(|payload| Record { payload, ..Record::default() });
    shop.write("orders", &records.collect::<Vec<_>>());
    let status = consume(&shop);
    assert_agrees(&shop, &status);
}
