//! A group under either protocol.

use std::io;

use kafka_protocol::ResponseError;
use serde::Deserialize;
use uuid::Uuid;

use super::{
    Change, Key,
    classic_group::{Group, Kept, State},
    consumer::{ConsumerGroup, Refusal, TopicsImage},
    member::{Answer, Join, Sync, Ticket},
    offsets::{Committer, Offsets},
    subscription::Reads,
};

/// A group of either protocol.
#[derive(Debug)]
pub(crate) enum AnyGroup {
    /// The leader assigns the partitions.
    Classic(Group),
    /// The coordinator assigns the partitions (KIP-848).
    Consumer(ConsumerGroup),
}

impl Default for AnyGroup {
    fn default() -> Self {
        Self::Classic(Group::default())
    }
}

/// A persisted group.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum KeptGroup {
    Consumer(ConsumerGroup),
    Classic(Kept),
}

impl AnyGroup {
    pub(super) fn restore(kept: KeptGroup, session_timeout_ms: u64, now: u64) -> Self {
        match kept {
            KeptGroup::Classic(kept) => Self::Classic(Group::restore(kept, now)),
            KeptGroup::Consumer(group) => Self::Consumer(group.restored(session_timeout_ms, now)),
        }
    }

    /// The journal's change, if the group has changed since the last call.
    pub(super) fn take_changed(&mut self, id: &str) -> Option<io::Result<Change>> {
        let key = Key::Group(id.to_owned());
        match self {
            Self::Classic(group) => group.take_changed().map(|kept| Change::set(key, &kept)),
            Self::Consumer(group) => group.take_changed().then(|| Change::set(key, group)),
        }
    }

    /// The group under the consumer protocol, to which one that joins upgrades a classic group.
    pub(super) fn for_heartbeat(
        &mut self,
        id: &str,
        joins: bool,
        image: &TopicsImage<'_>,
        now: u64,
    ) -> Result<&mut ConsumerGroup, Refusal> {
        let refused = |message: String| Refusal::new(ResponseError::GroupIdNotFound, message);
        if let Self::Classic(group) = self
            && joins
        {
            let upgraded = match group.state {
                State::Empty => Ok(ConsumerGroup::default()),
                _ => ConsumerGroup::from_classic(group, image, now),
            };
            *self = Self::Consumer(upgraded.map_err(|reason| {
                refused(format!("Cannot upgrade classic group {id} to consumer group because {reason}."))
            })?);
        }
        match self {
            Self::Consumer(group) => Ok(group),
            Self::Classic(_) => Err(refused(format!("Group {id} is not a consumer group."))),
        }
    }

    /// Turns a group whose members all use the classic protocol into a classic group; returns the new one.
    pub(super) fn downgrade(&mut self, now: u64) -> Option<&mut Group> {
        if let Self::Consumer(group) = self
            && group.is_all_classic()
        {
            *self = Self::Classic(group.downgraded(now));
            return match self {
                Self::Classic(group) => Some(group),
                Self::Consumer(_) => None,
            };
        }
        None
    }

    /// The responses that are due.
    pub(super) fn take_answers(&mut self) -> Vec<Answer> {
        match self {
            Self::Classic(group) => group.take_answers(),
            Self::Consumer(group) => group.take_answers(),
        }
    }

    /// A member joins under the classic protocol; a group without members is under it from now on.
    pub(super) fn join(&mut self, join: &Join, ticket: Ticket, image: &TopicsImage<'_>, now: u64) {
        if self.is_idle() && matches!(self, Self::Consumer(_)) {
            *self = Self::default();
        }
        match self {
            Self::Classic(group) => group.join(join, ticket, now),
            Self::Consumer(group) => {
                if group.join_classic(join, ticket, image, now) {
                    // Without a rebalance.
                    self.downgrade(now);
                }
            }
        }
    }

    /// A member requests its assignment.
    pub(super) fn sync(&mut self, sync: Sync, ticket: Ticket, now: u64) {
        match self {
            Self::Classic(group) => group.sync(sync, ticket, now),
            Self::Consumer(group) => group.sync_classic(sync, ticket, now),
        }
    }

    /// A member leaves, by `LeaveGroup`.
    pub(super) fn leave(
        &mut self,
        member_id: &str,
        instance_id: Option<&str>,
        now: u64,
    ) -> Result<(), ResponseError> {
        match self {
            Self::Classic(group) => group.leave(member_id, instance_id, now),
            Self::Consumer(group) => group.leave(member_id, instance_id),
        }
    }

    /// A member's heartbeat under the classic protocol.
    pub(super) fn heartbeat(
        &mut self,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
        now: u64,
    ) -> Result<(), ResponseError> {
        match self {
            Self::Classic(group) => group.heartbeat(member_id, instance_id, generation, now),
            Self::Consumer(group) => group.heartbeat_classic(member_id, instance_id, generation, now),
        }
    }

    /// Its type in the protocol.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Classic(_) => "classic",
            Self::Consumer(_) => "consumer",
        }
    }

    pub(crate) fn protocol_type(&self) -> &str {
        match self {
            Self::Classic(group) => group.protocol_type.as_deref().unwrap_or_default(),
            Self::Consumer(_) => "consumer",
        }
    }

    pub(crate) fn state_name(&self) -> &'static str {
        match self {
            Self::Classic(group) => group.state.name(),
            Self::Consumer(group) => group.state().name(),
        }
    }

    /// It has no members, nor pending ones.
    pub(super) fn is_idle(&self) -> bool {
        match self {
            Self::Classic(group) => group.is_idle(),
            Self::Consumer(group) => group.members.is_empty(),
        }
    }

    pub(super) fn deadline(&self) -> Option<u64> {
        match self {
            Self::Classic(group) => group.deadline(),
            Self::Consumer(group) => group.deadline(),
        }
    }

    pub(super) fn tick(&mut self, now: u64) {
        match self {
            Self::Classic(group) => group.tick(now),
            Self::Consumer(group) => group.tick(now),
        }
    }

    /// Which of these topics its members subscribe to.
    pub(crate) fn reads<'a>(&self, topics: impl Iterator<Item = &'a str>) -> Reads {
        match self {
            Self::Classic(group) => group.reads(),
            Self::Consumer(group) => {
                Reads::Only(topics.filter(|topic| group.is_subscribed(topic)).map(str::to_owned).collect())
            }
        }
    }

    /// Whether a member may commit offsets; returns the refused ones.
    pub(super) fn validate_commit(
        &mut self,
        who: &Committer<'_>,
        transactional: bool,
        offsets: &Offsets,
        id_of: &dyn Fn(&str) -> Option<Uuid>,
        now: u64,
    ) -> Result<Vec<(String, i32)>, ResponseError> {
        match self {
            Self::Classic(group) => {
                let Committer { member_id, instance_id, generation, .. } = *who;
                group.validate_commit(member_id, instance_id, generation, transactional, now)?;
                Ok(Vec::new())
            }
            Self::Consumer(group) => group.validate_commit(who, transactional, offsets, id_of),
        }
    }
}
