//! Which consumers are running in other processes: a state machine without a clock, fed with received presence records.
//!
//! A process that runs consumers publishes a presence record each second. If none arrives for a while, it counts as gone,
//! provided that Kafka has answered since the next one was due: without Kafka none can arrive.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

/// A process without a presence record for this long counts as gone; they are sent each second.
pub(super) const SILENCE: Duration = Duration::from_millis(2_500);
/// Time after which the next presence record is in the log.
const DUE: Duration = Duration::from_millis(1_500);
/// Time that other processes may need to reconnect when Kafka is back.
const RETURN: Duration = Duration::from_millis(2_500);

/// A process's presence record: the consumers that it runs, as on `shop.state`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Presence {
    /// By the name of the consumer.
    pub consumers: BTreeMap<String, Share>,
    /// Its random id: a different one under the same instance runs in a copy of the folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
}

/// One consumer of a process.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Share {
    /// Partitions that it owns.
    pub partitions: usize,
    /// What is wrong with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// Whether other processes run a consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Life {
    /// Not known, or its process may be dead.
    Unknown,
    /// Somebody runs it.
    Runs(Share),
    /// Nobody runs it.
    Nobody,
}

/// What was heard.
#[derive(Debug, Default)]
pub(super) struct Liveness {
    /// Since when all presence records are seen.
    since: Option<Instant>,
    /// When the last answered request was sent to Kafka.
    answered: Option<Instant>,
    /// Whether `shop.state` was read to its end and is being followed.
    follows: bool,
    away: bool,
    /// By process, its last record and the time.
    said: HashMap<String, (Instant, Presence)>,
}

impl Liveness {
    /// Stores a presence record; returns whether it is news.
    pub(super) fn hear(&mut self, who: &str, at: Instant, presence: Presence) -> bool {
        match self.said.get_mut(who) {
            Some((before, said)) => {
                let news = *said != presence || at.saturating_duration_since(*before) >= SILENCE;
                (*before, *said) = (at.max(*before), presence);
                news
            }
            None => self.said.insert(who.to_owned(), (at, presence)).is_none(),
        }
    }

    /// Removes a process that has ended in order.
    pub(super) fn leave(&mut self, who: &str) -> bool {
        self.said.remove(who).is_some()
    }

    /// Sets whether `shop.state` is followed from now on, with everything before it read.
    pub(super) fn follow(&mut self, follows: bool, now: Instant) {
        if follows != self.follows {
            self.follows = follows;
            self.since = (follows && !self.away).then_some(now);
        }
    }

    /// Notes that Kafka has answered a request sent at `asked`.
    pub(super) fn answer(&mut self, asked: Instant) {
        self.answered = self.answered.max(Some(asked));
        if std::mem::take(&mut self.away) {
            self.since = self.follows.then(|| asked + RETURN);
        }
    }

    /// Kafka does not answer: missing presence records mean nothing now.
    pub(super) fn lose(&mut self) {
        (self.away, self.since) = (true, None);
    }

    /// What is known of a consumer.
    pub(super) fn life(&self, view: &str, now: Instant) -> Life {
        let (mut runs, mut unsure) = (None::<Share>, false);
        for (at, presence) in self.said.values() {
            let Some(share) = presence.consumers.get(view) else { continue };
            if now.saturating_duration_since(*at) < SILENCE {
                let sum = runs.get_or_insert_default();
                sum.partitions += share.partitions;
                sum.trouble = sum.trouble.take().or_else(|| share.trouble.clone());
            } else {
                unsure |= !self.is_gone(*at, now);
            }
        }
        match runs {
            Some(share) => Life::Runs(share),
            None if unsure || self.since.is_none() => Life::Unknown,
            None => Life::Nobody,
        }
    }

    /// Whether a process is gone without having ended in order.
    pub(super) fn is_dead(&self, who: &str, now: Instant) -> bool {
        self.said.get(who).is_some_and(|(at, _)| self.is_gone(*at, now))
    }

    /// The processes that ran a consumer and died: no presence record, and no tombstone.
    pub(super) fn dead<'a>(&'a self, view: &'a str, now: Instant) -> impl Iterator<Item = &'a str> {
        let is_dead = move |(at, presence): &(Instant, Presence)| {
            presence.consumers.contains_key(view) && self.is_gone(*at, now)
        };
        self.said.iter().filter(move |(_, said)| is_dead(said)).map(|(who, _)| who.as_str())
    }

    /// Whether a process with its last record at `at` is gone.
    fn is_gone(&self, at: Instant, now: Instant) -> bool {
        let heard = |since: Instant| now.saturating_duration_since(since.max(at)) >= SILENCE;
        let asked = |answered: Instant| answered.saturating_duration_since(at) >= DUE;
        self.since.is_some_and(heard) && self.answered.is_some_and(asked)
    }

    /// When the next process will count as gone, if Kafka answers and no record of it arrives.
    pub(super) fn next_silence(&self, now: Instant) -> Option<Instant> {
        let since = self.since?;
        self.said.values().map(|(at, _)| since.max(*at) + SILENCE).filter(|due| *due > now).min()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn presence(views: &[&str]) -> Presence {
        let share = |view: &&str| ((*view).to_owned(), Share { partitions: 3, trouble: None });
        Presence { consumers: views.iter().map(share).collect(), process: None }
    }

    fn runs(partitions: usize) -> Life {
        Life::Runs(Share { partitions, trouble: None })
    }

    #[test]
    fn who_falls_silent_is_gone_within_three_seconds_and_who_says_so_at_once() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut liveness = Liveness::default();
        assert_eq!(liveness.life("sales", at(0)), Life::Unknown, "nothing is followed yet");
        liveness.follow(true, at(0));
        assert_eq!(liveness.life("sales", at(0)), Life::Nobody);
        liveness.hear("a", at(100), presence(&["sales", "mail"]));
        liveness.hear("b", at(600), presence(&["sales"]));
        assert_eq!(liveness.life("sales", at(700)), runs(6));
        liveness.answer(at(2_000));
        assert_eq!(liveness.life("sales", at(2_600)), runs(3), "the other one has said nothing more");
        assert_eq!(liveness.life("mail", at(2_600)), Life::Nobody);
        assert_eq!(liveness.next_silence(at(2_600)), Some(at(3_100)));
        assert_eq!(liveness.life("sales", at(3_100)), Life::Unknown, "Kafka has not answered since");
        liveness.answer(at(3_000));
        assert_eq!(liveness.life("sales", at(3_100)), Life::Nobody);
        liveness.hear("b", at(3_200), presence(&["sales"]));
        assert_eq!(liveness.life("sales", at(3_200)), runs(3));
        liveness.leave("b");
        assert_eq!(liveness.life("stock", at(3_200)), Life::Nobody);
        assert_eq!(["a", "b"].map(|who| liveness.is_dead(who, at(3_200))), [true, false]);
        assert_eq!(liveness.dead("mail", at(3_200)).collect::<Vec<_>>(), ["a"]);
        assert_eq!(liveness.dead("stock", at(3_200)).count(), 0);
    }

    #[test]
    fn what_was_said_long_ago_is_no_sign_of_life() {
        let start = Instant::now() + Duration::from_secs(60);
        let mut liveness = Liveness::default();
        liveness.hear("a", start.checked_sub(Duration::from_secs(50)).unwrap(), presence(&["sales"]));
        assert_eq!(liveness.life("sales", start), Life::Unknown);
        liveness.follow(true, start);
        liveness.answer(start);
        assert_eq!(liveness.life("sales", start), Life::Unknown, "by our clock; it may say something soon");
        assert_eq!(liveness.life("sales", start + SILENCE), Life::Nobody);
    }

    #[derive(Debug, Clone)]
    enum Step {
        /// Each of the three processes that lives says so, so late, ms.
        Second([u64; 3]),
        /// One of them is killed, ends in order, or begins.
        Kill(usize),
        End(usize),
        Begin(usize),
        /// Kafka is away for so many seconds.
        Away(u32),
    }

    fn step() -> impl Strategy<Value = Step> {
        let process = || 0..3_usize;
        prop_oneof![
            6 => prop::array::uniform3(0..400_u64).prop_map(Step::Second),
            1 => process().prop_map(Step::Kill),
            1 => process().prop_map(Step::End),
            2 => process().prop_map(Step::Begin),
            1 => (1..9_u32).prop_map(Step::Away),
        ]
    }

    proptest! {
        /// Every process runs one consumer; at the end of each second it is known of each whether it lives, but for the
        /// seconds in which it cannot be.
        #[test]
        fn who_lives_is_never_gone_and_who_died_is_gone_soon(steps in prop::collection::vec(step(), 1..80)) {
            const VIEWS: [&str; 3] = ["sales", "stock", "mail"];
            let (mut liveness, mut now) = (Liveness::default(), Instant::now());
            liveness.follow(true, now);
            let mut lives = [false; 3];
            // Seconds since Kafka is back, and since each has changed.
            let (mut back, mut changed) = (100_u32, [0_u32; 3]);
            for step in steps {
                match step {
                    Step::Second(late) => {
                        for process in (0..3).filter(|process| lives[*process]) {
                            let at = now + Duration::from_millis(late[process]);
                            liveness.hear(&process.to_string(), at, presence(&VIEWS[process..=process]));
                        }
                        liveness.answer(now + Duration::from_millis(500));
                        now += SECOND;
                        back += 1;
                        changed = changed.map(|seconds| seconds + 1);
                    }
                    Step::Kill(process) => {
                        (lives[process], changed[process]) = (false, if lives[process] { 0 } else { changed[process] });
                    }
                    Step::End(process) => {
                        liveness.leave(&process.to_string());
                        lives[process] = false;
                        changed[process] = 100;
                    }
                    Step::Begin(process) => {
                        (lives[process], changed[process]) = (true, if lives[process] { changed[process] } else { 0 });
                    }
                    Step::Away(seconds) => {
                        // It is noticed after a while.
                        for second in 0..seconds {
                            for (process, view) in VIEWS.iter().enumerate() {
                                let gone = matches!(liveness.life(view, now), Life::Nobody);
                                prop_assert!(!(gone && lives[process] && changed[process] > 0 && back > 0));
                            }
                            if second == 1 {
                                liveness.lose();
                            }
                            now += SECOND;
                        }
                        if seconds < 2 {
                            liveness.lose();
                        }
                        back = 0;
                    }
                }
                for (process, view) in VIEWS.iter().enumerate() {
                    let life = liveness.life(view, now);
                    if lives[process] && changed[process] > 0 && back > 0 {
                        prop_assert_eq!(life, runs(3), "{} lives", process);
                    } else if !lives[process] && changed[process] >= 3 && back > 6 {
                        prop_assert!(matches!(life, Life::Nobody), "{} is gone: {:?}", process, life);
                    }
                }
            }
        }
    }
}
