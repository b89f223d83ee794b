//! Transactions.

use std::time::Duration;

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    producer::{FutureProducer, Producer},
    types::RDKafkaErrorCode,
};

use crate::kit::{Cluster, PATIENCE, read_all, send, unique, until, values};

fn transactional(cluster: &Cluster, id: &str) -> FutureProducer {
    let producer = cluster.producer(&[("transactional.id", id), ("transaction.timeout.ms", "10000")]);
    producer.init_transactions(PATIENCE).unwrap();
    producer
}

#[tokio::test(flavor = "multi_thread")]
async fn committed_records_are_seen_and_aborted_ones_are_not() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(2, &[]).await;
    let producer = transactional(&cluster, &unique("id"));
    for (round, commit) in [true, false, true, false, true].into_iter().enumerate() {
        producer.begin_transaction().unwrap();
        for n in 0..3 {
            send(&producer, &topic, n % 2, "key", &format!("{round}-{n}")).await;
        }
        if commit {
            producer.commit_transaction(PATIENCE).unwrap();
        } else {
            producer.abort_transaction(PATIENCE).unwrap();
        }
    }
    let committed = read_all(&cluster.bootstrap, &topic, 2, "read_committed");
    let mut seen = values(&committed);
    seen.sort_unstable();
    assert_eq!(seen, ["0-0", "0-1", "0-2", "2-0", "2-1", "2-2", "4-0", "4-1", "4-2"]);
    let all = read_all(&cluster.bootstrap, &topic, 2, "read_uncommitted");
    assert_eq!(all.len(), 15);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_transaction_hides_what_comes_after_it() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let open = transactional(&cluster, &unique("id"));
    let plain = cluster.producer(&[]);
    send(&plain, &topic, 0, "key", "before").await;
    open.begin_transaction().unwrap();
    send(&open, &topic, 0, "key", "inside").await;
    send(&plain, &topic, 0, "key", "after").await;
    let seen = read_all(&cluster.bootstrap, &topic, 1, "read_committed");
    assert_eq!(values(&seen), ["before"]);
    open.commit_transaction(PATIENCE).unwrap();
    let seen = read_all(&cluster.bootstrap, &topic, 1, "read_committed");
    assert_eq!(values(&seen), ["before", "inside", "after"]);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_holder_of_a_transactional_id_fences_the_old_one() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let id = unique("id");
    let old = transactional(&cluster, &id);
    old.begin_transaction().unwrap();
    send(&old, &topic, 0, "key", "old").await;
    let new = transactional(&cluster, &id);
    new.begin_transaction().unwrap();
    send(&new, &topic, 0, "key", "new").await;
    new.commit_transaction(PATIENCE).unwrap();
    let refused = old.commit_transaction(PATIENCE).unwrap_err();
    let KafkaError::Transaction(refused) = refused else { panic!("{refused}") };
    assert!(refused.is_fatal(), "{refused}");
    let seen = read_all(&cluster.bootstrap, &topic, 1, "read_committed");
    assert_eq!(values(&seen), ["new"]);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_in_a_transaction_count_from_its_commit_on() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let producer = transactional(&cluster, &unique("id"));
    let consumer: BaseConsumer = cluster
        .client()
        .set("group.id", unique("group"))
        .set("isolation.level", "read_committed")
        .set("session.timeout.ms", "6000")
        .create()
        .unwrap();
    consumer.subscribe(&[&topic]).unwrap();
    until("an assignment", || {
        let _ = consumer.poll(Duration::from_millis(20));
        consumer.assignment().unwrap().count() == 1
    });
    let committed = || {
        let mut asked = TopicPartitionList::new();
        asked.add_partition(&topic, 0);
        consumer.committed_offsets(asked, PATIENCE).unwrap().elements()[0].offset()
    };
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset(&topic, 0, Offset::Offset(7)).unwrap();
    let metadata = consumer.group_metadata().unwrap();

    producer.begin_transaction().unwrap();
    producer.send_offsets_to_transaction(&offsets, &metadata, PATIENCE).unwrap();
    producer.abort_transaction(PATIENCE).unwrap();
    assert_eq!(committed(), Offset::Invalid);

    producer.begin_transaction().unwrap();
    producer.send_offsets_to_transaction(&offsets, &metadata, PATIENCE).unwrap();
    producer.commit_transaction(PATIENCE).unwrap();
    until("the committed offset", || committed() == Offset::Offset(7));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_of_an_old_generation_commits_no_offsets() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(2, &[]).await;
    let producer = transactional(&cluster, &unique("id"));
    let group = unique("group");
    let member = || -> BaseConsumer {
        let consumer: BaseConsumer = cluster
            .client()
            .set("group.id", &group)
            .set("session.timeout.ms", "6000")
            .set("heartbeat.interval.ms", "200")
            .create()
            .unwrap();
        consumer.subscribe(&[&topic]).unwrap();
        consumer
    };
    let first = member();
    until("an assignment", || {
        let _ = first.poll(Duration::from_millis(20));
        first.assignment().unwrap().count() == 2
    });
    let old = first.group_metadata().unwrap();
    let second = member();
    until("a rebalance", || {
        let _ = first.poll(Duration::from_millis(20));
        let _ = second.poll(Duration::from_millis(20));
        first.assignment().unwrap().count() == 1 && second.assignment().unwrap().count() == 1
    });
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset(&topic, 0, Offset::Offset(7)).unwrap();
    producer.begin_transaction().unwrap();
    let refused = producer.send_offsets_to_transaction(&offsets, &old, PATIENCE).unwrap_err();
    let KafkaError::Transaction(refused) = refused else { panic!("{refused}") };
    assert_eq!(refused.code(), RDKafkaErrorCode::IllegalGeneration);
    assert!(refused.txn_requires_abort(), "{refused}");
    producer.abort_transaction(PATIENCE).unwrap();
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_takes_too_long_is_aborted() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let producer = cluster.producer(&[
        ("transactional.id", &unique("id")),
        ("transaction.timeout.ms", "2000"),
        ("message.timeout.ms", "2000"),
    ]);
    producer.init_transactions(PATIENCE).unwrap();
    producer.begin_transaction().unwrap();
    send(&producer, &topic, 0, "key", "late").await;
    let plain = cluster.producer(&[]);
    send(&plain, &topic, 0, "key", "after").await;
    until("the abort", || values(&read_all(&cluster.bootstrap, &topic, 1, "read_committed")) == ["after"]);
    assert!(producer.commit_transaction(PATIENCE).is_err());
    cluster.stop().await;
}

/// Concurrent producers, each of which records what it committed.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_transactions_stay_whole() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(3, &[]).await;
    let work = (0..6).map(|who| {
        let producer = transactional(&cluster, &unique("id"));
        let topic = topic.clone();
        tokio::task::spawn_blocking(move || {
            let mut committed = Vec::new();
            for round in 0..20 {
                producer.begin_transaction().unwrap();
                let values: Vec<_> = (0..3).map(|n| format!("{who}-{round}-{n}")).collect();
                let sends = (0..).zip(&values).map(|(n, value)| send(&producer, &topic, n, "key", value));
                futures::executor::block_on(futures::future::join_all(sends));
                if (who + round) % 3 == 0 {
                    producer.abort_transaction(PATIENCE).unwrap();
                } else {
                    producer.commit_transaction(PATIENCE).unwrap();
                    committed.extend(values);
                }
            }
            committed
        })
    });
    let mut expected: Vec<String> = Vec::new();
    for done in futures::future::join_all(work).await {
        expected.extend(done.unwrap());
    }
    let seen = read_all(&cluster.bootstrap, &topic, 3, "read_committed");
    let mut seen: Vec<String> = values(&seen).into_iter().map(str::to_owned).collect();
    seen.sort();
    expected.sort();
    assert_eq!(seen, expected);
    cluster.stop().await;
}
