//! Records compressed with every codec of Kafka, and with an unknown one.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    bench::{PATIENCE, orders},
    common::{
        kafka,
        shop::{Shop, wait_for},
    },
};

/// Every valid order is either handled or pending.
fn orders_known(status: &Value) -> i64 {
    status["pending"].as_i64().unwrap() + status["handled"]["total"].as_i64().unwrap()
}

/// Lets the consumers make the topics of a shop in which nothing was sold.
fn open(shop: &Shop) {
    let consumers = shop.start(&["consume"]);
    wait_for("the topics", PATIENCE, || shop.run(&["status", "--json"]).status.success().then_some(()));
    consumers.terminate().ok();
}

#[test]
fn orders_compressed_with_any_codec_are_counted() {
    let shop = Shop::new();
    shop.bootstrap();
    open(&shop);
    for (codec, first) in ["none", "gzip", "snappy", "lz4", "zstd"].into_iter().zip((0..).step_by(20)) {
        let records = orders(first + 1..first + 21);
        kafka::write_with(shop.bootstrap(), &shop.topic("orders"), &records, &[("compression.type", codec)]);
    }
    let status = shop.run(&["consume", "--until-end", "--json"]).ok().json();
    assert_eq!(orders_known(&status), 100, "{status}");
    shop.run(&["verify"]).ok();
    shop.run(&["order", "95"]).ok();
}

/// What is in the record that nobody can open.
const MARK: &[u8] = b"a record that nobody can open";

/// Sets an unknown codec in the batch of the marked record, in the log of a stopped broker: a running one accepts no
/// such batch.
fn spoil(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let spoil_one = |path: PathBuf| {
        if path.is_dir() {
            return spoil(&path);
        }
        let mut bytes = fs::read(&path).unwrap();
        let Some(value) = bytes.windows(MARK.len()).position(|window| window == MARK) else { return 0 };
        // Before the value of a batch's only record, whose key has one byte, are 61 bytes of batch header and 7 of the
        // record.
        let start = value - 61 - 7;
        let length = u32::from_be_bytes(bytes[start + 8..start + 12].try_into().unwrap());
        let end = start + 12 + usize::try_from(length).unwrap();
        assert_eq!(bytes[start + 16], 2, "the version of a batch");
        bytes[start + 22] |= 0b111;
        let sum = crc32c::crc32c(&bytes[start + 21..end]);
        bytes[start + 17..start + 21].copy_from_slice(&sum.to_be_bytes());
        fs::write(&path, bytes).unwrap();
        1
    };
    entries.map(spoil_one).sum()
}

/// On the embedded broker alone: its logs are at hand.
#[test]
fn records_that_cannot_be_opened_are_told_and_hold_up_their_own_partition_alone() {
    let shop = Shop::embedded();
    let mut broker = shop.start(&["broker", "--listen", "127.0.0.1:0"]);
    broker.wait_for_output("its address", |text| text.ends_with('\n'));
    let address = broker.address().unwrap();
    open(&shop);
    let topic = shop.topic("orders");
    kafka::write(&address, &topic, &orders(1..11));
    kafka::write(&address, &topic, &[kafka::Record::new(0, "k", MARK)]);
    kafka::write(&address, &topic, &orders(11..21));
    broker.terminate().ok();
    assert_eq!(spoil(&shop.out().join("kafka")), 1);
    shop.bootstrap();
    let consumers = shop.start(&["consume"]);
    wait_for("a word", PATIENCE, || consumers.stderr().contains("cannot be opened").then_some(()));
    wait_for("the other partition's orders", PATIENCE, || {
        let status = shop.run(&["status", "--json"]).ok().json();
        (orders_known(&status) == 15).then_some(())
    });
    assert_eq!(consumers.stderr().lines().count(), 1, "it is told once: {}", consumers.stderr());
    // Commands that read a topic to its end report it, too, and fail.
    let searched = shop.run(&["verify"]);
    assert!(searched.refused().contains("cannot be opened"), "{searched}");
    consumers.terminate().ok();
}

/// A state of some megabytes when uncompressed.
#[test]
fn the_figures_of_a_shop_with_thousands_of_products_reach_everybody() {
    const PRODUCTS: usize = 20_000;
    let shop = Shop::new();
    let product = |id: usize| {
        format!(
            "[[product]]\nid = {id}\nname = \"En vara med ett ganska långt namn, nummer {id}\"\ncategory = \"Alla\"\n\
             price_ore = 100\npopularity = 1\nopening_stock = 50\nreorder_point = 10\nreorder_quantity = 50\n\
             delivery_minutes = 60\n\n"
        )
    };
    let products: String = (1..=PRODUCTS).map(product).collect();
    std::fs::write(shop.home().join("products.toml"), products).unwrap();
    shop.bootstrap();
    shop.run(&["produce", "--count", "20", "--rate", "50", "--products", "products.toml"]).ok();
    let consumers = shop.start(&["consume"]);
    wait_for("the stock of every product", PATIENCE, || {
        let status = shop.run(&["status", "--json"]).ok().json();
        let stock = status["stock"].as_array().unwrap();
        (stock.len() == PRODUCTS && status["lag"]["stock"] == 0).then_some(())
    });
    consumers.terminate().ok();
}
