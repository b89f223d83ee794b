//! The state machine of a group under the consumer protocol (KIP-848), in which the coordinator assigns the partitions.
//!
//! Rules after `GroupMetadataManager` and `ConsumerGroup` of Kafka 4.3. Each change of members, subscriptions or topics bumps
//! the group epoch and computes a new target assignment; each member is reconciled with its part by its own heartbeats. The
//! caller provides the time (monotonic milliseconds) and the topics.

mod assignor;
mod classic_members;
mod member;
mod migration;
mod offsets;
mod reconciliation;
mod topic_regex;

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use kafka_protocol::ResponseError;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub(crate) use assignor::Assignor;
pub(crate) use member::{Heartbeat, HeartbeatAnswer, LEAVE_EPOCH, LEAVE_STATIC_EPOCH, Member, PartitionId};
pub(crate) use topic_regex::check as check_regex;

use super::member::Answer;
use assignor::Subscriber;
use member::PartitionEpochs;

/// An error with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) error: ResponseError,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(error: ResponseError, message: impl Into<String>) -> Self {
        Self { error, message: message.into() }
    }
}

/// The metadata of a topic that an assignment depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TopicShape {
    pub(crate) id: Uuid,
    pub(crate) partitions: i32,
}

/// All topics by name.
pub(crate) type TopicsByName = BTreeMap<String, TopicShape>;

/// The topics of the cluster.
pub(crate) struct TopicsImage<'a> {
    /// Changes whenever a topic is created, deleted or given partitions.
    pub(crate) version: u64,
    pub(crate) topics: &'a dyn Fn() -> TopicsByName,
}

/// The state of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GroupState {
    Empty,
    /// The next heartbeat computes a new target assignment.
    Assigning,
    /// Some members have not reached their target assignment.
    Reconciling,
    Stable,
}

impl GroupState {
    /// Its name in the protocol.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Assigning => "Assigning",
            Self::Reconciling => "Reconciling",
            Self::Stable => "Stable",
        }
    }
}

/// A group; all but its timers is persisted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ConsumerGroup {
    pub(crate) epoch: i32,
    /// The group epoch of the target assignment.
    pub(crate) assignment_epoch: i32,
    pub(crate) members: BTreeMap<String, Member>,
    /// The existing topics that members subscribe to.
    topics: TopicsByName,
    /// The topics that match each subscribed regular expression.
    regexes: BTreeMap<String, BTreeSet<String>>,
    /// The version of the topics at the last refresh.
    #[serde(skip)]
    topics_version: Option<u64>,
    /// The responses that are due to members that use the classic protocol.
    #[serde(skip)]
    answers: Vec<Answer>,
    #[serde(skip)]
    changed: bool,
}

impl Default for ConsumerGroup {
    fn default() -> Self {
        Self {
            epoch: 1,
            assignment_epoch: 0,
            members: BTreeMap::new(),
            topics: TopicsByName::new(),
            regexes: BTreeMap::new(),
            topics_version: None,
            answers: Vec::new(),
            changed: false,
        }
    }
}

impl ConsumerGroup {
    /// Restarts the timers of a persisted group.
    pub(crate) fn restored(mut self, session_timeout_ms: u64, now: u64) -> Self {
        for member in self.members.values_mut() {
            let classic = member.classic.as_ref();
            member.deadline = now + classic.map_or(session_timeout_ms, |classic| classic.session_timeout_ms);
            if classic.is_none() && !member.revoking.is_empty() {
                member.revoke_deadline = Some(now + member.rebalance_timeout_ms);
            }
        }
        self
    }

    /// Whether it has changed since the last [`Self::take_changed`] and must be persisted.
    pub(crate) fn is_changed(&self) -> bool {
        self.changed
    }

    pub(crate) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// The responses that are due.
    pub(crate) fn take_answers(&mut self) -> Vec<Answer> {
        std::mem::take(&mut self.answers)
    }

    pub(crate) fn state(&self) -> GroupState {
        if self.members.is_empty() {
            GroupState::Empty
        } else if self.epoch > self.assignment_epoch {
            GroupState::Assigning
        } else if self.members.values().all(|member| member.is_reconciled_to(self.assignment_epoch)) {
            GroupState::Stable
        } else {
            GroupState::Reconciling
        }
    }

    /// The assignor that most members prefer.
    pub(crate) fn assignor(&self) -> Assignor {
        let asked = |assignor: &Assignor| {
            self.members.values().filter(|member| member.assignor == Some(*assignor)).count()
        };
        // `max_by_key` takes the last of equals: the default.
        Assignor::ALL.into_iter().rev().max_by_key(asked).unwrap_or_default()
    }

    /// Whether a member subscribes to this topic.
    pub(crate) fn is_subscribed(&self, topic: &str) -> bool {
        let named = self.members.values().any(|member| member.topics.contains(topic));
        named || self.regexes.values().any(|topics| topics.contains(topic))
    }

    /// A heartbeat of a member that joins or stays.
    pub(crate) fn heartbeat(
        &mut self,
        beat: &Heartbeat,
        image: &TopicsImage<'_>,
        session_timeout_ms: u64,
        now: u64,
    ) -> Result<HeartbeatAnswer, Refusal> {
        self.join_or_check(beat)?;
        let Some(member) = self.members.get_mut(&beat.member_id) else { return Err(beat.unknown()) };
        let former = member.clone();
        member.update(beat);
        self.advance(&former, beat.owned.as_ref(), image, now);
        let Some(member) = self.members.get_mut(&beat.member_id) else { return Err(beat.unknown()) };
        member.deadline = now + session_timeout_ms;
        let assigned = member.assigned();
        Ok(HeartbeatAnswer {
            member_id: member.id.clone(),
            epoch: member.epoch,
            assignment: (beat.is_full() || assigned != former.assigned()).then_some(assigned),
        })
    }

    /// Takes a member's changes into account, and reconciles it: `former` is what it was, `owned` are the partitions that it
    /// reports. Returns whether its subscription has changed.
    fn advance(
        &mut self,
        former: &Member,
        owned: Option<&BTreeSet<PartitionId>>,
        image: &TopicsImage<'_>,
        now: u64,
    ) -> bool {
        let Some(member) = self.members.get(&former.id) else { return false };
        let subscription_changed = (&member.topics, &member.regex) != (&former.topics, &former.regex);
        let topics_changed = (subscription_changed || self.topics_version != Some(image.version))
            && self.refresh_topics(image);
        // A pending assignment takes changed topics into account anyway.
        if subscription_changed || topics_changed && self.epoch == self.assignment_epoch {
            self.epoch += 1;
        }
        if self.epoch > self.assignment_epoch {
            self.assign();
        }
        self.reconcile(&former.id, owned, subscription_changed, now);
        self.changed |= self.members.get(&former.id) != Some(former);
        subscription_changed
    }

    /// Adds a joining member, which may replace a static member that left temporarily, or checks an existing one.
    fn join_or_check(&mut self, beat: &Heartbeat) -> Result<(), Refusal> {
        if beat.epoch != 0 {
            return check_epoch(self.existing_member(beat)?, beat);
        }
        let instance = beat.instance_id.as_deref();
        if let Some(former) = instance.and_then(|instance| self.of_instance(instance))
            && former.classic.is_none()
            && former.epoch != LEAVE_STATIC_EPOCH
        {
            let (id, instance, holder) = (&beat.member_id, instance.unwrap_or_default(), &former.id);
            let message = format!(
                "Static member {id} with instance id {instance} cannot join the group because the instance id is owned by \
                 {holder} member."
            );
            return Err(Refusal::new(ResponseError::UnreleasedInstanceId, message));
        }
        self.enroll(&beat.member_id, instance);
        Ok(())
    }

    /// Adds a member unless it is there; it takes over what the static member with its instance id had.
    fn enroll(&mut self, id: &str, instance: Option<&str>) {
        let former = instance.and_then(|instance| self.of_instance(instance)).map(|former| former.id.clone());
        let former = former.and_then(|former| self.members.remove(&former)).unwrap_or_default();
        if !self.members.contains_key(id) {
            let member = Member { id: id.to_owned(), epoch: 0, previous_epoch: 0, ..former };
            self.members.insert(id.to_owned(), member);
            self.changed = true;
        }
    }

    fn of_instance(&self, instance: &str) -> Option<&Member> {
        self.members.values().find(|member| member.instance_id.as_deref() == Some(instance))
    }

    /// The member of a heartbeat; it must hold the instance id, if it gives one.
    fn existing_member(&self, beat: &Heartbeat) -> Result<&Member, Refusal> {
        let id = &beat.member_id;
        let Some(instance) = &beat.instance_id else {
            return self.members.get(id).ok_or_else(|| beat.unknown());
        };
        let unknown =
            || Refusal::new(ResponseError::UnknownMemberId, format!("Instance id {instance} is unknown."));
        let member = self.of_instance(instance).ok_or_else(unknown)?;
        if member.id == *id {
            return Ok(member);
        }
        let message =
            format!("Static member {id} with instance id {instance} was fenced by member {}.", member.id);
        Err(Refusal::new(ResponseError::FencedInstanceId, message))
    }

    /// A heartbeat with a leave epoch. A static member may leave temporarily and keeps its partitions.
    pub(crate) fn leave_by_heartbeat(&mut self, beat: &Heartbeat) -> Result<HeartbeatAnswer, Refusal> {
        let id = self.existing_member(beat)?.id.clone();
        match self.members.get_mut(&id) {
            Some(member) if beat.epoch == LEAVE_STATIC_EPOCH => {
                member.epoch = LEAVE_STATIC_EPOCH;
                member.revoking = PartitionEpochs::new();
                member.revoke_deadline = None;
                self.changed = true;
            }
            _ => self.remove(&id),
        }
        Ok(HeartbeatAnswer { member_id: id, epoch: beat.epoch, assignment: None })
    }

    /// Removes a member by its id or its instance id (`LeaveGroup` from an admin client).
    pub(crate) fn leave(&mut self, member_id: &str, instance_id: Option<&str>) -> Result<(), ResponseError> {
        let id = match instance_id {
            None => member_id,
            Some(instance) => match self.of_instance(instance) {
                None => return Err(ResponseError::UnknownMemberId),
                Some(member) if member_id.is_empty() || member.id == member_id => &member.id.clone(),
                Some(_) => return Err(ResponseError::FencedInstanceId),
            },
        };
        if !self.members.contains_key(id) {
            return Err(ResponseError::UnknownMemberId);
        }
        self.remove(id);
        Ok(())
    }

    /// Removes a member; the next heartbeat of another member reassigns its partitions. When none is left that uses the consumer
    /// protocol, a downgrade follows, whose members go on with their generation until its rebalance.
    fn remove(&mut self, id: &str) {
        self.members.remove(id);
        if !self.is_all_classic() {
            self.epoch += 1;
        }
        self.topics_version = None;
        self.changed = true;
    }

    /// Resolves the subscriptions again; returns whether the topics changed.
    fn refresh_topics(&mut self, image: &TopicsImage<'_>) -> bool {
        let all = (image.topics)();
        let subscribed: BTreeSet<&String> =
            self.members.values().map(|member| &member.regex).filter(|regex| !regex.is_empty()).collect();
        let regexes =
            subscribed.into_iter().map(|regex| (regex.clone(), topic_regex::matching(regex, all.keys())));
        let regexes: BTreeMap<_, _> = regexes.collect();
        let named = self.members.values().flat_map(|member| &member.topics);
        let names: BTreeSet<&String> = named.chain(regexes.values().flatten()).collect();
        let topics = names.into_iter().filter_map(|name| Some((name.clone(), *all.get(name)?))).collect();
        self.topics_version = Some(image.version);
        let changed = topics != self.topics || regexes != self.regexes;
        self.changed |= changed;
        (self.topics, self.regexes) = (topics, regexes);
        changed
    }

    /// The ids of the existing topics that a member subscribes to.
    fn topic_ids(&self, member: &Member) -> BTreeSet<Uuid> {
        let by_regex = self.regexes.get(&member.regex).into_iter().flatten();
        let names = member.topics.iter().chain(by_regex);
        names.filter_map(|name| Some(self.topics.get(name)?.id)).collect()
    }

    /// Computes a new target assignment.
    fn assign(&mut self) {
        let subscribers = self.members.values().map(|member| Subscriber {
            id: &member.id,
            instance_id: member.instance_id.as_deref(),
            topics: self.topic_ids(member),
            target: &member.target,
        });
        let subscribers: Vec<_> = subscribers.collect();
        let topics = self.topics.values().map(|shape| (shape.id, shape.partitions)).collect();
        let shares = self.assignor().assign(&subscribers, &topics);
        self.assignment_epoch = self.epoch;
        self.changed = true;
        for (member, share) in self.members.values_mut().zip(shares) {
            member.target = share;
        }
    }

    /// The next timer (ms).
    pub(crate) fn deadline(&self) -> Option<u64> {
        self.members.values().map(Member::next_deadline).min()
    }

    /// Fences members whose session or rebalance timed out.
    pub(crate) fn tick(&mut self, now: u64) {
        let due = |member: &&Member| member.next_deadline() <= now;
        let gone: Vec<_> = self.members.values().filter(due).map(|member| member.id.clone()).collect();
        for id in gone {
            tracing::info!(member = id, "a member's session or rebalance timed out");
            self.remove(&id);
        }
    }
}

/// Fences a member whose epoch is not the current one. The previous epoch is accepted from a member that missed the last
/// response, as long as it owns only partitions that are still assigned to it.
fn check_epoch(member: &Member, beat: &Heartbeat) -> Result<(), Refusal> {
    let (received, current) = (beat.epoch, member.epoch);
    let only_assigned =
        |owned: &BTreeSet<PartitionId>| owned.iter().all(|part| member.assigned.contains_key(part));
    let missed_response = received == member.previous_epoch && beat.owned.as_ref().is_some_and(only_assigned);
    let word = match received.cmp(&current) {
        Ordering::Equal => return Ok(()),
        Ordering::Less if missed_response => return Ok(()),
        Ordering::Less => "smaller",
        Ordering::Greater => "greater",
    };
    let message = format!(
        "The consumer group member has a {word} member epoch ({received}) than the one known by the group coordinator ({current}). \
         The member must abandon all its partitions and rejoin."
    );
    Err(Refusal::new(ResponseError::FencedMemberEpoch, message))
}

#[cfg(test)]
mod tests;
