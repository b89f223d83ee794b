//! Produce: what is refused, and how sequences and epochs are kept.

use bytes::BytesMut;
use kafka_protocol::{
    ResponseError as E,
    messages::{InitProducerIdRequest, MetadataRequest, ProduceRequest},
};

use super::client::{Batch, Wire, produce_request, says};
use crate::kit::{Cluster, embedded, make_topic, read_all, unique, values};

/// A producer id without transactions.
pub(super) fn idempotent(wire: &mut Wire) -> (i64, i16) {
    let request = InitProducerIdRequest::default()
        .with_transactional_id(None)
        .with_transaction_timeout_ms(60_000)
        .with_producer_id((-1).into())
        .with_producer_epoch(-1);
    let answer = wire.ask(4, &request);
    assert_eq!((answer.error_code, answer.producer_epoch), (0, 0));
    (answer.producer_id.0, answer.producer_epoch)
}

/// Where a partition ends.
pub(super) fn end(wire: &mut Wire, topic: &str) -> i64 {
    super::log::offset_at(wire, topic, -1, 0).1
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_that_make_no_sense_are_refused() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[("max.message.bytes", "10000")]).await;
    let mut wire = Wire::connect(&cluster.bootstrap);
    let good = Batch::of(&["one", "two"]).encode();
    let large = "x".repeat(10_000);
    let changed = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    let sealed = |mut bytes: BytesMut| {
        let crc = crc32c::crc32c(&bytes[21..]);
        bytes[17..21].copy_from_slice(&crc.to_be_bytes());
        bytes
    };
    let mut twice = good.clone();
    twice.extend_from_slice(&good);
    let control = Batch { control: true, ..Batch::of(&["one"]) }.encode();
    let cases: [(&str, BytesMut, E); 9] = [
        ("a wrong check sum", changed(70, 0xff), E::CorruptMessage),
        ("a byte changed in the record", changed(good.len() - 3, 0xff), E::CorruptMessage),
        ("an old format", changed(16, 1), E::InvalidRecord),
        ("two batches", twice, E::InvalidRecord),
        ("a control batch", control, E::InvalidRecord),
        ("fewer records than said", sealed(changed(60, 3)), E::InvalidRecord),
        ("another last offset than said", sealed(changed(26, 5)), E::InvalidRecord),
        ("too many bytes", Batch::of(&[&large]).encode(), E::MessageTooLarge),
        ("nothing", BytesMut::new(), E::InvalidRecord),
    ];
    for (what, bytes, expected) in cases {
        let answer = wire.produce_bytes((&topic, 0), None, bytes.freeze());
        assert_eq!(says(answer.error_code), Some(expected), "{what}");
        assert_eq!((answer.base_offset, answer.log_append_time_ms), (-1, -1), "{what}");
    }
    assert_eq!(wire.produce(&topic, Batch::of(&["one"])), (0, 0), "and yet the partition takes records");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_go_where_there_is_a_place_for_them() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let mut wire = Wire::connect(&cluster.bootstrap);
    let good = || Batch::of(&["one"]).encode().freeze();
    for (name, partition) in [(topic.as_str(), 1), (topic.as_str(), -1), (&unique("absent"), 0)] {
        let answer = wire.produce_bytes((name, partition), None, good());
        assert_eq!(says(answer.error_code), Some(E::UnknownTopicOrPartition), "{name} {partition}");
        assert_eq!(answer.index, partition);
    }
    let request = produce_request((&topic, 0), None, good()).with_acks(5);
    let answer = wire.ask::<ProduceRequest>(9, &request).responses.remove(0).partition_responses.remove(0);
    assert_eq!(says(answer.error_code), Some(E::InvalidRequiredAcks));
    // Without acknowledgement there is no response: the next one is that of the next request.
    wire.tell(9, &produce_request((&topic, 0), None, good()).with_acks(0));
    let answer = wire.ask(12, &MetadataRequest::default().with_topics(Some(Vec::new())));
    assert_eq!(answer.brokers.len(), 1);
    assert_eq!(end(&mut wire, &topic), 1);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compacted_topic_takes_no_record_without_a_key() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[("cleanup.policy", "compact")]).await;
    let mut wire = Wire::connect(&cluster.bootstrap);
    let answer =
        wire.produce_bytes((&topic, 0), None, Batch { key: None, ..Batch::of(&["one"]) }.encode().freeze());
    assert_eq!(says(answer.error_code), Some(E::InvalidRecord));
    assert_eq!(answer.record_errors.len(), 1);
    assert_eq!(wire.produce(&topic, Batch::of(&["one"])), (0, 0));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sequences_are_kept() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let mut wire = Wire::connect(&cluster.bootstrap);
    let me = idempotent(&mut wire);
    let mut send = |sequence, values: &[&str]| {
        let (code, offset) = wire.produce(&topic, Batch::of(values).by(me, sequence));
        (says(code), offset)
    };
    assert_eq!(send(0, &["a"]), (None, 0));
    assert_eq!(send(1, &["b", "c"]), (None, 1));
    assert_eq!(send(1, &["b", "c"]), (None, 1), "the same again is acknowledged where it lies");
    assert_eq!(send(0, &["a"]), (None, 0), "so is one from before");
    assert_eq!(send(5, &["f"]), (Some(E::OutOfOrderSequenceNumber), -1), "a gap");
    assert_eq!(send(2, &["c"]), (Some(E::OutOfOrderSequenceNumber), -1), "a part of another batch");
    for sequence in 3..8 {
        assert_eq!(send(sequence, &["d"]), (None, i64::from(sequence)));
    }
    assert_eq!(send(3, &["d"]), (None, 3), "the oldest of the five that are known");
    assert_eq!(send(0, &["a"]), (Some(E::OutOfOrderSequenceNumber), -1), "one that is not known any more");
    assert_eq!(send(8, &["e"]), (None, 8));
    let seen = read_all(&cluster.bootstrap, &topic, 1, "read_committed");
    assert_eq!(values(&seen), ["a", "b", "c", "d", "d", "d", "d", "d", "e"]);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sequences_go_round() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let mut wire = Wire::connect(&cluster.bootstrap);
    let me = idempotent(&mut wire);
    // An unknown producer may start with any sequence.
    assert_eq!(wire.produce(&topic, Batch::of(&["a"]).by(me, i32::MAX)), (0, 0));
    assert_eq!(wire.produce(&topic, Batch::of(&["b", "c"]).by(me, 0)), (0, 1));
    assert_eq!(wire.produce(&topic, Batch::of(&["a"]).by(me, i32::MAX)), (0, 0));
    assert_eq!(wire.produce(&topic, Batch::of(&["d"]).by(me, 2)), (0, 3));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_epoch_is_fenced_and_a_new_one_begins_at_nought() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let mut wire = Wire::connect(&cluster.bootstrap);
    let (id, _) = idempotent(&mut wire);
    let mut send = |epoch, sequence| {
        let (code, offset) = wire.produce(&topic, Batch::of(&["value"]).by((id, epoch), sequence));
        (says(code), offset)
    };
    assert_eq!(send(1, 0), (None, 0));
    assert_eq!(send(0, 1), (Some(E::InvalidProducerEpoch), -1));
    assert_eq!(send(2, 1), (Some(E::OutOfOrderSequenceNumber), -1));
    assert_eq!(send(2, 0), (None, 1));
    assert_eq!(send(1, 1), (Some(E::InvalidProducerEpoch), -1));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_max_message_bytes_allows_counts_from_its_change_on() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[("max.message.bytes", "1000")]).await;
    let mut wire = Wire::connect(&cluster.bootstrap);
    let value = "x".repeat(2000);
    assert_eq!(says(wire.produce(&topic, Batch::of(&[&value])).0), Some(E::MessageTooLarge));
    let change = |value| super::admin::set(&topic, "max.message.bytes", value);
    assert_eq!(says(wire.ask(1, &change("3000")).responses[0].error_code), None);
    let mut offset = -1;
    crate::kit::until("the larger batch to be taken", || {
        let (code, at) = wire.produce(&topic, Batch::of(&[&value]));
        offset = at;
        code == 0
    });
    assert_eq!(offset, 0);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sequences_and_epochs_outlive_the_embedded_broker() {
    let data = tempfile::tempdir().unwrap();
    let broker = embedded(data.path()).await;
    let topic = make_topic(&broker.address().to_string(), 1, &[]).await;
    let mut wire = Wire::connect(&broker.address().to_string());
    let (id, _) = idempotent(&mut wire);
    for sequence in 0..3 {
        let batch = Batch::of(&["value"]).by((id, 1), sequence);
        assert_eq!(wire.produce(&topic, batch), (0, i64::from(sequence)));
    }
    broker.stop().await;
    let broker = embedded(data.path()).await;
    let mut wire = Wire::connect(&broker.address().to_string());
    let mut send = |epoch, sequence| {
        let (code, offset) = wire.produce(&topic, Batch::of(&["value"]).by((id, epoch), sequence));
        (says(code), offset)
    };
    assert_eq!(send(1, 1), (None, 1), "known from before");
    assert_eq!(send(1, 5), (Some(E::OutOfOrderSequenceNumber), -1));
    assert_eq!(send(0, 3), (Some(E::InvalidProducerEpoch), -1));
    assert_eq!(send(1, 3), (None, 3));
    broker.stop().await;
}
