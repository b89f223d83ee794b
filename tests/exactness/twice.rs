//! Repetitions count once: records that are read again, and records that are written again.

use std::time::Duration;

use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer},
};
use serde_json::json;

use crate::{
    common::{
        kafka::{self, Record},
        shop::{PATIENCE, Shop, wait_for},
    },
    kit::{assert_agrees, consume, rows_of_files, sell},
};

const GROUPS: [(&str, &str); 8] = [
    ("orders-today", "orders"),
    ("sales", "orders"),
    ("daily-report", "orders"),
    ("stock", "orders"),
    ("handling", "orders"),
    ("journal", "orders"),
    ("mail", "handled"),
    ("handled-windows", "handled"),
];

/// Sets a group's committed positions of all partitions of a topic.
fn commit(shop: &Shop, group: &str, topic: &str, offset: i64) {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", shop.bootstrap())
        .set("group.id", shop.topic(group))
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    for partition in 0..6 {
        list.add_partition_offset(&shop.topic(topic), partition, Offset::Offset(offset)).unwrap();
    }
    // Static members stay in their group until their session times out.
    wait_for("the group to be empty", PATIENCE, || consumer.commit(&list, CommitMode::Sync).ok());
    let told = consumer.committed_offsets(list, Duration::from_secs(20)).unwrap();
    assert!(
        told.elements().iter().all(|place| place.offset() == Offset::Offset(offset)),
        "{group}: {told:?}"
    );
}

/// As after a kill between the checkpoint and the commit to Kafka, and worse: arbitrary committed offsets.
#[test]
fn positions_in_kafka_decide_nothing() {
    let shop = Shop::new();
    shop.bootstrap();
    sell(&shop, "2026-03-28 22:00..2026-03-28 23:30", "0.1", "21");
    let status = consume(&shop);
    assert_agrees(&shop, &status);
    let files = rows_of_files(&shop);

    for ((group, topic), number) in GROUPS.into_iter().zip(0..) {
        commit(&shop, group, topic, [0, 3, 1_000_000][number % 3]);
    }
    assert_eq!(consume(&shop), status);
    assert_eq!(rows_of_files(&shop), files);
    assert!(!shop.out().join("state/set-aside").exists(), "nothing had to be computed again");

    sell(&shop, "2026-03-28 23:30..2026-03-29 00:30", "0.1", "22");
    assert_agrees(&shop, &consume(&shop));
}

#[test]
fn a_batch_that_was_produced_twice_counts_once() {
    let shop = Shop::new();
    shop.bootstrap();
    sell(&shop, "2026-03-28 22:00..2026-03-28 23:00", "0.1", "23");
    let orders = kafka::read(shop.bootstrap(), &shop.topic("orders"));
    let last: Vec<Record> = orders.iter().rev().take(orders.len() / 2).rev().cloned().collect();
    // Before anything is read, and again after it.
    shop.write("orders", &last);
    let first = consume(&shop);
    assert_agrees(&shop, &first);
    assert_eq!(first["duplicates"], json!(last.len()));
    let files = rows_of_files(&shop);

    shop.write("orders", &orders);
    let second = consume(&shop);
    assert_agrees(&shop, &second);
    assert_eq!(second["duplicates"], json!(last.len() + orders.len()));
    assert_eq!(rows_of_files(&shop), files);
    let told = shop.run(&["status"]).ok().stdout;
    assert!(told.contains(&(last.len() + orders.len()).to_string()), "{told}");
}
