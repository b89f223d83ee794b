//! What is due between records: checkpoints, the closing of days, and the end of a run that has one.

use std::time::{Duration, Instant};

use rdkafka::{
    Offset,
    consumer::{CommitMode, Consumer},
};

use super::{INTERVAL, Turn, ViewError};
use crate::{
    consumer::{Output, Part, Trouble},
    dashboard::snapshot::{Said, Weight},
    sinks::files::Files,
    store::Store,
    stream::{probe::nothing_between, until::Until},
    views::View,
};

impl<V, O, S, F> Turn<'_, V, O, S, F>
where
    V: View,
    O: Output<V> + 'static,
    S: Store + 'static,
    F: Files + 'static,
{
    /// What is due between records. `true` when the end is reached.
    pub(super) fn look_after(&mut self) -> Result<bool, ViewError> {
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
    pub(super) fn save(&mut self) {
        if self.shared.is_lost() || self.broken.is_some() {
            return;
        }
        if !self.is_same_kafka() {
            self.break_off("another Kafka answers than before".to_owned());
            return;
        }
        self.saved = Instant::now();
        let now = self.env.clock.now();
        self.close_days();
        let saved = tokio::task::block_in_place(|| self.shared.worker().checkpoint(now));
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

    /// No more records while there is no room for what they lead to; polls go on, so the group keeps us.
    pub(super) fn hold(&mut self, full: bool) {
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
    pub(super) fn close_days(&mut self) {
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
            let Some(end) = until.end(part) else { return Ok(false) };
            if self.shared.worker().is_expecting(part) {
                return Ok(false);
            }
            if position.next < end {
                if !nothing_between(&self.env.session, part, position.next, end)? {
                    return Ok(false);
                }
                self.end_seen.insert(part, end);
            }
        }
        Ok(true)
    }
}
