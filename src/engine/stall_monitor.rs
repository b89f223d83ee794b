//! A watchdog for a consumer.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio_util::sync::{CancellationToken, DropGuard};

use super::{context::Env, ownership::Ownership};
use crate::messages::{Sentence, Severity};

/// A consumer that makes no progress for this long is reported.
const LONG: Duration = Duration::from_secs(5);
/// Period of the check.
const LOOK: Duration = Duration::from_secs(1);

/// What a check reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stall {
    /// No progress while Kafka does not answer.
    Kafka,
    /// No progress for so long by the monotonic clock.
    Blocked(Duration),
    /// The wall clock went on by so much more than the monotonic one.
    Slept(Duration),
}

/// What is known of Kafka, and what was reported since the consumer last made progress.
#[derive(Debug, Default)]
struct Watch {
    /// When Kafka was last seen not to answer.
    kafka_away: Option<Instant>,
    reported: Option<Stall>,
}

impl Watch {
    /// Each cause once for a stall. What lasts for long after Kafka answers again has another cause than Kafka.
    fn check(&mut self, silences: (Duration, Duration), shaken: bool, now: Instant) -> Option<Stall> {
        let (running, wall) = silences;
        if shaken {
            self.kafka_away = Some(now);
        }
        if running.max(wall) <= LONG {
            self.reported = None;
            return None;
        }
        let stall = if shaken {
            if self.reported.is_some() {
                return None;
            }
            Stall::Kafka
        } else {
            let with_kafka = self.kafka_away.is_none_or(|at| now.duration_since(at) > LONG);
            if !with_kafka || self.reported.is_some_and(|stall| stall != Stall::Kafka) {
                return None;
            }
            if running > LONG { Stall::Blocked(running) } else { Stall::Slept(wall.saturating_sub(running)) }
        };
        self.reported = Some(stall);
        self.reported
    }
}

/// Reports a consumer that is blocked for long, since it cannot do so itself.
pub(super) fn watch_over(env: &Env, name: &'static str, ownership: &Arc<Ownership>) -> DropGuard {
    let (env, ownership, stop) = (env.clone(), Arc::clone(ownership), CancellationToken::new());
    let (beside, ended) = (env.beside.clone(), stop.clone());
    let watching = async move {
        let mut watch = Watch::default();
        loop {
            let what = match watch.check(ownership.silences(), env.model.is_shaken(), Instant::now()) {
                None => None,
                Some(Stall::Kafka) => {
                    // The loss of Kafka is reported only once, for all consumers.
                    env.model.set_trouble(name, Sentence::KafkaAway);
                    None
                }
                Some(Stall::Blocked(silence)) => {
                    let seconds = silence.as_secs();
                    Some(format!(
                        "{name} has stood still for {seconds} s: its disk or Kafka keeps it waiting"
                    ))
                }
                Some(Stall::Slept(gap)) => {
                    let seconds = gap.as_secs();
                    Some(format!("{name}: the machine slept, or its clock was set forward by {seconds} s"))
                }
            };
            if let Some(what) = what {
                let second = env.clock.now().unwrap_or_default();
                env.model.say(second, Severity::Warning, format!("{what}.").into());
                env.model.set_trouble(name, what.into());
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    beside.spawn(async move { ended.run_until_cancelled(watching).await });
    stop.drop_guard()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks each second a consumer that makes no progress from second 0, while Kafka is away within `away`.
    fn reports(seconds: u64, away: std::ops::Range<u64>) -> Vec<(u64, Stall)> {
        let (mut watch, begin) = (Watch::default(), Instant::now());
        (0..seconds)
            .filter_map(|second| {
                let silence = Duration::from_secs(second);
                let stall = watch.check((silence, silence), away.contains(&second), begin + silence);
                stall.map(|stall| (second, stall))
            })
            .collect()
    }

    #[test]
    fn a_stall_is_reported_once() {
        assert_eq!(reports(60, 0..0), [(6, Stall::Blocked(Duration::from_secs(6)))]);
    }

    #[test]
    fn a_stall_that_outlasts_the_loss_of_kafka_is_reported_too() {
        let blocked = |second| (second, Stall::Blocked(Duration::from_secs(second)));
        assert_eq!(reports(60, 6..9), [(6, Stall::Kafka), blocked(14)]);
        assert_eq!(reports(60, 7..9), [blocked(6)]);
        assert_eq!(reports(12, 6..9), [(6, Stall::Kafka)]);
        assert_eq!(reports(60, 2..5), [blocked(10)]);
    }

    #[test]
    fn progress_begins_anew() {
        let (mut watch, now, long) = (Watch::default(), Instant::now(), LONG * 2);
        for _ in 0..2 {
            assert_eq!(watch.check((long, long), false, now), Some(Stall::Blocked(long)));
            assert_eq!(watch.check((long, long), false, now), None);
            assert_eq!(watch.check((Duration::ZERO, Duration::ZERO), false, now), None);
        }
        assert_eq!(watch.check((Duration::ZERO, long), false, now), Some(Stall::Slept(long)));
    }
}
