//! The state machine of a consumer group under the classic protocol.
//!
//! Rules after Kafka's `ClassicGroup` and `GroupMetadataManager`, KIP-62 (rebalance timeouts), KIP-345 (static
//! membership), KIP-394 (ids before membership) and KIP-814 (static leaders). Time is monotonic milliseconds, given
//! by the caller; answers that are due pile up until the caller takes them.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::ResponseError;
use serde::{Deserialize, Serialize};

use super::member::{Answer, Member};

/// Where a group stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    #[default]
    Empty,
    /// Waits for its members to join.
    PreparingRebalance,
    /// Waits for the leader's assignment.
    CompletingRebalance,
    Stable,
}

impl State {
    /// As `DescribeGroups` names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
        }
    }
}

/// A consumer group.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) state: State,
    pub(crate) generation: i32,
    pub(crate) protocol_type: Option<String>,
    pub(crate) protocol: Option<String>,
    pub(crate) leader: Option<String>,
    pub(crate) members: BTreeMap<String, Member>,
    /// Member ids by instance ids.
    pub(super) statics: BTreeMap<String, String>,
    /// Ids given out to clients that have not come back with them, and until when they may.
    pub(super) pending: BTreeMap<String, u64>,
    pub(super) pending_sync: BTreeSet<String>,
    /// When the joining, or the waiting for assignments, has lasted long enough.
    pub(super) phase_deadline: Option<u64>,
    pub(super) answers: Vec<Answer>,
    /// Changed in a way that is to be kept.
    pub(super) changed: bool,
}

/// What is kept of a group across restarts.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    generation: i32,
    protocol_type: Option<String>,
    protocol: Option<String>,
    leader: Option<String>,
    members: Vec<Member>,
}

impl Group {
    /// What is to be kept, when it has changed since the last call. In the middle of a rebalance nothing is: members
    /// without their parts would be taken for ones that have nothing to do, and never assigned again.
    pub(crate) fn take_changed(&mut self) -> Option<Kept> {
        if matches!(self.state, State::PreparingRebalance | State::CompletingRebalance) {
            return None;
        }
        std::mem::take(&mut self.changed).then(|| Kept {
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            members: self.members.values().cloned().collect(),
        })
    }

    /// A group as it was kept: its members have one session timeout to be heard of again.
    pub(crate) fn restore(kept: Kept, now: u64) -> Self {
        let mut group = Self {
            state: if kept.members.is_empty() { State::Empty } else { State::Stable },
            generation: kept.generation,
            protocol_type: kept.protocol_type,
            protocol: kept.protocol,
            leader: kept.leader,
            ..Self::default()
        };
        for mut member in kept.members {
            member.alive(now);
            if let Some(instance) = &member.instance_id {
                group.statics.insert(instance.clone(), member.id.clone());
            }
            group.members.insert(member.id.clone(), member);
        }
        group
    }

    /// The answers that are due.
    pub(crate) fn take_answers(&mut self) -> Vec<Answer> {
        std::mem::take(&mut self.answers)
    }

    /// When [`Self::tick`] has something to do next (ms).
    pub(crate) fn deadline(&self) -> Option<u64> {
        let members =
            self.members.values().filter(|member| !member.is_waiting()).map(|member| member.deadline);
        members.chain(self.pending.values().copied()).chain(self.phase_deadline).min()
    }

    /// Nobody belongs to it, and nobody is about to.
    pub(crate) fn is_idle(&self) -> bool {
        self.members.is_empty() && self.pending.is_empty()
    }

    /// A member is alive; the error tells it what to do.
    pub(crate) fn heartbeat(
        &mut self,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
        now: u64,
    ) -> Result<(), ResponseError> {
        let rebalancing = self.state == State::PreparingRebalance;
        let current = self.generation;
        let member = self.known(member_id, instance_id)?;
        if generation != current {
            return Err(ResponseError::IllegalGeneration);
        }
        member.alive(now);
        if rebalancing { Err(ResponseError::RebalanceInProgress) } else { Ok(()) }
    }

    /// Whether offsets may be committed by this member (KIP-447 for those inside a transaction).
    pub(crate) fn validate_commit(
        &mut self,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
        transactional: bool,
        now: u64,
    ) -> Result<(), ResponseError> {
        let anonymous = generation < 0 && member_id.is_empty() && instance_id.is_none();
        if generation < 0 && self.state == State::Empty || transactional && anonymous {
            return Ok(());
        }
        if anonymous {
            return Err(ResponseError::UnknownMemberId);
        }
        let current = self.generation;
        let completing = self.state == State::CompletingRebalance;
        let member = self.known(member_id, instance_id)?;
        if generation != current {
            return Err(ResponseError::IllegalGeneration);
        }
        member.alive(now);
        if !transactional && completing { Err(ResponseError::RebalanceInProgress) } else { Ok(()) }
    }

    /// Finds a member; a static one that has been replaced is fenced (KIP-345).
    pub(super) fn known(
        &mut self,
        member_id: &str,
        instance_id: Option<&str>,
    ) -> Result<&mut Member, ResponseError> {
        if let Some(instance) = instance_id {
            let holder = self.statics.get(instance).ok_or(ResponseError::UnknownMemberId)?;
            if holder != member_id {
                return Err(ResponseError::FencedInstanceId);
            }
        }
        self.members.get_mut(member_id).ok_or(ResponseError::UnknownMemberId)
    }

    /// A member leaves, by its id or, when an administrator removes it, by its instance id alone.
    pub(crate) fn leave(
        &mut self,
        member_id: &str,
        instance_id: Option<&str>,
        now: u64,
    ) -> Result<(), ResponseError> {
        if self.pending.remove(member_id).is_some() {
            self.complete_join_if_all_are_here(now);
            return Ok(());
        }
        let id = match instance_id {
            Some(instance) if member_id.is_empty() => {
                self.statics.get(instance).ok_or(ResponseError::UnknownMemberId)?.clone()
            }
            _ => self.known(member_id, instance_id)?.id.clone(),
        };
        self.remove(&id, now);
        Ok(())
    }

    /// Does what time has made due: members that are gone, phases that have lasted long enough.
    pub(crate) fn tick(&mut self, now: u64) {
        let due = |deadline: u64| deadline <= now;
        let pending = self.pending.len();
        self.pending.retain(|_, deadline| !due(*deadline));
        let gone = self.members.values().filter(|member| !member.is_waiting() && due(member.deadline));
        for id in gone.map(|member| member.id.clone()).collect::<Vec<_>>() {
            tracing::info!(member = id, "a member was not heard of within its session timeout");
            self.remove(&id, now);
        }
        if self.pending.len() < pending {
            self.complete_join_if_all_are_here(now);
        }
        if self.phase_deadline.is_some_and(due) {
            self.phase_deadline = None;
            match self.state {
                State::PreparingRebalance => self.complete_join(now),
                State::CompletingRebalance | State::Stable => {
                    for id in std::mem::take(&mut self.pending_sync) {
                        self.remove(&id, now);
                    }
                }
                State::Empty => {}
            }
        }
    }
}
