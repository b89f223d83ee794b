//! What is due between records: checkpoints, the closing of days, and the end of a run that has one.

use std::time::{Duration, Instant};

use chrono::NaiveDate;

use rdkafka::consumer::{CommitMode, Consumer};

use super::{Turn, ViewError};
use crate::{
    consumer::{Output, Part, Trouble},
    dashboard::snapshot::{Said, Weight},
    sinks::files::Files,
    store::Store,
    stream::{
        group::set_paused, handovers::Handovers, left_out::join_again, probe::nothing_between, until::Until,
    },
    views::View,
};

/// How long the last positions may take to reach Kafka.
const FAREWELL: Duration = Duration::from_secs(1);

/// What was handed over last of a partition.
pub(super) struct Handed {
    at: Instant,
    next: i64,
    closed: Option<NaiveDate>,
    bytes: usize,
}

impl<V, O, S, F> Turn<'_, V, O, S, F>
where
    V: View,
    O: Output<V> + 'static,
    S: Store + 'static,
    F: Files + 'static,
{
    /// What is due between records. `true` when the end is reached.
    pub(super) fn look_after(&mut self) -> Result<bool, ViewError> {
        if !self.holds() {
            return Ok(false);
        }
        join_again(self.env, &self.consumer, V::NAME);
        if self.saved.elapsed() >= self.interval {
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
        self.finish();
        Ok(self.trouble.is_none())
    }

    /// The last checkpoint of a run: to disk, to Kafka and to whoever goes on from it.
    pub(super) fn finish(&mut self) {
        self.save();
        if !self.shared.is_lost() && self.trouble.is_none() {
            let flushed = self.shared.worker().flush();
            match flushed {
                Ok(()) => self.tell(true),
                Err(trouble) => tracing::warn!("{}: {trouble}", V::NAME),
            }
            self.hand_over(true);
        }
        self.show(true);
    }

    /// Makes a checkpoint and tells Kafka and everybody else.
    pub(super) fn save(&mut self) {
        if self.broken.is_some() || !self.holds() {
            return;
        }
        if !self.is_same_kafka() {
            self.break_off("another Kafka answers than before".to_owned());
            return;
        }
        self.saved = Instant::now();
        let now = self.env.clock.now();
        self.close_days();
        self.learn();
        let saved = self.shared.worker().checkpoint_while(now, &|| self.holds());
        if self.shared.is_lost() {
            return;
        }
        // A store that has failed may have lost what it took before: what is on the disk counts.
        if let Err(Trouble::Store(error)) = &saved {
            self.break_off(error.to_string());
            self.trouble = Some(error.to_string());
            return;
        }
        let trouble = saved.err().map(|trouble| trouble.to_string());
        if let Some(text) = trouble.as_ref().filter(|_| self.trouble.is_none()) {
            let second = now.unwrap_or_default();
            self.env.board.say(second, Weight::Error, Said::NotSaved { view: V::NAME, why: text.clone() });
        }
        self.trouble = trouble;
        self.hold(self.trouble.is_some());
        if self.trouble.is_none() {
            self.tell(false);
            self.keep();
            self.hand_over(false);
        }
    }

    /// Tells Kafka the positions of the checkpoint before this one, which is on disk by now: what it was told must
    /// never be ahead of what a killed process goes on from. At the `last` those of this one, once flushed.
    fn tell(&self, last: bool) {
        if last {
            self.keep();
        }
        let mut news = self.shared.told().kept.clone();
        news.retain(|part, told| self.shared.told().told.get(part) != Some(told));
        if news.is_empty() {
            return;
        }
        let list = self.consumer.context().telling(news.clone());
        let told = if last {
            super::tell_within(&self.consumer, list, FAREWELL)
        } else {
            let told = self.consumer.commit(&list, CommitMode::Async);
            told.inspect_err(|error| tracing::debug!("{}: positions not told to Kafka: {error}", V::NAME))
                .is_ok()
        };
        if told {
            self.shared.told().told.extend(news);
        }
    }

    /// Notes the positions of a checkpoint.
    fn keep(&self) {
        let worker = self.shared.worker();
        self.shared.told().kept = self.shared.to_tell(&worker).collect();
    }

    /// Hands over what moved: seldom where it is large, and at the `last` in any case.
    fn hand_over(&mut self, last: bool) {
        let worker = self.shared.worker();
        let closed = worker.closed_before();
        let is_due = |part, next| {
            self.handed.get(&part).is_none_or(|handed| {
                let wait = Duration::from_millis((handed.bytes as u64 / 2).clamp(4_500, 60_000));
                let moved = (handed.next, handed.closed) != (next, closed);
                moved && (last || handed.closed != closed || handed.at.elapsed() >= wait)
            })
        };
        let known =
            worker.positions().filter(|(part, _)| !worker.is_expecting(*part) && worker.may_tell(*part));
        let due: Vec<_> = known
            .map(|(part, position)| (part, position.next))
            .filter(|(part, next)| is_due(*part, *next))
            .collect();
        for (part, next) in due {
            let bytes = self.shared.hand_over(&worker, part);
            self.handed.insert(part, Handed { at: Instant::now(), next, closed, bytes });
        }
    }

    /// Takes in what the owners of the other partitions hand over, where this worker writes the files over all.
    fn learn(&mut self) {
        if !self.shared.worker().needs_others() {
            self.others = None;
            return;
        }
        if self.others.is_none() {
            match Handovers::open(&self.env.session, V::NAME) {
                Ok(others) => self.others = Some(others),
                Err(error) => tracing::warn!("{}: what others hand over cannot be read: {error}", V::NAME),
            }
        }
        let Some(others) = &mut self.others else { return };
        others.look();
        let mut worker = self.shared.worker();
        for part in worker.missing() {
            if let Some(state) = others.news_of(part) {
                worker.learn(part, &state);
            }
        }
    }

    /// Whether the records still come from the Kafka that they came from first. One on an empty or another disk has
    /// another cluster id, which librdkafka hears of when it connects, before it fetches.
    fn is_same_kafka(&mut self) -> bool {
        let now = self.consumer.client().fetch_cluster_id(Duration::ZERO);
        if self.cluster.is_none() {
            self.cluster.clone_from(&now);
        }
        now.is_none() || now == self.cluster
    }

    /// Saves nothing more: the loop ends, and the next one begins at the checkpoint.
    fn break_off(&mut self, why: String) {
        self.shared.worker().retire();
        self.broken = Some(why);
    }

    /// No more records while there is no room for what they lead to.
    pub(super) fn hold(&mut self, full: bool) {
        if full == self.paused {
            return;
        }
        let held: Vec<Part> = self.shared.worker().positions().map(|(part, _)| part).collect();
        if set_paused(&self.consumer, V::NAME, &held, full) {
            self.paused = full;
        }
    }

    /// Closes the days before the one up to whose time everything in the log has been read.
    pub(super) fn close_days(&mut self) {
        let ends = self.env.board.ends();
        let mut worker = self.shared.worker();
        worker.set_partitions(ends.by_part.keys().copied().filter(|part| V::SOURCES.contains(&part.source)));
        let Some(settled) = ends.settled.filter(|_| self.env.until.is_none()) else { return };
        // Each owner closes for its own partitions; whoever writes the report waits for all.
        let mut held = 0;
        let read = worker.positions().all(|(part, position)| {
            held += 1;
            let end = ends.by_part.get(&part).copied();
            end.is_some_and(|end| self.read_to(part, position.next) >= end) && !worker.is_expecting(part)
        });
        if read && held > 0 {
            worker.close_before(self.env.zone.date(settled));
        }
    }

    /// The offset up to which a partition is read, transaction markers at its end included.
    pub(super) fn read_to(&self, part: Part, next: i64) -> i64 {
        self.end_seen.get(&part).copied().unwrap_or(0).max(next)
    }

    /// Whether everything up to the given end is part of the state.
    pub(super) fn has_reached(&mut self, until: &Until) -> Result<bool, ViewError> {
        let positions: Vec<_> = self.shared.worker().positions().collect();
        if positions.is_empty() {
            return Ok(false);
        }
        for (part, position) in positions {
            if self.env.stop.is_cancelled() {
                return Ok(false);
            }
            let Some(end) = until.end(part) else { return Ok(false) };
            if self.shared.worker().is_expecting(part) {
                return Ok(false);
            }
            if position.next < end {
                let session = &self.env.session;
                if !nothing_between(session, part, position.next, end)? {
                    return Ok(false);
                }
                self.end_seen.insert(part, end);
            }
        }
        let handled = until.handled_ends.borrow().clone();
        let ends = until.ends.iter().chain(handled.iter().flatten());
        let all = ends.filter(|(part, _)| V::SOURCES.contains(&part.source)).map(|(part, end)| (*part, *end));
        let held = self.shared.worker().positions().map(|(part, _)| part).collect();
        let told = |part| {
            let state = self.env.board.part(V::NAME, part)?;
            Some(state.position.next.max(state.end_seen))
        };
        Ok(self.elsewhere.are_done(held, all, told, Instant::now()))
    }
}
