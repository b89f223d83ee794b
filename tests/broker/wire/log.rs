//! Fetch and `ListOffsets`: start and end offsets, and the records that are read.

use std::time::{Duration, Instant};

use kafka_protocol::{
    ResponseError as E,
    messages::{
        FetchRequest, ListOffsetsRequest, OffsetForLeaderEpochRequest,
        fetch_request::{FetchPartition, FetchTopic},
        fetch_response::PartitionData,
        list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
        offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic},
    },
};
use rdkafka::producer::Producer;

use super::client::{Batch, Wire, says, topic_name};
use crate::kit::{Cluster, PATIENCE, send, unique, until};

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const LATEST_TIME: i64 = -3;

/// The error, offset and time of a look-up in partition 0.
pub(super) fn offset_at(wire: &mut Wire, topic: &str, time: i64, isolation: i8) -> (Option<E>, i64, i64) {
    let partition = ListOffsetsPartition::default().with_timestamp(time).with_current_leader_epoch(-1);
    let request = ListOffsetsRequest::default()
        .with_replica_id((-1).into())
        .with_isolation_level(isolation)
        .with_topics(vec![
            ListOffsetsTopic::default().with_name(topic_name(topic)).with_partitions(vec![partition]),
        ]);
    let answer = wire.ask(7, &request).topics.remove(0).partitions.remove(0);
    (says(answer.error_code), answer.offset, answer.timestamp)
}

fn fetch_request(topic: &str, offset: i64) -> FetchRequest {
    let partition = FetchPartition::default()
        .with_current_leader_epoch(-1)
        .with_fetch_offset(offset)
        .with_last_fetched_epoch(-1)
        .with_log_start_offset(-1)
        .with_partition_max_bytes(1 << 20);
    FetchRequest::default()
        .with_replica_id((-1).into())
        .with_max_wait_ms(0)
        .with_max_bytes(1 << 20)
        .with_session_epoch(-1)
        .with_topics(vec![
            FetchTopic::default().with_topic(topic_name(topic)).with_partitions(vec![partition]),
        ])
}

fn fetch(wire: &mut Wire, request: &FetchRequest) -> PartitionData {
    wire.ask(12, request).responses.remove(0).partitions.remove(0)
}

fn length(data: &PartitionData) -> usize {
    data.records.as_ref().map_or(0, bytes::Bytes::len)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_outside_the_log_is_told() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let mut wire = Wire::connect(&cluster.bootstrap);
    for n in 0..3 {
        assert_eq!(wire.produce(&topic, Batch::of(&["value"])), (0, n));
    }
    for (offset, expected) in [
        (0, None),
        (3, None),
        (4, Some(E::OffsetOutOfRange)),
        (-1, Some(E::OffsetOutOfRange)),
        (i64::MAX, Some(E::OffsetOutOfRange)),
    ] {
        let data = fetch(&mut wire, &fetch_request(&topic, offset));
        assert_eq!(says(data.error_code), expected, "{offset}");
        let place = if expected.is_none() { (3, 3, 0) } else { (-1, -1, -1) };
        assert_eq!((data.high_watermark, data.last_stable_offset, data.log_start_offset), place, "{offset}");
    }
    let absent = fetch(&mut wire, &fetch_request(&unique("absent"), 0));
    assert_eq!(says(absent.error_code), Some(E::UnknownTopicOrPartition));
    let mut request = fetch_request(&topic, 0);
    request.topics[0].partitions[0].partition = 1;
    assert_eq!(says(fetch(&mut wire, &request).error_code), Some(E::UnknownTopicOrPartition));
    let mut request = fetch_request(&topic, 0);
    request.topics[0].partitions[0].current_leader_epoch = 9;
    assert_eq!(says(fetch(&mut wire, &request).error_code), Some(E::UnknownLeaderEpoch));
    let mut request = fetch_request("", 0);
    request.topics[0].topic_id = uuid::Uuid::from_u128(5);
    assert_eq!(says(wire.ask(13, &request).responses[0].partitions[0].error_code), Some(E::UnknownTopicId));
    let request = fetch_request(&topic, 0).with_session_id(12345).with_session_epoch(3);
    assert_eq!(says(wire.ask(12, &request).error_code), Some(E::FetchSessionIdNotFound));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_batch_comes_whole_and_the_others_as_they_fit() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let mut wire = Wire::connect(&cluster.bootstrap);
    let value = "x".repeat(1000);
    let size = Batch::of(&[&value]).encode().len();
    for _ in 0..3 {
        assert_eq!(wire.produce(&topic, Batch::of(&[&value])).0, 0);
    }
    let mut of = |partition: usize, all: usize| {
        let mut request = fetch_request(&topic, 0).with_max_bytes(i32::try_from(all).unwrap());
        request.topics[0].partitions[0].partition_max_bytes = i32::try_from(partition).unwrap();
        let read = length(&fetch(&mut wire, &request));
        read / size
    };
    assert_eq!(of(1, 1 << 20), 1);
    assert_eq!(of(1 << 20, 1), 1);
    assert_eq!(of(2 * size, 1 << 20), 2);
    assert_eq!(of(1 << 20, 1 << 20), 3);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_ends_with_the_first_record_or_its_time() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let mut wire = Wire::connect(&cluster.bootstrap);
    let poll = |wait: i32| fetch_request(&topic, 0).with_max_wait_ms(wait).with_min_bytes(1);
    let began = Instant::now();
    assert_eq!(length(&fetch(&mut wire, &poll(400))), 0);
    assert!(began.elapsed() >= Duration::from_millis(390), "{:?}", began.elapsed());
    let began = Instant::now();
    wire.tell(12, &poll(20_000));
    let mut other = Wire::connect(&cluster.bootstrap);
    assert_eq!(other.produce(&topic, Batch::of(&["value"])).0, 0);
    let data = wire.answer::<FetchRequest>(12).responses.remove(0).partitions.remove(0);
    assert!(length(&data) > 0);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    // An error is returned without a wait.
    let began = Instant::now();
    let request = fetch_request(&topic, 99).with_max_wait_ms(20_000).with_min_bytes(1);
    assert_eq!(says(fetch(&mut wire, &request).error_code), Some(E::OffsetOutOfRange));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_of_what_is_committed_learn_of_what_was_aborted() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let mut wire = Wire::connect(&cluster.bootstrap);
    let producer = cluster.producer(&[("transactional.id", &unique("id"))]);
    producer.init_transactions(PATIENCE).unwrap();
    assert_eq!(wire.produce(&topic, Batch::of(&["before"])).1, 0);
    producer.begin_transaction().unwrap();
    assert_eq!(send(&producer, &topic, 0, "key", "one").await, 1);
    assert_eq!(wire.produce(&topic, Batch::of(&["between"])).1, 2);
    let committed = |offset| fetch_request(&topic, offset).with_isolation_level(1);
    let data = fetch(&mut wire, &committed(0));
    assert_eq!((data.high_watermark, data.last_stable_offset), (3, 1));
    assert_eq!(data.aborted_transactions.unwrap().len(), 0);
    assert_eq!(length(&fetch(&mut wire, &committed(1))), 0);
    assert!(length(&fetch(&mut wire, &fetch_request(&topic, 1))) > 0);
    assert_eq!(offset_at(&mut wire, &topic, -1, 0).1, 3);
    assert_eq!(offset_at(&mut wire, &topic, -1, 1).1, 1);
    producer.abort_transaction(PATIENCE).unwrap();
    // The marker takes offset 3. Kafka writes it after the response.
    until("the marker", || fetch(&mut wire, &committed(0)).last_stable_offset == 4);
    let data = fetch(&mut wire, &committed(0));
    assert_eq!((data.high_watermark, data.last_stable_offset), (4, 4));
    let aborted: Vec<_> = data.aborted_transactions.unwrap().iter().map(|one| one.first_offset).collect();
    assert_eq!(aborted, [1]);
    let data = fetch(&mut wire, &fetch_request(&topic, 0));
    assert!(data.aborted_transactions.is_none_or(|aborted| aborted.is_empty()));
    producer.begin_transaction().unwrap();
    assert_eq!(send(&producer, &topic, 0, "key", "two").await, 4);
    producer.commit_transaction(PATIENCE).unwrap();
    until("the marker", || fetch(&mut wire, &committed(4)).last_stable_offset == 6);
    let data = fetch(&mut wire, &committed(4));
    assert_eq!((data.high_watermark, data.last_stable_offset), (6, 6));
    assert_eq!(data.aborted_transactions.unwrap().len(), 0);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_say_where_they_begin_end_and_were() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[("retention.ms", "-1")]).await;
    let mut wire = Wire::connect(&cluster.bootstrap);
    assert_eq!(offset_at(&mut wire, &topic, LATEST, 0), (None, 0, -1));
    assert_eq!(offset_at(&mut wire, &topic, EARLIEST, 0), (None, 0, -1));
    assert_eq!(offset_at(&mut wire, &topic, LATEST_TIME, 0), (None, -1, -1));
    assert_eq!(offset_at(&mut wire, &topic, 0, 0), (None, -1, -1));
    for timestamp in [1000, 3000, 2000] {
        assert_eq!(wire.produce(&topic, Batch { timestamp, ..Batch::of(&["a", "b"]) }).0, 0);
    }
    assert_eq!(offset_at(&mut wire, &topic, LATEST, 0), (None, 6, -1));
    assert_eq!(offset_at(&mut wire, &topic, EARLIEST, 0), (None, 0, -1));
    assert_eq!(offset_at(&mut wire, &topic, LATEST_TIME, 0), (None, 2, 3000));
    for (time, expected) in
        [(0, (0, 1000)), (1000, (0, 1000)), (1001, (2, 3000)), (3000, (2, 3000)), (3001, (-1, -1))]
    {
        assert_eq!(offset_at(&mut wire, &topic, time, 0), (None, expected.0, expected.1), "{time}");
    }
    assert_eq!(
        offset_at(&mut wire, &unique("absent"), LATEST, 0),
        (Some(E::UnknownTopicOrPartition), -1, -1)
    );
    let epoch = |epoch| {
        let partition =
            OffsetForLeaderPartition::default().with_current_leader_epoch(-1).with_leader_epoch(epoch);
        OffsetForLeaderEpochRequest::default().with_replica_id((-2).into()).with_topics(vec![
            OffsetForLeaderTopic::default().with_topic(topic_name(&topic)).with_partitions(vec![partition]),
        ])
    };
    let mut ask = |number| {
        let answer = wire.ask(4, &epoch(number)).topics.remove(0).partitions.remove(0);
        (says(answer.error_code), answer.leader_epoch, answer.end_offset)
    };
    assert_eq!(ask(0), (None, 0, 6));
    assert_eq!(ask(9), (None, -1, -1));
    cluster.stop().await;
}
