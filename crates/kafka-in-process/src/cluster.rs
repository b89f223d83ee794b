//! What all requests share: topics, groups, transactions and the journal below them.

use std::{io, sync::Arc};

use kafka_protocol::ResponseError;
use tokio_util::sync::CancellationToken;

use super::{
    config::Durability, folder::Folder, groups::Groups, journal::Journal, topics::Topics,
    transactions::Transactions,
};

/// The state of the running broker.
pub(crate) struct Cluster {
    /// Locked as long as anything of the broker still runs.
    pub(crate) folder: Folder,
    pub(crate) id: String,
    pub(crate) durability: Durability,
    pub(crate) journal: Arc<Journal>,
    pub(crate) topics: Arc<Topics>,
    pub(crate) groups: Arc<Groups>,
    pub(crate) transactions: Arc<Transactions>,
    /// Set when the broker is to stop: waits end early.
    pub(crate) stopping: CancellationToken,
}

impl Cluster {
    /// Runs work on the transactions that may have to sync files: off the async threads where it does.
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

    /// Returns when what the journal was told is as safe as the broker promises.
    pub(crate) async fn settle(&self) -> io::Result<()> {
        match self.durability {
            Durability::Process => Ok(()),
            Durability::Power => self.journal.sync().await,
        }
    }
}
