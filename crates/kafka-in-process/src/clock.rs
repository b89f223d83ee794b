//! The broker's clock.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tokio::sync::watch;

/// The broker's clock: the system's, or one that a test controls.
///
/// With a manual clock a test need not wait for retention, compaction, session and transaction time-outs, or the expiry
/// of ids. Waits for records (`fetch.max.wait.ms`) and for idle connections always use the system's clock.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<watch::Sender<i64>>>);

/// A point in time to measure from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    instant: Instant,
    wall: i64,
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(None)
    }

    /// A clock that stands still until it is moved.
    pub fn manual(now: SystemTime) -> Self {
        Self(Some(Arc::new(watch::Sender::new(millis(now)))))
    }

    /// Advances a manual clock. Does nothing to the system's clock.
    pub fn advance(&self, by: Duration) {
        if let Some(now) = &self.0 {
            now.send_modify(|now| *now = now.saturating_add(whole_millis(by)));
        }
    }

    /// Milliseconds since 1970, as the Kafka protocol counts time.
    pub(crate) fn wall(&self) -> i64 {
        self.0.as_ref().map_or_else(wall, |now| *now.borrow())
    }

    pub(crate) fn moment(&self) -> Moment {
        Moment { instant: Instant::now(), wall: self.wall() }
    }

    /// Milliseconds since a moment; monotonic, even if the system's clock is set back.
    pub(crate) fn millis_since(&self, moment: Moment) -> u64 {
        match &self.0 {
            None => u64::try_from(moment.instant.elapsed().as_millis()).unwrap_or(u64::MAX),
            Some(now) => u64::try_from(now.borrow().saturating_sub(moment.wall)).unwrap_or(0),
        }
    }

    /// Waits until `wait` has passed since a moment; for ever if it is `None`.
    pub(crate) async fn after(&self, moment: Moment, wait: Option<Duration>) {
        match (wait, &self.0) {
            (None, _) => std::future::pending().await,
            (Some(wait), None) => tokio::time::sleep(wait.saturating_sub(moment.instant.elapsed())).await,
            (Some(wait), Some(_)) => self.reach(Some(moment.wall.saturating_add(whole_millis(wait)))).await,
        }
    }

    /// Waits for a time, in milliseconds since 1970; for ever if it is `None`.
    pub(crate) async fn reach(&self, time: Option<i64>) {
        match (time, &self.0) {
            (None, _) => std::future::pending().await,
            (Some(time), None) => {
                let wait = time.saturating_sub(self.wall()).max(0).unsigned_abs();
                tokio::time::sleep(Duration::from_millis(wait)).await;
            }
            (Some(time), Some(now)) => {
                // Never an error: `self` holds the sender.
                let _ = now.subscribe().wait_for(|now| *now >= time).await;
            }
        }
    }
}

fn whole_millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// The system's time: milliseconds since 1970.
pub(crate) fn wall() -> i64 {
    millis(SystemTime::now())
}

fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
