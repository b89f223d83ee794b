//! Joining: how a group gets to its next generation.

use std::collections::BTreeMap;

use bytes::Bytes;
use kafka_protocol::ResponseError;

use super::{
    classic_group::{Group, State},
    member::{Answer, Join, Joined, Member, Ticket},
};

impl Group {
    /// A member joins or rejoins. The response comes with the next generation, or at once.
    pub(crate) fn join(&mut self, join: &Join, ticket: Ticket, now: u64) {
        if let Err(error) = self.check_protocols(join) {
            return self.refuse(ticket, error, &join.member_id);
        }
        if !join.member_id.is_empty() {
            return self.join_known(join, ticket, now);
        }
        let id = join.fresh_id.clone();
        match &join.instance_id {
            Some(instance) => match self.statics.get(instance).cloned() {
                Some(old) => self.replace_static(join, &old, ticket, now),
                None => self.add(Member::new(id, join), ticket, now),
            },
            None if join.asks_for_id => {
                self.pending.insert(id.clone(), now + join.session_timeout_ms);
                self.refuse(ticket, ResponseError::MemberIdRequired, &id);
            }
            None => self.add(Member::new(id, join), ticket, now),
        }
    }

    fn join_known(&mut self, join: &Join, ticket: Ticket, now: u64) {
        let id = &join.member_id;
        if self.pending.contains_key(id) {
            if join.instance_id.is_some() {
                return self.refuse(ticket, ResponseError::UnknownMemberId, id);
            }
            self.pending.remove(id);
            return self.add(Member::new(id.clone(), join), ticket, now);
        }
        let same = match self.known(id, join.instance_id.as_deref()) {
            Ok(member) => member.matches(join),
            Err(error) => return self.refuse(ticket, error, id),
        };
        let leads = self.leader.as_deref() == Some(id);
        match self.state {
            State::CompletingRebalance if same => self.answer_again(id, ticket, now),
            State::Stable if same && !leads => self.answer_again(id, ticket, now),
            _ => {
                if let Some(member) = self.members.get_mut(id) {
                    member.update(join);
                    member.alive(now);
                    let former = member.joining.replace(ticket);
                    if let Some(former) = former {
                        self.refuse(former, ResponseError::RebalanceInProgress, id);
                    }
                }
                self.rebalance(now);
            }
        }
    }

    /// A static member returns with only its instance id: it replaces its former self (KIP-345).
    fn replace_static(&mut self, join: &Join, old: &str, ticket: Ticket, now: u64) {
        let Some(mut member) = self.members.remove(old) else {
            return self.add(Member::new(join.fresh_id.clone(), join), ticket, now);
        };
        if let Some(former) = member.joining.take() {
            self.refuse(former, ResponseError::FencedInstanceId, old);
        }
        if let Some(former) = member.syncing.take() {
            self.answers.push(Answer::Synced(former, Err(ResponseError::FencedInstanceId)));
        }
        let id = join.fresh_id.clone();
        member.id.clone_from(&id);
        member.update(join);
        member.alive(now);
        self.statics.extend(member.instance_id.clone().map(|instance| (instance, id.clone())));
        self.members.insert(id.clone(), member);
        let former_leader = self.leader.clone();
        let leads = former_leader.as_deref() == Some(old);
        if leads {
            self.leader = Some(id.clone());
        }
        self.changed = true;
        if self.state == State::Stable && self.elect_protocol() == self.protocol {
            // Before version 9, the former leader's id keeps the client from computing an assignment, which would be
            // ignored (KIP-814).
            let leader = if join.may_skip_assignment { self.leader.clone() } else { former_leader };
            let skips = leads && join.may_skip_assignment;
            let members = if skips { self.subscriptions() } else { Vec::new() };
            let leader = leader.unwrap_or_default();
            let joined = Joined { leader, members, skip_assignment: skips, ..self.joined(&id) };
            self.answers.push(Answer::Joined(ticket, joined));
            return;
        }
        if let Some(member) = self.members.get_mut(&id) {
            member.joining = Some(ticket);
        }
        self.rebalance(now);
    }

    fn add(&mut self, mut member: Member, ticket: Ticket, now: u64) {
        member.alive(now);
        member.joining = Some(ticket);
        if let Some(instance) = &member.instance_id {
            self.statics.insert(instance.clone(), member.id.clone());
        }
        self.members.insert(member.id.clone(), member);
        self.rebalance(now);
    }

    /// Removes a member, and rebalances its partitions to the others.
    pub(super) fn remove(&mut self, id: &str, now: u64) {
        let Some(member) = self.members.remove(id) else { return };
        self.pending_sync.remove(id);
        if let Some(instance) = &member.instance_id
            && self.statics.get(instance).is_some_and(|holder| holder == id)
        {
            self.statics.remove(instance);
        }
        if let Some(ticket) = member.joining {
            self.refuse(ticket, ResponseError::UnknownMemberId, "");
        }
        if let Some(ticket) = member.syncing {
            self.answers.push(Answer::Synced(ticket, Err(ResponseError::UnknownMemberId)));
        }
        if self.leader.as_deref() == Some(id) {
            self.leader = None;
        }
        self.changed = true;
        self.rebalance(now);
    }

    /// Starts a rebalance unless one is in preparation, and completes it if all have joined.
    pub(super) fn rebalance(&mut self, now: u64) {
        if self.state != State::PreparingRebalance {
            for member in self.members.values_mut() {
                if let Some(ticket) = member.syncing.take() {
                    member.alive(now);
                    self.answers.push(Answer::Synced(ticket, Err(ResponseError::RebalanceInProgress)));
                }
            }
            self.pending_sync.clear();
            self.state = State::PreparingRebalance;
            self.phase_deadline = Some(now + self.rebalance_timeout());
        }
        self.complete_join_if_all_are_here(now);
    }

    fn rebalance_timeout(&self) -> u64 {
        self.members.values().map(|member| member.rebalance_timeout_ms).max().unwrap_or(0)
    }

    pub(super) fn complete_join_if_all_are_here(&mut self, now: u64) {
        let all = self.pending.is_empty() && self.members.values().all(|member| member.joining.is_some());
        if self.state == State::PreparingRebalance && all {
            self.complete_join(now);
        }
    }

    /// The next generation: drops members that have not joined, except static ones, until their session ends.
    pub(super) fn complete_join(&mut self, now: u64) {
        let late = |member: &Member| member.joining.is_none() && member.instance_id.is_none();
        self.members.retain(|_, member| !late(member));
        let joined = self.members.values().find(|member| member.joining.is_some());
        if joined.is_none() && !self.members.is_empty() {
            self.phase_deadline = Some(now + self.rebalance_timeout());
            return;
        }
        let first = joined.map(|member| member.id.clone());
        let leads = |id: &String| self.members.get(id).is_some_and(|member| member.joining.is_some());
        self.leader = self.leader.take().filter(leads).or(first);
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        self.changed = true;
        if self.members.is_empty() {
            self.state = State::Empty;
            self.protocol = None;
            self.phase_deadline = None;
            return;
        }
        self.protocol = self.elect_protocol();
        self.state = State::CompletingRebalance;
        self.phase_deadline = Some(now + self.rebalance_timeout());
        self.pending_sync = self.members.keys().cloned().collect();
        let tickets = self.members.values_mut().filter_map(|member| {
            member.alive(now);
            Some((member.id.clone(), member.joining.take()?))
        });
        for (id, ticket) in tickets.collect::<Vec<_>>() {
            self.answer_again(&id, ticket, now);
        }
    }

    /// Sends a member the present generation.
    fn answer_again(&mut self, id: &str, ticket: Ticket, now: u64) {
        if let Some(member) = self.members.get_mut(id) {
            member.alive(now);
        }
        let leads = self.leader.as_deref() == Some(id);
        let members = if leads { self.subscriptions() } else { Vec::new() };
        self.answers.push(Answer::Joined(ticket, Joined { members, ..self.joined(id) }));
    }

    fn joined(&self, id: &str) -> Joined {
        Joined {
            error: None,
            member_id: id.to_owned(),
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            leader: self.leader.clone().unwrap_or_default(),
            members: Vec::new(),
            skip_assignment: false,
        }
    }

    fn subscriptions(&self) -> Vec<(String, Option<String>, Bytes)> {
        let protocol = self.protocol.as_deref().unwrap_or_default();
        let all = self.members.values();
        all.map(|member| (member.id.clone(), member.instance_id.clone(), member.metadata(protocol))).collect()
    }

    fn refuse(&mut self, ticket: Ticket, error: ResponseError, member_id: &str) {
        self.answers.push(Answer::Joined(ticket, Joined::refused(error, member_id)));
    }

    fn check_protocols(&mut self, join: &Join) -> Result<(), ResponseError> {
        let inconsistent = Err(ResponseError::InconsistentGroupProtocol);
        if join.protocol_type.is_empty() || join.protocols.is_empty() {
            return inconsistent;
        }
        if self.members.is_empty() {
            self.protocol_type = Some(join.protocol_type.clone());
            return Ok(());
        }
        let shared = |name: &String| {
            self.members.values().all(|member| member.id == join.member_id || member.supports(name))
        };
        let fits = self.protocol_type.as_ref() == Some(&join.protocol_type)
            && join.protocols.iter().any(|(name, _)| shared(name));
        if fits { Ok(()) } else { inconsistent }
    }

    /// The assignor that all know and most prefer.
    pub(super) fn elect_protocol(&self) -> Option<String> {
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for member in self.members.values() {
            let shared = |name: &&str| self.members.values().all(|other| other.supports(name));
            if let Some(name) = member.protocols.iter().map(|(name, _)| name.as_str()).find(shared) {
                *votes.entry(name).or_default() += 1;
            }
        }
        votes.into_iter().max_by_key(|(_, votes)| *votes).map(|(name, _)| name.to_owned())
    }
}
