//! Reconciliation: moves a member towards its target assignment, without assigning a partition that another member holds.
//!
//! Follows Kafka's `CurrentAssignmentBuilder`.

use std::collections::BTreeSet;

use super::{
    ConsumerGroup, Member,
    member::{MemberState, PartitionEpochs, PartitionId},
};

impl ConsumerGroup {
    /// Advances a member as far as possible. `owned` are the partitions that it reports; `None` means all it had.
    pub(super) fn reconcile(
        &mut self,
        id: &str,
        owned: Option<&BTreeSet<PartitionId>>,
        subscription_changed: bool,
        now: u64,
    ) {
        let epoch = self.assignment_epoch;
        let Some(member) = self.members.get(id) else { return };
        if member.is_reconciled_to(epoch) {
            return;
        }
        let owns = |parts: &PartitionEpochs| {
            !parts.is_empty() && owned.is_none_or(|owned| parts.keys().any(|part| owned.contains(part)))
        };
        if member.state == MemberState::Unrevoked && owns(&member.revoking) {
            // Only partitions of topics that it no longer subscribes to are revoked now.
            if subscription_changed {
                self.revoke_unsubscribed(id, now);
            }
            return;
        }
        let kept = |part: &PartitionId| member.target.contains(part);
        let (mut assigned, revoking): (PartitionEpochs, PartitionEpochs) =
            member.assigned.iter().map(|(part, since)| (*part, *since)).partition(|(part, _)| kept(part));
        let state = if owns(&revoking) {
            MemberState::Unrevoked
        } else {
            let wanted: Vec<PartitionId> =
                member.target.iter().filter(|part| !assigned.contains_key(part)).copied().collect();
            let (taken, free): (Vec<_>, Vec<_>) =
                wanted.into_iter().partition(|part| self.is_held_by_another(part, id));
            assigned.extend(free.into_iter().map(|part| (part, epoch)));
            if taken.is_empty() { MemberState::Stable } else { MemberState::Unreleased }
        };
        let Some(member) = self.members.get_mut(id) else { return };
        member.previous_epoch = member.epoch;
        if state == MemberState::Unrevoked {
            member.revoking = revoking;
            member.revoke_by(now);
        } else {
            member.epoch = epoch;
            member.revoking = PartitionEpochs::new();
            member.revoke_deadline = None;
        }
        (member.state, member.assigned) = (state, assigned);
    }

    fn revoke_unsubscribed(&mut self, id: &str, now: u64) {
        let Some(member) = self.members.get(id) else { return };
        let subscribed = self.topic_ids(member);
        let Some(member) = self.members.get_mut(id) else { return };
        let (assigned, unsubscribed): (PartitionEpochs, PartitionEpochs) =
            std::mem::take(&mut member.assigned)
                .into_iter()
                .partition(|((topic, _), _)| subscribed.contains(topic));
        member.assigned = assigned;
        if !unsubscribed.is_empty() {
            member.revoking.extend(unsubscribed);
            member.previous_epoch = member.epoch;
            member.revoke_by(now);
        }
    }

    /// Whether another member holds a partition.
    pub(super) fn is_held_by_another(&self, part: &PartitionId, id: &str) -> bool {
        self.members.values().any(|other| other.id != id && other.holds(part))
    }
}

impl Member {
    /// Starts the time-out of a revocation. A member that uses the classic protocol has one to rejoin instead.
    fn revoke_by(&mut self, now: u64) {
        self.revoke_deadline = self.classic.is_none().then_some(now + self.rebalance_timeout_ms);
    }
}
