//! Whether a consumer certainly still owns its assigned partitions.
//!
//! Kafka reassigns a member's partitions when it has had no heartbeat for the session timeout of six seconds. librdkafka
//! detects that while its process runs and its client is polled. A process that was stopped, a machine that slept or a
//! loop that was stuck learns of it only later, and must not write before.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use rdkafka::consumer::Consumer;

use super::group_member::{Client, Committed, commit_within};
use crate::consumer::Part;

/// A pause of this length cannot cost a partition: before it at most one heartbeat interval, a second, had passed.
const HARMLESS: Duration = Duration::from_secs(3);
/// How long Kafka may take to say whether it knows this member.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is known of the ownership of a consumer's partitions.
#[derive(Debug)]
pub(super) struct Ownership {
    // The second clock runs while the machine sleeps.
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

    /// Notes that the partitions are owned now.
    pub(super) fn renew(&self) {
        *self.seen() = (Instant::now(), SystemTime::now());
    }

    /// Time since the last [`Self::renew`].
    pub(super) fn silence(&self) -> Duration {
        let (running, wall) = self.silences();
        running.max(wall)
    }

    /// The same by the monotonic clock, which stops while the machine sleeps, and by the wall clock: zero if that was
    /// set back.
    pub(super) fn silences(&self) -> (Duration, Duration) {
        let (instant, wall) = *self.seen();
        (instant.elapsed(), wall.elapsed().unwrap_or_default())
    }

    /// Forbids further writes: the consumer restarts from its last checkpoint.
    pub(super) fn lose(&self) {
        self.lost.store(true, Ordering::Relaxed);
    }

    /// Whether they are known to be lost.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Whether the partitions are certainly still owned. After a pause it commits the `committed` offsets once more, for
    /// a bounded time, since Kafka accepts commits only from members.
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
