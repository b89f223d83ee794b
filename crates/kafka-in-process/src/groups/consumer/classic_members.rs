//! Members of a group under the consumer protocol that use the classic one: the coordinator assigns their partitions too, and
//! their generation is their member epoch.
//!
//! Follows `classicGroupJoinToConsumerGroup`, `classicGroupSyncToConsumerGroup` and `classicGroupHeartbeatToConsumerGroup` of
//! Kafka's `GroupMetadataManager`.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use kafka_protocol::ResponseError;
use uuid::Uuid;

use super::{
    ConsumerGroup, GroupState, Member, PartitionId, TopicsImage,
    member::{Classic, MemberState},
};
use crate::groups::{
    embedded_protocol::{PROTOCOL_TYPE, Subscription, version, write_assignment},
    member::{Answer, Join, Joined, Sync, Synced, Ticket},
};

impl ConsumerGroup {
    /// A member joins or rejoins under the classic protocol; the response is due at once. Returns whether a downgrade
    /// needs no rebalance: a static member has returned with the same subscription, and the group is stable.
    pub(crate) fn join_classic(
        &mut self,
        join: &Join,
        ticket: Ticket,
        image: &TopicsImage<'_>,
        now: u64,
    ) -> bool {
        let (joined, undisturbed) = match self.joined_classic(join, image, now) {
            Ok((joined, changed)) => (joined, !changed && self.state() == GroupState::Stable),
            Err((error, id)) => (Joined::refused(error, id), false),
        };
        self.answers.push(Answer::Joined(ticket, joined));
        undisturbed && join.instance_id.is_some()
    }

    /// The response to a join, and whether the member's subscription has changed; or the error, and the member id to tell.
    fn joined_classic<'a>(
        &mut self,
        join: &'a Join,
        image: &TopicsImage<'_>,
        now: u64,
    ) -> Result<(Joined, bool), (ResponseError, &'a str)> {
        let refused = |error| (error, join.member_id.as_str());
        let is_new = join.member_id.is_empty();
        let id = if is_new { &join.fresh_id } else { &join.member_id };
        let (protocol, metadata) = match join.protocols.first() {
            Some(first) if self.supports(join) => first,
            _ => return Err(refused(ResponseError::InconsistentGroupProtocol)),
        };
        let instance = join.instance_id.as_deref();
        if is_new && join.asks_for_id && instance.is_none() {
            return Err((ResponseError::MemberIdRequired, id));
        }
        let subscription =
            Subscription::parse(metadata).ok_or_else(|| refused(ResponseError::UnknownServerError))?;
        if !is_new && instance.is_some() {
            self.classic_member_of(id, instance).map_err(refused)?;
        } else {
            self.enroll(id, instance);
        }
        let unknown = || refused(ResponseError::UnknownMemberId);
        let topics = (image.topics)();
        let owned: BTreeSet<PartitionId> = subscription
            .owned
            .iter()
            .filter_map(|(topic, partitions)| Some((topics.get(topic)?.id, partitions)))
            .flat_map(|(topic, partitions)| partitions.iter().map(move |partition| (topic, *partition)))
            .collect();
        let member = self.members.get_mut(id).ok_or_else(unknown)?;
        let former = member.clone();
        member.rejoin(join, subscription);
        let changed = self.advance(&former, Some(&owned), image, now);
        let member = self.members.get_mut(id).ok_or_else(unknown)?;
        member.deadline = now + join.session_timeout_ms;
        if let Some(classic) = &mut member.classic {
            classic.sync_deadline = Some(now + join.rebalance_timeout_ms);
        }
        let joined = Joined {
            error: None,
            member_id: member.id.clone(),
            generation: member.epoch,
            protocol_type: Some(PROTOCOL_TYPE.to_owned()),
            protocol: Some(protocol.clone()),
            leader: String::new(),
            members: Vec::new(),
            skip_assignment: false,
        };
        Ok((joined, changed))
    }

    /// Whether all members that use the classic protocol know one of these assignors.
    fn supports(&self, join: &Join) -> bool {
        let known = |name: &String| {
            let mut classic = self.members.values().filter_map(|member| member.classic.as_ref());
            classic.all(|classic| classic.protocols.iter().any(|(known, _)| known == name))
        };
        join.protocol_type == PROTOCOL_TYPE && join.protocols.iter().any(|(name, _)| known(name))
    }

    /// A member under the classic protocol requests its assignment; the response is due at once.
    pub(crate) fn sync_classic(&mut self, sync: Sync, ticket: Ticket, now: u64) {
        let synced = self.synced_classic(sync, now);
        self.answers.push(Answer::Synced(ticket, synced));
    }

    fn synced_classic(&mut self, sync: Sync, now: u64) -> Result<Synced, ResponseError> {
        let epoch = self.epoch;
        let names = self.names();
        let (member, classic) = self.classic_member(&sync.member_id, sync.instance_id.as_deref())?;
        if sync.generation != member.epoch {
            return Err(ResponseError::IllegalGeneration);
        }
        let Some((protocol, metadata)) = classic.protocols.first() else {
            return Err(ResponseError::InconsistentGroupProtocol);
        };
        let other = |said: &Option<String>, is: &str| said.as_ref().is_some_and(|said| said != is);
        if other(&sync.protocol_type, PROTOCOL_TYPE) || other(&sync.protocol, protocol) {
            return Err(ResponseError::InconsistentGroupProtocol);
        }
        let assignment = written(&member.assigned(), metadata, &names);
        // One that has partitions to revoke has rejoined already, and is told to do so again when it has revoked them.
        let is_behind = epoch > member.epoch && member.state != MemberState::Unrevoked;
        let Some(member) = self.members.get_mut(&sync.member_id) else {
            return Err(ResponseError::UnknownMemberId);
        };
        if is_behind {
            member.rejoin_by(now);
            return Err(ResponseError::RebalanceInProgress);
        }
        if let Some(classic) = &mut member.classic {
            classic.sync_deadline = None;
            member.deadline = now + classic.session_timeout_ms;
        }
        Ok(Synced { protocol_type: sync.protocol_type, protocol: sync.protocol, assignment })
    }

    /// A heartbeat of a member under the classic protocol; it has to rejoin when there is something to revoke or to get.
    pub(crate) fn heartbeat_classic(
        &mut self,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
        now: u64,
    ) -> Result<(), ResponseError> {
        let (member, classic) = self.classic_member(member_id, instance_id)?;
        if generation != member.epoch {
            return Err(ResponseError::IllegalGeneration);
        }
        let session_timeout_ms = classic.session_timeout_ms;
        let waits = || {
            let mut missing = member.target.iter().filter(|part| !member.assigned.contains_key(part));
            missing.any(|part| self.is_held_by_another(part, member_id))
        };
        // One that has partitions to revoke is behind, too.
        let must_rejoin = member.epoch < self.epoch || member.state == MemberState::Unreleased && !waits();
        let Some(member) = self.members.get_mut(member_id) else {
            return Err(ResponseError::UnknownMemberId);
        };
        member.deadline = now + session_timeout_ms;
        if must_rejoin {
            member.rejoin_by(now);
            return Err(ResponseError::RebalanceInProgress);
        }
        Ok(())
    }

    /// The member of a request of the classic protocol; one that uses the consumer protocol does not send any.
    fn classic_member(&self, id: &str, instance: Option<&str>) -> Result<(&Member, &Classic), ResponseError> {
        let member = self.classic_member_of(id, instance)?;
        let classic = member.classic.as_ref().ok_or(ResponseError::UnknownMemberId)?;
        Ok((member, classic))
    }

    fn classic_member_of(&self, id: &str, instance: Option<&str>) -> Result<&Member, ResponseError> {
        let Some(instance) = instance else {
            return self.members.get(id).ok_or(ResponseError::UnknownMemberId);
        };
        let holder = self.of_instance(instance).ok_or(ResponseError::UnknownMemberId)?;
        if holder.id == id { Ok(holder) } else { Err(ResponseError::FencedInstanceId) }
    }

    /// The subscribed topics by id.
    pub(super) fn names(&self) -> BTreeMap<Uuid, String> {
        self.topics.iter().map(|(name, shape)| (shape.id, name.clone())).collect()
    }
}

impl Member {
    /// Takes over the data of a join under the classic protocol.
    fn rejoin(&mut self, join: &Join, subscription: Subscription) {
        self.instance_id = join.instance_id.clone().or(self.instance_id.take());
        self.rack_id = subscription.rack_id.or(self.rack_id.take());
        self.rebalance_timeout_ms = join.rebalance_timeout_ms;
        self.topics = subscription.topics.into_iter().collect();
        self.regex = String::new();
        self.client_id.clone_from(&join.client_id);
        self.client_host.clone_from(&join.client_host);
        self.revoke_deadline = None;
        let protocols = join.protocols.iter();
        self.classic = Some(Classic {
            session_timeout_ms: join.session_timeout_ms,
            protocols: protocols.map(|(name, data)| (name.clone(), data.to_vec())).collect(),
            ..Classic::default()
        });
    }

    /// Starts the time-out of its next join, unless it runs.
    fn rejoin_by(&mut self, now: u64) {
        if let Some(classic) = &mut self.classic {
            classic.join_deadline.get_or_insert(now + self.rebalance_timeout_ms);
        }
    }
}

/// Partitions in the version of a subscription. Those of deleted topics are left out.
pub(super) fn written(
    parts: &BTreeSet<PartitionId>,
    subscription: &[u8],
    names: &BTreeMap<Uuid, String>,
) -> Bytes {
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for (topic, partition) in parts {
        if let Some(name) = names.get(topic) {
            topics.entry(name).or_default().push(*partition);
        }
    }
    write_assignment(version(subscription).unwrap_or_default(), &topics)
}
