//! What the consumers of a process share, and how their runs end.

use std::sync::Arc;

use tokio::{runtime::Handle, sync::watch};
use tokio_util::sync::CancellationToken;

use super::{order_ids::OrderIds, publisher::Publisher, shared_reader::LogReader, until::Until};
use crate::{clock::Clock, messages::Sentence, read_model::ReadModel, shop::Zone, stream::Session};

/// What the consumers of a process share.
#[derive(Clone)]
pub struct Env {
    /// How to reach Kafka.
    pub session: Session,
    /// Where records come from.
    pub reader: LogReader,
    /// Which orders are duplicates.
    pub ids: Arc<OrderIds>,
    /// The read model.
    pub model: Arc<ReadModel>,
    /// Shop time.
    pub clock: Clock,
    /// The shop's zone.
    pub zone: Zone,
    /// Where states are published.
    pub publisher: Arc<Publisher>,
    /// The `group.instance.id` of this `--out` (KIP-345).
    pub instance: Arc<str>,
    /// A random id of this process: tells it from a process in a copy of its folder.
    pub process: Arc<str>,
    /// Where to end, with `--until-end`.
    pub until: Option<Arc<Until>>,
    /// Turns true once shop time and the end of the run, if any, are known. Consumers join their groups earlier, since
    /// that takes a while, but take no records.
    pub begin: watch::Sender<bool>,
    /// Told when the process ends.
    pub stop: CancellationToken,
    /// The runtime of tasks that watch a consumer: a consumer may block its own thread.
    pub beside: Handle,
}

impl Env {
    /// Ends the process, for a reason that no retry can fix.
    pub(super) fn refuse(&self, why: Sentence) {
        self.model.refuse(self.clock.now().unwrap_or_default(), why);
        self.stop.cancel();
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It was told to stop, or has reached the end it was given.
    Done,
    /// It must restart; the reason.
    Again(String),
}
