//! A member of a group under the consumer protocol, its heartbeats and their responses.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::ResponseError;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Refusal, assignor::Assignor};

/// A partition: the topic by its id, as a recreated topic is another one.
pub(crate) type PartitionId = (Uuid, i32);

/// Partitions with the member epoch at which each was assigned.
pub(crate) type PartitionEpochs = BTreeMap<PartitionId, i32>;

/// The epoch in the heartbeat of a member that leaves.
pub(crate) const LEAVE_EPOCH: i32 = -1;
/// The epoch in the heartbeat of a static member that leaves temporarily.
pub(crate) const LEAVE_STATIC_EPOCH: i32 = -2;

/// A heartbeat. `None` is unchanged.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heartbeat {
    pub(crate) group: String,
    pub(crate) member_id: String,
    /// 0 to join, [`LEAVE_EPOCH`] and [`LEAVE_STATIC_EPOCH`] to leave.
    pub(crate) epoch: i32,
    pub(crate) instance_id: Option<String>,
    pub(crate) rack_id: Option<String>,
    pub(crate) rebalance_timeout_ms: Option<u64>,
    pub(crate) topics: Option<BTreeSet<String>>,
    pub(crate) regex: Option<String>,
    pub(crate) assignor: Option<Assignor>,
    pub(crate) owned: Option<BTreeSet<PartitionId>>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
}

impl Heartbeat {
    /// A full request, as a client sends after a missed response: the answer contains the assignment.
    pub(super) fn is_full(&self) -> bool {
        let subscribes = self.topics.is_some() || self.regex.is_some();
        self.epoch == 0 || self.rebalance_timeout_ms.is_some() && subscribes && self.owned.is_some()
    }

    pub(super) fn unknown(&self) -> Refusal {
        let Self { group, member_id, .. } = self;
        let message = format!("Member {member_id} is not a member of group {group}.");
        Refusal::new(ResponseError::UnknownMemberId, message)
    }
}

/// The response to a heartbeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeartbeatAnswer {
    pub(crate) member_id: String,
    pub(crate) epoch: i32,
    /// Only if it has changed, or the request was a full one.
    pub(crate) assignment: Option<BTreeSet<PartitionId>>,
}

/// The state of a member's reconciliation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum MemberState {
    #[default]
    Stable,
    /// Must revoke partitions.
    Unrevoked,
    /// Waits for partitions that other members have not released.
    Unreleased,
}

/// The part of a member that uses the classic protocol: it joins, syncs and sends heartbeats as in a classic group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Classic {
    pub(super) session_timeout_ms: u64,
    /// Assignors with subscriptions, by preference.
    pub(super) protocols: Vec<(String, Vec<u8>)>,
    /// When it must have rejoined, once it was told to (ms, monotonic).
    #[serde(skip)]
    pub(super) join_deadline: Option<u64>,
    /// When it must have synced, once it has joined.
    #[serde(skip)]
    pub(super) sync_deadline: Option<u64>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) rack_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(super) rebalance_timeout_ms: u64,
    pub(crate) topics: BTreeSet<String>,
    /// Empty without one.
    pub(crate) regex: String,
    pub(super) assignor: Option<Assignor>,
    pub(crate) epoch: i32,
    pub(super) previous_epoch: i32,
    pub(super) state: MemberState,
    /// What it has if it uses the classic protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) classic: Option<Classic>,
    #[serde(with = "by_topic")]
    pub(super) assigned: PartitionEpochs,
    #[serde(with = "by_topic")]
    pub(super) revoking: PartitionEpochs,
    /// Its part of the target assignment.
    #[serde(with = "set_by_topic")]
    pub(crate) target: BTreeSet<PartitionId>,
    /// When its session times out (ms, monotonic).
    #[serde(skip)]
    pub(super) deadline: u64,
    /// When its revocation times out.
    #[serde(skip)]
    pub(super) revoke_deadline: Option<u64>,
}

impl Member {
    /// Applies the fields of a heartbeat; who sends one uses the consumer protocol.
    pub(super) fn update(&mut self, beat: &Heartbeat) {
        self.classic = None;
        self.instance_id = beat.instance_id.clone().or(self.instance_id.take());
        self.rack_id = beat.rack_id.clone().or(self.rack_id.take());
        self.rebalance_timeout_ms = beat.rebalance_timeout_ms.unwrap_or(self.rebalance_timeout_ms);
        self.assignor = beat.assignor.or(self.assignor);
        self.client_id.clone_from(&beat.client_id);
        self.client_host.clone_from(&beat.client_host);
        if let Some(topics) = &beat.topics {
            self.topics.clone_from(topics);
        }
        if let Some(regex) = &beat.regex {
            self.regex.clone_from(regex);
        }
    }

    /// When its session, a revocation, or a phase of the classic protocol times out.
    pub(super) fn next_deadline(&self) -> u64 {
        let phases = self.classic.iter().flat_map(|classic| [classic.join_deadline, classic.sync_deadline]);
        phases.chain([self.revoke_deadline]).flatten().fold(self.deadline, u64::min)
    }

    /// Whether a partition is assigned to it or not yet revoked.
    pub(super) fn holds(&self, part: &PartitionId) -> bool {
        self.assigned.contains_key(part) || self.revoking.contains_key(part)
    }

    pub(super) fn is_reconciled_to(&self, epoch: i32) -> bool {
        self.state == MemberState::Stable && self.epoch == epoch
    }

    pub(crate) fn assigned(&self) -> BTreeSet<PartitionId> {
        self.assigned.keys().copied().collect()
    }

    /// Its partitions, including those not yet revoked.
    pub(crate) fn current(&self) -> BTreeSet<PartitionId> {
        self.assigned.keys().chain(self.revoking.keys()).copied().collect()
    }

    /// Whether a partition that it holds was assigned to it at this epoch already.
    pub(super) fn was_assigned(&self, part: PartitionId, epoch: i32) -> bool {
        let since = self.assigned.get(&part).or_else(|| self.revoking.get(&part));
        since.is_some_and(|since| epoch >= *since)
    }
}

/// Partitions in JSON, grouped by topic.
mod by_topic {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use uuid::Uuid;

    use super::PartitionEpochs;

    pub(super) fn serialize<S: Serializer>(held: &PartitionEpochs, serializer: S) -> Result<S::Ok, S::Error> {
        let mut topics: BTreeMap<Uuid, Vec<(i32, i32)>> = BTreeMap::new();
        for ((topic, partition), epoch) in held {
            topics.entry(*topic).or_default().push((*partition, *epoch));
        }
        topics.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<PartitionEpochs, D::Error> {
        let topics = BTreeMap::<Uuid, Vec<(i32, i32)>>::deserialize(deserializer)?;
        let parts = topics.into_iter().flat_map(|(topic, partitions)| {
            partitions.into_iter().map(move |(partition, epoch)| ((topic, partition), epoch))
        });
        Ok(parts.collect())
    }
}

/// The same without epochs.
mod set_by_topic {
    use std::collections::BTreeSet;

    use serde::{Deserializer, Serializer};

    use super::{PartitionId, by_topic};

    pub(super) fn serialize<S: Serializer>(
        parts: &BTreeSet<PartitionId>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        by_topic::serialize(&parts.iter().map(|part| (*part, 0)).collect(), serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeSet<PartitionId>, D::Error> {
        by_topic::deserialize(deserializer).map(|held| held.into_keys().collect())
    }
}
