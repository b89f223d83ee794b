//! The consumer groups in the read model: what each reports, and what follows from its positions.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use chrono::Utc;

use super::{Inner, Life, Presence, ReadModel, SILENT_MS, Share, Told};
use crate::{
    consumer::Part,
    consumers::{NAMES, reads},
    messages::Sentence,
};

/// An error after this long without one counts as a new trouble.
const SPELL: Duration = Duration::from_secs(10);

/// What a consumer of this process says of itself.
#[derive(Debug, Default)]
pub(super) struct Group {
    trouble: Option<Sentence>,
    partitions: usize,
    records: u64,
    rebalances: u64,
    errors: Spells,
}

/// Troubles, each of any number of errors: librdkafka repeats one for as long as its cause lasts.
#[derive(Debug, Default)]
struct Spells {
    count: u64,
    last: Option<Instant>,
}

impl Spells {
    /// Takes in an error.
    fn note(&mut self, now: Instant) {
        let goes_on = self.last.is_some_and(|last| now.saturating_duration_since(last) <= SPELL);
        self.count += u64::from(!goes_on);
        self.last = Some(now);
    }
}

/// The state of a consumer group at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Which.
    pub view: &'static str,
    /// Records that this process has read if it runs the consumer; otherwise the sum of published positions. Only the
    /// growth matters.
    pub records: u64,
    /// Records behind the end of its topics.
    pub lag: u64,
    /// Partitions owned by this process; if it does not run the consumer, those that others publish.
    pub partitions: usize,
    /// Times that partitions were assigned anew in this process; `None` where it does not run the consumer.
    pub rebalances: Option<u64>,
    /// Troubles met in this process; `None` where it does not run the consumer.
    pub errors: Option<u64>,
    /// What is wrong, or what it waits for.
    pub trouble: Option<Sentence>,
}

impl ReadModel {
    /// Notes a consumer's own health: partitions held, records read so far, what is wrong.
    pub fn set_group(&self, view: &'static str, partitions: usize, records: u64, trouble: Option<Sentence>) {
        let mut inner = self.lock();
        let group = inner.groups.entry(view).or_default();
        group.partitions = partitions;
        group.records = records;
        let news = group.trouble != trouble;
        group.trouble = trouble;
        inner.changes += u64::from(news);
    }

    /// Notes that this process runs consumers from now on.
    pub fn will_run(&self, views: impl IntoIterator<Item = &'static str>) {
        let mut inner = self.lock();
        for view in views {
            inner.groups.entry(view).or_default();
        }
    }

    /// When figures were last published: wall time, Unix ms.
    pub fn told_ms(&self) -> Option<i64> {
        self.lock().counted().map(|(.., told)| told.state.wall_ms).max()
    }

    /// Notes what is wrong with a consumer.
    pub fn set_trouble(&self, view: &'static str, trouble: Sentence) {
        let mut inner = self.lock();
        inner.groups.entry(view).or_default().trouble = Some(trouble);
        inner.changes += 1;
    }

    /// Counts that a consumer's partitions were assigned anew.
    pub fn rebalanced(&self, view: &'static str) {
        self.lock().groups.entry(view).or_default().rebalances += 1;
    }

    /// Notes an error that a consumer met.
    pub fn failed(&self, view: &'static str) {
        self.lock().groups.entry(view).or_default().errors.note(Instant::now());
    }

    /// Whether this process runs every consumer over all partitions: then no other process has figures.
    pub fn holds_all(&self) -> bool {
        let inner = self.lock();
        NAMES.iter().all(|view| {
            let parts = inner.ends.by_part.keys().filter(|part| reads(view, part.source)).count();
            let held = inner.groups.get(view).map_or(0, |group| group.partitions);
            parts > 0 && held == parts
        })
    }

    /// Records that the consumers of this process have read up to these ends; `None` if it does not run all of them over
    /// all partitions, or if they have not reached these ends.
    pub fn read_up_to(&self, ends: &HashMap<Part, i64>) -> Option<u64> {
        if !self.holds_all() {
            return None;
        }
        let inner = self.lock();
        let read = |view: &&'static str| {
            let beyond = |(part, end): (&Part, &i64)| {
                let told = inner.parts.get(&(*view, *part))?;
                u64::try_from(told.state.position.next.saturating_sub(*end)).ok()
            };
            let beyond = ends.iter().filter_map(beyond).fold(0, u64::saturating_add);
            let records = inner.groups.get(view)?.records;
            (inner.behind(view, ends) == 0).then(|| records.saturating_sub(beyond))
        };
        NAMES.iter().map(read).sum()
    }

    /// Every consumer group as it is seen from here, in the order of the design.
    pub fn readings(&self) -> Vec<Reading> {
        let inner = self.lock();
        let wall_ms = Utc::now().timestamp_millis();
        let now = Instant::now();
        let reading = |view: &'static str| {
            let group = inner.groups.get(view);
            let (partitions, trouble) = match (group, inner.life(view, now)) {
                (Some(group), _) => (group.partitions, group.trouble.clone()),
                (None, Some(Life::Runs(share))) => (share.partitions, share.trouble.map(Sentence::Text)),
                (None, Some(Life::Nobody)) => (0, Some(Sentence::NobodyRuns { view, others: 0 })),
                (None, Some(Life::Unknown) | None) => (inner.told(view, wall_ms), None),
            };
            Reading {
                view,
                records: group.map_or_else(|| inner.offsets(view), |group| group.records),
                lag: inner.lag(view),
                partitions,
                rebalances: group.map(|group| group.rebalances),
                errors: group.map(|group| group.errors.count),
                trouble,
            }
        };
        NAMES.map(reading).to_vec()
    }

    /// The presence record of this process.
    pub fn presence(&self) -> Presence {
        let inner = self.lock();
        let share = |view: &str| {
            let group = inner.groups.get(view)?;
            let trouble = group.trouble.as_ref().map(ToString::to_string);
            Some((view.to_owned(), Share { partitions: group.partitions, trouble }))
        };
        Presence { consumers: NAMES.into_iter().filter_map(share).collect(), process: None }
    }

    /// Stores a process's presence record, published at `at`; `None` when it ends.
    pub fn hear_presence(&self, who: &str, at: Instant, presence: Option<Presence>) {
        let mut inner = self.lock();
        let news = match presence {
            Some(presence) => inner.liveness.hear(who, at, presence),
            None => inner.liveness.leave(who),
        };
        inner.changes += u64::from(news);
    }

    /// Sets whether `shop.state` is followed, and everything published before was read.
    pub fn follow_others(&self, follows: bool) {
        self.lock().liveness.follow(follows, Instant::now());
    }

    /// When the next process will count as gone if no presence record of it arrives before.
    pub fn next_silence(&self) -> Option<Instant> {
        self.lock().liveness.next_silence(Instant::now())
    }

    /// The instances that ran a consumer and died.
    pub fn dead(&self, view: &str) -> Vec<String> {
        self.lock().liveness.dead(view, Instant::now()).map(str::to_owned).collect()
    }

    /// The consumers that no process runs though they have lag, or though the last process that ran them did not end in
    /// order; `None` while that is not known.
    pub fn unattended(&self) -> Option<Vec<&'static str>> {
        let (inner, now) = (self.lock(), Instant::now());
        let is_unattended = |view: &&'static str| match inner.life(view, now) {
            Some(Life::Nobody) => {
                let mut told = inner.counted().filter(|(name, ..)| name == view);
                let is_dead = |told: &Told| inner.liveness.is_dead(&told.state.who, now);
                Some(inner.lag(view) > 0 || told.any(|(.., told)| is_dead(told)))
            }
            Some(Life::Unknown) => None,
            Some(Life::Runs(_)) | None => Some(false),
        };
        let mut views = Vec::new();
        for view in &NAMES {
            if is_unattended(view)? {
                views.push(*view);
            }
        }
        Some(views)
    }
}

impl Inner {
    /// Partitions of a view with fresh states, as of `wall_ms`.
    fn told(&self, view: &str, wall_ms: i64) -> usize {
        let states = self.counted().filter(|(name, ..)| *name == view);
        states.filter(|(.., told)| wall_ms - told.state.wall_ms < SILENT_MS).count()
    }

    /// The sum of a view's positions.
    fn offsets(&self, view: &str) -> u64 {
        let next = self.counted().filter(|(name, ..)| *name == view);
        next.map(|(.., told)| u64::try_from(told.state.position.next).unwrap_or(0)).sum()
    }

    /// Records between a view's positions and the ends of its logs.
    pub(super) fn lag(&self, view: &str) -> u64 {
        self.behind(view, &self.ends.by_part)
    }

    /// Records between a view's positions and these ends of its logs.
    pub(super) fn behind(&self, view: &str, ends: &HashMap<Part, i64>) -> u64 {
        ends.iter()
            .filter(|(part, _)| reads(view, part.source))
            .map(|(part, end)| {
                let read = NAMES
                    .iter()
                    .find(|name| **name == view)
                    .and_then(|name| self.parts.get(&(*name, *part)))
                    .map_or(0, |told| told.state.position.next.max(told.state.end_seen));
                u64::try_from(end.saturating_sub(read)).unwrap_or(0)
            })
            .fold(0, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_that_follow_each_other_are_one_trouble() {
        let start = Instant::now();
        let mut spells = Spells::default();
        // Away for a minute, and told five times a second; away again eleven seconds after that.
        for tick in 0..300 {
            spells.note(start + Duration::from_millis(tick * 200));
        }
        assert_eq!(spells.count, 1);
        spells.note(start + Duration::from_secs(71));
        assert_eq!(spells.count, 2);
        spells.note(start + Duration::from_secs(81));
        assert_eq!(spells.count, 2, "the same one still");
    }
}
