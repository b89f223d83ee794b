//! What the loops of a process share, and how they end.

use std::{sync::Arc, time::Duration};

use tokio::{
    runtime::Handle,
    time::{Instant, Interval, MissedTickBehavior, interval_at},
};
use tokio_util::sync::CancellationToken;

use super::{Session, board::Board, clock::Clock, publish::Publisher, until::Until};
use crate::shop::Zone;

/// What the loops of a process share.
#[derive(Clone)]
pub struct Env {
    /// How to reach Kafka.
    pub session: Session,
    /// The read model.
    pub board: Arc<Board>,
    /// Shop time.
    pub clock: Clock,
    /// The shop's zone.
    pub zone: Zone,
    /// Where states are published.
    pub publisher: Arc<Publisher>,
    /// The id of this `--out` as a static member of its groups.
    pub instance: Arc<str>,
    /// Where to end, with `--until-end`.
    pub until: Option<Arc<Until>>,
    /// Told when the process ends.
    pub stop: CancellationToken,
    /// Where that runs which watches a loop: each loop has a thread of its own, which it may hold up.
    pub beside: Handle,
    /// When the beat began that all loops look up at.
    pub begun: Instant,
}

/// How often loops look what is due.
const BEAT: Duration = Duration::from_millis(500);

impl Env {
    /// A beat that all loops of the process have in common: what they say then goes out together, and the screen
    /// changes once.
    pub fn beat(&self) -> Interval {
        let beats = self.begun.elapsed().as_millis() / BEAT.as_millis();
        // The last one comes at once.
        let last = BEAT * u32::try_from(beats).unwrap_or(0);
        let mut beat = interval_at(self.begun + last, BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
        beat
    }
}

/// How a loop ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It was told to stop, or has reached the end it was given.
    Done,
    /// It must be built again; why.
    Again(String),
}
