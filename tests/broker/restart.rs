//! What survives the end of the broker: these run on the embedded one alone.

use std::{path::Path, time::Duration};

use kafka_in_process::{Broker, BrokerConfig, BrokerError, published_address};
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer},
    producer::{FutureProducer, Producer},
};

use crate::kit::{PATIENCE, client, embedded, make_topic, read_all, send, unique, values};

fn producer(broker: &Broker, settings: &[(&str, &str)]) -> FutureProducer {
    let mut config = client(&broker.address().to_string());
    config.set("enable.idempotence", "true").set("linger.ms", "0");
    for (key, value) in settings {
        config.set(*key, *value);
    }
    config.create().unwrap()
}

/// A copy of the disk as after a kill -9.
fn crash_copy(data: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_folder(data, copy.path());
    copy
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_topics_and_offsets_survive_a_stop_and_a_crash() {
    let data = tempfile::tempdir().unwrap();
    let broker = embedded(data.path()).await;
    let bootstrap = broker.address().to_string();
    let topic = make_topic(&bootstrap, 3, &[("retention.ms", "-1")]).await;
    let sender = producer(&broker, &[]);
    for n in 0..30 {
        send(&sender, &topic, n % 3, "key", &n.to_string()).await;
    }
    let group = unique("group");
    let consumer: BaseConsumer = client(&bootstrap).set("group.id", &group).create().unwrap();
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset(&topic, 1, Offset::Offset(5)).unwrap();
    consumer.commit(&offsets, CommitMode::Sync).unwrap();
    let before = read_all(&bootstrap, &topic, 3, "read_committed");
    assert_eq!(before.len(), 30);

    let crashed = crash_copy(data.path());
    broker.stop().await;
    for folder in [data.path(), crashed.path()] {
        let broker = embedded(folder).await;
        let bootstrap = broker.address().to_string();
        let mut after = read_all(&bootstrap, &topic, 3, "read_committed");
        let mut expected = before.clone();
        for list in [&mut after, &mut expected] {
            list.sort_by_key(|seen| (seen.partition, seen.offset));
        }
        assert_eq!(after, expected);
        let consumer: BaseConsumer = client(&bootstrap).set("group.id", &group).create().unwrap();
        let mut asked = TopicPartitionList::new();
        asked.add_partition(&topic, 1);
        let committed = consumer.committed_offsets(asked, PATIENCE).unwrap();
        assert_eq!(committed.elements()[0].offset(), Offset::Offset(5));
        assert_eq!(send(&producer(&broker, &[]), &topic, 0, "key", "next").await, 10);
        broker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_leaves_open_what_was_open_and_keeps_what_was_committed() {
    let data = tempfile::tempdir().unwrap();
    let broker = embedded(data.path()).await;
    let topic = make_topic(&broker.address().to_string(), 1, &[]).await;
    let sender = producer(&broker, &[("transactional.id", "id"), ("transaction.timeout.ms", "60000")]);
    sender.init_transactions(PATIENCE).unwrap();
    sender.begin_transaction().unwrap();
    send(&sender, &topic, 0, "key", "committed").await;
    sender.commit_transaction(PATIENCE).unwrap();
    sender.begin_transaction().unwrap();
    send(&sender, &topic, 0, "key", "open").await;
    let crashed = crash_copy(data.path());

    let second = embedded(crashed.path()).await;
    let bootstrap = second.address().to_string();
    assert_eq!(values(&read_all(&bootstrap, &topic, 1, "read_committed")), ["committed"]);
    assert_eq!(values(&read_all(&bootstrap, &topic, 1, "read_uncommitted")), ["committed", "open"]);
    // It is still open; a new producer with its id aborts it.
    let successor = producer(&second, &[("transactional.id", "id")]);
    successor.init_transactions(PATIENCE).unwrap();
    successor.begin_transaction().unwrap();
    send(&successor, &topic, 0, "key", "again").await;
    successor.commit_transaction(PATIENCE).unwrap();
    assert_eq!(values(&read_all(&bootstrap, &topic, 1, "read_committed")), ["committed", "again"]);
    second.stop().await;
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_tail_is_cut() {
    let data = tempfile::tempdir().unwrap();
    let broker = embedded(data.path()).await;
    let topic = make_topic(&broker.address().to_string(), 1, &[]).await;
    let sender = producer(&broker, &[]);
    for n in 0..5 {
        send(&sender, &topic, 0, "key", &n.to_string()).await;
    }
    let crashed = crash_copy(data.path());
    let segment = crashed.path().join(format!("{topic}-0/00000000000000000000.log"));
    let whole = std::fs::read(&segment).unwrap();
    std::fs::write(&segment, &whole[..whole.len() - 7]).unwrap();
    let second = embedded(crashed.path()).await;
    let bootstrap = second.address().to_string();
    let seen = read_all(&bootstrap, &topic, 1, "read_committed");
    assert_eq!(values(&seen), ["0", "1", "2", "3"]);
    assert_eq!(send(&producer(&second, &[]), &topic, 0, "key", "4 again").await, 4);
    second.stop().await;
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_live_through_a_restart_on_the_same_port() {
    let data = tempfile::tempdir().unwrap();
    let broker = embedded(data.path()).await;
    let address = broker.address();
    let topic = make_topic(&address.to_string(), 1, &[]).await;
    let sender = producer(&broker, &[("reconnect.backoff.max.ms", "200")]);
    send(&sender, &topic, 0, "key", "before").await;
    broker.stop().await;
    assert_eq!(published_address(data.path()), None);
    let config = BrokerConfig::new(data.path(), address);
    let broker = Broker::start(config).await.unwrap();
    assert_eq!(published_address(data.path()), Some(address));
    assert_eq!(send(&sender, &topic, 0, "key", "after").await, 1);
    let seen = read_all(&address.to_string(), &topic, 1, "read_committed");
    assert_eq!(values(&seen), ["before", "after"]);
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_lives_through_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let broker = embedded(data.path()).await;
    let address = broker.address();
    let topic = make_topic(&address.to_string(), 2, &[]).await;
    let settings = [("transactional.id", "id"), ("reconnect.backoff.max.ms", "200")];
    let sender = producer(&broker, &settings);
    sender.init_transactions(PATIENCE).unwrap();
    sender.begin_transaction().unwrap();
    send(&sender, &topic, 0, "key", "before").await;
    broker.stop().await;
    let broker = Broker::start(BrokerConfig::new(data.path(), address)).await.unwrap();
    assert_eq!(values(&read_all(&address.to_string(), &topic, 2, "read_committed")), [""; 0]);
    send(&sender, &topic, 0, "key", "after").await;
    send(&sender, &topic, 1, "key", "beside").await;
    sender.commit_transaction(PATIENCE).unwrap();
    let mut seen = read_all(&address.to_string(), &topic, 2, "read_committed");
    seen.sort_by_key(|seen| (seen.partition, seen.offset));
    assert_eq!(values(&seen), ["before", "after", "beside"]);
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_serves_a_folder() {
    let data = tempfile::tempdir().unwrap();
    let broker = embedded(data.path()).await;
    let again = BrokerConfig::new(data.path(), "127.0.0.1:0".parse().unwrap());
    assert!(matches!(Broker::start(again.clone()).await, Err(BrokerError::Locked { .. })));
    let other = tempfile::tempdir().unwrap();
    let taken = BrokerConfig::new(other.path(), broker.address());
    assert!(matches!(Broker::start(taken).await, Err(BrokerError::AddressInUse { .. })));
    tokio::time::timeout(Duration::from_secs(5), broker.stop()).await.unwrap();
    Broker::start(again).await.unwrap().stop().await;
}
