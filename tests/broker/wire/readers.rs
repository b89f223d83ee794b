//! A member under the consumer protocol (KIP-848), made by hand.

use std::collections::BTreeSet;

use kafka_protocol::{
    ResponseError as E,
    messages::{
        ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
        OffsetCommitRequest, OffsetFetchRequest,
        consumer_group_describe_response::DescribedGroup,
        consumer_group_heartbeat_request::TopicPartitions,
        offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
        offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics},
    },
};
use uuid::Uuid;

use super::client::{Wire, group_id, says, text, topic_name};
use crate::kit::{Cluster, until};

/// The newest version of the heartbeat.
pub(super) const BEAT: i16 = 1;
/// A member that does what the protocol wants of it.
pub(super) struct Reader {
    pub wire: Wire,
    pub group: String,
    pub id: String,
    pub instance: Option<String>,
    pub epoch: i32,
    pub owned: BTreeSet<(Uuid, i32)>,
}

impl Reader {
    pub(super) fn new(cluster: &Cluster, group: &str, id: &str, instance: Option<&str>) -> Self {
        Self {
            wire: Wire::connect(&cluster.bootstrap),
            group: group.to_owned(),
            id: id.to_owned(),
            instance: instance.map(str::to_owned),
            epoch: 0,
            owned: BTreeSet::new(),
        }
    }

    pub(super) fn request(&self, epoch: i32) -> ConsumerGroupHeartbeatRequest {
        ConsumerGroupHeartbeatRequest::default()
            .with_group_id(group_id(&self.group))
            .with_member_id(text(&self.id))
            .with_member_epoch(epoch)
            .with_instance_id(self.instance.as_deref().map(text))
            .with_rebalance_timeout_ms(-1)
            .with_subscribed_topic_names(None)
            .with_topic_partitions(None)
    }

    pub(super) fn joining(&self, topics: &[&str]) -> ConsumerGroupHeartbeatRequest {
        self.request(0)
            .with_rebalance_timeout_ms(20_000)
            .with_subscribed_topic_names(Some(topics.iter().map(|name| topic_name(name)).collect()))
            .with_topic_partitions(Some(Vec::new()))
    }

    /// Sends a heartbeat and does what the answer says.
    pub(super) fn send(&mut self, request: &ConsumerGroupHeartbeatRequest) -> ConsumerGroupHeartbeatResponse {
        let answer = self.wire.ask(BEAT, request);
        if says(answer.error_code).is_none() {
            self.epoch = answer.member_epoch;
            if let Some(assignment) = &answer.assignment {
                let all = assignment.topic_partitions.iter();
                self.owned = all
                    .flat_map(|topic| topic.partitions.iter().map(|partition| (topic.topic_id, *partition)))
                    .collect();
            }
        }
        answer
    }

    pub(super) fn join(&mut self, topics: &[&str]) {
        let answer = self.send(&self.joining(topics));
        assert_eq!(says(answer.error_code), None, "{answer:?}");
        assert_eq!(answer.member_id.as_deref(), Some(self.id.as_str()));
        assert!(answer.assignment.is_some() && answer.heartbeat_interval_ms > 0, "{answer:?}");
    }

    /// A heartbeat that says what it owns.
    pub(super) fn beat(&mut self) {
        let mut owned: Vec<TopicPartitions> = Vec::new();
        for (topic, partition) in &self.owned {
            match owned.last_mut().filter(|last| last.topic_id == *topic) {
                Some(last) => last.partitions.push(*partition),
                None => owned
                    .push(TopicPartitions::default().with_topic_id(*topic).with_partitions(vec![*partition])),
            }
        }
        let answer = self.send(&self.request(self.epoch).with_topic_partitions(Some(owned)));
        assert_eq!(says(answer.error_code), None, "{answer:?}");
    }

    /// A heartbeat with this epoch, and the error that it meets.
    pub(super) fn error_at(&mut self, epoch: i32) -> Option<E> {
        says(self.wire.ask(BEAT, &self.request(epoch)).error_code)
    }

    pub(super) fn leave(&mut self, epoch: i32) -> Option<E> {
        self.error_at(epoch)
    }

    pub(super) fn commit(&mut self, version: i16, epoch: i32, topic: &str, partition: i32) -> Option<E> {
        let one = OffsetCommitRequestPartition::default()
            .with_partition_index(partition)
            .with_committed_offset(7)
            .with_committed_leader_epoch(-1)
            .with_committed_metadata(Some(text("")));
        let request = OffsetCommitRequest::default()
            .with_group_id(group_id(&self.group))
            .with_generation_id_or_member_epoch(epoch)
            .with_member_id(text(&self.id))
            .with_topics(vec![
                OffsetCommitRequestTopic::default().with_name(topic_name(topic)).with_partitions(vec![one]),
            ]);
        says(self.wire.ask(version, &request).topics[0].partitions[0].error_code)
    }

    /// The error of a group's answer, and the offset that it has committed.
    pub(super) fn fetched(&mut self, id: Option<&str>, epoch: i32, topic: &str) -> (Option<E>, Option<i64>) {
        let asked =
            OffsetFetchRequestTopics::default().with_name(topic_name(topic)).with_partition_indexes(vec![0]);
        let of = OffsetFetchRequestGroup::default()
            .with_group_id(group_id(&self.group))
            .with_member_id(id.map(text))
            .with_member_epoch(epoch)
            .with_topics(Some(vec![asked]));
        let answer = self.wire.ask(9, &OffsetFetchRequest::default().with_groups(vec![of])).groups.remove(0);
        (says(answer.error_code), answer.topics.first().map(|topic| topic.partitions[0].committed_offset))
    }

    pub(super) fn described(&mut self) -> DescribedGroup {
        let request = ConsumerGroupDescribeRequest::default().with_group_ids(vec![group_id(&self.group)]);
        self.wire.ask(1, &request).groups.remove(0)
    }
}

/// Lets all send heartbeats until they share the partitions like this, each one's owned by it alone at all times.
pub(super) fn until_shared(readers: &mut [&mut Reader], sizes: &[usize]) {
    until(&format!("a sharing of {sizes:?}"), || {
        for at in 0..readers.len() {
            readers[at].beat();
            let all: Vec<_> = readers.iter().flat_map(|reader| &reader.owned).collect();
            let once: BTreeSet<_> = all.iter().collect();
            assert_eq!(all.len(), once.len(), "a partition has two owners");
        }
        let mut found: Vec<_> = readers.iter().map(|reader| reader.owned.len()).collect();
        found.sort_unstable();
        found == sizes
    });
    // The last word of each is heard.
    for reader in readers {
        reader.beat();
    }
}
