//! Consumers with `group.protocol=classic` and `consumer` in one group, which changes its protocol under them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use rdkafka::{
    consumer::{BaseConsumer, CommitMode, Consumer},
    producer::FutureProducer,
};

use crate::{
    groups::{assigned, consumer, modern},
    kit::{Cluster, look, send, unique, until},
};

const PARTITIONS: i32 = 6;

/// The consumers of a group, and what they have read.
struct Team {
    topic: String,
    producer: FutureProducer,
    consumers: BTreeMap<&'static str, BaseConsumer>,
    /// The records in each partition.
    sent: i64,
    /// How often each record was read.
    seen: BTreeMap<(i32, i64), usize>,
}

impl Team {
    fn poll(&mut self) {
        for consumer in self.consumers.values() {
            while let Some(Ok(message)) = consumer.poll(Duration::from_millis(10)) {
                let seen = look(&message);
                *self.seen.entry((seen.partition, seen.offset)).or_default() += 1;
            }
        }
    }

    /// Waits until each partition is owned once and they are shared like this; then a record of each partition is read
    /// once, and committed.
    async fn shares(&mut self, sizes: &[usize]) {
        let names: Vec<_> = self.consumers.keys().copied().collect();
        until(&format!("a sharing of {sizes:?} by {names:?}"), || {
            self.poll();
            let shares: Vec<_> = self.consumers.values().map(assigned).collect();
            let mut parts: Vec<_> = shares.iter().flatten().copied().collect();
            parts.sort_unstable();
            let mut found: Vec<_> = shares.iter().map(BTreeSet::len).collect();
            found.sort_unstable();
            found == sizes && parts.into_iter().eq(0..PARTITIONS)
        });
        for partition in 0..PARTITIONS {
            assert_eq!(send(&self.producer, &self.topic, partition, "key", "value").await, self.sent);
        }
        self.sent += 1;
        let all = usize::try_from(self.sent * i64::from(PARTITIONS)).unwrap();
        until("the records", || {
            self.poll();
            self.seen.len() == all
        });
        for name in names {
            until("a commit", || {
                self.poll();
                self.consumers[name].commit_consumer_state(CommitMode::Sync).is_ok()
            });
        }
        assert!(self.seen.values().all(|times| *times == 1), "read twice: {:?}", self.seen);
    }
}

/// Leads a group from the classic protocol to the consumer protocol, back, and there `again`.
async fn migrates(assignor: &str, again: bool) {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(PARTITIONS, &[]).await;
    let group = unique("group");
    let settings = [("partition.assignment.strategy", assignor)];
    let classic = || consumer(&cluster, &group, &topic, &settings);
    let modern = || modern(&cluster, &group, &topic, &[]);
    let producer = cluster.producer(&[]);
    let mut team =
        Team { topic: topic.clone(), producer, consumers: BTreeMap::new(), sent: 0, seen: BTreeMap::new() };
    team.consumers.insert("classic 1", classic());
    team.shares(&[6]).await;
    // Upgraded, with members of both protocols that come and go.
    team.consumers.insert("modern 1", modern());
    team.shares(&[3, 3]).await;
    team.consumers.insert("classic 2", classic());
    team.shares(&[2, 2, 2]).await;
    team.consumers.remove("classic 1");
    team.shares(&[3, 3]).await;
    // Downgraded, and a classic group as any other.
    team.consumers.remove("modern 1");
    team.shares(&[6]).await;
    team.consumers.insert("classic 3", classic());
    team.shares(&[3, 3]).await;
    if again {
        team.consumers.insert("modern 2", modern());
        team.shares(&[2, 2, 2]).await;
        team.consumers.remove("classic 2");
        team.consumers.remove("classic 3");
        team.shares(&[6]).await;
    }
    drop(team);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn eager_consumers_and_those_of_the_consumer_protocol_share_a_group_that_changes_its_protocol() {
    migrates("range", true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cooperative_consumers_and_those_of_the_consumer_protocol_share_a_group_that_changes_its_protocol() {
    // From the second generation on librdkafka's leader writes data of its own into the assignments (`rkgm_userdata`), and
    // Kafka does not upgrade such a group: "userData from a custom assignor would be lost".
    migrates("cooperative-sticky", false).await;
}
