//! A member of a consumer group: it owns partitions and commits their offsets, but fetches no records.
//!
//! The rebalance callback assigns librdkafka an empty list: so it keeps the membership (KIP-62 heartbeats, KIP-345
//! static members, fencing) but fetches nothing; records come from the log reader.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use rdkafka::{
    ClientContext, Offset, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, StreamConsumer},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    types::RDKafkaRespErr,
};
use tokio::sync::Notify;

use super::context::Env;
use crate::{
    consumer::{Part, Start},
    stream::{StreamError, log_line, topic_name, topic_of},
    views::Source,
};

/// A question to Kafka that nothing goes on without.
pub(super) const CALL: Duration = Duration::from_secs(10);
/// A member checks whether each partition has an owner this long after the last change.
const UNCHANGED: Duration = Duration::from_secs(3);
/// Time-out of a request that can wait.
const LOOK: Duration = Duration::from_secs(2);
/// How long a member that leaves for good may take for it.
const LEAVING: Duration = Duration::from_secs(3);

/// The client of a member.
pub(super) type Client = StreamConsumer<Member>;

/// A committed offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Committed {
    /// The offset to read next.
    pub(super) next: i64,
    /// The instance that committed it.
    pub(super) who: Arc<str>,
}

/// Asks Kafka for the committed offsets of the partitions in question; waits at most that long.
pub(super) type AskCommitted<'a> = &'a dyn Fn(Duration) -> Result<HashMap<Part, Committed>, String>;

/// Callbacks of a rebalance, called from within a poll of the member.
pub(super) trait RebalanceListener: Send + Sync + 'static {
    /// Partitions were assigned: returns where to read each from, or a sentence that says why it cannot.
    fn assigned(&self, parts: &[Part], committed: AskCommitted<'_>) -> Result<Vec<Start>, String>;
    /// Partitions were revoked; `lost` if another member may own them already. Returns the offsets to commit before the
    /// next owner fetches them.
    fn revoked(&self, parts: &[Part], lost: bool) -> Vec<(Part, Committed)>;
}

/// A change of the assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// Read it from there.
    Assigned(Part, Start),
    /// No more.
    Revoked(Part),
}

/// The context of a member's client.
pub(super) struct Member {
    listener: Arc<dyn RebalanceListener>,
    topics: Vec<(String, Source)>,
    changes: Mutex<Vec<Change>>,
    changed: Notify,
    trouble: Mutex<Option<String>>,
    owners: Mutex<OwnerCheck>,
    /// Its assignment, perhaps an empty one, until it is revoked.
    share: Mutex<Option<Vec<Part>>>,
    /// Whether it is leaving: then assignments are ignored and nothing is committed.
    leaves: AtomicBool,
}

/// The check that each partition has an owner.
struct OwnerCheck {
    /// The partitions of the member's topics.
    parts: Vec<Part>,
    /// Since when they and its assignment have been these; later after a check.
    since: Instant,
    /// Whether each was found to have an owner.
    done: bool,
}

impl OwnerCheck {
    fn begin(parts: Vec<Part>) -> Self {
        Self { parts, since: Instant::now(), done: false }
    }

    /// Whether it is time for it: neither these partitions nor the assignment have changed for [`UNCHANGED`], counted anew
    /// after each `true`.
    fn is_due(&mut self, parts: &[Part]) -> bool {
        if self.parts != parts {
            *self = Self::begin(parts.to_vec());
        }
        let is_due = !self.done && self.since.elapsed() >= UNCHANGED;
        if is_due {
            self.since = Instant::now();
        }
        is_due
    }
}

/// Joins the group of a consumer.
pub(super) fn join(
    env: &Env,
    name: &str,
    sources: &[Source],
    listener: Arc<dyn RebalanceListener>,
) -> Result<Client, StreamError> {
    let session = &env.session;
    let member = Member {
        listener,
        topics: sources.iter().map(|source| (topic_name(session, *source), *source)).collect(),
        changes: Mutex::default(),
        changed: Notify::new(),
        trouble: Mutex::new(None),
        owners: Mutex::new(OwnerCheck::begin(Vec::new())),
        share: Mutex::new(None),
        leaves: AtomicBool::new(false),
    };
    let group = session.group(name);
    let settings = [
        ("group.id", group.as_str()),
        ("group.instance.id", &*env.instance),
        ("enable.auto.commit", "false"),
        ("auto.offset.reset", "error"),
        // Wait for the offsets of an open transaction (KIP-447).
        ("isolation.level", "read_committed"),
        ("partition.assignment.strategy", "range"),
        ("session.timeout.ms", "6000"),
        // Members learn of a rebalance by their heartbeat.
        ("heartbeat.interval.ms", "1000"),
    ];
    let client: Client = session.client(&settings).create_with_context(member)?;
    client.subscribe(&client.context().topics())?;
    Ok(client)
}

impl Member {
    /// The topics that it subscribes to.
    fn topics(&self) -> Vec<&str> {
        self.topics.iter().map(|(name, _)| name.as_str()).collect()
    }

    fn share(&self) -> MutexGuard<'_, Option<Vec<Part>>> {
        self.share.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a change of the assignment, or for trouble.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// What has changed since the last call, in order.
    pub(super) fn take_changes(&self) -> Vec<Change> {
        std::mem::take(&mut *self.changes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, changes: impl Iterator<Item = Change>) {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).extend(changes);
        self.changed.notify_one();
    }

    fn owners(&self) -> MutexGuard<'_, OwnerCheck> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn part(&self, topic: &str, partition: i32) -> Option<Part> {
        let (_, source) = self.topics.iter().find(|(name, _)| name == topic)?;
        Some(Part { source: *source, partition })
    }

    /// Why the client must be replaced, if it must.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_trouble(&self, text: String) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
        self.changed.notify_one();
    }

    /// Offsets to commit, as a list for Kafka.
    pub(super) fn offsets(
        &self,
        committed: impl IntoIterator<Item = (Part, Committed)>,
    ) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for (part, committed) in committed {
            if let Some((name, _)) = self.topics.iter().find(|(_, source)| *source == part.source) {
                let mut place = list.add_partition(name, part.partition);
                // Fails only for an offset out of range; ours come from Kafka.
                let _ = place.set_offset(Offset::Offset(committed.next));
                place.set_metadata(&*committed.who);
            }
        }
        list
    }

    /// The committed offsets of partitions. Blocks for at most `patience`.
    fn committed(
        &self,
        client: &BaseConsumer<Self>,
        offered: &TopicPartitionList,
        patience: Duration,
    ) -> Result<HashMap<Part, Committed>, String> {
        let mut asked = TopicPartitionList::new();
        for place in offered.elements() {
            asked.add_partition(place.topic(), place.partition());
        }
        let answer = client
            .committed_offsets(asked, patience)
            .map_err(|error| format!("Kafka does not say how far its partitions were read: {error}"))?;
        let committed = answer.elements().into_iter().filter_map(|place| {
            let part = self.part(place.topic(), place.partition())?;
            let Offset::Offset(next) = place.offset() else { return None };
            Some((part, Committed { next, who: place.metadata().into() }))
        });
        Ok(committed.collect())
    }

    fn assigned(&self, client: &BaseConsumer<Self>, offered: &TopicPartitionList) {
        let parts = self.parts(offered);
        match self.listener.assigned(&parts, &|patience| self.committed(client, offered, patience)) {
            Ok(starts) => {
                let changes = parts.into_iter().zip(starts);
                self.note(changes.map(|(part, start)| Change::Assigned(part, start)));
            }
            Err(text) => self.set_trouble(text),
        }
        if let Err(error) = client.assign(&TopicPartitionList::new()) {
            self.set_trouble(format!("the partitions could not be taken over: {error}"));
        }
    }

    fn revoked(&self, client: &BaseConsumer<Self>, taken: &TopicPartitionList) {
        let parts = self.parts(taken);
        let committed = self.listener.revoked(&parts, client.assignment_lost());
        self.note(parts.into_iter().map(Change::Revoked));
        // Sent before this member rejoins, so that the next owner finds it.
        if !committed.is_empty()
            && let Err(error) = client.commit(&self.offsets(committed), CommitMode::Async)
        {
            tracing::debug!("offsets were not committed: {error}");
        }
        if let Err(error) = client.unassign() {
            self.set_trouble(format!("the partitions could not be given back: {error}"));
        }
    }

    fn parts(&self, list: &TopicPartitionList) -> Vec<Part> {
        list.elements().iter().filter_map(|place| self.part(place.topic(), place.partition())).collect()
    }
}

/// Why a client must be replaced after an error, if it must.
pub(super) fn why_again(error: &KafkaError) -> Option<String> {
    match error {
        KafkaError::MessageConsumptionFatal(code)
        | KafkaError::MessageConsumption(code @ RDKafkaErrorCode::PollExceeded) => Some(code.to_string()),
        _ => None,
    }
}

/// Leaves and rejoins the group, which starts a new generation, if a partition has had no owner for a while. Of members
/// with partitions only the one with the first of them does. Blocks for two seconds a topic and two more at most, and seldom.
///
/// The group leader assigns partitions at the start of a generation. It leaves out what is missing at that moment; a
/// leader that keeps running sees topics and partitions appear and requests a rebalance. But a static member that
/// rejoins within its session gets its old assignment without a rebalance, and is not told that it is the leader
/// (KIP-345; KIP-814 only helps clients that support it): then no member watches the topics any more.
pub(super) fn rejoin_if_abandoned(env: &Env, client: &Client, name: &str) {
    let member = client.context();
    let Some(share) = member.share().clone() else { return };
    let is_own = |part: &Part| member.topics.iter().any(|(_, source)| *source == part.source);
    let mut parts: Vec<Part> = env.model.ends().by_part.into_keys().filter(is_own).collect();
    parts.sort_unstable();
    if parts.iter().all(|part| share.contains(part)) || !member.owners().is_due(&parts) {
        return;
    }
    match assigned_in(client, &env.session.group(name)) {
        Ok(Some(assigned)) => {
            let assigned: Vec<Part> =
                assigned.iter().filter_map(|(topic, number)| member.part(topic, *number)).collect();
            let has = |part: &Part| {
                let count = env.session.partitions_of(topic_of(part.source), LOOK);
                count.is_ok_and(|count| part.partition < count)
            };
            let mut lacking: Vec<&Part> = parts.iter().filter(|part| !assigned.contains(part)).collect();
            // What cannot be said now is asked again.
            member.owners().done = lacking.is_empty();
            // A topic without the lowest of them has none.
            lacking.dedup_by_key(|part| part.source);
            let acts = assigned.iter().min().is_none_or(|first| share.contains(first));
            let Some(lacking) = lacking.into_iter().find(|part| acts && has(part)) else { return };
            tracing::warn!("{name}: nobody in its group has {lacking}: it joins again");
            client.unsubscribe();
            if let Err(error) = client.subscribe(&member.topics()) {
                tracing::warn!("{name}: {error}");
            }
        }
        Ok(None) => {}
        Err(error) => tracing::debug!("{name}: what others in its group have is not known: {error}"),
    }
}

/// Whether a member has partitions that their topic does not have: it was deleted and made again with fewer. Blocks for
/// two seconds a topic at most, and seldom.
///
/// A static member that rejoins gets its old assignment without a rebalance (KIP-345), however often. Partitions are
/// assigned by the present metadata once it has left the group.
pub(super) fn has_missing_partitions(env: &Env, client: &Client) -> bool {
    let ends = env.model.ends();
    let share = client.context().share().clone().unwrap_or_default();
    // An added partition may be assigned before the watch of the ends finds it, so Kafka is asked.
    let mut unknown: Vec<Part> = share.into_iter().filter(|part| !ends.may_have(*part)).collect();
    // The highest one of each topic decides.
    unknown.sort_unstable_by(|one, other| other.cmp(one));
    unknown.dedup_by_key(|part| part.source);
    unknown.into_iter().any(|part| match env.session.partitions_of(topic_of(part.source), LOOK) {
        Ok(count) => part.partition >= count,
        Err(error) => {
            tracing::debug!("whether there is a partition {part} is not known: {error}");
            false
        }
    })
}

/// Ends a membership for good, once everything is committed. If the group has other members, or `even_alone`, sends a
/// `LeaveGroup`, so that partitions are assigned anew at once; waits for that for a bounded time.
///
/// A static member does not leave when its client is closed (KIP-345): its partitions would be idle until its session
/// times out. Unsubscribing does leave (`rd_kafka_cgrp_leave_maybe`, 2.12). A member that is alone stays: no other one
/// waits for its partitions, and when it returns it has them without a rebalance, which Kafka would delay
/// (`group.initial.rebalance.delay.ms`).
pub(super) async fn leave(env: &Env, client: Arc<Client>, name: &str, even_alone: bool) {
    let deadline = tokio::time::Instant::now() + LEAVING;
    let member = client.context();
    member.leaves.store(true, Ordering::Relaxed);
    if !env.model.connection().up || !even_alone && is_alone(&client, &env.session.group(name)) {
        crate::stream::let_go(client);
        return;
    }
    // The next owner restores the partitions from these states.
    env.publisher.flush(LEAVING / 3);
    client.unsubscribe();
    // librdkafka leaves once a poll has called the revocation callback.
    let given_back = async {
        while member.share().is_some() {
            tokio::select! {
                _ = client.recv() => {}
                () = member.changed() => {}
            }
        }
    };
    if tokio::time::timeout_at(deadline, given_back).await.is_err() {
        tracing::debug!("{name}: its group does not know that it leaves");
    }
    // Closing the client waits for the LeaveGroup response.
    let (told, closed) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        drop(client);
        told.send(())
    });
    let _ = tokio::time::timeout_at(deadline, closed).await;
}

/// Whether a group is known to have no more than one member.
fn is_alone(client: &Client, group: &str) -> bool {
    match client.fetch_group_list(Some(group), LEAVING / 3) {
        Ok(groups) => groups.groups().iter().any(|known| known.name() == group && known.members().len() <= 1),
        Err(error) => {
            tracing::debug!("who else is in {group} is not known: {error}");
            false
        }
    }
}

/// The partitions that the members of a group have; `None` while it is not stable.
fn assigned_in(client: &Client, group: &str) -> Result<Option<Vec<(String, i32)>>, KafkaError> {
    let groups = client.fetch_group_list(Some(group), LOOK)?;
    let stable =
        groups.groups().iter().find(|of| of.name() == group && of.state().eq_ignore_ascii_case("stable"));
    Ok(stable.map(|group| {
        let members = group.members().iter().filter_map(|member| member.assignment());
        members.flat_map(|bytes| assignment(bytes).unwrap_or_default()).collect()
    }))
}

/// The topics and partitions of an assignment: a version, then topics with their partitions (`ConsumerProtocolAssignment`
/// of Kafka's classic groups).
fn assignment(bytes: &[u8]) -> Option<Vec<(String, i32)>> {
    fn number(rest: &mut &[u8]) -> Option<i32> {
        let (number, behind) = rest.split_first_chunk()?;
        *rest = behind;
        Some(i32::from_be_bytes(*number))
    }
    let mut rest = bytes.get(2..)?;
    let mut parts = Vec::new();
    for _ in 0..number(&mut rest)? {
        let (length, behind) = rest.split_first_chunk()?;
        let (topic, behind) = behind.split_at_checked(u16::from_be_bytes(*length).into())?;
        rest = behind;
        for _ in 0..number(&mut rest)? {
            parts.push((String::from_utf8_lossy(topic).into_owned(), number(&mut rest)?));
        }
    }
    Some(parts)
}

/// Commits offsets on a thread of its own; the result comes through the channel. rdkafka 0.39 reports no results of
/// asynchronous commits, and its synchronous call has no time-out.
pub(super) fn committing(client: &Arc<Client>, list: TopicPartitionList) -> mpsc::Receiver<KafkaResult<()>> {
    let (told, answer) = mpsc::channel();
    let client = Arc::clone(client);
    std::thread::spawn(move || told.send(client.commit(&list, CommitMode::Sync)));
    answer
}

/// Commits offsets and waits for Kafka's response, for a bounded time.
pub(super) fn commit_within(client: &Arc<Client>, list: TopicPartitionList, patience: Duration) -> bool {
    matches!(committing(client, list).recv_timeout(patience), Ok(Ok(())))
}

impl ClientContext for Member {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log_line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!("{error}: {reason}");
    }
}

impl ConsumerContext for Member {
    fn rebalance(&self, client: &BaseConsumer<Self>, event: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let assigned = event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        *self.share() = assigned.then(|| self.parts(list));
        *self.owners() = OwnerCheck::begin(Vec::new());
        if self.leaves.load(Ordering::Relaxed) {
            let done = if assigned { client.assign(&TopicPartitionList::new()) } else { client.unassign() };
            if let Err(error) = done {
                tracing::debug!("a rebalance was not answered: {error}");
            }
            self.changed.notify_one();
            return;
        }
        match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assigned(client, list),
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS => self.revoked(client, list),
            other => {
                tracing::warn!("a rebalance failed: {other:?}");
                self.revoked(client, list);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Version 0, two topics, and no user data, as `ConsumerProtocolAssignment.json` of Kafka has them.
    const TWO_TOPICS: &[u8] =
        b"\0\0\0\0\0\x02\0\x01a\0\0\0\x02\0\0\0\0\0\0\0\x07\0\x02bc\0\0\0\x01\0\0\0\x01\xff\xff\xff\xff";

    #[test]
    fn an_assignment_is_read_and_a_damaged_one_is_none() {
        let of = |topic: &str, partition| (topic.to_owned(), partition);
        assert_eq!(assignment(TWO_TOPICS), Some(vec![of("a", 0), of("a", 7), of("bc", 1)]));
        for length in 0..TWO_TOPICS.len() - 4 {
            assert_eq!(assignment(&TWO_TOPICS[..length]), None, "{length}");
        }
        assert_eq!(assignment(b"\0\0\0\0\0\0"), Some(Vec::new()));
    }
}
