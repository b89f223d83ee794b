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
        changelog::Changelog,
        env::Env,
        member::{Client, Committed, commit_within, committing},
        processor::ConsumerError,
        until::Until,
    },
    messages::{Sentence, Severity},
    stream::{StreamError, log_identity, probe::nothing_between},
    views::View,
};

/// How long offsets that are waited for may take to reach Kafka.
pub(super) const COMMIT: Duration = Duration::from_secs(1);

/// What was published last of a partition's whole state.
pub(super) struct Published {
    at: Instant,
    next: i64,
    closed: Option<NaiveDate>,
    bytes: usize,
}

/// Offsets that Kafka has not answered for yet.
pub(super) struct Committing {
    offsets: HashMap<Part, Committed>,
    answer: mpsc::Receiver<KafkaResult<()>>,
}

impl<V: View, O: Output<V> + 'static> ViewProcessor<V, O> {
    /// Makes a checkpoint, commits the one before it, and tells everybody else; `false` where none was made. What was
    /// committed last is waited for, for at most `patience`.
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
        let (ownership, committed) = (&self.ownership, &self.committed);
        let holds = || ownership.holds(client, || committed.clone());
        let saved = self.worker.checkpoint_while(now, &holds);
        if self.ownership.is_lost() {
            return false;
        }
        // A store that has failed may have lost what it took before: what is on the disk counts.
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

    /// Whether Kafka has answered the last commit. While it has not, no checkpoint is made: rows that nobody was told of
    /// would be written again by the next owner, and are to be few.
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
            // They are committed with the next ones.
            Ok(Err(error)) => tracing::debug!("{}: offsets were not committed: {error}", V::NAME),
            Err(RecvTimeoutError::Disconnected) => tracing::debug!("{}: offsets were not committed", V::NAME),
        }
        true
    }

    /// Commits the offsets of the checkpoint before this one, which is on disk by now: what was committed must never be
    /// ahead of what a killed process goes on from. At the `last` those of this one, once flushed.
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

    /// Publishes the whole state of what moved: seldom where it is large, and at the `last` in any case.
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

    /// Publishes the whole state of a partition for whoever owns it next; returns the bytes that it took.
    pub(super) fn publish_state(&self, part: Part) -> usize {
        match self.worker.handover(part) {
            Ok(state) => self.env.publisher.hand_over(V::NAME, part, &self.env.instance, &state),
            Err(trouble) => {
                tracing::warn!("{}: {part} could not be handed over: {trouble}", V::NAME);
                0
            }
        }
    }

    /// Takes in what the owners of the other partitions hand over, where this consumer writes the files over all: once
    /// it was seen to be of the log that is there now.
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

    /// Whether the records still come from the Kafka that they came from first. One on an empty or another disk has
    /// another cluster id, which librdkafka hears of when it connects, before it fetches.
    fn is_same_kafka(&mut self, client: &Arc<Client>) -> bool {
        let now = client.client().fetch_cluster_id(Duration::ZERO);
        if self.cluster.is_none() {
            self.cluster.clone_from(&now);
        }
        now.is_none() || now == self.cluster
    }

    /// Saves nothing more: the run ends, and the next one begins at the checkpoint.
    fn break_off(&mut self, why: String) {
        self.worker.retire();
        self.broken = Some(why);
    }

    /// Closes the days before the one up to whose time everything in the log has been read.
    fn close_days(&mut self) {
        let ends = self.env.model.ends();
        let ours = ends.by_part.iter().filter(|(part, _)| V::SOURCES.contains(&part.source));
        self.worker.set_ends(ours.map(|(part, end)| (*part, *end)));
        let Some(settled) = ends.settled.filter(|_| self.env.until.is_none()) else { return };
        // Each owner closes for its own partitions; whoever writes the report waits for all.
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

    /// Whether everything up to the given end is part of the state. Where records were taken since the last tick,
    /// Kafka is not asked whether any are missing: more will come.
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
        // Whoever writes the files of the whole shop waits until the others have handed over all that is in them.
        let Some(last) = until.shop_second() else { return Ok(false) };
        let model = &self.env.model;
        let told = |part| model.part(V::NAME, part).map_or(0, |state| state.position.next);
        Ok(self.worker.knows_up_to(self.env.zone.date(last), told))
    }
}

/// Whether an error of a commit says that another member has the partitions.
fn has_lost_place(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{FencedInstanceId, IllegalGeneration, UnknownMemberId};
    matches!(error.rdkafka_error_code(), Some(UnknownMemberId | IllegalGeneration | FencedInstanceId))
}

/// What the owners of other partitions hand over.
pub(super) struct Handovers {
    changelog: Changelog,
    /// What has come, and may be of a log that is gone: a state lies on its topic for longer than its log.
    unproven: HashMap<Part, Handover>,
    proving: Option<Proving>,
}

/// Handovers, while the log is asked for the last record of each; the answer is those that are of another log.
struct Proving {
    states: HashMap<Part, Handover>,
    answer: mpsc::Receiver<Result<HashSet<Part>, StreamError>>,
}

impl Handovers {
    fn new(changelog: Changelog) -> Self {
        Self { changelog, unproven: HashMap::new(), proving: None }
    }

    /// The states whose last record was found in the log. Asks for that of the others aside.
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
