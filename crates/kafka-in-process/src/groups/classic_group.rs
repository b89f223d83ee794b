//! The state machine of a consumer group under the classic protocol.
//!
//! Follows Kafka's `ClassicGroup` and `GroupMetadataManager`, KIP-62 (rebalance time-outs), KIP-345 (static
//! membership), KIP-394 (ids before membership) and KIP-814 (static leaders). Time is monotonic milliseconds, passed in
//! by the caller; due responses are queued until the caller takes them.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::ResponseError;
use serde::{Deserialize, Serialize};

use super::member::{Answer, Joined, Member};

/// The state of a group.
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
    /// The name in `DescribeGroups`.
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
    /// Ids of clients that have yet to rejoin with them, and their deadlines.
    pub(super) pending: BTreeMap<String, u64>,
    pub(super) pending_sync: BTreeSet<String>,
    /// The deadline for joining or for assignments.
    pub(super) phase_deadline: Option<u64>,
    pub(super) answers: Vec<Answer>,
    /// Whether it has unsaved changes.
    pub(super) changed: bool,
}

/// The persistent state of a group.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(super) generation: i32,
    pub(super) protocol_type: Option<String>,
    pub(super) protocol: Option<String>,
    pub(super) leader: Option<String>,
    pub(super) members: Vec<Member>,
}

impl Group {
    /// The state to persist, if it has changed since the last call. During a rebalance there is none: members restored
    /// without assignments would look idle, and never get any.
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

    /// Restores a group: its members have one session time-out to send a heartbeat.
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

    /// The responses that are due.
    pub(crate) fn take_answers(&mut self) -> Vec<Answer> {
        std::mem::take(&mut self.answers)
    }

    /// Tells all that wait to rejoin; the responses that are due.
    pub(super) fn interrupt(&mut self) -> Vec<Answer> {
        let again = ResponseError::RebalanceInProgress;
        for member in self.members.values_mut() {
            let joining = member.joining.take();
            self.answers
                .extend(joining.map(|ticket| Answer::Joined(ticket, Joined::refused(again, &member.id))));
            self.answers.extend(member.syncing.take().map(|ticket| Answer::Synced(ticket, Err(again))));
        }
        self.take_answers()
    }

    /// When [`Self::tick`] is due next (ms).
    pub(crate) fn deadline(&self) -> Option<u64> {
        let members =
            self.members.values().filter(|member| !member.is_waiting()).map(|member| member.deadline);
        members.chain(self.pending.values().copied()).chain(self.phase_deadline).min()
    }

    /// Whether it has no members, nor pending ones.
    pub(crate) fn is_idle(&self) -> bool {
        self.members.is_empty() && self.pending.is_empty()
    }

    /// A member's heartbeat; the error tells it what to do.
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

    /// Whether this member may commit offsets (KIP-447 for transactional commits).
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

    /// Finds a member; fences a static one that was replaced (KIP-345).
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

    /// A member leaves, by its id or, if removed by an administrator, by its instance id only.
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

    /// Applies time-outs: of sessions, of pending ids, and of rebalance phases.
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
