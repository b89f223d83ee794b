//! The transaction coordinator: producer ids, transactional ids, and the markers that end transactions.
//!
//! [`transaction`] has the rules, as a pure state machine; this is its shell. A decision is written to the journal with
//! the offsets that it commits, before the first marker. So an acknowledged commit is completed after a crash, and an
//! undecided transaction stays open until it times out.

mod markers;
mod producer_ids;
mod transaction;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kafka_protocol::ResponseError;
use tokio::sync::Notify;

pub(crate) use transaction::{State, Transaction};

use super::{
    config::Durability,
    groups::{Committer, Groups, Offsets},
    journal::{Change, Journal, Key},
    log::Marker,
    topics::Topics,
};
use producer_ids::ProducerIds;
use transaction::{End, Init};

/// A producer id with its epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProducerId {
    pub(crate) id: i64,
    pub(crate) epoch: i16,
}

/// All transactional ids.
pub(crate) struct Transactions {
    known: Mutex<Known>,
    producer_ids: ProducerIds,
    journal: Arc<Journal>,
    topics: Arc<Topics>,
    groups: Arc<Groups>,
    durability: Durability,
    /// Wakes the time-out task: something may be due earlier.
    earlier: Notify,
}

#[derive(Default)]
struct Known {
    by_id: BTreeMap<String, Transaction>,
    by_producer: HashMap<i64, String>,
    /// Open ones, by their time-out: wall time (ms).
    open: BTreeSet<(i64, String)>,
    /// Decided ones that lack some of their markers.
    decided: BTreeSet<String>,
    /// Those whose markers are being written now.
    finishing: HashSet<String>,
}

impl Known {
    /// Replaces the state of a transactional id.
    fn put(&mut self, id: &str, transaction: Transaction) {
        self.remove(id);
        self.by_producer.insert(transaction.producer_id, id.to_owned());
        if let Some(due) = transaction.due() {
            self.open.insert((due, id.to_owned()));
        }
        if transaction.decided().is_some() {
            self.decided.insert(id.to_owned());
        }
        self.by_id.insert(id.to_owned(), transaction);
    }

    fn remove(&mut self, id: &str) {
        let Some(old) = self.by_id.remove(id) else { return };
        self.by_producer.remove(&old.producer_id);
        if let Some(due) = old.due() {
            self.open.remove(&(due, id.to_owned()));
        }
        self.decided.remove(id);
    }

    /// The open transactions that have timed out.
    fn overdue(&self, now: i64) -> Vec<String> {
        self.open.iter().take_while(|(due, _)| *due <= now).map(|(_, id)| id.clone()).collect()
    }
}

/// The highest epoch of each producer in the logs.
fn epochs_in_logs(topics: &Topics) -> HashMap<i64, i16> {
    let mut epochs = HashMap::new();
    for partition in topics.all().iter().flat_map(|topic| topic.partitions()) {
        for (id, producer) in partition.log().producers() {
            let highest = epochs.entry(id).or_insert(producer.epoch);
            *highest = producer.epoch.max(*highest);
        }
    }
    epochs
}

fn storage(error: &io::Error) -> ResponseError {
    tracing::error!(%error, "the journal could not be written");
    ResponseError::CoordinatorNotAvailable
}

impl Transactions {
    /// Restores all transactions from the journal: completes decided ones, and keeps open ones until they time out. If
    /// the journal is lost or cut, logs may have later producer ids and epochs. New ones lie above these; otherwise a
    /// new producer would be fenced, or its batches taken for duplicates.
    pub(crate) fn open(
        journal: Arc<Journal>,
        topics: Arc<Topics>,
        groups: Arc<Groups>,
        durability: Durability,
    ) -> Self {
        let mut known = Known::default();
        let kept = journal.all::<Transaction, _>(|key| match key {
            Key::Transaction(id) => Some(id.clone()),
            _ => None,
        });
        let logged = epochs_in_logs(&topics);
        let now = topics.wall();
        // The logs have a later epoch: this one is outdated.
        let mut outdated = Vec::new();
        for (id, mut transaction) in kept {
            if let Some(epoch) =
                logged.get(&transaction.producer_id).filter(|epoch| **epoch > transaction.epoch)
            {
                transaction.epoch = *epoch;
                outdated.push(id.clone());
            }
            // Older versions did not store it.
            transaction.updated = if transaction.updated == 0 { now } else { transaction.updated };
            known.put(&id, transaction);
        }
        let in_use = logged.keys().chain(known.by_producer.keys()).copied();
        let producer_ids = ProducerIds::open(Arc::clone(&journal), in_use);
        let transactions = Self {
            known: Mutex::new(known),
            producer_ids,
            journal,
            topics,
            groups,
            durability,
            earlier: Notify::new(),
        };
        transactions.recover(outdated);
        transactions
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All transactional ids with their states.
    pub(crate) fn list(&self) -> Vec<(String, Transaction)> {
        self.known().by_id.iter().map(|(id, transaction)| (id.clone(), transaction.clone())).collect()
    }

    /// One transactional id's state.
    pub(crate) fn get(&self, id: &str) -> Option<Transaction> {
        self.known().by_id.get(id).cloned()
    }

    /// Changes a transaction and stores it; if the journal fails, nothing changes.
    fn change<T>(
        &self,
        id: &str,
        change: impl FnOnce(&mut Transaction) -> Result<(T, bool), ResponseError>,
    ) -> Result<T, ResponseError> {
        let mut known = self.known();
        let mut next = known.by_id.get(id).ok_or(ResponseError::InvalidProducerIdMapping)?.clone();
        let (outcome, changed) = change(&mut next)?;
        if changed {
            next.updated = self.topics.wall();
            self.keep(id, &mut next)?;
            known.put(id, next);
            if known.open.first().is_some_and(|(_, first)| first == id) {
                self.earlier.notify_one();
            }
        }
        Ok(outcome)
    }

    /// Stores a transaction; if it is to commit, its offsets become the groups' in the same frame.
    fn keep(&self, id: &str, transaction: &mut Transaction) -> Result<(), ResponseError> {
        let mut committed: BTreeMap<String, Offsets> = BTreeMap::new();
        if transaction.state == transaction::State::PrepareCommit {
            for (group, topic, partition, offset) in std::mem::take(&mut transaction.offsets) {
                committed.entry(group).or_default().insert((topic, partition), offset);
            }
        }
        let write = || {
            let mut changes = vec![Change::set(Key::Transaction(id.to_owned()), transaction)?];
            for (group, offsets) in &committed {
                changes.extend(Groups::changes(group, offsets)?);
            }
            self.journal.write(changes)
        };
        write().map_err(|error| storage(&error))?;
        for (group, offsets) in committed {
            self.groups.install(&group, offsets);
        }
        Ok(())
    }

    /// Assigns a producer id and epoch; first aborts the previous open transaction.
    pub(crate) fn init(
        &self,
        id: Option<&str>,
        timeout_ms: i32,
        claimed: Option<(i64, i16)>,
    ) -> Result<ProducerId, ResponseError> {
        let Some(id) = id else {
            return Ok(ProducerId { id: self.fresh_producer_id()?, epoch: 0 });
        };
        if id.is_empty() {
            return Err(ResponseError::InvalidRequest);
        }
        if timeout_ms <= 0 || timeout_ms > self.topics.settings.longest_transaction_ms {
            return Err(ResponseError::InvalidTransactionTimeout);
        }
        self.introduce(id, timeout_ms)?;
        let step = |transaction: &mut Transaction| {
            let init = transaction.init(claimed, timeout_ms, || self.fresh_producer_id())?;
            Ok(((init, ProducerId { id: transaction.producer_id, epoch: transaction.epoch }), true))
        };
        loop {
            match self.change(id, step)? {
                (Init::Ready, producer) => return Ok(producer),
                (Init::Finish, _) => self.finish(id)?,
            }
        }
    }

    fn introduce(&self, id: &str, timeout_ms: i32) -> Result<(), ResponseError> {
        let mut known = self.known();
        if !known.by_id.contains_key(id) {
            let producer_id = self.fresh_producer_id()?;
            known.put(id, Transaction::new(producer_id, timeout_ms, self.topics.wall()));
        }
        Ok(())
    }

    fn fresh_producer_id(&self) -> Result<i64, ResponseError> {
        self.producer_ids.next().map_err(|error| storage(&error))
    }

    /// Adds partitions to a producer's transaction.
    pub(crate) fn add_partitions(
        &self,
        id: &str,
        producer: ProducerId,
        partitions: Vec<(String, i32)>,
    ) -> Result<(), ResponseError> {
        self.change(id, |transaction| {
            let changed =
                transaction.add_partitions(producer.id, producer.epoch, partitions, self.topics.wall())?;
            Ok(((), changed))
        })
    }

    /// Adds a group to a producer's transaction.
    pub(crate) fn add_group(&self, id: &str, producer: ProducerId, group: &str) -> Result<(), ResponseError> {
        self.change(id, |transaction| {
            Ok(((), transaction.add_group(producer.id, producer.epoch, group, self.topics.wall())?))
        })
    }

    /// Adds offsets that are committed with the transaction.
    pub(crate) fn add_offsets(
        &self,
        id: &str,
        producer: ProducerId,
        (group, who): (&str, &Committer<'_>),
        offsets: &Offsets,
    ) -> Result<(), ResponseError> {
        self.change(id, |transaction| {
            transaction.add_offsets(producer.id, producer.epoch, group, offsets.clone())?;
            // Atomic with the update: a generation that ends in between must not commit an offset.
            self.groups.validate_commit(group, who, true, offsets)?;
            Ok(((), true))
        })
    }

    /// The partitions with pending offsets of this group in open transactions (KIP-447).
    pub(crate) fn unstable(&self, group: &str) -> HashSet<(String, i32)> {
        let known = self.known();
        let open = known.open.iter().filter_map(|(_, id)| known.by_id.get(id));
        let all = open.flat_map(|transaction| &transaction.offsets);
        let of = all.filter(|(of, ..)| of == group);
        of.map(|(_, topic, partition, _)| (topic.clone(), *partition)).collect()
    }

    /// Commits or aborts a producer's transaction: returns when all markers are written. From `EndTxn` version 5 on it
    /// `bumps` the epoch; returns the producer of the next transaction.
    pub(crate) fn end(
        &self,
        id: &str,
        producer: ProducerId,
        marker: Marker,
        bumps: bool,
    ) -> Result<ProducerId, ResponseError> {
        let (end, next) = self.change(id, |transaction| {
            let end = if bumps {
                let (now, fresh) = (self.topics.wall(), || self.fresh_producer_id());
                transaction.end_and_bump(producer.id, producer.epoch, marker, now, fresh)?
            } else {
                transaction.end(producer.id, producer.epoch, marker)?
            };
            Ok(((end, transaction.next_producer()), end != End::Done))
        })?;
        if let End::Decided(_) = end {
            // The decision is final; markers that a full disk refuses are retried.
            let _ = self.finish(id);
        }
        Ok(next)
    }

    /// Expires transactional ids that are idle since a time (wall ms).
    pub(crate) fn expire(&self, before: i64) {
        let mut known = self.known();
        let idle = known.by_id.iter().filter(|(_, transaction)| transaction.is_idle_since(before));
        let idle: Vec<_> = idle.map(|(id, _)| id.clone()).collect();
        let gone = idle.iter().map(|id| Change::remove(Key::Transaction(id.clone())));
        if let Err(error) = self.journal.write(gone.collect()) {
            tracing::warn!(%error, "transactional ids that nobody uses could not be forgotten");
            return;
        }
        for id in idle {
            known.remove(&id);
        }
    }

    /// Verifies that a partition is part of the producer's open transaction.
    pub(crate) fn verify(
        &self,
        producer: ProducerId,
        partition: &(String, i32),
    ) -> Result<(), ResponseError> {
        let known = self.known();
        let id = known.by_producer.get(&producer.id).ok_or(ResponseError::InvalidProducerIdMapping)?;
        let transaction = known.by_id.get(id).ok_or(ResponseError::InvalidProducerIdMapping)?;
        transaction.covers(producer.epoch, partition)
    }
}

#[cfg(test)]
mod mixed_versions_tests;
#[cfg(test)]
mod tests;
