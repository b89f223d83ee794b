//! Records compressed in every way that Kafka knows, and in one that nobody knows.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::{
    messages::{
        ApiKey, ProduceRequest, RequestHeader, TopicName,
        produce_request::{PartitionProduceData, TopicProduceData},
    },
    protocol::{Encodable, HeaderVersion, StrBytes},
    records::{Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType},
};
use serde_json::Value;

use crate::{
    bench::{PATIENCE, orders},
    common::{
        kafka,
        shop::{Shop, wait_for},
    },
};

const PRODUCE: i16 = 9;

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

/// A batch of one record, said to be compressed with a codec that Kafka does not know.
fn unknown_codec() -> Bytes {
    let record = Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id: -1,
        producer_epoch: -1,
        timestamp_type: TimestampType::Creation,
        offset: 0,
        sequence: -1,
        timestamp: 1_700_000_000_000,
        key: None,
        value: Some(Bytes::from_static(b"no order")),
        headers: kafka_protocol::indexmap::IndexMap::default(),
    };
    let mut batch = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    RecordBatchEncoder::encode(&mut batch, [&record], &options).unwrap();
    batch[22] |= 0b111;
    let sum = crc32c::crc32c(&batch[21..]);
    batch[17..21].copy_from_slice(&sum.to_be_bytes());
    batch.freeze()
}

/// Produces a batch as it is.
fn produce(bootstrap: &str, topic: &str, partition: i32, batch: Bytes) {
    let data = PartitionProduceData::default().with_index(partition).with_records(Some(batch));
    let topic = TopicProduceData::default()
        .with_name(TopicName(StrBytes::from_string(topic.to_owned())))
        .with_partition_data(vec![data]);
    let request =
        ProduceRequest::default().with_acks(-1).with_timeout_ms(10_000).with_topic_data(vec![topic]);
    let header = RequestHeader::default()
        .with_request_api_key(ApiKey::Produce as i16)
        .with_request_api_version(PRODUCE);
    let mut frame = BytesMut::new();
    frame.put_i32(0);
    header.encode(&mut frame, ProduceRequest::header_version(PRODUCE)).unwrap();
    request.encode(&mut frame, PRODUCE).unwrap();
    let length = i32::try_from(frame.len() - 4).unwrap();
    frame[..4].copy_from_slice(&length.to_be_bytes());
    let mut stream = TcpStream::connect(bootstrap).unwrap();
    stream.write_all(&frame).unwrap();
    stream.read_exact(&mut [0; 8]).unwrap();
}

/// On the embedded broker alone: Kafka opens a batch before it takes it.
#[test]
fn records_that_cannot_be_opened_are_told_and_hold_up_their_own_partition_alone() {
    let shop = Shop::embedded();
    shop.bootstrap();
    open(&shop);
    shop.write("orders", &orders(1..11));
    produce(shop.bootstrap(), &shop.topic("orders"), 0, unknown_codec());
    shop.write("orders", &orders(11..21));
    let consumers = shop.start(&["consume"]);
    wait_for("a word", PATIENCE, || consumers.stderr().contains("cannot be opened").then_some(()));
    wait_for("the other partition's orders", PATIENCE, || {
        let status = shop.run(&["status", "--json"]).ok().json();
        (orders_known(&status) == 15).then_some(())
    });
    assert_eq!(consumers.stderr().lines().count(), 1, "it is told once: {}", consumers.stderr());
    // Whoever reads a topic to its end says so too, and ends.
    let searched = shop.run(&["verify"]);
    assert!(searched.refused().contains("cannot be opened"), "{searched}");
    consumers.terminate().ok();
}

/// A state of some megabytes, as it would be without compression.
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
