//! Consumer groups.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer},
};

use crate::kit::{Cluster, PATIENCE, look, send, unique, until};

pub(crate) fn consumer(
    cluster: &Cluster,
    group: &str,
    topic: &str,
    settings: &[(&str, &str)],
) -> BaseConsumer {
    let mut config = cluster.client();
    config
        .set("group.id", group)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("session.timeout.ms", "6000")
        .set("heartbeat.interval.ms", "200");
    for (key, value) in settings {
        config.set(*key, *value);
    }
    let consumer: BaseConsumer = config.create().unwrap();
    consumer.subscribe(&[topic]).unwrap();
    consumer
}

pub(crate) fn assigned(consumer: &BaseConsumer) -> BTreeSet<i32> {
    let list = consumer.assignment().unwrap();
    list.elements().iter().map(rdkafka::topic_partition_list::TopicPartitionListElem::partition).collect()
}

/// Polls all until each has the given number of partitions.
fn until_shared(consumers: &[&BaseConsumer], parts: &[usize]) {
    until(&format!("a sharing of {parts:?}"), || {
        for consumer in consumers {
            let _ = consumer.poll(Duration::from_millis(10));
        }
        let shares: Vec<_> = consumers.iter().map(|consumer| assigned(consumer)).collect();
        let mut sizes: Vec<_> = shares.iter().map(BTreeSet::len).collect();
        sizes.sort_unstable();
        let all: BTreeSet<_> = shares.iter().flatten().collect();
        sizes == parts && all.len() == parts.iter().sum::<usize>()
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn members_share_the_partitions_whatever_the_assignor() {
    let cluster = Cluster::start().await;
    for assignor in ["range", "roundrobin", "cooperative-sticky"] {
        let topic = cluster.topic(6, &[]).await;
        let group = unique("group");
        let settings = [("partition.assignment.strategy", assignor)];
        let first = consumer(&cluster, &group, &topic, &settings);
        until_shared(&[&first], &[6]);
        let second = consumer(&cluster, &group, &topic, &settings);
        until_shared(&[&first, &second], &[3, 3]);
        let third = consumer(&cluster, &group, &topic, &settings);
        until_shared(&[&first, &second, &third], &[2, 2, 2]);
        drop(second);
        until_shared(&[&first, &third], &[3, 3]);
    }
    cluster.stop().await;
}

/// A member whose partitions the coordinator shares out (KIP-848).
pub(crate) fn modern(cluster: &Cluster, group: &str, topic: &str, settings: &[(&str, &str)]) -> BaseConsumer {
    let mut config = cluster.client();
    config
        .set("group.id", group)
        .set("group.protocol", "consumer")
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false");
    for (key, value) in settings {
        config.set(*key, *value);
    }
    let consumer: BaseConsumer = config.create().unwrap();
    consumer.subscribe(&[topic]).unwrap();
    consumer
}

#[tokio::test(flavor = "multi_thread")]
async fn members_under_the_consumer_protocol_share_and_go_on_where_they_committed() {
    let cluster = Cluster::start().await;
    for assignor in ["uniform", "range"] {
        let topic = cluster.topic(6, &[]).await;
        let producer = cluster.producer(&[]);
        for partition in 0..6 {
            send(&producer, &topic, partition, "key", "value").await;
        }
        let group = unique("group");
        let settings = [("group.remote.assignor", assignor)];
        let first = modern(&cluster, &group, &topic, &settings);
        let mut seen = BTreeSet::new();
        until("a record of each partition", || {
            if let Some(Ok(message)) = first.poll(Duration::from_millis(50)) {
                seen.insert(look(&message).partition);
            }
            seen.len() == 6
        });
        first.commit_consumer_state(CommitMode::Sync).unwrap();
        let second = modern(&cluster, &group, &topic, &settings);
        until_shared(&[&first, &second], &[3, 3]);
        drop(first);
        until_shared(&[&second], &[6]);
        // Nothing of what was committed is read again.
        assert!(second.poll(Duration::from_millis(500)).is_none());
        let committed = second.committed(PATIENCE).unwrap();
        assert!(committed.elements().iter().all(|one| one.offset() == Offset::Offset(1)));
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_goes_on_where_it_committed() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let producer = cluster.producer(&[]);
    for n in 0..10 {
        send(&producer, &topic, 0, "key", &n.to_string()).await;
    }
    let group = unique("group");
    let read = |count: usize| {
        let consumer = consumer(&cluster, &group, &topic, &[]);
        let mut seen = Vec::new();
        until("records", || {
            if let Some(Ok(message)) = consumer.poll(Duration::from_millis(50)) {
                seen.push(look(&message).offset);
            }
            seen.len() == count
        });
        consumer.commit_consumer_state(CommitMode::Sync).unwrap();
        seen
    };
    assert_eq!(read(4), vec![0, 1, 2, 3]);
    assert_eq!(read(6), vec![4, 5, 6, 7, 8, 9]);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_static_member_that_comes_back_gets_its_partitions_without_a_rebalance() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(4, &[]).await;
    let group = unique("group");
    let member = |id: &str| consumer(&cluster, &group, &topic, &[("group.instance.id", id)]);
    let first = member("one");
    let second = member("two");
    until_shared(&[&first, &second], &[2, 2]);
    let (of_first, of_second) = (assigned(&first), assigned(&second));
    // A static member does not leave its group: this equals a kill.
    drop(second);
    let began = Instant::now();
    let second = member("two");
    until("the same partitions", || {
        let _ = second.poll(Duration::from_millis(10));
        let _ = first.poll(Duration::from_millis(10));
        assert_eq!(assigned(&first), of_first, "the other member was disturbed");
        assigned(&second) == of_second
    });
    assert!(began.elapsed() < Duration::from_secs(5), "it waited for the session to time out");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_holder_of_an_instance_id_fences_the_first() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let group = unique("group");
    let settings = [("group.instance.id", "one")];
    let first = consumer(&cluster, &group, &topic, &settings);
    until_shared(&[&first], &[1]);
    let second = consumer(&cluster, &group, &topic, &settings);
    until_shared(&[&second], &[1]);
    until("the first to be fenced", || {
        let _ = second.poll(Duration::from_millis(10));
        let _ = first.poll(Duration::from_millis(10));
        let fatal = first.client().fatal_error();
        fatal.is_some_and(|(code, _)| code == rdkafka::types::RDKafkaErrorCode::FencedInstanceId)
    });
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_silent_loses_its_partitions() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(2, &[]).await;
    let group = unique("group");
    let first = consumer(&cluster, &group, &topic, &[("group.instance.id", "one")]);
    let second = consumer(&cluster, &group, &topic, &[("group.instance.id", "two")]);
    until_shared(&[&first, &second], &[1, 1]);
    drop(second);
    let began = Instant::now();
    until_shared(&[&first], &[2]);
    let took = began.elapsed();
    assert!(took > Duration::from_secs(4) && took < Duration::from_secs(15), "{took:?}");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_without_a_group_are_kept_with_their_metadata() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(2, &[]).await;
    let consumer: BaseConsumer = cluster.client().set("group.id", unique("group")).create().unwrap();
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset(&topic, 0, Offset::Offset(42)).unwrap();
    offsets.find_partition(&topic, 0).unwrap().set_metadata("where I am");
    consumer.commit(&offsets, CommitMode::Sync).unwrap();
    let mut asked = TopicPartitionList::new();
    asked.add_partition(&topic, 0);
    asked.add_partition(&topic, 1);
    let committed = consumer.committed_offsets(asked, PATIENCE).unwrap();
    let found: BTreeMap<_, _> = committed
        .elements()
        .iter()
        .map(|one| (one.partition(), (one.offset(), one.metadata().to_owned())))
        .collect();
    assert_eq!(found[&0], (Offset::Offset(42), "where I am".to_owned()));
    assert_eq!(found[&1].0, Offset::Invalid);
    cluster.stop().await;
}
