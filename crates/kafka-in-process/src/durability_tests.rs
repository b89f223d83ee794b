//! Acknowledged data survives what the durability promises.

use std::fs;

use bytes::Bytes;
use kafka_protocol::{
    ResponseError,
    messages::{
        DeleteGroupsRequest, GroupId, OffsetCommitRequest, OffsetDeleteRequest, ProduceRequest, RequestKind,
        ResponseKind, TopicName, TransactionalId,
        offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
        offset_delete_request::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic},
        produce_request::{PartitionProduceData, TopicProduceData},
    },
};

use super::{
    api::{self, Peer},
    cluster::Cluster,
    config::{Durability, Settings},
    fsync::record::{power_cut, refuse_next},
    groups::Committed,
    log::{
        Batch, Isolation, Marker,
        tests::kit::{Given, NOBODY, Writer, bytes, config, given, read_from},
    },
    open,
    topics::config::Overrides,
    transactions::ProducerId,
};

async fn ask(cluster: &Cluster, request: RequestKind, version: i16) -> ResponseKind {
    let address = ([127, 0, 0, 1], 9092).into();
    let peer = Peer { local: address, remote: address, client_id: "test".to_owned() };
    api::answer(cluster, &peer, request, version).await.unwrap()
}

fn topic() -> TopicName {
    TopicName("t".to_owned().into())
}

async fn produce(cluster: &Cluster, value: &str) -> i16 {
    let record = given("key", Some(value), super::clock::wall());
    code(cluster, request(bytes(&[record], NOBODY), topic()), 9).await
}

fn request(batch: Bytes, topic: TopicName) -> ProduceRequest {
    let part = PartitionProduceData::default().with_records(Some(batch));
    let data = TopicProduceData::default().with_name(topic).with_partition_data(vec![part]);
    ProduceRequest::default().with_acks(-1).with_timeout_ms(1000).with_topic_data(vec![data])
}

/// The first records of a producer in a transaction.
fn produce_request(records: &[Given], ProducerId { id, epoch }: ProducerId, topic: &str) -> ProduceRequest {
    let batch = bytes(records, Writer { id, epoch, sequence: 0, transactional: true });
    let id = TransactionalId("id".to_owned().into());
    request(batch, TopicName(topic.to_owned().into())).with_transactional_id(Some(id))
}

async fn code(cluster: &Cluster, request: ProduceRequest, version: i16) -> i16 {
    let ResponseKind::Produce(answer) = ask(cluster, RequestKind::Produce(request), version).await else {
        panic!()
    };
    answer.responses[0].partition_responses[0].error_code
}

async fn commit(cluster: &Cluster, offset: i64) -> i16 {
    let part = OffsetCommitRequestPartition::default().with_committed_offset(offset);
    let topic = OffsetCommitRequestTopic::default().with_name(topic()).with_partitions(vec![part]);
    let request = OffsetCommitRequest::default()
        .with_group_id(GroupId("g".to_owned().into()))
        .with_generation_id_or_member_epoch(-1)
        .with_topics(vec![topic]);
    let answer = ask(cluster, RequestKind::OffsetCommit(request), 8).await;
    let ResponseKind::OffsetCommit(answer) = answer else { panic!() };
    answer.topics[0].partitions[0].error_code
}

fn committed(cluster: &Cluster) -> Option<i64> {
    let offset = |one: &Committed| one.offset;
    cluster.groups.with("g", |state| state.offsets.get(&("t".to_owned(), 0)).map(offset)).flatten()
}

/// The state after a power cut that follows twenty acknowledged records and offsets: the records, and the group's
/// offset.
async fn after_a_power_cut(durability: Durability) -> (Vec<String>, Option<i64>) {
    let data = tempfile::tempdir().unwrap();
    let cluster = open(data.path(), durability, Settings::default()).unwrap();
    cluster.topics.create("t", 1, Overrides::new(), false).unwrap();
    let partition = cluster.topics.get("t").unwrap().partition(0).unwrap();
    for n in 0..20 {
        assert_eq!(produce(&cluster, &n.to_string()).await, 0);
        assert_eq!(commit(&cluster, n).await, 0);
        if n % 7 == 6 {
            // A full segment, not sealed yet.
            partition.log().roll_if_old(i64::MAX, &config()).unwrap();
        }
    }
    let rest = tempfile::tempdir().unwrap();
    power_cut(data.path(), rest.path());
    let cluster = open(rest.path(), durability, Settings::default()).unwrap();
    let Some(topic) = cluster.topics.get("t") else { return (Vec::new(), None) };
    let records = read_from(&topic.partition(0).unwrap().log(), 0, Isolation::Committed);
    let values = records.into_iter().map(|(_, record)| String::from_utf8(record.value.unwrap()).unwrap());
    (values.collect(), committed(&cluster))
}

#[tokio::test]
async fn what_is_synced_survives_a_power_cut() {
    let (records, committed) = after_a_power_cut(Durability::Power).await;
    assert_eq!(records, (0..20).map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(committed, Some(19));
}

/// The system reports a failed write-back once, and lets the next sync succeed.
#[tokio::test]
async fn records_are_not_acknowledged_behind_some_that_the_disk_has_lost() {
    let data = tempfile::tempdir().unwrap();
    let cluster = open(data.path(), Durability::Power, Settings::default()).unwrap();
    cluster.topics.create("t", 1, Overrides::new(), false).unwrap();
    assert_eq!(produce(&cluster, "a").await, 0);
    refuse_next(&data.path().join("t-0").join(format!("{:020}.log", 0)));
    let refused = ResponseError::KafkaStorageError.code();
    assert_eq!(produce(&cluster, "b").await, refused);
    assert_eq!(produce(&cluster, "c").await, refused, "it is not known what is there");
    // The next start must not trust it without a check.
    super::housekeeping::put_to_bed(&cluster);
    assert!(!data.path().join("t-0").join(format!("{:020}.index", 0)).exists());
}

#[tokio::test]
async fn a_journal_that_the_disk_has_lost_a_part_of_is_written_anew() {
    let data = tempfile::tempdir().unwrap();
    let cluster = open(data.path(), Durability::Power, Settings::default()).unwrap();
    cluster.topics.create("t", 1, Overrides::new(), false).unwrap();
    assert_eq!(produce(&cluster, "a").await, 0);
    refuse_next(&data.path().join("journal"));
    assert_eq!(commit(&cluster, 1).await, ResponseError::CoordinatorNotAvailable.code());
    assert_eq!(commit(&cluster, 2).await, 0);
    let rest = tempfile::tempdir().unwrap();
    power_cut(data.path(), rest.path());
    assert_eq!(committed(&open(rest.path(), Durability::Power, Settings::default()).unwrap()), Some(2));
}

/// A power cut between the markers of a commit: only the first one is on the disk.
#[tokio::test]
async fn a_commit_is_decided_for_all_its_partitions_before_the_first_marker() {
    for bumps in [false, true] {
        let data = tempfile::tempdir().unwrap();
        let cluster = open(data.path(), Durability::Power, Settings::default()).unwrap();
        for name in ["a", "b"] {
            // Every batch gets a segment of its own.
            let settings = Overrides::from([("segment.ms".to_owned(), "1".to_owned())]);
            cluster.topics.create(name, 1, settings, false).unwrap();
        }
        let producer = cluster.transactions.init(Some("id"), 60_000, None).unwrap();
        let places = ["a", "b"].map(|name| (name.to_owned(), 0)).to_vec();
        cluster.transactions.add_partitions("id", producer, places).unwrap();
        cluster.settle().await.unwrap();
        let partition =
            |cluster: &Cluster, name: &str| cluster.topics.get(name).unwrap().partition(0).unwrap();
        for name in ["a", "b"] {
            let writer = Writer { id: producer.id, epoch: producer.epoch, sequence: 0, transactional: true };
            let partition = partition(&cluster, name);
            let now = super::clock::wall() - 1000;
            let batch =
                Batch::check(bytes(&[given("key", Some(name), now)], writer), now, &config()).unwrap();
            partition.log().append(&batch, Some(0), now, &config()).unwrap();
            partition.sync().await.unwrap();
        }
        // The second marker fails: its folder has been renamed.
        fs::rename(data.path().join("b-0"), data.path().join("elsewhere")).unwrap();
        let next = cluster.transactions.end("id", producer, Marker::Commit, bumps).unwrap();
        assert_eq!(next, ProducerId { epoch: producer.epoch + i16::from(bumps), ..producer });
        if bumps {
            // Its next batch must not join the transaction that lacks its marker.
            let request = produce_request(&[given("key", Some("b"), super::clock::wall())], next, "b");
            assert_eq!(code(&cluster, request, 12).await, ResponseError::ConcurrentTransactions.code());
        }
        fs::rename(data.path().join("elsewhere"), data.path().join("b-0")).unwrap();
        let rest = tempfile::tempdir().unwrap();
        power_cut(data.path(), rest.path());
        let cluster = open(rest.path(), Durability::Power, Settings::default()).unwrap();
        for name in ["a", "b"] {
            let seen = read_from(&partition(&cluster, name).log(), 0, Isolation::Committed);
            assert_eq!(seen.len(), 1, "topic {name}");
        }
        let again = cluster.transactions.end("id", producer, Marker::Commit, bumps);
        assert_eq!(again, Ok(next), "a repeated request");
    }
}

#[tokio::test]
async fn a_partition_that_a_batch_adds_is_known_after_a_power_cut() {
    let data = tempfile::tempdir().unwrap();
    let cluster = open(data.path(), Durability::Power, Settings::default()).unwrap();
    cluster.topics.create("t", 1, Overrides::new(), false).unwrap();
    let producer = cluster.transactions.init(Some("id"), 60_000, None).unwrap();
    cluster.settle().await.unwrap();
    let request = produce_request(&[given("key", Some("a"), super::clock::wall())], producer, "t");
    assert_eq!(code(&cluster, request, 12).await, 0);
    let rest = tempfile::tempdir().unwrap();
    power_cut(data.path(), rest.path());
    let cluster = open(rest.path(), Durability::Power, Settings::default()).unwrap();
    cluster.transactions.end("id", producer, Marker::Commit, true).unwrap();
    let partition = cluster.topics.get("t").unwrap().partition(0).unwrap();
    assert_eq!(read_from(&partition.log(), 0, Isolation::Committed).len(), 1);
}

#[tokio::test]
async fn a_power_cut_brings_back_no_offset_that_was_deleted() {
    let group = || GroupId("g".to_owned().into());
    let part = OffsetDeleteRequestPartition::default();
    let topic = OffsetDeleteRequestTopic::default().with_name(topic()).with_partitions(vec![part]);
    for request in [
        RequestKind::DeleteGroups(DeleteGroupsRequest::default().with_groups_names(vec![group()])),
        RequestKind::OffsetDelete(
            OffsetDeleteRequest::default().with_group_id(group()).with_topics(vec![topic]),
        ),
    ] {
        let data = tempfile::tempdir().unwrap();
        let cluster = open(data.path(), Durability::Power, Settings::default()).unwrap();
        cluster.topics.create("t", 1, Overrides::new(), false).unwrap();
        assert_eq!(commit(&cluster, 1).await, 0);
        match ask(&cluster, request, 0).await {
            ResponseKind::DeleteGroups(answer) => assert_eq!(answer.results[0].error_code, 0),
            ResponseKind::OffsetDelete(answer) => {
                assert_eq!((answer.error_code, answer.topics[0].partitions[0].error_code), (0, 0));
            }
            _ => panic!(),
        }
        let rest = tempfile::tempdir().unwrap();
        power_cut(data.path(), rest.path());
        assert_eq!(committed(&open(rest.path(), Durability::Power, Settings::default()).unwrap()), None);
    }
}

#[tokio::test]
async fn what_is_left_to_the_system_waits_for_no_disk() {
    let (records, committed) = after_a_power_cut(Durability::Process).await;
    assert_eq!((records.len(), committed), (0, None), "nothing was synced before it was acknowledged");
}

fn made(cluster: &Cluster, settings: &[(&str, &str)]) {
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    cluster.topics.create("t", 1, settings.collect(), false).unwrap();
}

/// A topic may require more syncs than the broker's durability.
#[tokio::test]
async fn a_topic_is_flushed_as_often_as_it_says() {
    let data = tempfile::tempdir().unwrap();
    let cluster = open(data.path(), Durability::Process, Settings::default()).unwrap();
    made(&cluster, &[("flush.messages", "3")]);
    for n in 0..8 {
        assert_eq!(produce(&cluster, &n.to_string()).await, 0);
    }
    cluster.journal.sync().await.unwrap();
    let rest = tempfile::tempdir().unwrap();
    power_cut(data.path(), rest.path());
    let cluster = open(rest.path(), Durability::Process, Settings::default()).unwrap();
    assert_eq!(cluster.topics.get("t").unwrap().partition(0).unwrap().log().end(), 6);
}

#[tokio::test]
async fn more_replicas_than_there_are_cannot_be_in_sync() {
    let data = tempfile::tempdir().unwrap();
    let cluster = open(data.path(), Durability::Process, Settings::default()).unwrap();
    made(&cluster, &[("min.insync.replicas", "2")]);
    assert_eq!(produce(&cluster, "a").await, ResponseError::NotEnoughReplicas.code());
}

#[tokio::test]
async fn records_are_not_said_to_be_deleted_when_that_could_not_be_kept() {
    use kafka_protocol::messages::{
        DeleteRecordsRequest,
        delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic},
    };
    let data = tempfile::tempdir().unwrap();
    let cluster = open(data.path(), Durability::Power, Settings::default()).unwrap();
    made(&cluster, &[]);
    assert_eq!(produce(&cluster, "a").await, 0);
    refuse_next(&data.path().join("journal"));
    let part = DeleteRecordsPartition::default().with_offset(1);
    let part = DeleteRecordsTopic::default().with_name(topic()).with_partitions(vec![part]);
    let request = DeleteRecordsRequest::default().with_topics(vec![part]);
    let answer = ask(&cluster, RequestKind::DeleteRecords(request), 2).await;
    let ResponseKind::DeleteRecords(answer) = answer else { panic!() };
    assert_eq!(answer.topics[0].partitions[0].error_code, ResponseError::KafkaStorageError.code());
}
