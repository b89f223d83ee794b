//! An empty shelf.

use std::fs;

use serde_json::Value;

use crate::common::{kafka, oracle::catalogue::Catalogue, shop::Shop};

#[test]
fn with_empty_shelves_nothing_is_sold_and_every_lost_sale_is_counted() {
    let shop = Shop::new();
    let file = shop.home().join("few.toml");
    let product = |id| {
        format!(
            "[[product]]\nid = {id}\nname = \"Sällsynt {id}\"\ncategory = \"Dryck\"\nprice_ore = 4990\n\
             popularity = 1.0\nopening_stock = 5\nreorder_point = 2\nreorder_quantity = 100000000\n\
             delivery_minutes = 10000000\n\n"
        )
    };
    fs::write(&file, [1, 2, 3].map(product).concat()).unwrap();
    let sell = |period: &str| {
        let seller = ["produce", "--backfill", period, "--rate", "0.05", "--seed", "51"];
        shop.run(&[&seller[..], &["--products", "few.toml"]].concat()).ok();
        let last = kafka::read(shop.bootstrap(), &shop.topic("pulse")).pop().unwrap();
        let pulse: Value = serde_json::from_slice(&last.payload.unwrap()).unwrap();
        let mut oracle = shop.oracle();
        oracle.catalogue = Catalogue::read(&file);
        let wrong = oracle.check_sales();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        let pieces: i64 = oracle.orders.iter().flat_map(|order| &order.lines).map(|line| line.quantity).sum();
        let under_way = pulse["under_way"].as_array().unwrap().len();
        (pieces, oracle.orders.len() as u64, pulse["lost_sales"].as_u64().unwrap(), under_way)
    };
    let (sold, orders, lost, under_way) = sell("2026-03-28 12:00..2026-03-28 14:00");
    assert_eq!((sold, under_way), (15, 3), "all there was, and three reorders that never arrive");
    // 360 customers, within five standard deviations: one without an order is a lost sale, whatever the number of
    // pieces.
    assert!((265..455).contains(&(orders + lost)), "{orders} orders, {lost} lost");
    // A reopened shop still knows its lost sales.
    let (sold, still, more, under_way) = sell("2026-03-28 14:00..2026-03-28 15:00");
    assert_eq!((sold, still, under_way), (15, orders, 3));
    assert!((110..250).contains(&(more - lost)), "{more} after {lost}");

    // Reorder points are those of the products file.
    let line = ["consume", "--until-end", "--json", "--products", "few.toml"];
    let status = shop.run(&line).ok().json();
    let mut oracle = shop.oracle();
    oracle.catalogue = Catalogue::read(&file);
    let differences = oracle.compare(&shop.out(), &status);
    assert!(differences.is_empty(), "{}\n{status}", differences.join("\n"));
    assert!(status["stock"].as_array().unwrap().iter().all(|line| line["balance"] == 0), "{status}");
}
