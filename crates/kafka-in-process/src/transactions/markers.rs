//! What follows from a decision: markers in every partition, now, after a crash, or when the disk has room again.

use std::{collections::HashSet, sync::Arc, time::Duration};

use kafka_protocol::ResponseError;

use super::{Transaction, Transactions, storage, transaction::State};
use crate::{
    clock,
    config::Durability,
    log::{LogError, Marker},
    topics::Partition,
};

/// How long until markers are tried again that a full disk refused.
const RETRY: Duration = Duration::from_millis(500);

impl Transactions {
    /// Decides and completes what a crash left open.
    pub(super) fn recover(&self) {
        self.abort_where(|transaction| transaction.state == State::Ongoing);
        self.finish_decided();
        self.abort_orphans();
    }

    /// Aborts what is open in a log although no transaction knows of it: records that a power cut kept while it took
    /// the journal's end. Nobody else would ever decide them, and readers would wait for ever.
    fn abort_orphans(&self) {
        let decided: HashSet<i64> = self
            .known()
            .by_id
            .values()
            .filter(|one| one.decided().is_some())
            .map(|one| one.producer_id)
            .collect();
        for topic in self.topics.all() {
            for partition in topic.partitions() {
                let mut log = partition.log();
                let open =
                    log.producers().filter(|(id, one)| one.open_from.is_some() && !decided.contains(id));
                let orphans: Vec<_> = open.map(|(id, one)| (id, one.epoch)).collect();
                for (id, epoch) in orphans {
                    tracing::warn!(
                        topic = topic.name,
                        partition = partition.index,
                        "aborted an unknown transaction"
                    );
                    let config = topic.log_config();
                    if let Err(error) = log.append_marker(Marker::Abort, id, epoch, clock::wall(), &config) {
                        tracing::error!(%error, "a transaction marker could not be written");
                    }
                }
            }
        }
    }

    /// Writes the markers of a decided transaction and closes it. One at a time does so: a second one could put a
    /// marker into the transaction that follows.
    pub(super) fn finish(&self, id: &str) -> Result<(), ResponseError> {
        if !self.known().finishing.insert(id.to_owned()) {
            return Ok(());
        }
        let finished = self.write_markers(id);
        self.known().finishing.remove(id);
        finished
    }

    fn write_markers(&self, id: &str) -> Result<(), ResponseError> {
        let Some(transaction) = self.known().by_id.get(id).cloned() else { return Ok(()) };
        let Some(marker) = transaction.decided() else { return Ok(()) };
        if marker == Marker::Commit && !transaction.partitions.is_empty() {
            self.secure_decision()?;
        }
        let now = clock::wall();
        for (topic, index) in &transaction.partitions {
            // A topic that was deleted in between needs no marker.
            let Some(topic) = self.topics.get(topic) else { continue };
            let Some(partition) = topic.partition(*index) else { continue };
            let config = topic.log_config();
            let written = partition.log().append_marker(
                marker,
                transaction.producer_id,
                transaction.epoch,
                now,
                &config,
            );
            partition.announce();
            if matches!(written, Err(LogError::Closed)) {
                continue;
            }
            if let Err(error) = written.and_then(|()| self.secure(&partition)) {
                tracing::error!(transactional_id = id, %error, "a transaction marker could not be written");
                self.earlier.notify_one();
                return Err(match error {
                    LogError::Io(_) => ResponseError::KafkaStorageError,
                    _ => ResponseError::UnknownServerError,
                });
            }
        }
        self.change(id, |transaction| {
            transaction.complete();
            Ok(((), true))
        })
    }

    /// The decision to commit has to be safe before its first marker is: a power cut that took the one and not the other
    /// would commit in some partitions what it aborts in the rest.
    fn secure_decision(&self) -> Result<(), ResponseError> {
        if self.durability == Durability::Power {
            self.journal.sync_now().map_err(|error| {
                self.earlier.notify_one();
                storage(&error)
            })?;
        }
        Ok(())
    }

    /// A marker has to be as safe as the record that says all markers are written.
    fn secure(&self, partition: &Partition) -> Result<(), LogError> {
        if self.durability == Durability::Power {
            partition.sync_now()?;
        }
        Ok(())
    }

    /// Decides to abort; false where that could not be kept.
    fn abort_where(&self, wanted: impl Fn(&Transaction) -> bool) -> bool {
        let mut all = true;
        for (id, transaction) in self.list() {
            if !wanted(&transaction) {
                continue;
            }
            tracing::info!(transactional_id = id, "aborting a transaction that its producer has not ended");
            let fenced = self.change(&id, |transaction| {
                if wanted(transaction) {
                    transaction.fence();
                }
                Ok(((), true))
            });
            if let Err(error) = fenced {
                tracing::error!(transactional_id = id, %error, "a transaction could not be aborted");
                all = false;
            }
        }
        all
    }

    fn finish_decided(&self) -> bool {
        let decided = self.list().into_iter().filter(|(_, transaction)| transaction.decided().is_some());
        // Each is tried, whatever became of the others.
        decided.fold(true, |all, (id, _)| self.finish(&id).is_ok() && all)
    }

    /// Aborts what is overdue and completes what is decided; false where the disk refused some of it.
    async fn settle_due(self: &Arc<Self>) -> bool {
        let all = Arc::clone(self);
        let work = move || {
            let now = clock::wall();
            let aborted = all.abort_where(|transaction| transaction.is_overdue(now));
            all.finish_decided() && aborted
        };
        match self.durability {
            Durability::Process => work(),
            Durability::Power => tokio::task::spawn_blocking(work).await.unwrap_or(false),
        }
    }

    /// Aborts transactions that time out and completes what a full disk held up; runs until dropped and wakes only
    /// when something is due.
    pub(crate) async fn keep_time(self: &Arc<Self>) {
        loop {
            let now = clock::wall();
            let dues = self.known().by_id.values().filter_map(next_due).min();
            let wait = dues.map(|due| Duration::from_millis((due - now).max(0).unsigned_abs()));
            tokio::select! {
                () = self.earlier.notified() => {}
                () = sleep(wait) => {}
            }
            if !self.settle_due().await {
                tokio::time::sleep(RETRY).await;
                self.earlier.notify_one();
            }
        }
    }
}

fn next_due(transaction: &Transaction) -> Option<i64> {
    (transaction.state == State::Ongoing).then(|| transaction.due())
}

async fn sleep(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}
