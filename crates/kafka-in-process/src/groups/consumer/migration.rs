//! Online migration: a group changes its protocol while it has members.
//!
//! Follows `ConsumerGroup.fromClassicGroup` and `ClassicGroup.fromConsumerGroup` of Kafka, whose
//! `group.consumer.migration.policy` is `bidirectional`.

use super::{
    ConsumerGroup, Member, PartitionId, TopicsByName, TopicsImage,
    classic_members::written,
    member::{Classic, PartitionEpochs},
};
use crate::groups::{
    classic_group::{Group, Kept},
    embedded_protocol::{PROTOCOL_TYPE, Subscription, parse_assignment},
    member as classic,
};

const MALFORMED: &str = "the embedded consumer protocol is malformed";

impl ConsumerGroup {
    /// The upgrade of a classic group, whose members go on with the classic protocol and their last assignment. The error is
    /// a reason why it cannot be.
    pub(crate) fn from_classic(
        group: &mut Group,
        image: &TopicsImage<'_>,
        now: u64,
    ) -> Result<Self, &'static str> {
        if group.protocol_type.as_deref() != Some(PROTOCOL_TYPE) {
            return Err("the group does not use the consumer embedded protocol");
        }
        let topics = (image.topics)();
        let protocol = group.protocol.clone().or_else(|| group.elect_protocol()).unwrap_or_default();
        let epoch = group.generation;
        let mut upgraded = Self { epoch, assignment_epoch: epoch, changed: true, ..Self::default() };
        for member in group.members.values() {
            let (subscription, assigned) = parsed(member, &protocol, &topics, epoch)?;
            let member = Member {
                id: member.id.clone(),
                instance_id: member.instance_id.clone(),
                rack_id: subscription.rack_id,
                client_id: member.client_id.clone(),
                client_host: member.client_host.clone(),
                rebalance_timeout_ms: member.rebalance_timeout_ms,
                topics: subscription.topics.into_iter().collect(),
                epoch,
                previous_epoch: epoch,
                classic: Some(Classic {
                    session_timeout_ms: member.session_timeout_ms,
                    protocols: member.protocols.clone(),
                    ..Classic::default()
                }),
                target: assigned.keys().copied().collect(),
                assigned,
                deadline: now + member.session_timeout_ms,
                ..Member::default()
            };
            upgraded.members.insert(member.id.clone(), member);
        }
        // Those that wait rejoin for the rebalance that the new member brings.
        upgraded.answers = group.interrupt();
        Ok(upgraded)
    }

    /// Whether it has members, all of which use the classic protocol.
    pub(crate) fn is_all_classic(&self) -> bool {
        !self.members.is_empty() && self.members.values().all(|member| member.classic.is_some())
    }

    /// The downgrade to a classic group, whose members have what they hold. Kafka takes their target assignments, and would
    /// give away what a member has not revoked yet if the group were upgraded again before its rebalance.
    pub(crate) fn downgraded(&mut self, now: u64) -> Group {
        let names = self.names();
        let members = self.members.values().filter_map(|member| {
            let Classic { session_timeout_ms, protocols, .. } = member.classic.clone()?;
            Some(classic::Member {
                id: member.id.clone(),
                instance_id: member.instance_id.clone(),
                client_id: member.client_id.clone(),
                client_host: member.client_host.clone(),
                session_timeout_ms,
                rebalance_timeout_ms: member.rebalance_timeout_ms,
                protocols,
                assignment: Vec::new(),
                deadline: 0,
                joining: None,
                syncing: None,
            })
        });
        let kept = Kept {
            generation: self.epoch,
            protocol_type: Some(PROTOCOL_TYPE.to_owned()),
            protocol: None,
            leader: self.members.keys().next().cloned(),
            members: members.collect(),
        };
        let mut group = Group::restore(kept, now);
        group.protocol = group.elect_protocol();
        let protocol = group.protocol.clone().unwrap_or_default();
        for (member, former) in group.members.values_mut().zip(self.members.values()) {
            member.assignment = written(&former.current(), &member.metadata(&protocol), &names).to_vec();
        }
        group.answers = self.take_answers();
        group.changed = true;
        group
    }
}

/// A member's subscription and its last assignment, which is empty before it has synced.
fn parsed(
    member: &classic::Member,
    protocol: &str,
    topics: &TopicsByName,
    epoch: i32,
) -> Result<(Subscription, PartitionEpochs), &'static str> {
    let subscription = Subscription::parse(&member.metadata(protocol)).ok_or(MALFORMED)?;
    if member.assignment.is_empty() {
        return Ok((subscription, PartitionEpochs::new()));
    }
    let (parts, has_own_data) = parse_assignment(&member.assignment).ok_or(MALFORMED)?;
    if has_own_data {
        return Err(
            "an unsupported custom assignor is in use. Please refer to the documentation or switch to a default \
                    assignor before re-attempting the upgrade",
        );
    }
    let known = parts.into_iter().filter_map(|(name, partitions)| Some((topics.get(&name)?.id, partitions)));
    let assigned = known.flat_map(|(topic, partitions)| {
        partitions.into_iter().map(move |partition| -> (PartitionId, i32) { ((topic, partition), epoch) })
    });
    Ok((subscription, assigned.collect()))
}
