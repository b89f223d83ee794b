//! Syncing: how each member gets its assignment in a new generation.

use std::collections::BTreeMap;

use bytes::Bytes;
use kafka_protocol::ResponseError;

use super::{
    classic_group::{Group, State},
    member::{Answer, Sync, Synced, Ticket},
};

impl Group {
    /// A member requests its assignment. The response comes once the leader has sent it.
    pub(crate) fn sync(&mut self, sync: Sync, ticket: Ticket, now: u64) {
        if let Err(error) = self.check_sync(&sync) {
            return self.answers.push(Answer::Synced(ticket, Err(error)));
        }
        let Some(member) = self.members.get_mut(&sync.member_id) else { return };
        member.alive(now);
        self.pending_sync.remove(&sync.member_id);
        match self.state {
            State::Empty | State::PreparingRebalance => {
                self.answers.push(Answer::Synced(ticket, Err(ResponseError::RebalanceInProgress)));
            }
            State::Stable => {
                let assignment = Bytes::copy_from_slice(&member.assignment);
                self.answers.push(Answer::Synced(ticket, Ok(self.synced(assignment))));
                self.end_phase_when_all_synced();
            }
            State::CompletingRebalance => {
                if let Some(former) = member.syncing.replace(ticket) {
                    self.answers.push(Answer::Synced(former, Err(ResponseError::RebalanceInProgress)));
                }
                if self.leader.as_ref() == Some(&sync.member_id) {
                    self.assign(sync.assignments, now);
                }
            }
        }
    }

    /// Members that do not sync in time are removed: see [`Group::tick`].
    fn end_phase_when_all_synced(&mut self) {
        if self.pending_sync.is_empty() {
            self.phase_deadline = None;
        }
    }

    fn check_sync(&mut self, sync: &Sync) -> Result<(), ResponseError> {
        self.known(&sync.member_id, sync.instance_id.as_deref())?;
        if sync.generation != self.generation {
            return Err(ResponseError::IllegalGeneration);
        }
        let other = |said: &Option<String>, is: &Option<String>| said.is_some() && said != is;
        if other(&sync.protocol_type, &self.protocol_type) || other(&sync.protocol, &self.protocol) {
            return Err(ResponseError::InconsistentGroupProtocol);
        }
        Ok(())
    }

    /// Applies the leader's assignment: waiting members get theirs now, others when they ask.
    fn assign(&mut self, assignments: Vec<(String, Bytes)>, now: u64) {
        let mut assignments: BTreeMap<String, Bytes> = assignments.into_iter().collect();
        let mut due = Vec::new();
        for member in self.members.values_mut() {
            let assignment = assignments.remove(&member.id).unwrap_or_default();
            member.assignment = assignment.to_vec();
            if let Some(ticket) = member.syncing.take() {
                member.alive(now);
                due.push((ticket, assignment));
            }
        }
        self.state = State::Stable;
        self.changed = true;
        self.end_phase_when_all_synced();
        for (ticket, assignment) in due {
            self.answers.push(Answer::Synced(ticket, Ok(self.synced(assignment))));
        }
    }

    fn synced(&self, assignment: Bytes) -> Synced {
        Synced { protocol_type: self.protocol_type.clone(), protocol: self.protocol.clone(), assignment }
    }
}
