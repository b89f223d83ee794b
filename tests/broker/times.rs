//! Look-ups by time.

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    producer::{FutureProducer, FutureRecord},
};

use crate::kit::{Cluster, PATIENCE, read_all, unique};

fn offset_at(cluster: &Cluster, topic: &str, time: i64) -> Offset {
    let consumer: BaseConsumer = cluster.client().set("group.id", unique("group")).create().unwrap();
    let mut asked = TopicPartitionList::new();
    asked.add_partition_offset(topic, 0, Offset::Offset(time)).unwrap();
    consumer.offsets_for_times(asked, PATIENCE).unwrap().elements()[0].offset()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_is_found_exactly_inside_batches_of_any_codec() {
    let cluster = Cluster::start().await;
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        // The records are years old: the default retention would delete them.
        let topic = cluster.topic(1, &[("retention.ms", "-1")]).await;
        let producer: FutureProducer =
            cluster.producer(&[("linger.ms", "200"), ("compression.codec", codec)]);
        let base = 1_700_000_000_000;
        // One batch, with times that go up and down.
        let times = [0, 50, 20, 100, 70, 200, 150, 300];
        let payload = "value ".repeat(40);
        let sends = times.iter().map(|time| {
            let record = FutureRecord::to(&topic).partition(0).key("key").payload(&payload);
            producer.send(record.timestamp(base + time), PATIENCE)
        });
        for sent in futures::future::join_all(sends).await {
            sent.map_err(|(error, _)| error).unwrap();
        }
        for wanted in [-10, 0, 1, 20, 21, 50, 51, 100, 101, 150, 200, 201, 300] {
            let naive = times.iter().position(|time| *time >= wanted).unwrap();
            let expected = Offset::Offset(i64::try_from(naive).unwrap());
            assert_eq!(offset_at(&cluster, &topic, base + wanted), expected, "{codec} {wanted}");
        }
        assert_eq!(offset_at(&cluster, &topic, base + 301), Offset::End);
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_may_stamp_records_itself() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[("message.timestamp.type", "LogAppendTime")]).await;
    let producer = cluster.producer(&[]);
    let before = chrono::Utc::now().timestamp_millis();
    let record = FutureRecord::to(&topic).partition(0).key("key").payload("value").timestamp(5);
    producer.send(record, PATIENCE).await.map_err(|(error, _)| error).unwrap();
    let seen = read_all(&cluster.bootstrap, &topic, 1, "read_committed");
    assert!(seen[0].timestamp >= before, "{seen:?}");
    assert_eq!(offset_at(&cluster, &topic, before), Offset::Offset(0));
    cluster.stop().await;
}
