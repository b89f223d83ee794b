//! Uncommitted handled orders are visible to nobody.

use std::time::Duration;

use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer},
    producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer},
};
use serde_json::Value;

use crate::{
    common::{
        kafka,
        orders::Hand,
        shop::{PATIENCE, Shop, wait_for},
    },
    kit::{assert_agrees, consume, count_orders, orders_known, revision, sell, tell_time, wait_for_status},
};

const CALL: Duration = Duration::from_secs(30);

type Transactional = ThreadedProducer<DefaultProducerContext>;

/// A producer that may begin transactions.
fn transactional(shop: &Shop, id: &str) -> Transactional {
    let producer: Transactional = ClientConfig::new()
        .set("bootstrap.servers", shop.bootstrap())
        .set("transactional.id", shop.topic(id))
        .set("transaction.timeout.ms", "6000")
        .set("message.timeout.ms", "6000")
        .create()
        .unwrap();
    producer.init_transactions(CALL).unwrap();
    producer
}

/// Writes handled orders in a transaction and leaves it open.
fn begun(shop: &Shop, id: &str) -> Transactional {
    let producer = transactional(shop, id);
    producer.begin_transaction().unwrap();
    let topic = shop.topic("handled");
    for mut record in kafka::read(shop.bootstrap(), &topic).into_iter().take(60) {
        // A repeated order, and one that was never sold.
        for number in [0, 1_000_000_u64] {
            let mut handled: Value = serde_json::from_slice(record.payload.as_ref().unwrap()).unwrap();
            handled["order_id"] = (handled["order_id"].as_u64().unwrap() + number).into();
            record.payload = Some(handled.to_string().into_bytes());
            let key = handled["order_id"].to_string();
            producer
                .send(
                    BaseRecord::to(&topic)
                        .partition(record.partition)
                        .key(key.as_bytes())
                        .payload(record.payload.as_ref().unwrap()),
                )
                .map_err(|(error, _)| error)
                .unwrap();
        }
    }
    producer.flush(CALL).unwrap();
    producer
}

/// Records of `handling` are followed by a marker, which takes an offset of its own.
#[test]
fn handled_orders_are_written_in_transactions() {
    let shop = Shop::new();
    shop.bootstrap();
    sell(&shop, "2026-03-28 22:00..2026-03-28 23:00", "0.1", "33");
    consume(&shop);
    let topic = shop.topic("handled");
    let handled = kafka::read(shop.bootstrap(), &topic);
    let reader: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", shop.bootstrap()).create().unwrap();
    for partition in 0..6 {
        let last = handled.iter().rfind(|record| record.partition == partition).unwrap().offset;
        let (_, end) = reader.fetch_watermarks(&topic, partition, CALL).unwrap();
        assert!(end > last + 1, "partition {partition} ends at {end}, its records at {last}");
    }
}

#[test]
fn aborted_transactions_are_never_counted() {
    let shop = Shop::new();
    shop.bootstrap();
    sell(&shop, "2026-03-28 22:00..2026-03-28 23:00", "0.1", "31");
    let status = consume(&shop);
    assert_agrees(&shop, &status);

    // At the end of the log, within it, and still open while the log is processed: until its time-out.
    begun(&shop, "stranger").abort_transaction(CALL).unwrap();
    assert_eq!(consume(&shop), status);
    sell(&shop, "2026-03-28 23:00..2026-03-29 00:30", "0.1", "32");
    let open = begun(&shop, "stranger");
    let status = consume(&shop);
    assert_agrees(&shop, &status);
    drop(open);
    assert_eq!(consume(&shop), status);

    // A new folder reads everything from the beginning.
    let anew = shop.run_elsewhere("other", &["consume", "--until-end", "--json"]);
    assert_eq!(anew.ok().json(), status);
    let differences = shop.oracle().compare(&shop.home().join("other"), &status);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// The log of orders ends with records that are not delivered: a marker, an aborted order, and a marker.
#[test]
fn a_shop_that_sells_in_transactions_closes_its_days_too() {
    let shop = Shop::new();
    shop.bootstrap();
    sell(&shop, "2026-03-28 22:00..2026-03-28 22:10", "0.01", "34");
    let sold = count_orders(&shop);
    let live = shop.start(&["consume"]);
    let producer = transactional(&shop, "till");
    let topic = shop.topic("orders");
    for (id, taken_back) in [(1_000, false), (1_001, false), (1_002, true)] {
        producer.begin_transaction().unwrap();
        let order = Hand::at("2026-03-28T22:30:00.000+01:00").id(id).record(3);
        let payload = order.payload.unwrap();
        let key = id.to_string();
        let record = BaseRecord::to(&topic).partition(3).key(&key).payload(&payload);
        producer.send(record).map_err(|(error, _)| error).unwrap();
        producer.flush(CALL).unwrap();
        if taken_back { producer.abort_transaction(CALL) } else { producer.commit_transaction(CALL) }
            .unwrap();
    }
    tell_time(&shop, "2026-03-29T00:10:00+01:00");
    let report = shop.out().join("reports/2026-03-28.json");
    wait_for("the report", PATIENCE, || report.exists().then_some(()));
    wait_for_status(&shop, "all is read", |status| {
        let lags = status["lag"].as_object().unwrap();
        // `handling` only commits its position with its next transaction.
        let lag = |(view, lag): (&String, &Value)| view == "handling" || *lag == 0;
        orders_known(status) == sold + 2 && lags.iter().all(lag)
    });
    live.terminate().ok();
    assert_agrees(&shop, &consume(&shop));
    assert_eq!(revision(&shop, "2026-03-28"), 0);
}
