//! A member of a consumer group: it owns partitions and says how far they are read, and fetches nothing itself.
//!
//! Every assignment is answered with an empty one, so that librdkafka keeps the membership (KIP-62 heartbeats, KIP-345
//! static members, fencing) and asks no partition for records; these come from the reader of the logs.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
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

use super::env::Env;
use crate::{
    consumer::{Part, Start},
    stream::{StreamError, log_line, topic_name},
    views::Source,
};

/// A question to Kafka.
const CALL: Duration = Duration::from_secs(10);
/// A member without partitions asks after so long why.
const IDLE: Duration = Duration::from_secs(3);
/// A question to Kafka whose answer can wait.
const LOOK: Duration = Duration::from_secs(2);
/// How long a member that leaves for good may take for it.
const LEAVING: Duration = Duration::from_secs(3);

/// The client of a member.
pub(super) type Client = StreamConsumer<Member>;

/// How far Kafka was told that a partition is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Committed {
    /// The offset to read next.
    pub(super) next: i64,
    /// The instance that committed it.
    pub(super) who: Arc<str>,
}

/// What was committed of the partitions in question; asks Kafka.
pub(super) type AskCommitted<'a> = &'a dyn Fn() -> Result<HashMap<Part, Committed>, String>;

/// What happens when partitions come and go: called from within a poll of the member.
pub(super) trait RebalanceListener: Send + Sync + 'static {
    /// Takes partitions over; returns where to read each from, or a sentence that says why it cannot.
    fn assigned(&self, parts: &[Part], committed: AskCommitted<'_>) -> Result<Vec<Start>, String>;
    /// Lets go of partitions; `lost` when another member has them already. Returns what is to be committed before the
    /// next owner asks.
    fn revoked(&self, parts: &[Part], lost: bool) -> Vec<(Part, Committed)>;
}

/// A change of what is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// From there on.
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
    /// Since when it has been a member without partitions.
    idle: Mutex<Option<Instant>>,
    /// Whether it was told its share, with partitions or without, and has not given it back.
    has_share: AtomicBool,
    /// Whether it takes over nothing any more, and has said all that it had to say.
    leaves: AtomicBool,
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
        idle: Mutex::new(None),
        has_share: AtomicBool::new(false),
        leaves: AtomicBool::new(false),
    };
    let group = session.group(name);
    let settings = [
        ("group.id", group.as_str()),
        ("group.instance.id", &*env.instance),
        ("enable.auto.commit", "false"),
        ("auto.offset.reset", "error"),
        // Offsets of a transaction that is open are waited for (KIP-447).
        ("isolation.level", "read_committed"),
        ("partition.assignment.strategy", "range"),
        ("session.timeout.ms", "6000"),
        // The others learn with a heartbeat that somebody has come, or gone.
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

    /// Waits until partitions have come or gone, or there is trouble.
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

    /// Whether it has been a member without partitions for a while; then not again for as long.
    fn is_long_idle(&self) -> bool {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let long = idle.is_some_and(|since| since.elapsed() >= IDLE);
        if long {
            *idle = Some(Instant::now());
        }
        long
    }

    fn set_idle(&self, is: bool) {
        *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = is.then(Instant::now);
    }

    fn part(&self, topic: &str, partition: i32) -> Option<Part> {
        let (_, source) = self.topics.iter().find(|(name, _)| name == topic)?;
        Some(Part { source: *source, partition })
    }

    /// Why the member must be made again, where it must.
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
                // Only an offset that is out of Kafka's range is refused; ours come from Kafka.
                let _ = place.set_offset(Offset::Offset(committed.next));
                place.set_metadata(&*committed.who);
            }
        }
        list
    }

    /// What was committed of partitions. Blocks for at most some seconds.
    fn committed(
        &self,
        client: &BaseConsumer<Self>,
        offered: &TopicPartitionList,
    ) -> Result<HashMap<Part, Committed>, String> {
        let mut asked = TopicPartitionList::new();
        for place in offered.elements() {
            asked.add_partition(place.topic(), place.partition());
        }
        let answer = client
            .committed_offsets(asked, CALL)
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
        self.set_idle(parts.is_empty());
        match self.listener.assigned(&parts, &|| self.committed(client, offered)) {
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
        self.set_idle(false);
        let parts = self.parts(taken);
        let committed = self.listener.revoked(&parts, client.assignment_lost());
        self.note(parts.into_iter().map(Change::Revoked));
        // On its way before this member joins again, so the next owner finds it.
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

/// Why a member must be made again after an error, where it must.
pub(super) fn why_again(error: &KafkaError) -> Option<String> {
    match error {
        KafkaError::MessageConsumptionFatal(code)
        | KafkaError::MessageConsumption(code @ RDKafkaErrorCode::PollExceeded) => Some(code.to_string()),
        _ => None,
    }
}

/// Leaves the group and joins it again, which begins a new generation, where this member has had no partitions for a
/// while and nobody else has any either. Blocks for two seconds at most, and seldom.
///
/// The leader of a group shares its partitions out when a generation begins. Where topics are missing at that moment
/// there is nothing to share; a leader that lives on sees them come and asks for the next generation. But a static
/// member that comes back within its session is given what it had, without a new generation and without being told that
/// it leads (KIP-345; KIP-814 is for clients that know it): then nobody looks any more.
pub(super) fn rejoin_if_abandoned(env: &Env, client: &Client, name: &str) {
    let member = client.context();
    let are_there = || {
        env.model
            .ends()
            .by_part
            .keys()
            .any(|part| member.topics.iter().any(|(_, source)| *source == part.source))
    };
    if !member.is_long_idle() || !are_there() {
        return;
    }
    match has_nobody_any(client, &env.session.group(name)) {
        Ok(false) => {}
        Ok(true) => {
            tracing::warn!("{name}: nobody in its group has any of its partitions: it joins again");
            client.unsubscribe();
            if let Err(error) = client.subscribe(&member.topics()) {
                tracing::warn!("{name}: {error}");
            }
        }
        Err(error) => tracing::debug!("{name}: what others in its group have is not known: {error}"),
    }
}

/// Ends a membership for good, once everything is committed: where the group has other members, Kafka is told, so that
/// they take the partitions over at once. Waits for that for a bounded time.
///
/// A static member does not leave when its client is closed (KIP-345): its partitions would lie idle until its session
/// ends. One that unsubscribes does leave (`rd_kafka_cgrp_leave_maybe`, 2.12). A member that is alone stays: nobody
/// waits for its partitions, and when it comes back it has them without a new generation, for whose members Kafka would
/// wait first (`group.initial.rebalance.delay.ms`).
pub(super) async fn leave(env: &Env, client: Arc<Client>, name: &str) {
    let deadline = tokio::time::Instant::now() + LEAVING;
    let member = client.context();
    member.leaves.store(true, Ordering::Relaxed);
    if !env.model.connection().up || is_alone(&client, &env.session.group(name)) {
        crate::stream::let_go(client);
        return;
    }
    // Whoever has the partitions next goes on from the states that were handed over.
    env.publisher.flush(LEAVING / 3);
    client.unsubscribe();
    // It leaves when it has given its share back, from within a poll.
    let given_back = async {
        while member.has_share.load(Ordering::Relaxed) {
            tokio::select! {
                _ = client.recv() => {}
                () = member.changed() => {}
            }
        }
    };
    if tokio::time::timeout_at(deadline, given_back).await.is_err() {
        tracing::debug!("{name}: its group does not know that it leaves");
    }
    // A client that closes waits for the answer of its group.
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

/// Whether a group is at rest, and none of its members has a partition.
fn has_nobody_any(client: &Client, group: &str) -> Result<bool, KafkaError> {
    let groups = client.fetch_group_list(Some(group), LOOK)?;
    let rests = |state: &str| state.eq_ignore_ascii_case("stable");
    Ok(groups.groups().iter().any(|known| {
        known.name() == group
            && rests(known.state())
            && known.members().iter().all(|member| member.assignment().is_none_or(is_empty))
    }))
}

/// Whether an assignment has no topic: a version of two bytes, then the number of topics (the consumer protocol of
/// Kafka's classic groups).
fn is_empty(assignment: &[u8]) -> bool {
    assignment.get(2..6).is_none_or(|count| count == [0; 4])
}

/// Commits offsets; Kafka's answer comes by itself. librdkafka tells rdkafka 0.39 of no asynchronous commit, and the
/// call for a synchronous one knows no deadline.
pub(super) fn committing(client: &Arc<Client>, list: TopicPartitionList) -> mpsc::Receiver<KafkaResult<()>> {
    let (told, answer) = mpsc::channel();
    let client = Arc::clone(client);
    std::thread::spawn(move || told.send(client.commit(&list, CommitMode::Sync)));
    answer
}

/// Commits offsets and waits until Kafka has taken them, for a bounded time.
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
        self.has_share.store(assigned, Ordering::Relaxed);
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
