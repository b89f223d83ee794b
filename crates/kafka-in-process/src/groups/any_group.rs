//! A group under either protocol.

use std::io;

use kafka_protocol::ResponseError;
use serde::Deserialize;
use uuid::Uuid;

use super::{
    Change, Key,
    consumer::ConsumerGroup,
    group::{Group, Kept},
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

    /// The classic group; with `may_convert` a group without members is converted.
    pub(super) fn as_classic(&mut self, may_convert: bool) -> Option<&mut Group> {
        if may_convert && self.is_idle() && matches!(self, Self::Consumer(_)) {
            *self = Self::default();
        }
        match self {
            Self::Classic(group) => Some(group),
            Self::Consumer(_) => None,
        }
    }

    /// The group under the consumer protocol; with `may_convert` a group without members is converted.
    pub(super) fn as_consumer(&mut self, may_convert: bool) -> Option<&mut ConsumerGroup> {
        if may_convert && self.is_idle() && matches!(self, Self::Classic(_)) {
            *self = Self::Consumer(ConsumerGroup::default());
        }
        match self {
            Self::Consumer(group) => Some(group),
            Self::Classic(_) => None,
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
