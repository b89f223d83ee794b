//! A watch on a consumer, beside it.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::{CancellationToken, DropGuard};

use super::{env::Env, ownership::Ownership};
use crate::messages::{Sentence, Severity};

/// A consumer that stands still for so long is told of.
const LONG: Duration = Duration::from_secs(5);
/// How often it is looked.
const LOOK: Duration = Duration::from_secs(1);

/// Tells where a consumer has stood still for long, as it cannot do so itself.
pub(super) fn watch_over(env: &Env, name: &'static str, ownership: &Arc<Ownership>) -> DropGuard {
    let (env, ownership, stop) = (env.clone(), Arc::clone(ownership), CancellationToken::new());
    let (beside, ended) = (env.beside.clone(), stop.clone());
    let watching = async move {
        let mut told = false;
        loop {
            let (running, wall) = ownership.silences();
            let stands = running.max(wall) > LONG;
            if stands && !told && env.model.is_shaken() {
                // That Kafka is away is said once for all.
                env.model.set_trouble(name, Sentence::KafkaAway);
            } else if stands && !told {
                let what = if running > LONG {
                    let seconds = running.as_secs();
                    format!("{name} has stood still for {seconds} s: its disk or Kafka keeps it waiting")
                } else {
                    let seconds = (wall.saturating_sub(running)).as_secs();
                    format!("{name}: the machine slept, or its clock was set forward by {seconds} s")
                };
                let second = env.clock.now().unwrap_or_default();
                env.model.say(second, Severity::Warning, format!("{what}.").into());
                env.model.set_trouble(name, what.into());
            }
            told = stands;
            tokio::time::sleep(LOOK).await;
        }
    };
    beside.spawn(async move { ended.run_until_cancelled(watching).await });
    stop.drop_guard()
}
