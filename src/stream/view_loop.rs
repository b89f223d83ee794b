//! The loop that every view runs in: records from its group in, figures and checkpoints out.

use std::{
    collections::{HashMap, HashSet},
    ops::Deref,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use chrono::Utc;
use futures::FutureExt;
use rdkafka::{
    Message, Offset,
    consumer::{CommitMode, Consumer, StreamConsumer},
    error::{KafkaError, RDKafkaErrorCode},
    message::BorrowedMessage,
};
use tokio_util::sync::CancellationToken;

use super::{
    Session, StreamError,
    board::{Board, PartState},
    clock::Clock,
    group::{Keeper, Member, settings},
    publish::Publisher,
    until::Until,
};
use crate::{
    consumer::{Output, Part, Record, Start, Taken, Trouble, Worker},
    dashboard::snapshot::Weight,
    shop::Zone,
    sinks::files::Files,
    store::Store,
    views::{View, figures::ReportNote},
};

/// How often figures go to the board.
const TICK: Duration = Duration::from_millis(250);
/// How often checkpoints are made and figures published.
const INTERVAL: Duration = Duration::from_secs(1);
/// Offsets behind the last record that are taken for transaction markers where a partition was read to its end.
const MARKERS: i64 = 2;
/// Records taken between two looks at the clock.
const GULP: usize = 2_000;

/// What the loops of a process share.
#[derive(Clone)]
pub struct Env {
    /// How to reach Kafka.
    pub session: Session,
    /// The read model.
    pub board: Arc<Board>,
    /// Shop time.
    pub clock: Clock,
    /// The shop's zone.
    pub zone: Zone,
    /// Where states are published.
    pub publisher: Arc<Publisher>,
    /// The id of this `--out` as a static member of its groups.
    pub instance: Arc<str>,
    /// Where to end, with `--until-end`.
    pub until: Option<Arc<Until>>,
    /// Told when the process ends.
    pub stop: CancellationToken,
}

/// How a loop ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It was told to stop, or has reached the end it was given.
    Done,
    /// It must be built again; why.
    Again(String),
}

/// A worker, shared by the loop and the rebalance callback.
struct Shared<V: View, O, S, F> {
    worker: Mutex<Worker<V, O, S, F>>,
    clock: Clock,
    lost: Mutex<bool>,
}

impl<V: View, O: Output<V>, S: Store, F: Files> Shared<V, O, S, F> {
    fn worker(&self) -> MutexGuard<'_, Worker<V, O, S, F>> {
        self.worker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_lost(&self) -> bool {
        *self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A loop's own hold on what it shares. When the loop ends, also by a panic, the worker retires: the consumer's
/// farewell calls it once more, maybe when its successor has the files.
struct Hold<V: View, O: Output<V>, S: Store, F: Files>(Arc<Shared<V, O, S, F>>);

impl<V: View, O: Output<V>, S: Store, F: Files> Deref for Hold<V, O, S, F> {
    type Target = Shared<V, O, S, F>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<V: View, O: Output<V>, S: Store, F: Files> Drop for Hold<V, O, S, F> {
    fn drop(&mut self) {
        self.worker().retire();
    }
}

impl<V, O, S, F> Keeper for Shared<V, O, S, F>
where
    V: View,
    O: Output<V> + 'static,
    S: Store + 'static,
    F: Files + 'static,
{
    fn assign(&self, parts: &[Part]) -> Result<Vec<Start>, String> {
        let mut worker = self.worker();
        parts.iter().map(|part| worker.assign(*part).map_err(|trouble| trouble.to_string())).collect()
    }

    fn revoke(&self, parts: &[Part], lost: bool) {
        let mut worker = self.worker();
        // What another member reads already must not go to our files too: the loop starts again from the
        // last checkpoint. The same where no checkpoint can be made now.
        if lost || worker.checkpoint(self.clock.now()).is_err() {
            *self.lost.lock().unwrap_or_else(PoisonError::into_inner) = true;
        }
        worker.revoke(parts);
    }
}

/// Runs one view until it is told to stop, has reached its end, or must be built again.
pub async fn run<V, O, S, F>(env: &Env, output: O, store: S, files: F) -> Result<Ended, ViewError>
where
    V: View,
    O: Output<V> + 'static,
    S: Store + 'static,
    F: Files + 'static,
{
    let (worker, anew) = Worker::<V, O, S, F>::open(env.zone, output, store, files)?;
    if anew {
        env.board.say(
            env.clock.now().unwrap_or_default(),
            Weight::Warning,
            format!(
                "{}: its files and its checkpoint did not fit: everything is computed again from Kafka.",
                V::NAME
            ),
        );
    }
    let shared =
        Arc::new(Shared { worker: Mutex::new(worker), clock: env.clock.clone(), lost: Mutex::new(false) });
    let member = Member::new(&env.session, V::SOURCES, Arc::clone(&shared));
    let group = env.session.group(V::NAME);
    let consumer: Client<V, O, S, F> =
        env.session.client(&settings(&group, &env.instance)).create_with_context(member)?;
    consumer.subscribe(&consumer.context().topics())?;
    let mut turn = Turn {
        env,
        shared: Hold(shared),
        consumer: Arc::new(consumer),
        records: 0,
        saved: Instant::now(),
        published: HashMap::new(),
        end_seen: HashMap::new(),
        at_end: HashSet::new(),
        trouble: None,
        paused: false,
        reports: None,
        _view: std::marker::PhantomData,
    };
    let ended = turn.run().await;
    turn.leave();
    ended
}

/// Why a view could not run.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The checkpoint or the files.
    #[error(transparent)]
    Trouble(#[from] Trouble),
    /// Kafka.
    #[error(transparent)]
    Stream(#[from] StreamError),
}

impl From<KafkaError> for ViewError {
    fn from(error: KafkaError) -> Self {
        Self::Stream(error.into())
    }
}

type Client<V, O, S, F> = StreamConsumer<Member<Shared<V, O, S, F>>>;

struct Turn<'a, V, O, S, F>
where
    V: View,
    O: Output<V> + 'static,
    S: Store + 'static,
    F: Files + 'static,
{
    env: &'a Env,
    // Before the consumer, so that it is dropped first.
    shared: Hold<V, O, S, F>,
    consumer: Arc<Client<V, O, S, F>>,
    records: u64,
    saved: Instant,
    published: HashMap<Part, PartState>,
    /// By partition: the end of the log at which it was last seen to hold nothing more.
    end_seen: HashMap<Part, i64>,
    /// Partitions with nothing more to read since their last record.
    at_end: HashSet<Part>,
    trouble: Option<String>,
    paused: bool,
    reports: Option<Vec<ReportNote>>,
    _view: std::marker::PhantomData<V>,
}

impl<V, O, S, F> Turn<'_, V, O, S, F>
where
    V: View,
    O: Output<V> + 'static,
    S: Store + 'static,
    F: Files + 'static,
{
    async fn run(&mut self) -> Result<Ended, ViewError> {
        let consumer = Arc::clone(&self.consumer);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = self.env.stop.cancelled() => {
                    self.save();
                    self.show(true);
                    return Ok(Ended::Done);
                }
                _ = tick.tick() => {
                    if self.look_after()? {
                        return Ok(Ended::Done);
                    }
                }
                received = consumer.recv() => {
                    let mut next = Some(received);
                    let mut left = GULP;
                    while let Some(received) = next.take() {
                        if let Some(again) = self.received(received)? {
                            return Ok(again);
                        }
                        left -= 1;
                        // What is received must be taken: no look after the last one.
                        if left > 0 {
                            next = consumer.recv().now_or_never();
                        }
                    }
                    if self.shared.worker().is_full() {
                        self.save();
                    }
                }
            }
            if let Some(trouble) = consumer.context().trouble() {
                return Ok(Ended::Again(trouble));
            }
            if self.shared.is_lost() {
                return Ok(Ended::Again("it lost its partitions".to_owned()));
            }
        }
    }

    fn received(
        &mut self,
        received: Result<BorrowedMessage<'_>, KafkaError>,
    ) -> Result<Option<Ended>, ViewError> {
        match received {
            Ok(message) => self.take(&message),
            Err(KafkaError::PartitionEOF(partition)) => {
                // An end is told by the partition's number alone.
                if let [source] = V::SOURCES {
                    self.at_end.insert(Part { source: *source, partition });
                }
                Ok(None)
            }
            Err(KafkaError::MessageConsumption(
                code @ (RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange),
            )) => {
                self.start_again(&format!("the log does not reach back or forward to its position ({code})"))
            }
            Err(KafkaError::MessageConsumptionFatal(code)) => Ok(Some(Ended::Again(code.to_string()))),
            Err(error) => {
                tracing::debug!("{}: {error}", V::NAME);
                Ok(None)
            }
        }
    }

    fn take(&mut self, message: &BorrowedMessage<'_>) -> Result<Option<Ended>, ViewError> {
        let Some(part) = self.consumer.context().part(message.topic(), message.partition()) else {
            return Ok(None);
        };
        // What lies behind the end is passed over, unless it is to show whether this is the same log.
        if self.env.until.as_ref().is_some_and(|until| !until.takes(part, message.offset()))
            && !self.shared.worker().is_expecting(part)
        {
            return Ok(None);
        }
        let record = Record {
            part,
            offset: message.offset(),
            timestamp: message.timestamp().to_millis().unwrap_or_default(),
            key: message.key(),
            payload: message.payload(),
        };
        let taken = self.shared.worker().take(&record);
        match taken {
            Taken::Yes => {
                self.records += 1;
                self.at_end.remove(&part);
                self.end_seen.remove(&part);
                Ok(None)
            }
            Taken::Before => Ok(None),
            Taken::OtherLog => self.start_again("the log holds other records than those that were read"),
        }
    }

    /// Sets the state aside: what lies in Kafka is another log, or lacks what was read.
    fn start_again(&mut self, why: &str) -> Result<Option<Ended>, ViewError> {
        tokio::task::block_in_place(|| self.shared.worker().reset())?;
        self.env.board.clear(V::NAME);
        let text = format!("{}: {why}: everything is computed again from what Kafka holds.", V::NAME);
        self.env.board.say(self.env.clock.now().unwrap_or_default(), Weight::Warning, text.clone());
        Ok(Some(Ended::Again(text)))
    }

    /// What is due between records. `true` when the end is reached.
    fn look_after(&mut self) -> Result<bool, ViewError> {
        if self.saved.elapsed() >= INTERVAL {
            self.save();
        }
        self.show(false);
        let Some(until) = self.env.until.clone() else { return Ok(false) };
        if !self.has_reached(&until)? {
            return Ok(false);
        }
        self.shared.worker().close_before(self.env.zone.date(until.shop_second));
        self.save();
        // Files that are published say so in the checkpoint after.
        self.save();
        self.show(true);
        Ok(self.trouble.is_none())
    }

    /// Makes a checkpoint and tells Kafka and everybody else.
    fn save(&mut self) {
        if self.shared.is_lost() {
            return;
        }
        self.saved = Instant::now();
        let now = self.env.clock.now();
        self.close_days();
        let saved = tokio::task::block_in_place(|| self.shared.worker().checkpoint(now));
        let trouble = saved.err().map(|trouble| trouble.to_string());
        if let Some(text) = trouble.as_ref().filter(|_| self.trouble.is_none()) {
            let second = now.unwrap_or_default();
            self.env.board.say(second, Weight::Error, format!("{}: {text}; trying again.", V::NAME));
        }
        self.trouble = trouble;
        self.hold(self.trouble.is_some());
        if self.trouble.is_none() {
            let positions: Vec<_> = self.shared.worker().positions().collect();
            let committed = positions
                .into_iter()
                .filter(|(_, position)| position.next > 0)
                .map(|(part, position)| (part, Offset::Offset(position.next)));
            let list = self.consumer.context().list(committed);
            if list.count() > 0
                && let Err(error) = self.consumer.commit(&list, CommitMode::Async)
            {
                tracing::debug!("{}: positions not told to Kafka: {error}", V::NAME);
            }
        }
    }

    /// No more records while there is no room for what they lead to; polls go on, so the group keeps us.
    fn hold(&mut self, full: bool) {
        if full == self.paused {
            return;
        }
        let held: Vec<Part> = self.shared.worker().positions().map(|(part, _)| part).collect();
        let list = self.consumer.context().list(held.into_iter().map(|part| (part, Offset::Invalid)));
        let done = if full { self.consumer.pause(&list) } else { self.consumer.resume(&list) };
        match done {
            Ok(()) => self.paused = full,
            Err(error) => tracing::warn!("{}: {error}", V::NAME),
        }
    }

    /// Closes the days before the one up to whose time everything in the log has been read.
    fn close_days(&mut self) {
        let ends = self.env.board.ends();
        let mut worker = self.shared.worker();
        worker.set_partitions(ends.by_part.keys().copied().filter(|part| V::SOURCES.contains(&part.source)));
        let Some(settled) = ends.settled.filter(|_| self.env.until.is_none()) else { return };
        let read =
            ends.by_part.iter().filter(|(part, _)| V::SOURCES.contains(&part.source)).all(|(part, end)| {
                worker.positions().any(|(held, position)| {
                    held == *part && self.read_to(held, position.next) >= *end && !worker.is_expecting(held)
                })
            });
        if read && !ends.by_part.is_empty() {
            worker.close_before(self.env.zone.date(settled));
        }
    }

    /// The offset up to which a partition is read, transaction markers at its end included.
    fn read_to(&self, part: Part, next: i64) -> i64 {
        self.end_seen.get(&part).copied().unwrap_or(0).max(next)
    }

    /// Puts the figures on the board, and publishes those that are news: once a second, and at the end.
    fn show(&mut self, last: bool) {
        let now = self.env.clock.now();
        let (figures, reports) = {
            let worker = self.shared.worker();
            (now.map(|now| worker.figures(now)).unwrap_or_default(), worker.reports())
        };
        self.tell_reports(&reports, now.unwrap_or_default());
        self.env.board.set_group(V::NAME, figures.len(), self.records, self.trouble.clone());
        let wall_ms = Utc::now().timestamp_millis();
        for (part, position, figures) in figures {
            if let Some(end) = self.env.board.end(part).filter(|end| *end <= position.next + MARKERS)
                && self.at_end.contains(&part)
            {
                self.end_seen.insert(part, end);
            }
            let state = PartState {
                partition: part.partition,
                shop_second: now.unwrap_or_default(),
                wall_ms,
                who: self.env.instance.to_string(),
                position,
                end_seen: self.end_seen.get(&part).copied().unwrap_or(0),
                figures,
                reports: reports.clone(),
            };
            let due = self.published.get(&part).is_none_or(|before| {
                (last || wall_ms - before.wall_ms >= 1_000) && before.says_other_than(&state)
            });
            if due {
                self.env.publisher.publish(V::NAME, part, &state);
                self.published.insert(part, state.clone());
            }
            self.env.board.put(V::NAME, part, state);
        }
    }

    /// Each report that was saved since the last look becomes a message.
    fn tell_reports(&mut self, reports: &[ReportNote], second: i64) {
        if let Some(before) = &self.reports {
            for note in reports.iter().filter(|note| !before.contains(note)) {
                let verb = if note.revision == 0 { "saved" } else { "revised" };
                let text = format!("Daily report {verb}: reports/{}.txt", note.date);
                self.env.board.say(second, Weight::Info, text);
            }
        }
        if self.reports.as_deref() != Some(reports) {
            self.reports = Some(reports.to_vec());
        }
    }

    /// Whether everything up to the given end is part of the state.
    fn has_reached(&mut self, until: &Until) -> Result<bool, ViewError> {
        let positions: Vec<_> = self.shared.worker().positions().collect();
        if positions.is_empty() {
            return Ok(false);
        }
        for (part, position) in positions {
            let Some(end) = until.end(part) else { return Ok(false) };
            if self.shared.worker().is_expecting(part) {
                return Ok(false);
            }
            if position.next < end {
                if !super::probe::nothing_between(&self.env.session, part, position.next, end)? {
                    return Ok(false);
                }
                self.end_seen.insert(part, end);
            }
        }
        Ok(true)
    }

    fn leave(self) {
        let Self { shared, consumer, .. } = self;
        drop(shared);
        super::let_go(consumer);
    }
}
