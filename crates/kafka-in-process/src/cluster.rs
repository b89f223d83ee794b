//! The state that all requests share: topics, groups, transactions and the journal.

use std::{io, sync::Arc};

use kafka_protocol::ResponseError;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    api::Peer,
    config::{Durability, Settings},
    faults::Faults,
    folder::Folder,
    groups::Groups,
    journal::Journal,
    topics::Topics,
    transactions::Transactions,
    wire::{Budget, FrameMemory},
};

/// The state of the running broker.
pub(crate) struct Cluster {
    /// The lock is held while any part of the broker runs.
    pub(crate) folder: Arc<Folder>,
    pub(crate) id: String,
    pub(crate) durability: Durability,
    pub(crate) settings: Arc<Settings>,
    pub(crate) faults: Faults,
    /// The memory budgets of requests and of fetched records.
    pub(crate) frames: FrameMemory,
    pub(crate) answers: Budget,
    pub(crate) journal: Arc<Journal>,
    pub(crate) topics: Arc<Topics>,
    pub(crate) groups: Arc<Groups>,
    pub(crate) transactions: Arc<Transactions>,
    /// Cancelled when the broker stops: ends waits early.
    pub(crate) stopping: CancellationToken,
    /// Whether clients are served.
    pub(crate) reachable: watch::Sender<bool>,
}

impl Cluster {
    /// Runs work on the transactions: on the blocking pool if it may have to sync files.
    pub(crate) async fn on_transactions<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transactions) -> Result<T, ResponseError> + Send + 'static,
    ) -> Result<T, ResponseError> {
        if self.durability == Durability::Process {
            return work(&self.transactions);
        }
        let transactions = Arc::clone(&self.transactions);
        let done = tokio::task::spawn_blocking(move || work(&transactions)).await;
        done.unwrap_or(Err(ResponseError::UnknownServerError))
    }

    /// The address that a client is told.
    pub(crate) fn address_for(&self, peer: &Peer) -> (String, u16) {
        let reached = || (peer.local.ip().to_string(), peer.local.port());
        self.settings.advertised.clone().unwrap_or_else(reached)
    }

    /// Waits until the journal's changes are as durable as configured.
    pub(crate) async fn settle(&self) -> io::Result<()> {
        match self.durability {
            Durability::Process => Ok(()),
            Durability::Power => self.journal.sync().await,
        }
    }
}
