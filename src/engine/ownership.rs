//! Whether the partitions that a consumer was assigned are surely still its own.
//!
//! Kafka gives a member's partitions to another one when it has not heard of it for the session timeout of six
//! seconds. librdkafka notices that by itself while its process runs and its client is polled. A process that was
//! stopped, a machine that slept and a loop that was stuck find out only afterwards: until then they must not write.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use rdkafka::consumer::Consumer;

use super::member::{Client, Committed, commit_within};
use crate::consumer::Part;

/// So long a silence takes no partition away: at most a second, a heartbeat's interval, was silent before it.
const HARMLESS: Duration = Duration::from_secs(3);
/// How long Kafka may take to say whether it knows this member.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is known of the ownership of a consumer's partitions.
#[derive(Debug)]
pub(super) struct Ownership {
    // The second clock goes on while a machine sleeps.
    seen: Mutex<(Instant, SystemTime)>,
    lost: AtomicBool,
}

impl Default for Ownership {
    fn default() -> Self {
        Self { seen: Mutex::new((Instant::now(), SystemTime::now())), lost: AtomicBool::new(false) }
    }
}

impl Ownership {
    fn seen(&self) -> MutexGuard<'_, (Instant, SystemTime)> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The partitions are known to be owned now.
    pub(super) fn renew(&self) {
        *self.seen() = (Instant::now(), SystemTime::now());
    }

    /// How long nothing has been known of them.
    pub(super) fn silence(&self) -> Duration {
        let (running, wall) = self.silences();
        running.max(wall)
    }

    /// The same by the clock that stands still while the machine sleeps, and by the one on the wall, which may be set: one
    /// that was set back says nothing.
    pub(super) fn silences(&self) -> (Duration, Duration) {
        let (instant, wall) = *self.seen();
        (instant.elapsed(), wall.elapsed().unwrap_or_default())
    }

    /// From here on nothing is written: the consumer begins again from its last checkpoint.
    pub(super) fn lose(&self) {
        self.lost.store(true, Ordering::Relaxed);
    }

    /// Whether they are known to be lost.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Whether they are surely still owned. After a silence Kafka is asked, for a bounded time: it takes once more from
    /// its members what was `committed`.
    pub(super) fn holds(
        &self,
        client: &Arc<Client>,
        committed: impl FnOnce() -> HashMap<Part, Committed>,
    ) -> bool {
        let is_member = || {
            let committed = committed();
            let list = client.context().offsets(committed.clone());
            committed.is_empty() || commit_within(client, list, PATIENCE)
        };
        let holds =
            !self.is_lost() && !client.assignment_lost() && (self.silence() <= HARMLESS || is_member());
        if !holds {
            self.lose();
        }
        holds
    }
}
