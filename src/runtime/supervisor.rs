//! Supervises tasks: one that fails or panics is reported and restarted, with growing delays.

use std::{fmt::Display, future::Future, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt;
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    engine::Ended,
    messages::{Sentence, Severity},
    read_model::ReadModel,
};

/// Waits between two attempts to run a task, from the first to the last.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LAST_WAIT: Duration = Duration::from_secs(5);

/// Restarts failed tasks.
#[derive(Clone)]
pub struct Supervisor {
    /// For messages.
    pub model: Arc<ReadModel>,
    /// Their shop time.
    pub clock: Clock,
    /// Ends all tasks.
    pub stop: CancellationToken,
}

impl Supervisor {
    /// Runs a task until it is done or all is to stop; after a failure or a panic it is built again. The first
    /// attempt after one that lasted comes soon, later ones up to five seconds apart.
    pub async fn keep<F, R, E>(&self, name: &'static str, mut run: F)
    where
        F: FnMut() -> R,
        R: Future<Output = Result<Ended, E>>,
        E: Display,
    {
        let mut wait = FIRST_WAIT;
        let mut told = None;
        while !self.stop.is_cancelled() {
            let begun = tokio::time::Instant::now();
            // Unwind safe: shared data is behind locks and is consistent whenever one is released.
            let attempt = AssertUnwindSafe(async { run().await }).catch_unwind();
            let attempt = attempt.await;
            let panicked = attempt.is_err();
            let why = match attempt {
                Ok(Ok(Ended::Done)) => return,
                Ok(Ok(Ended::Again(why))) => why,
                Ok(Err(error)) => error.to_string(),
                Err(panic) => format!("it panicked ({})", panic_message(panic.as_ref())),
            };
            if self.stop.is_cancelled() {
                return;
            }
            // A run that lasted resets the delay.
            if begun.elapsed() > LAST_WAIT * 2 {
                (wait, told) = (FIRST_WAIT, None);
            }
            let second = self.clock.now().unwrap_or_default();
            self.model.failed(name);
            let trouble = if self.model.is_shaken() && !panicked {
                // That Kafka is away is said once for all.
                tracing::debug!("{name} starts again from its checkpoint: {why}");
                Sentence::KafkaAway
            } else {
                // A repeated failure, such as a full disk, is reported once.
                if told.as_ref() != Some(&why) {
                    self.model.say(
                        second,
                        Severity::Warning,
                        Sentence::Restarted { view: name, why: why.clone() },
                    );
                }
                told = Some(why.clone());
                Sentence::Text(why)
            };
            self.model.set_group(name, 0, 0, Some(trouble));
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
            wait = (wait * 2).min(LAST_WAIT);
        }
    }

    /// The same for a task that blocks, on a thread of its own. Told to stop it has to end by itself; nobody waits for it.
    pub async fn keep_blocking<T, E>(&self, name: &'static str, mut task: impl FnMut() -> T)
    where
        T: FnOnce() -> Result<Ended, E> + Send + 'static,
        E: Display + Send + 'static,
    {
        let run = || {
            let running = tokio::task::spawn_blocking(task());
            async move {
                match self.stop.run_until_cancelled(running).await {
                    None => Ok(Ended::Done),
                    Some(Ok(ended)) => ended.map_err(|error| error.to_string()),
                    Some(Err(error)) => Err(error.to_string()),
                }
            }
        };
        self.keep(name, run).await;
    }
}

/// What a task that panicked said.
pub fn panic_message(panic: &dyn std::any::Any) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a word")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{read_model::Connection, shop::Zone};

    fn supervisor() -> Supervisor {
        let connection =
            Connection { bootstrap: "127.0.0.1:1".to_owned(), embedded: false, up: true, trouble: None };
        Supervisor {
            model: Arc::new(ReadModel::new(Zone(chrono_tz::Europe::Stockholm), connection)),
            clock: Clock::default(),
            stop: CancellationToken::new(),
        }
    }

    #[tokio::test]
    async fn a_task_that_panics_or_fails_is_told_of_and_runs_again_ever_more_slowly() {
        let supervisor = supervisor();
        let begun = tokio::time::Instant::now();
        let mut starts = Vec::new();
        supervisor
            .keep("the test", || {
                starts.push(begun.elapsed());
                let attempt = starts.len();
                async move {
                    match attempt {
                        1 => panic!("out of its wits"),
                        2 => Err("a failure"),
                        3 => Ok(Ended::Again("a wish".to_owned())),
                        _ => Ok(Ended::Done),
                    }
                }
            })
            .await;
        let waits: Vec<Duration> = starts.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
        assert_eq!(waits.len(), 3);
        assert!(waits.iter().zip(1..).all(|(wait, times)| *wait >= FIRST_WAIT * times), "{waits:?}");
        assert!(waits[2] >= FIRST_WAIT * 4, "{waits:?}");
        let told: Vec<_> =
            supervisor.model.messages().into_iter().map(|message| message.sentence.to_string()).collect();
        let whys = ["it panicked (out of its wits)", "a failure", "a wish"];
        assert_eq!(told.len(), whys.len(), "{told:?}");
        assert!(
            told.iter().zip(whys).all(|(told, why)| told.contains("the test") && told.contains(why)),
            "{told:?}"
        );
    }

    #[tokio::test]
    async fn while_kafka_is_away_and_just_after_only_panics_are_told_of_beside_that() {
        let supervisor = supervisor();
        supervisor.model.set_connection(true, None, 0);
        supervisor.model.set_connection(false, Some(Sentence::KafkaAway), 0);
        let mut attempts = 0;
        supervisor
            .keep("sales", || {
                attempts += 1;
                let (attempt, model) = (attempts, Arc::clone(&supervisor.model));
                async move {
                    match attempt {
                        1 => Err("a transaction failed (Local: Timed out)"),
                        2 => panic!("out of its wits"),
                        3 => {
                            model.set_connection(true, None, 0);
                            Err("other processes may have its partitions")
                        }
                        _ => Ok(Ended::Done),
                    }
                }
            })
            .await;
        let told: Vec<_> = supervisor.model.messages().into_iter().map(|message| message.sentence).collect();
        let restarted =
            Sentence::Restarted { view: "sales", why: "it panicked (out of its wits)".to_owned() };
        assert_eq!(told, [Sentence::KafkaAway, restarted, Sentence::KafkaBack]);
        let sales = supervisor.model.readings().into_iter().find(|reading| reading.view == "sales").unwrap();
        assert_eq!(sales.trouble, Some(Sentence::KafkaAway));
    }

    #[tokio::test]
    async fn a_closure_that_panics_before_its_future_is_kept_too_and_a_stop_ends_the_waiting() {
        let supervisor = supervisor();
        let stop = supervisor.stop.clone();
        let mut attempts = 0;
        supervisor
            .keep("the test", || {
                attempts += 1;
                assert!(attempts > 1, "at once");
                stop.cancel();
                async { Ok::<_, String>(Ended::Again("over".to_owned())) }
            })
            .await;
        assert_eq!(attempts, 2);
    }
}
