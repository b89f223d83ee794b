//! The transaction coordinator: producer ids, transactional ids, and the markers that end transactions.
//!
//! The rules are in the pure state machine of [`transaction`]; this is its shell. A decision is written to the journal,
//! together with the offsets it makes visible, before the first marker is: so a commit that was acknowledged is
//! completed after a crash, and a transaction without a decision is aborted.

mod markers;
mod producer_ids;
mod transaction;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kafka_protocol::ResponseError;
use tokio::sync::Notify;

pub(crate) use transaction::{State, Transaction};

use super::{
    clock,
    config::Durability,
    groups::{Committer, Groups, Offsets},
    journal::{Change, Journal, Key},
    log::Marker,
    topics::Topics,
};
use producer_ids::ProducerIds;
use transaction::{End, Init};

/// The longest a transaction may be allowed to take (ms): Kafka's `transaction.max.timeout.ms`.
const LONGEST_TIMEOUT_MS: i32 = 900_000;

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
    /// Something may have become due earlier than the clock's task knows.
    earlier: Notify,
}

#[derive(Default)]
struct Known {
    by_id: BTreeMap<String, Transaction>,
    by_producer: HashMap<i64, String>,
    /// Those whose markers are being written at this moment.
    finishing: HashSet<String>,
}

/// The highest epoch of each producer that a log knows.
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
    /// Takes up all transactions where the journal left them: decided ones are completed, open ones aborted. Logs may know
    /// later producers and epochs than the journal, whose end or all of which was lost: what is given out from now on
    /// lies above these, or it would be taken for a repetition, or for a producer that was fenced.
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
        for (id, mut transaction) in kept {
            if let Some(epoch) = logged.get(&transaction.producer_id) {
                transaction.epoch = transaction.epoch.max(*epoch);
            }
            known.by_producer.insert(transaction.producer_id, id.clone());
            known.by_id.insert(id, transaction);
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
        transactions.recover();
        transactions
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All transactional ids with their states.
    pub(crate) fn list(&self) -> Vec<(String, Transaction)> {
        self.known().by_id.iter().map(|(id, transaction)| (id.clone(), transaction.clone())).collect()
    }

    /// Changes a transaction and keeps it: what the journal does not take has not happened.
    fn change<T>(
        &self,
        id: &str,
        change: impl FnOnce(&mut Transaction) -> Result<(T, bool), ResponseError>,
    ) -> Result<T, ResponseError> {
        let mut known = self.known();
        let transaction = known.by_id.get_mut(id).ok_or(ResponseError::InvalidProducerIdMapping)?;
        let mut next = transaction.clone();
        let (outcome, changed) = change(&mut next)?;
        if changed {
            self.keep(id, &mut next)?;
        }
        let (old, new) = (transaction.producer_id, next.producer_id);
        *transaction = next;
        if old != new {
            known.by_producer.remove(&old);
            known.by_producer.insert(new, id.to_owned());
        }
        Ok(outcome)
    }

    /// Writes a transaction; the offsets of one that is to be committed become the groups' in the same frame.
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

    /// Gives a producer its id and epoch, and ends what its forerunner left open.
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
        if timeout_ms <= 0 || timeout_ms > LONGEST_TIMEOUT_MS {
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
            known.by_producer.insert(producer_id, id.to_owned());
            known.by_id.insert(id.to_owned(), Transaction::new(producer_id, timeout_ms));
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
                transaction.add_partitions(producer.id, producer.epoch, partitions, clock::wall())?;
            Ok(((), changed))
        })?;
        self.earlier.notify_one();
        Ok(())
    }

    /// Adds a group to a producer's transaction.
    pub(crate) fn add_group(&self, id: &str, producer: ProducerId, group: &str) -> Result<(), ResponseError> {
        self.change(id, |transaction| {
            Ok(((), transaction.add_group(producer.id, producer.epoch, group, clock::wall())?))
        })?;
        self.earlier.notify_one();
        Ok(())
    }

    /// Adds offsets that become visible when the transaction commits. They need not be kept before that: without a
    /// decision they never were.
    pub(crate) fn add_offsets(
        &self,
        id: &str,
        producer: ProducerId,
        (group, who): (&str, &Committer<'_>),
        offsets: Offsets,
    ) -> Result<(), ResponseError> {
        self.change(id, |transaction| {
            transaction.add_offsets(producer.id, producer.epoch, group, offsets)?;
            // In one step with the adding: a generation that ends in between must not leave an offset behind.
            self.groups.validate_commit(group, who, true)?;
            Ok(((), false))
        })
    }

    /// The partitions of which an undecided transaction holds this group's offsets (KIP-447).
    pub(crate) fn unstable(&self, group: &str) -> HashSet<(String, i32)> {
        let known = self.known();
        let all = known.by_id.values().flat_map(|transaction| &transaction.offsets);
        let of = all.filter(|(of, ..)| of == group);
        of.map(|(_, topic, partition, _)| (topic.clone(), *partition)).collect()
    }

    /// Commits or aborts a producer's transaction: returns when all markers are written.
    pub(crate) fn end(&self, id: &str, producer: ProducerId, marker: Marker) -> Result<(), ResponseError> {
        let end = self.change(id, |transaction| {
            let end = transaction.end(producer.id, producer.epoch, marker)?;
            Ok((end, end != End::Done))
        })?;
        if let End::Decided(_) = end {
            // The decision stands; markers that a full disk refuses now are written later.
            let _ = self.finish(id);
        }
        Ok(())
    }

    /// Whether a batch belongs to its producer's open transaction.
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
mod tests;
