//! Records as large as their topic allows.

use std::time::Duration;

use rdkafka::{
    ClientConfig, ClientContext, Message,
    producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext},
};
use serde_json::json;

use crate::{
    common::{kafka, orders::Hand, shop::Shop},
    kit::sell,
};

/// Kafka's default for the largest batch of a topic.
const LARGEST: usize = 1_048_588;

/// Records whether the broker accepted it.
struct Answer(std::sync::Mutex<Option<bool>>);

impl ClientContext for Answer {}

impl ProducerContext for Answer {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let taken = result.as_ref().is_ok_and(|message| message.offset() >= 0);
        *self.0.lock().unwrap() = Some(taken);
    }
}

/// Writes payloads without a key, from the given length downwards, until the broker accepts one.
fn write_largest(shop: &Shop, partition: i32, payload: impl Fn(usize) -> Vec<u8>) {
    let producer: BaseProducer<Answer> = ClientConfig::new()
        .set("bootstrap.servers", shop.bootstrap())
        .set("message.max.bytes", "2000000")
        .create_with_context(Answer(std::sync::Mutex::default()))
        .unwrap();
    let topic = shop.topic("orders");
    // The batch's own fields take a little under 80 bytes.
    let taken = (LARGEST - 80..LARGEST - 60).rev().any(|length| {
        let payload = payload(length);
        assert_eq!(payload.len(), length);
        let record: BaseRecord<'_, [u8], [u8]> =
            BaseRecord::to(&topic).partition(partition).payload(&payload);
        producer.send(record).map_err(|(error, _)| error).unwrap();
        producer.flush(Duration::from_secs(60)).unwrap();
        producer.context().0.lock().unwrap().take().expect("an answer")
    });
    assert!(taken, "the broker takes no large records");
}

/// An order of a given size, mostly the customer's name; its handled order would be larger.
fn order(id: u64, length: usize) -> Vec<u8> {
    let order = Hand::at("2026-03-28T22:30:00Z").id(id).name("").0.to_string();
    let name =
        "å".repeat((length - order.len()) / 2) + if (length - order.len()) % 2 == 1 { "a" } else { "" };
    order.replacen("\"name\":\"\"", &format!("\"name\":\"{name}\""), 1).into_bytes()
}

#[test]
fn records_as_large_as_the_topic_allows_stop_nobody() {
    let shop = Shop::new();
    shop.bootstrap();
    sell(&shop, "2026-03-28 22:00..2026-03-29 02:00", "0.01", "61");
    for partition in 0..2 {
        write_largest(&shop, partition, |length| order(u64::MAX - 9, length));
        write_largest(&shop, partition, |length| vec![b'x'; length]);
    }
    shop.write("orders", &[Hand::at("2026-03-29T00:30:00.000+01:00").id(u64::MAX - 8).record(0)]);
    let certain = ["consume", "--until-end", "--json", "--handle-chance", "100%"];
    let status = shop.run(&certain).ok().json();
    let orders = shop.oracle().orders.len();
    assert_eq!(status["handled"]["total"], json!(orders), "{status}");
    assert_eq!((&status["pending"], &status["mails"]), (&json!(0), &json!(orders)));
    assert_eq!(status["dead_letters"], json!(2));

    let letters = kafka::read(shop.bootstrap(), &shop.topic("dead-letters"));
    assert_eq!(letters.len(), 2);
    for letter in letters {
        let payload = letter.payload.as_ref().unwrap();
        let whole: usize = letter.header("cut-from-bytes").unwrap().parse().unwrap();
        assert!(whole > LARGEST - 90 && payload.len() < whole && payload.len() > 800_000);
        assert!(payload.iter().all(|byte| *byte == b'x'));
        assert!(letter.header("error").unwrap().contains("not an order"), "{letter:.200?}");
    }
    // The tables have the whole name, and the mail its start.
    let table = std::fs::read_to_string(shop.out().join("orders/2026-03-28.txt")).unwrap();
    assert_eq!(table.lines().filter(|row| row.contains(&"å".repeat(500_000))).count(), 2);
    for handled in shop.oracle().handled.iter().filter(|handled| handled.order_id == u64::MAX - 9) {
        assert_eq!(handled.customer.name, "å".repeat(10_000));
    }
    // Another process gets the figures, too: they fit into state records.
    let beside = shop.run(&["status", "--json"]).ok().json();
    assert_eq!(beside["lag"]["journal"], json!(0), "{beside}");
}
