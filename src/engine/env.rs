//! What the consumers of a process share, and how their runs end.

use std::sync::Arc;

use tokio::{runtime::Handle, sync::watch};
use tokio_util::sync::CancellationToken;

use super::{log_reader::LogReader, order_ids::OrderIds, publisher::Publisher, until::Until};
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
    /// The id of this `--out` as a static member of its groups.
    pub instance: Arc<str>,
    /// Where to end, with `--until-end`.
    pub until: Option<Arc<Until>>,
    /// Turns true when shop time is known, and where to end. Consumers join their groups before, which takes a while,
    /// and take no record.
    pub begin: watch::Sender<bool>,
    /// Told when the process ends.
    pub stop: CancellationToken,
    /// Where that runs which watches a consumer: each consumer has a thread of its own, which it may hold up.
    pub beside: Handle,
}

impl Env {
    /// Ends the process: it must not go on, for a reason that no new attempt mends.
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
    /// It must begin again; why.
    Again(String),
}
