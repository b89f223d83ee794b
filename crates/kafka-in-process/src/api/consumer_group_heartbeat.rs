//! `ConsumerGroupHeartbeat` and `ConsumerGroupDescribe` (KIP-848).

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::{
    ResponseError,
    messages::{
        ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, ConsumerGroupHeartbeatRequest,
        ConsumerGroupHeartbeatResponse, consumer_group_describe_response as described,
        consumer_group_heartbeat_response::{Assignment, TopicPartitions},
    },
    protocol::StrBytes,
};
use uuid::Uuid;

use super::{Peer, once, single_node_admin::operations, text, topic_name};
use crate::{
    cluster::Cluster,
    groups::{
        AnyGroup, Assignor, ConsumerGroup, ConsumerMember, Heartbeat, HeartbeatAnswer, LEAVE_EPOCH,
        LEAVE_STATIC_EPOCH, PartitionId, Refusal, check_regex,
    },
};

pub(super) async fn heartbeat(
    cluster: &Cluster,
    peer: &Peer,
    request: &ConsumerGroupHeartbeatRequest,
    version: i16,
) -> ConsumerGroupHeartbeatResponse {
    let refuse = |refusal: Refusal| {
        ConsumerGroupHeartbeatResponse::default()
            .with_error_code(refusal.error.code())
            .with_error_message(Some(text(&refusal.message)))
    };
    let beat = match beat(peer, request, version) {
        Ok(beat) => beat,
        Err(refusal) => return refuse(refusal),
    };
    let (answer, changed) = cluster.groups.consumer_heartbeat(&beat);
    if changed && let Err(error) = cluster.settle().await {
        return refuse(Refusal::new(ResponseError::CoordinatorNotAvailable, error.to_string()));
    }
    match answer {
        Err(refusal) => refuse(refusal),
        Ok(HeartbeatAnswer { member_id, epoch, assignment }) => {
            let interval = cluster.groups.timing(&beat.group).heartbeat_interval_ms;
            ConsumerGroupHeartbeatResponse::default()
                .with_member_id(Some(text(&member_id)))
                .with_member_epoch(epoch)
                .with_heartbeat_interval_ms(if epoch < 0 { 0 } else { interval })
                .with_assignment(assignment.map(|parts| {
                    let topics = by_topic(parts).into_iter().map(|(topic, partitions)| {
                        TopicPartitions::default().with_topic_id(topic).with_partitions(partitions)
                    });
                    Assignment::default().with_topic_partitions(topics.collect())
                }))
        }
    }
}

/// Validates a request, in the order of Kafka's checks.
fn beat(peer: &Peer, request: &ConsumerGroupHeartbeatRequest, version: i16) -> Result<Heartbeat, Refusal> {
    // Before version 1 the coordinator generates member ids.
    const MEMBER_ID_REQUIRED: i16 = 1;
    let invalid = |message: &str| Err(Refusal::new(ResponseError::InvalidRequest, message));
    let blank = |text: &StrBytes| text.trim().is_empty();
    let epoch = request.member_epoch;
    let joins = epoch == 0;
    if (version >= MEMBER_ID_REQUIRED || epoch > 0 || epoch == LEAVE_EPOCH) && blank(&request.member_id) {
        return invalid("MemberId can't be empty.");
    }
    if blank(&request.group_id) {
        return invalid("GroupId can't be empty.");
    }
    if request.instance_id.as_ref().is_some_and(blank) {
        return invalid("InstanceId can't be empty.");
    }
    if request.rack_id.as_ref().is_some_and(blank) {
        return invalid("RackId can't be empty.");
    }
    if joins && request.rebalance_timeout_ms == -1 {
        return invalid("RebalanceTimeoutMs must be provided in first request.");
    }
    if joins && request.topic_partitions.as_ref().is_none_or(|owned| !owned.is_empty()) {
        return invalid("TopicPartitions must be empty when (re-)joining.");
    }
    if joins && request.subscribed_topic_names.is_none() && request.subscribed_topic_regex.is_none() {
        return invalid(
            "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.",
        );
    }
    if epoch == LEAVE_STATIC_EPOCH && request.instance_id.is_none() {
        return invalid("InstanceId can't be null.");
    }
    if epoch < LEAVE_STATIC_EPOCH {
        return invalid("MemberEpoch is invalid.");
    }
    let owned = |text: &Option<StrBytes>| text.as_ref().map(ToString::to_string);
    let assignor = request.server_assignor.as_ref().map(assignor).transpose()?;
    let regex = owned(&request.subscribed_topic_regex);
    if let Some(regex) = &regex {
        check_regex(regex).map_err(|why| {
            let message = format!("SubscribedTopicRegex `{regex}` is not a valid regular expression: {why}.");
            Refusal::new(ResponseError::InvalidRegularExpression, message)
        })?;
    }
    let given = request.member_id.to_string();
    let topics = request.subscribed_topic_names.as_ref();
    let parts = |owned: &Vec<_>| owned.iter().flat_map(parts).collect();
    Ok(Heartbeat {
        group: request.group_id.to_string(),
        member_id: if given.is_empty() { Uuid::from_bytes(rand::random()).to_string() } else { given },
        epoch,
        instance_id: owned(&request.instance_id),
        rack_id: owned(&request.rack_id),
        rebalance_timeout_ms: u64::try_from(request.rebalance_timeout_ms).ok(),
        topics: topics.map(|names| names.iter().map(|name| name.to_string()).collect()),
        regex,
        assignor,
        owned: request.topic_partitions.as_ref().map(parts),
        client_id: peer.client_id.clone(),
        client_host: format!("/{}", peer.remote.ip()),
    })
}

fn assignor(name: &StrBytes) -> Result<Assignor, Refusal> {
    Assignor::ALL.into_iter().find(|assignor| assignor.name() == name.as_str()).ok_or_else(|| {
        let known = Assignor::ALL.map(Assignor::name).join(", ");
        let message = format!("ServerAssignor {name} is not supported. Supported assignors: {known}.");
        Refusal::new(ResponseError::UnsupportedAssignor, message)
    })
}

fn parts(
    topic: &kafka_protocol::messages::consumer_group_heartbeat_request::TopicPartitions,
) -> impl Iterator<Item = PartitionId> {
    topic.partitions.iter().map(|partition| (topic.topic_id, *partition))
}

fn by_topic(parts: BTreeSet<PartitionId>) -> BTreeMap<Uuid, Vec<i32>> {
    let mut topics: BTreeMap<Uuid, Vec<i32>> = BTreeMap::new();
    for (topic, partition) in parts {
        topics.entry(topic).or_default().push(partition);
    }
    topics
}

pub(super) fn describe(
    cluster: &Cluster,
    request: &ConsumerGroupDescribeRequest,
    version: i16,
) -> ConsumerGroupDescribeResponse {
    let groups = once(&request.group_ids, Clone::clone).map(|id| {
        let found = cluster.groups.with(id, |state| match &state.group {
            AnyGroup::Consumer(group) => Ok(describe_one(cluster, group, version)),
            AnyGroup::Classic(_) => Err(format!("Group {} is not a consumer group.", id.as_str())),
        });
        let absent = || Err(format!("Group {} not found.", id.as_str()));
        let group = match found.unwrap_or_else(absent) {
            Ok(group) if request.include_authorized_operations => {
                group.with_authorized_operations(operations::OF_GROUP)
            }
            Ok(group) => group,
            Err(why) => described::DescribedGroup::default()
                .with_error_code(ResponseError::GroupIdNotFound.code())
                .with_error_message(Some(text(&why))),
        };
        group.with_group_id(id.clone())
    });
    ConsumerGroupDescribeResponse::default().with_groups(groups.collect())
}

fn describe_one(cluster: &Cluster, group: &ConsumerGroup, version: i16) -> described::DescribedGroup {
    // Partitions of deleted topics are left out.
    let assignment = |parts: BTreeSet<PartitionId>| {
        let topics = by_topic(parts).into_iter().filter_map(|(id, partitions)| {
            let topic = cluster.topics.by_id(id)?;
            let described = described::TopicPartitions::default().with_topic_id(id);
            Some(described.with_topic_name(topic_name(&topic.name)).with_partitions(partitions))
        });
        described::Assignment::default().with_topic_partitions(topics.collect())
    };
    let member = |member: &ConsumerMember| {
        const CLASSIC: i8 = 0;
        const CONSUMER: i8 = 1;
        let kind = if member.classic.is_some() { CLASSIC } else { CONSUMER };
        let described = described::Member::default()
            .with_member_id(text(&member.id))
            .with_instance_id(member.instance_id.as_deref().map(text))
            .with_rack_id(member.rack_id.as_deref().map(text))
            .with_member_epoch(member.epoch)
            .with_client_id(text(&member.client_id))
            .with_client_host(text(&member.client_host))
            .with_subscribed_topic_names(member.topics.iter().map(|name| topic_name(name)).collect())
            .with_subscribed_topic_regex(Some(text(&member.regex)))
            .with_assignment(assignment(member.current()))
            .with_target_assignment(assignment(member.target.clone()));
        if version >= 1 { described.with_member_type(kind) } else { described }
    };
    described::DescribedGroup::default()
        .with_group_state(text(group.state().name()))
        .with_group_epoch(group.epoch)
        .with_assignment_epoch(group.assignment_epoch)
        .with_assignor_name(text(group.assignor().name()))
        .with_members(group.members.values().map(member).collect())
}
