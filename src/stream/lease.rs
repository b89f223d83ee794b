//! How a consumer knows, after time that it did not see pass, that it must ask whether its partitions are still its
//! own.
//!
//! Kafka gives a member's partitions to another one when it has not heard of it for the session timeout of six
//! seconds. librdkafka notices that by itself while its process runs and its consumer is polled. A process that was
//! stopped, a machine that slept and a loop that was stuck find out only afterwards: until then they must not write.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

/// So long a silence takes no partition away: at most two seconds, a heartbeat's interval, were silent before it.
const HARMLESS: Duration = Duration::from_secs(3);

/// When a loop was last known to hold its partitions.
#[derive(Debug)]
pub struct Lease {
    // The second clock goes on while a machine sleeps.
    seen: Mutex<(Instant, SystemTime)>,
}

impl Default for Lease {
    fn default() -> Self {
        Self { seen: Mutex::new((Instant::now(), SystemTime::now())) }
    }
}

impl Lease {
    fn seen(&self) -> MutexGuard<'_, (Instant, SystemTime)> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The partitions are known to be held now.
    pub fn renew(&self) {
        *self.seen() = (Instant::now(), SystemTime::now());
    }

    /// How long nothing has been known of them.
    pub fn silence(&self) -> Duration {
        let (instant, wall) = *self.seen();
        // A clock that was set back says nothing.
        instant.elapsed().max(wall.elapsed().unwrap_or_default())
    }

    /// Whether they may be somebody else's by now.
    pub fn is_stale(&self) -> bool {
        self.silence() > HARMLESS
    }
}
