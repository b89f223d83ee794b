//! What the loops of a process share, and how they end.

use std::sync::Arc;

use tokio::{runtime::Handle, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{Session, beat::Beat, board::Board, clock::Clock, publish::Publisher, until::Until};
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

impl Env {
    /// The beat that all loops of the process have in common.
    pub fn beat(&self) -> Beat {
        Beat::since(self.begun, self.until.is_some())
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
