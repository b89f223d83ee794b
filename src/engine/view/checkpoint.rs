//! Checkpoints of a view, the closing of days, and the end of a run that has one.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError, TryRecvError},
    },
    time::{Duration, Instant},
};

use chrono::NaiveDate;
use rdkafka::{
    consumer::Consumer,
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
};

use super::{ViewProcessor, assignment::is_known};
use crate::{
    consumer::{Handover, Output, Part, Trouble},
    engine::{
        context::Env,
        group_member::{Client, Committed, commit_within, committing},
        handover_records::Changelog,
        processor::ConsumerError,
        until::Until,
    },
    messages::{Sentence, Severity},
    stream::{StreamError, log_identity, probe::nothing_between},
    views::View,
};

/// How long to wait for the response to a commit.
pub(super) const COMMIT: Duration = Duration::from_secs(1);

/// The last handover of a partition.
pub(super) struct Published {
    at: Instant,
    next: i64,
    closed: Option<NaiveDate>,
    bytes: usize,
}

/// A commit without a response yet.
pub(super) struct Committing {
    offsets: HashMap<Part, Committed>,
    answer: mpsc::Receiver<KafkaResult<()>>,
}

impl<V: View, O: Output<V> + 'static> ViewProcessor<V, O> {
    /// Makes a checkpoint, commits the offsets of the one before it, and publishes handovers; `false` if none was made.
    /// Waits for the response to the last commit for at most `patience`.
    pub(super) fn save(&mut self, client: &Arc<Client>, patience: Duration) -> bool {
        if self.broken.is_some() || !self.holds(client) || !self.has_committed(patience) {
            return false;
        }
        if !self.is_same_kafka(client) {
            self.break_off("another Kafka answers than before".to_owned());
            return false;
        }
        self.saved = Instant::now();
        let now = self.env.clock.now();
        self.close_days();
        self.learn();
        if let Some(pulse) = &*self.env.clock.pulses().borrow() {
            self.worker.hear(pulse);
        }
        let (ownership, committed) = (&self.ownership, &self.committed);
        let holds = || ownership.holds(client, || committed.clone());
        let saved = self.worker.checkpoint_while(now, &holds);
        if self.ownership.is_lost() {
            return false;
        }
        // A failed store may have lost earlier writes too: only what is on disk counts.
        if let Err(Trouble::Store(error)) = &saved {
            self.trouble = Some(error.to_string());
            self.break_off(error.to_string());
            return false;
        }
        let trouble = saved.err().map(|trouble| trouble.to_string());
        if let Some(why) = trouble.clone().filter(|_| self.trouble.is_none()) {
            self.say(Severity::Error, Sentence::NotSaved { view: V::NAME, why });
        }
        self.trouble = trouble;
        if self.trouble.is_none() {
            self.commit(client, false);
            self.checkpointed = self.to_commit().collect();
            self.hand_over(false);
        }
        self.trouble.is_none()
    }

    /// Whether Kafka has answered the last commit. Until then no checkpoint is made: the next owner writes the rows after
    /// the committed offset again, so they should be few.
    pub(super) fn has_committed(&mut self, patience: Duration) -> bool {
        let Some(committing) = self.committing.take() else { return true };
        match committing.answer.recv_timeout(patience) {
            Err(RecvTimeoutError::Timeout) => {
                self.committing = Some(committing);
                return false;
            }
            Ok(Ok(())) => self.committed.extend(committing.offsets),
            Ok(Err(error)) if has_lost_place(&error) => {
                self.ownership.lose();
                self.break_off(format!("its place in the group is another's ({error})"));
                return false;
            }
            // The next commit includes them.
            Ok(Err(error)) => tracing::debug!("{}: offsets were not committed: {error}", V::NAME),
            Err(RecvTimeoutError::Disconnected) => tracing::debug!("{}: offsets were not committed", V::NAME),
        }
        true
    }

    /// Commits the offsets of the previous checkpoint, which is on disk by now: a committed offset must never be ahead of
    /// the checkpoint that a killed process restarts from. At the `last` those of this one, once flushed.
    pub(super) fn commit(&mut self, client: &Arc<Client>, last: bool) {
        if last {
            self.checkpointed = self.to_commit().collect();
        }
        let mut news = self.checkpointed.clone();
        news.retain(|part, committed| self.committed.get(part) != Some(committed));
        if news.is_empty() {
            return;
        }
        let list = client.context().offsets(news.clone());
        if !last {
            self.committing = Some(Committing { offsets: news, answer: committing(client, list) });
        } else if commit_within(client, list, COMMIT) {
            self.committed.extend(news);
        }
    }

    /// Publishes handovers of the partitions that moved: seldom if they are large, and at the `last` in any case.
    pub(super) fn hand_over(&mut self, last: bool) {
        let lost = self.env.publisher.lost_handovers();
        if std::mem::replace(&mut self.lost_handovers, lost) != lost {
            self.handed.clear();
        }
        let closed = self.worker.closed_before();
        let is_due = |part, next| {
            self.handed.get(&part).is_none_or(|handed| {
                let wait = Duration::from_millis((handed.bytes as u64 / 2).clamp(4_500, 60_000));
                let moved = (handed.next, handed.closed) != (next, closed);
                moved && (last || handed.closed != closed || handed.at.elapsed() >= wait)
            })
        };
        let known = self.worker.positions().filter(|(part, _)| is_known(&self.worker, *part));
        let due: Vec<_> = known
            .map(|(part, position)| (part, position.next))
            .filter(|(part, next)| is_due(*part, *next))
            .collect();
        for (part, next) in due {
            let bytes = self.publish_state(part);
            self.handed.insert(part, Published { at: Instant::now(), next, closed, bytes });
        }
    }

    /// Publishes the whole state of a partition for its next owner; returns its bytes.
    pub(super) fn publish_state(&self, part: Part) -> usize {
        match self.worker.handover(part) {
            Ok(state) => self.env.publisher.hand_over(V::NAME, part, &self.env.instance, &state),
            Err(trouble) => {
                tracing::warn!("{}: {part} could not be handed over: {trouble}", V::NAME);
                0
            }
        }
    }

    /// If this consumer writes the files of the whole shop: takes in the handovers of the other owners, each once it is
    /// proven to belong to the present log.
    fn learn(&mut self) {
        if !self.worker.needs_others() {
            self.handovers = None;
            return;
        }
        if self.handovers.is_none() {
            match Changelog::open(&self.env.session, V::NAME) {
                Ok(changelog) => self.handovers = Some(Handovers::new(changelog)),
                Err(error) => tracing::warn!("{}: what others hand over cannot be read: {error}", V::NAME),
            }
        }
        let Some(handovers) = &mut self.handovers else { return };
        handovers.changelog.look();
        for part in self.worker.missing() {
            if let Some(state) = handovers.changelog.news_of(part) {
                handovers.unproven.insert(part, state);
            }
        }
        for (part, state) in handovers.proven(&self.env, V::NAME) {
            self.worker.learn(part, &state);
        }
    }

    /// Whether the cluster id is still the first one. A Kafka with an empty or another disk has a different id, which
    /// librdkafka learns when it connects, before it fetches.
    fn is_same_kafka(&mut self, client: &Arc<Client>) -> bool {
        let now = client.client().fetch_cluster_id(Duration::ZERO);
        if self.cluster.is_none() {
            self.cluster.clone_from(&now);
        }
        now.is_none() || now == self.cluster
    }

    /// Ends the run without saving; the next one starts from the checkpoint.
    fn break_off(&mut self, why: String) {
        self.worker.retire();
        self.broken = Some(why);
    }

    /// Closes the days before the settled shop time, if everything up to the ends of the logs is read.
    fn close_days(&mut self) {
        let ends = self.env.model.ends();
        let ours = ends.by_part.iter().filter(|(part, _)| V::SOURCES.contains(&part.source));
        self.worker.set_ends(ours.map(|(part, end)| (*part, *end)));
        let Some(settled) = ends.settled.filter(|_| self.env.until.is_none()) else { return };
        // Each owner closes days for its partitions; the writer of the reports waits for all.
        let mut held = 0;
        let read = self.worker.positions().all(|(part, position)| {
            held += 1;
            let end = ends.by_part.get(&part).copied();
            end.is_some_and(|end| self.read_to(part, position.next) >= end) && !self.worker.is_expecting(part)
        });
        if read && held > 0 {
            self.worker.close_before(self.env.zone.date(settled));
        }
    }

    /// The offset up to which a partition is read, transaction markers at its end included.
    fn read_to(&self, part: Part, next: i64) -> i64 {
        self.end_seen.get(&part).copied().unwrap_or(0).max(next)
    }

    /// Whether the state includes everything up to the end of the run. If records were taken since the last tick, more
    /// will come, so Kafka is not asked for missing ones.
    pub(super) fn has_reached(&mut self, until: &Until, taking: bool) -> Result<bool, ConsumerError> {
        let positions: Vec<_> = self.worker.positions().collect();
        if positions.is_empty() {
            return Ok(false);
        }
        for (part, position) in positions {
            if self.env.stop.is_cancelled() {
                return Ok(false);
            }
            let Some(end) = until.end(part) else { return Ok(false) };
            if self.worker.is_expecting(part) {
                return Ok(false);
            }
            if position.next < end {
                if taking || !nothing_between(&self.env.session, part, position.next, end)? {
                    return Ok(false);
                }
                self.end_seen.insert(part, end);
            }
        }
        let handled = until.handled_ends.borrow().clone();
        let handled = handled.iter().flatten().map(|(part, end)| (*part, *end));
        let all = until.ends().chain(handled).filter(|(part, _)| V::SOURCES.contains(&part.source));
        let held = self.worker.positions().map(|(part, _)| part).collect();
        let told = |part| {
            let state = self.env.model.part(V::NAME, part)?;
            Some(state.position.next.max(state.end_seen))
        };
        if !self.elsewhere.are_done(held, all, told, Instant::now()) {
            return Ok(false);
        }
        // The writer of the files of the whole shop waits for the last handovers of the others.
        let Some(last) = until.shop_second() else { return Ok(false) };
        let model = &self.env.model;
        let told = |part| model.part(V::NAME, part).map_or(0, |state| state.position.next);
        Ok(self.worker.knows_up_to(self.env.zone.date(last), told))
    }
}

/// Whether a commit failed because another member owns the partitions.
fn has_lost_place(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{FencedInstanceId, IllegalGeneration, UnknownMemberId};
    matches!(error.rdkafka_error_code(), Some(UnknownMemberId | IllegalGeneration | FencedInstanceId))
}

/// The handovers of the owners of other partitions.
pub(super) struct Handovers {
    changelog: Changelog,
    /// Handovers that may belong to a deleted log: a state can outlive its log.
    unproven: HashMap<Part, Handover>,
    proving: Option<Proving>,
}

/// Handovers whose last record is being looked up in the log; the answer is those of another log.
struct Proving {
    states: HashMap<Part, Handover>,
    answer: mpsc::Receiver<Result<HashSet<Part>, StreamError>>,
}

impl Handovers {
    fn new(changelog: Changelog) -> Self {
        Self { changelog, unproven: HashMap::new(), proving: None }
    }

    /// The states whose last record was found in the log. Looks the others up in the background.
    fn proven(&mut self, env: &Env, name: &str) -> HashMap<Part, Handover> {
        let mut proven = HashMap::new();
        if let Some(proving) = self.proving.take() {
            match proving.answer.try_recv() {
                Err(TryRecvError::Empty) => self.proving = Some(proving),
                Ok(Ok(of_others)) => {
                    proven = proving.states;
                    proven.retain(|part, _| !of_others.contains(part));
                }
                failed => {
                    tracing::debug!("{name}: what others hand over is not taken yet: {failed:?}");
                    for (part, state) in proving.states {
                        self.unproven.entry(part).or_insert(state);
                    }
                }
            }
        }
        if self.proving.is_none() && !self.unproven.is_empty() {
            let states = std::mem::take(&mut self.unproven);
            let last =
                states.iter().filter_map(|(part, state)| Some((*part, state.position.last?))).collect();
            let (session, (told, answer)) = (env.session.clone(), mpsc::channel());
            env.beside.spawn_blocking(move || told.send(log_identity::others(&session, &last)));
            self.proving = Some(Proving { states, answer });
        }
        proven
    }
}
