//! Kafka has lost data: states, or log records that retention has deleted.

use std::collections::BTreeMap;

use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions},
    client::DefaultClientContext,
};
use serde_json::Value;

use crate::{
    common::{
        kafka::{self, Record},
        shop::{PATIENCE, Shop, wait_for},
    },
    kit::{assert_agrees, consume, rows_of_files, sell},
};

fn admin(shop: &Shop) -> (tokio::runtime::Runtime, AdminClient<DefaultClientContext>) {
    let admin = ClientConfig::new().set("bootstrap.servers", shop.bootstrap()).create().unwrap();
    (tokio::runtime::Runtime::new().unwrap(), admin)
}

fn delete(shop: &Shop, suffix: &str) {
    let (runtime, admin) = admin(shop);
    let topic = shop.topic(suffix);
    let deleted = runtime.block_on(admin.delete_topics(&[&topic], &AdminOptions::new())).unwrap();
    assert!(deleted.iter().all(Result::is_ok), "{deleted:?}");
    // A real Kafka deletes in the background.
    wait_for("the topic to go", PATIENCE, || {
        let metadata = admin.inner().fetch_metadata(None, PATIENCE).unwrap();
        metadata.topics().iter().all(|found| found.name() != topic).then_some(())
    });
}

/// Deletes a share of the oldest records of every partition, as retention does.
fn cut(shop: &Shop, suffix: &str, taken: f64) {
    let (runtime, admin) = admin(shop);
    let topic = shop.topic(suffix);
    let mut all = TopicPartitionList::new();
    for partition in 0..6 {
        let (_, end) = admin.inner().fetch_watermarks(&topic, partition, PATIENCE).unwrap();
        #[expect(clippy::cast_possible_truncation, reason = "a share of few records")]
        let before = (end as f64 * taken) as i64;
        all.add_partition_offset(&topic, partition, Offset::Offset(before)).unwrap();
    }
    runtime.block_on(admin.delete_records(&all, &AdminOptions::new())).unwrap();
}

/// The last state that `handling` has committed of each partition.
fn states(shop: &Shop) -> Vec<Record> {
    let mut last = BTreeMap::new();
    for record in kafka::read(shop.bootstrap(), &shop.topic("state")) {
        let is_state = record.key.as_ref().is_some_and(|key| key.starts_with(b"handling/"));
        if record.partition == 1 && is_state {
            last.insert(record.key.clone(), record);
        }
    }
    last.into_values().collect()
}

fn payloads(shop: &Shop, suffix: &str) -> Vec<Option<Vec<u8>>> {
    let mut all: Vec<_> =
        kafka::read(shop.bootstrap(), &shop.topic(suffix)).into_iter().map(|record| record.payload).collect();
    all.sort();
    all
}

/// Orders, some invalid, most of them handled.
fn open(shop: &Shop) -> Value {
    shop.bootstrap();
    sell(shop, "2026-03-28 20:00..2026-03-28 21:00", "0.1", "31");
    for partition in 0..6 {
        shop.write("orders", &[Record::new(partition, "?", format!("no order {partition}"))]);
    }
    let status = consume(shop);
    assert_agrees(shop, &status);
    assert!(status["handled"]["total"].as_u64().unwrap() > 200, "{status}");
    status
}

fn assert_nothing_is_handled_twice(lose: impl Fn(&Shop, &[Record])) {
    let shop = Shop::new();
    let first = open(&shop);
    let (early, before) = (states(&shop), (payloads(&shop, "handled"), payloads(&shop, "dead-letters")));
    // A new run writes no handled order again.
    lose(&shop, &[]);
    assert_eq!(consume(&shop), first);
    assert_eq!((payloads(&shop, "handled"), payloads(&shop, "dead-letters")), before);
    let files = rows_of_files(&shop);

    sell(&shop, "2026-03-28 21:00..2026-03-28 22:00", "0.1", "32");
    assert_agrees(&shop, &consume(&shop));
    lose(&shop, &early);
    sell(&shop, "2026-03-28 22:00..2026-03-28 22:30", "0.1", "33");
    let last = consume(&shop);
    assert_agrees(&shop, &last);
    assert_eq!(last["dead_letters"], 6);
    assert!(rows_of_files(&shop).len() >= files.len());
    shop.run(&["verify"]).ok();
}

/// An admin, or retention, has deleted the whole topic.
#[test]
fn what_was_handled_is_not_handled_again_where_the_topic_of_states_is_gone() {
    if crate::common::is_left_out() {
        return;
    }
    assert_nothing_is_handled_twice(|shop, _| delete(shop, "state"));
}

/// As after a power failure: the last states are lost, but the records that they count are not.
#[test]
fn what_was_handled_is_not_handled_again_where_the_topic_of_states_has_lost_its_end() {
    assert_nothing_is_handled_twice(|shop, early| {
        let last = |record: &Record| Record { offset: 0, ..record.clone() };
        shop.write("state", &early.iter().map(last).collect::<Vec<_>>());
    });
}

/// Balances by product, from everything that was ever in the topics.
fn balances(shop: &Shop, before: &[Record]) -> BTreeMap<u64, i64> {
    let mut balances = BTreeMap::new();
    let rest = ["orders", "deliveries"].map(|suffix| kafka::read(shop.bootstrap(), &shop.topic(suffix)));
    let mut seen = std::collections::HashSet::new();
    for record in before.iter().chain(rest.iter().flatten()) {
        let Ok(value) = serde_json::from_slice::<Value>(record.payload.as_ref().unwrap()) else { continue };
        let is_order = value["order_id"].is_u64();
        if !seen.insert((is_order, record.partition, record.offset)) {
            continue;
        }
        if is_order {
            for line in value["lines"].as_array().unwrap() {
                *balances.entry(line["product_id"].as_u64().unwrap()).or_default() -=
                    line["quantity"].as_i64().unwrap();
            }
        } else {
            *balances.entry(value["product_id"].as_u64().unwrap()).or_default() +=
                value["quantity"].as_i64().unwrap();
        }
    }
    balances
}

fn told_balances(status: &Value) -> BTreeMap<u64, i64> {
    let line = |line: &Value| (line["product_id"].as_u64().unwrap(), line["balance"].as_i64().unwrap());
    status["stock"].as_array().unwrap().iter().map(line).collect()
}

#[test]
fn a_simulator_whose_log_was_cut_sells_what_is_there_or_says_what_is_missing() {
    for taken in [0.6, 1.0] {
        let shop = Shop::new();
        shop.bootstrap();
        sell(&shop, "2026-03-28 10:00..2026-03-28 20:00", "0.1", "41");
        let all = ["orders", "deliveries"].map(|suffix| kafka::read(shop.bootstrap(), &shop.topic(suffix)));
        let before = all.concat();
        consume(&shop);
        cut(&shop, "orders", taken);
        cut(&shop, "deliveries", taken);

        sell(&shop, "2026-03-28 20:00..2026-03-29 06:00", "0.1", "42");
        let status = consume(&shop);
        let expected = balances(&shop, &before);
        assert!(expected.values().all(|balance| *balance >= 0), "{expected:?}");
        assert_eq!(told_balances(&status), expected);

        // What consumer 4 says is gone, too.
        delete(&shop, "state");
        let next = ["produce", "--backfill", "2026-03-29 06:00..2026-03-29 07:00", "--rate", "0.1"];
        let done = shop.run(&next);
        let told = done.refused();
        assert!(told.contains("retention") && told.contains("begins at offset"), "{told}");
    }
}

#[test]
fn a_fresh_folder_never_tells_less_than_was_told_of_a_log_that_was_cut() {
    if crate::common::is_left_out() {
        return;
    }
    for taken in [0.6, 1.0] {
        let shop = Shop::new();
        let first = open(&shop);
        for suffix in ["orders", "deliveries", "handled"] {
            cut(&shop, suffix, taken);
        }
        let told = shop.run_elsewhere("fresh", &["consume", "--until-end", "--json"]).ok().json();
        assert_eq!(told, first, "of all but {taken} of the log");
        assert_eq!(shop.run_elsewhere("fresh", &["status", "--json"]).ok().json(), first);

        // The first order has been deleted.
        for command in [&["verify"][..], &["order", "1"]] {
            let done = shop.run_elsewhere("fresh", command);
            let told = done.refused();
            assert!(told.contains("retention") && told.contains("begins at offset"), "{told}");
        }
        // Later orders follow.
        sell(&shop, "2026-03-28 22:00..2026-03-28 22:30", "0.1", "43");
        let more = shop.run_elsewhere("fresh", &["consume", "--until-end", "--json"]).ok().json();
        let grown = |status: &Value| status["orders_since_midnight"].as_u64().unwrap();
        assert!(grown(&more) > grown(&first), "{more}");
        assert_eq!(consume(&shop)["stock"], more["stock"]);
    }
}
