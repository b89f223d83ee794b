//! A member of a group, made by hand.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::{
    ResponseError as E,
    messages::{
        ConsumerProtocolAssignment, ConsumerProtocolSubscription, HeartbeatRequest, JoinGroupRequest,
        JoinGroupResponse, OffsetCommitRequest, SyncGroupRequest,
        consumer_protocol_assignment::TopicPartition,
        join_group_request::JoinGroupRequestProtocol,
        offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
        sync_group_request::SyncGroupRequestAssignment,
    },
    protocol::{Decodable, Encodable},
};

use super::client::{Wire, group_id, says, text, topic_name};

pub(super) const JOIN: i16 = 9;
pub(super) const SYNC: i16 = 5;

/// A member with a connection of its own.
pub(super) struct Member {
    pub wire: Wire,
    pub group: String,
    pub id: String,
    pub instance: Option<String>,
    pub generation: i32,
}

/// A consumer's subscription in `JoinGroup`: its topics.
pub(super) fn subscription(topics: &[&str]) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_i16(1);
    let topics = topics.iter().map(|topic| text(topic)).collect();
    ConsumerProtocolSubscription::default().with_topics(topics).encode(&mut bytes, 1).unwrap();
    bytes.freeze()
}

/// A consumer's assignment in `SyncGroup`: partitions of a topic.
pub(super) fn assignment(topic: &str, partitions: &[i32]) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_i16(1);
    let assigned =
        TopicPartition::default().with_topic(topic_name(topic)).with_partitions(partitions.to_vec());
    let assignment = ConsumerProtocolAssignment::default().with_assigned_partitions(vec![assigned]);
    assignment.encode(&mut bytes, 1).unwrap();
    bytes.freeze()
}

impl Member {
    pub(super) fn new(bootstrap: &str, group: &str, instance: Option<&str>) -> Self {
        Self {
            wire: Wire::connect(bootstrap),
            group: group.to_owned(),
            id: String::new(),
            instance: instance.map(str::to_owned),
            generation: -1,
        }
    }

    pub(super) fn join_request(&self, topics: &[&str]) -> JoinGroupRequest {
        let protocol =
            JoinGroupRequestProtocol::default().with_name(text("range")).with_metadata(subscription(topics));
        JoinGroupRequest::default()
            .with_group_id(group_id(&self.group))
            .with_session_timeout_ms(10_000)
            .with_rebalance_timeout_ms(20_000)
            .with_member_id(text(&self.id))
            .with_group_instance_id(self.instance.as_deref().map(text))
            .with_protocol_type(text("consumer"))
            .with_protocols(vec![protocol])
    }

    /// Sends `JoinGroup`, repeated with the member id that it requires; [`Self::joined`] reads the response.
    pub(super) fn begin_join(&mut self, topics: &[&str]) {
        if self.id.is_empty() && self.instance.is_none() {
            let told = self.wire.ask(JOIN, &self.join_request(topics));
            assert_eq!(says(told.error_code), Some(E::MemberIdRequired));
            self.id = told.member_id.to_string();
        }
        let request = self.join_request(topics);
        self.wire.tell(JOIN, &request);
    }

    /// The answer to a join.
    pub(super) fn joined(&mut self) -> JoinGroupResponse {
        let answer = self.wire.answer::<JoinGroupRequest>(JOIN);
        assert_eq!(says(answer.error_code), None);
        self.id = answer.member_id.to_string();
        self.generation = answer.generation_id;
        answer
    }

    /// Joins a group of its own and takes all that there is.
    pub(super) fn alone(bootstrap: &str, group: &str, instance: Option<&str>, topics: &[&str]) -> Self {
        let mut member = Self::new(bootstrap, group, instance);
        member.begin_join(topics);
        member.joined();
        let everything = member.sync_request(&[(&member.id, "all")]);
        let answer = member.wire.ask(SYNC, &everything);
        assert_eq!((says(answer.error_code), &answer.assignment[..]), (None, &b"all"[..]));
        member
    }

    /// Requests its assignment, which the coordinator computes: partitions of one topic.
    pub(super) fn synced(&mut self) -> Result<Vec<i32>, E> {
        let answer = self.wire.ask(SYNC, &self.sync_request(&[]));
        if let Some(error) = says(answer.error_code) {
            return Err(error);
        }
        let mut bytes = answer.assignment;
        assert_eq!(bytes.get_i16(), 1, "in the version of its subscription");
        let assignment = ConsumerProtocolAssignment::decode(&mut bytes, 1).unwrap();
        let topics = assignment.assigned_partitions.into_iter();
        let mut partitions: Vec<_> = topics.flat_map(|topic| topic.partitions).collect();
        partitions.sort_unstable();
        Ok(partitions)
    }

    pub(super) fn sync_request(&self, assignments: &[(&str, &str)]) -> SyncGroupRequest {
        let assignment = |(member, part): &(&str, &str)| {
            SyncGroupRequestAssignment::default()
                .with_member_id(text(member))
                .with_assignment(Bytes::copy_from_slice(part.as_bytes()))
        };
        SyncGroupRequest::default()
            .with_group_id(group_id(&self.group))
            .with_generation_id(self.generation)
            .with_member_id(text(&self.id))
            .with_group_instance_id(self.instance.as_deref().map(text))
            .with_protocol_type(Some(text("consumer")))
            .with_protocol_name(Some(text("range")))
            .with_assignments(assignments.iter().map(assignment).collect())
    }

    pub(super) fn heartbeat(&mut self) -> Option<E> {
        let request = HeartbeatRequest::default()
            .with_group_id(group_id(&self.group))
            .with_generation_id(self.generation)
            .with_member_id(text(&self.id))
            .with_group_instance_id(self.instance.as_deref().map(text));
        says(self.wire.ask(4, &request).error_code)
    }

    /// Commits an offset of a topic's partition 0.
    pub(super) fn commit(&mut self, topic: &str, offset: i64, metadata: &str) -> Option<E> {
        let partition = OffsetCommitRequestPartition::default()
            .with_committed_offset(offset)
            .with_committed_leader_epoch(-1)
            .with_committed_metadata(Some(text(metadata)));
        let request = OffsetCommitRequest::default()
            .with_group_id(group_id(&self.group))
            .with_generation_id_or_member_epoch(self.generation)
            .with_member_id(text(&self.id))
            .with_group_instance_id(self.instance.as_deref().map(text))
            .with_topics(vec![
                OffsetCommitRequestTopic::default()
                    .with_name(topic_name(topic))
                    .with_partitions(vec![partition]),
            ]);
        says(self.wire.ask(8, &request).topics[0].partitions[0].error_code)
    }
}
