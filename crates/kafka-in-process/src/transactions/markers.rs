//! Completes ended transactions: writes their markers, at once, after a crash, or when a full disk has room again.

use std::{sync::Arc, time::Duration};

use kafka_protocol::ResponseError;

use super::{ProducerId, Transaction, Transactions, storage, transaction::State};
use crate::{
    config::Durability,
    log::{LogError, Marker},
    topics::Partition,
};

/// The wait before a retry of markers that a full disk refused.
const RETRY: Duration = Duration::from_millis(500);

impl Transactions {
    /// After a start: completes decided transactions, and aborts those without a producer: `outdated` ones, and records
    /// of unknown transactions.
    pub(super) fn recover(&self, outdated: Vec<String>) {
        self.abort(outdated, |_| true);
        self.finish_decided();
        self.abort_orphans();
    }

    /// Aborts transactions that are open in a log but unknown to the coordinator: a power cut may keep records and lose
    /// the journal's end. Otherwise they would hold back the last stable offset for ever.
    fn abort_orphans(&self) {
        for topic in self.topics.all() {
            for partition in topic.partitions() {
                let place = (topic.name.clone(), partition.index);
                let mut log = partition.log();
                let open = log.producers().filter(|(_, one)| one.open_from.is_some());
                let orphans = open.map(|(id, one)| (id, one.epoch)).filter(|(id, epoch)| {
                    let known = self.known();
                    let transaction = known.by_producer.get(id).and_then(|id| known.by_id.get(id));
                    !transaction.is_some_and(|transaction| transaction.answers_for(*epoch, &place))
                });
                for (id, epoch) in orphans.collect::<Vec<_>>() {
                    tracing::warn!(
                        topic = topic.name,
                        partition = partition.index,
                        "aborted an unknown transaction"
                    );
                    let config = topic.log_config();
                    if let Err(error) =
                        log.append_marker(Marker::Abort, id, epoch, self.topics.wall(), &config)
                    {
                        tracing::error!(%error, "a transaction marker could not be written");
                    }
                }
            }
        }
    }

    /// Writes the markers of a decided transaction and completes it. Never concurrently: the second marker could end
    /// the next transaction.
    pub(super) fn finish(&self, id: &str) -> Result<(), ResponseError> {
        if !self.known().finishing.insert(id.to_owned()) {
            return Ok(());
        }
        let finished = self.write_markers(id);
        self.known().finishing.remove(id);
        finished
    }

    fn write_markers(&self, id: &str) -> Result<(), ResponseError> {
        let Some(transaction) = self.get(id) else { return Ok(()) };
        let Some(marker) = transaction.decided() else { return Ok(()) };
        if marker == Marker::Commit && !transaction.partitions.is_empty() {
            self.secure_decision()?;
        }
        let now = self.topics.wall();
        for (topic, index) in &transaction.partitions {
            // Topics that were deleted meanwhile need no marker.
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

    /// Ends a transaction in one partition, for an admin client.
    pub(crate) fn end_in(
        &self,
        (topic, index): &(String, i32),
        producer: ProducerId,
        marker: Marker,
    ) -> Result<(), ResponseError> {
        let topic = self.topics.get(topic);
        let found = topic.and_then(|topic| Some((topic.log_config(), topic.partition(*index)?)));
        let (config, partition) = found.ok_or(ResponseError::UnknownTopicOrPartition)?;
        let ended = {
            let mut log = partition.log();
            let known = log.producers().find(|(id, _)| *id == producer.id).map(|(_, known)| known.epoch);
            if known.is_some_and(|known| known > producer.epoch) {
                return Err(ResponseError::InvalidProducerEpoch);
            }
            log.append_marker(marker, producer.id, producer.epoch, self.topics.wall(), &config)
        };
        partition.announce();
        ended.and_then(|()| self.secure(&partition)).map_err(|error| error.response())
    }

    /// Syncs the decision to commit before the first marker: if a power cut kept a marker but not the decision, the
    /// other partitions would be aborted.
    fn secure_decision(&self) -> Result<(), ResponseError> {
        if self.durability == Durability::Power {
            self.journal.sync_now().map_err(|error| {
                self.earlier.notify_one();
                storage(&error)
            })?;
        }
        Ok(())
    }

    /// Syncs a marker, which must be as durable as the journal's record that all are written.
    fn secure(&self, partition: &Partition) -> Result<(), LogError> {
        if self.durability == Durability::Power {
            partition.sync_now()?;
        }
        Ok(())
    }

    /// Decides to abort the open transactions for which `wanted` holds; false if that could not be stored.
    pub(super) fn abort(&self, ids: Vec<String>, wanted: impl Fn(&Transaction) -> bool) -> bool {
        let mut all = true;
        for id in ids {
            let fenced = self.change(&id, |transaction| {
                let abort = transaction.state == State::Ongoing && wanted(transaction);
                if abort {
                    tracing::info!(
                        transactional_id = id,
                        "aborting a transaction that its producer has not ended"
                    );
                    transaction.fence(|| self.fresh_producer_id())?;
                }
                Ok(((), abort))
            });
            if let Err(error) = fenced {
                tracing::error!(transactional_id = id, %error, "a transaction could not be aborted");
                all = false;
            }
        }
        all
    }

    pub(super) fn finish_decided(&self) -> bool {
        let decided = self.known().decided.clone();
        // A failure does not stop the others.
        let mut all = true;
        for id in &decided {
            all &= self.finish(id).is_ok();
        }
        all
    }

    /// Aborts overdue transactions and completes decided ones; false if the disk refused any.
    async fn settle_due(self: &Arc<Self>) -> bool {
        let all = Arc::clone(self);
        let work = move || {
            let now = all.topics.wall();
            let overdue = all.known().overdue(now);
            let aborted = all.abort(overdue, |transaction| transaction.due().is_some_and(|due| due <= now));
            all.finish_decided() && aborted
        };
        match self.durability {
            Durability::Process => work(),
            Durability::Power => tokio::task::spawn_blocking(work).await.unwrap_or(false),
        }
    }

    /// Aborts overdue transactions and retries markers that a full disk refused; runs until dropped, and only wakes
    /// when something is due.
    pub(crate) async fn keep_time(self: &Arc<Self>) {
        loop {
            let due = self.known().open.first().map(|(due, _)| *due);
            tokio::select! {
                () = self.earlier.notified() => {}
                () = self.topics.settings.clock.reach(due) => {}
            }
            if !self.settle_due().await {
                tokio::time::sleep(RETRY).await;
                self.earlier.notify_one();
            }
        }
    }
}
