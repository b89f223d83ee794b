//! Producing and fetching.

use rdkafka::{
    consumer::{BaseConsumer, Consumer},
    producer::FutureRecord,
};

use crate::kit::{Cluster, PATIENCE, read_all, send, unique, values};

#[tokio::test(flavor = "multi_thread")]
async fn records_come_back_in_order() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(2, &[]).await;
    let producer = cluster.producer(&[("linger.ms", "5")]);
    let sends = (0..1000).map(|n| {
        let (producer, topic) = (producer.clone(), topic.clone());
        async move { send(&producer, &topic, n % 2, "key", &n.to_string()).await }
    });
    futures::future::join_all(sends).await;
    let seen = read_all(&cluster.bootstrap, &topic, 2, "read_uncommitted");
    for partition in 0..2 {
        let of: Vec<_> = seen.iter().filter(|seen| seen.partition == partition).cloned().collect();
        let offsets: Vec<_> = of.iter().map(|seen| seen.offset).collect();
        assert_eq!(offsets, (0..500).collect::<Vec<_>>());
        let expected: Vec<_> = (0..1000).filter(|n| n % 2 == partition).map(|n| n.to_string()).collect();
        assert_eq!(values(&of), expected);
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_codec_survives() {
    let cluster = Cluster::start().await;
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let topic = cluster.topic(1, &[]).await;
        let producer = cluster.producer(&[("compression.codec", codec), ("linger.ms", "50")]);
        let value = "the same again and again ".repeat(50);
        let sends = (0..100).map(|_| send(&producer, &topic, 0, "key", &value));
        futures::future::join_all(sends).await;
        let seen = read_all(&cluster.bootstrap, &topic, 1, "read_committed");
        assert_eq!(values(&seen), vec![value.as_str(); 100], "{codec}");
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_is_made_for_a_producer_but_not_for_a_consumer() {
    let cluster = Cluster::start().await;
    let absent = unique("absent");
    let consumer: BaseConsumer = cluster.client().set("group.id", unique("group")).create().unwrap();
    consumer.subscribe(&[&absent]).unwrap();
    let metadata = consumer.fetch_metadata(Some(&absent), PATIENCE).unwrap();
    assert!(metadata.topics()[0].error().is_some());
    let wanted = unique("wanted");
    let producer = cluster.producer(&[]);
    assert_eq!(send(&producer, &wanted, 0, "key", "value").await, 0);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_too_large_is_refused() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[("max.message.bytes", "10000")]).await;
    let producer = cluster.producer(&[]);
    let large = "x".repeat(20_000);
    let record = FutureRecord::to(&topic).partition(0).key("key").payload(&large);
    let (error, _) = producer.send(record, PATIENCE).await.unwrap_err();
    assert_eq!(error.rdkafka_error_code(), Some(rdkafka::types::RDKafkaErrorCode::MessageSizeTooLarge));
    assert_eq!(send(&producer, &topic, 0, "key", "small").await, 0);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_from_far_ahead_is_refused() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let producer = cluster.producer(&[]);
    let now = chrono::Utc::now().timestamp_millis();
    let record = |at| FutureRecord::to(&topic).partition(0).key("key").payload("value").timestamp(at);
    let (error, _) = producer.send(record(now + 2 * 3_600_000), PATIENCE).await.unwrap_err();
    assert_eq!(error.rdkafka_error_code(), Some(rdkafka::types::RDKafkaErrorCode::InvalidTimestamp));
    producer.send(record(now + 60_000), PATIENCE).await.unwrap();
    producer.send(record(1), PATIENCE).await.unwrap();
    cluster.stop().await;
}
