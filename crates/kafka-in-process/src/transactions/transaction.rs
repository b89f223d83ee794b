//! The state machine of one transactional id.
//!
//! Follows Kafka's `TransactionMetadata` and `TransactionCoordinator`: KIP-98, KIP-360 (a producer bumps its own
//! epoch), KIP-447 (offsets), KIP-890 part 2 (each end bumps the epoch). The caller passes the time.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::ResponseError;
use serde::{Deserialize, Serialize};

use super::ProducerId;
use crate::{groups::Committed, log::Marker};

/// The last epoch; after it the producer gets a new id.
const LAST_EPOCH: i16 = i16::MAX - 1;

/// The state of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    Empty,
    Ongoing,
    /// Decided; the markers are being written.
    PrepareCommit,
    PrepareAbort,
    CompleteCommit,
    CompleteAbort,
}

impl State {
    /// All states.
    pub(crate) const ALL: [Self; 6] = [
        Self::Empty,
        Self::Ongoing,
        Self::PrepareCommit,
        Self::PrepareAbort,
        Self::CompleteCommit,
        Self::CompleteAbort,
    ];

    /// Its name in `DescribeTransactions`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Ongoing => "Ongoing",
            Self::PrepareCommit => "PrepareCommit",
            Self::PrepareAbort => "PrepareAbort",
            Self::CompleteCommit => "CompleteCommit",
            Self::CompleteAbort => "CompleteAbort",
        }
    }
}

/// A transactional id's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Transaction {
    pub(crate) producer_id: i64,
    pub(crate) epoch: i16,
    /// The previous epoch, if the producer itself or the end of its transaction bumped it: to recognize a repeated
    /// request.
    last_epoch: Option<i16>,
    /// The producer id before this one, whose epochs are exhausted: to recognize a repeated request.
    #[serde(default)]
    previous_id: Option<i64>,
    /// The producer id after the last marker, if the end has exhausted the epochs.
    #[serde(default)]
    next_id: Option<i64>,
    pub(crate) timeout_ms: i32,
    pub(crate) state: State,
    pub(crate) partitions: BTreeSet<(String, i32)>,
    /// Groups whose offsets it may commit.
    groups: BTreeSet<String>,
    /// Offsets that become visible with its commit: group, topic, partition.
    pub(crate) offsets: Vec<(String, String, i32, Committed)>,
    /// When it began: wall time (ms).
    pub(crate) began: i64,
    /// When it was last changed: wall time (ms).
    #[serde(default)]
    pub(super) updated: i64,
}

/// The next step of `InitProducerId`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Init {
    /// The transaction has the id and epoch.
    Ready,
    /// The previous producer's transaction must be aborted first; then retry.
    Finish,
}

/// The next step of `EndTxn`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It has ended this way before.
    Done,
    /// Decided: once this is durable, the markers may be written.
    Decided(Marker),
}

impl Transaction {
    /// A new transactional id.
    pub(crate) fn new(producer_id: i64, timeout_ms: i32, now: i64) -> Self {
        Self {
            producer_id,
            epoch: -1,
            last_epoch: None,
            previous_id: None,
            next_id: None,
            timeout_ms,
            state: State::Empty,
            partitions: BTreeSet::new(),
            groups: BTreeSet::new(),
            offsets: Vec::new(),
            began: -1,
            updated: now,
        }
    }

    /// Assigns the next epoch; `claimed` is the producer's current id and epoch (KIP-360). `fresh` returns an unused
    /// producer id, for when the epochs are exhausted.
    pub(crate) fn init(
        &mut self,
        claimed: Option<(i64, i16)>,
        timeout_ms: i32,
        fresh: impl FnOnce() -> Result<i64, ResponseError>,
    ) -> Result<Init, ResponseError> {
        // A claim for a new transactional id is ignored, as in Kafka.
        let claimed = claimed.filter(|_| self.epoch >= 0);
        // With the id before, exhausted: it has not seen the answer with the new one.
        let rotated = |(id, epoch): (i64, i16)| Some(id) == self.previous_id && epoch >= LAST_EPOCH;
        let known = |id: i64| id == self.producer_id || Some(id) == self.next_id;
        if claimed.is_some_and(|claim| !known(claim.0) && !rotated(claim)) {
            return Err(ResponseError::ProducerFenced);
        }
        match self.state {
            State::PrepareCommit | State::PrepareAbort => Err(ResponseError::ConcurrentTransactions),
            State::Ongoing => {
                if claimed.is_some_and(|(_, epoch)| epoch != self.epoch) {
                    return Err(ResponseError::ProducerFenced);
                }
                self.fence(fresh)?;
                Ok(Init::Finish)
            }
            State::Empty | State::CompleteCommit | State::CompleteAbort => {
                let last_epoch = match claimed {
                    None => None,
                    Some((_, epoch)) if epoch == self.epoch => Some(epoch),
                    Some((_, epoch)) if Some(epoch) == self.last_epoch => return Ok(Init::Ready),
                    Some(_) => return Err(ResponseError::ProducerFenced),
                };
                let exhausted = self.epoch >= LAST_EPOCH;
                self.previous_id = exhausted.then_some(self.producer_id);
                if exhausted {
                    self.producer_id = fresh()?;
                    self.epoch = -1;
                }
                self.last_epoch = last_epoch;
                self.epoch += 1;
                self.timeout_ms = timeout_ms;
                self.state = State::Empty;
                Ok(Init::Ready)
            }
        }
    }

    /// Aborts on behalf of the producer, and fences it with a higher epoch. As in Kafka from 4.1 on (KAFKA-19367) this
    /// is an end like the producer's own: it may repeat its abort, or `InitProducerId`, with the epoch before.
    pub(crate) fn fence(
        &mut self,
        fresh: impl FnOnce() -> Result<i64, ResponseError>,
    ) -> Result<(), ResponseError> {
        self.decide(Marker::Abort, fresh)
    }

    /// Decides the end and bumps the epoch (KIP-890 part 2), which the markers carry. The highest epoch is for markers
    /// only: the next transaction has a new producer id and epoch 0.
    fn decide(
        &mut self,
        marker: Marker,
        fresh: impl FnOnce() -> Result<i64, ResponseError>,
    ) -> Result<(), ResponseError> {
        self.next_id = if self.epoch >= LAST_EPOCH { Some(fresh()?) } else { None };
        self.last_epoch = Some(self.epoch);
        self.epoch = self.epoch.saturating_add(1);
        self.prepare(marker);
        Ok(())
    }

    fn prepare(&mut self, marker: Marker) {
        self.state = match marker {
            Marker::Commit => State::PrepareCommit,
            Marker::Abort => State::PrepareAbort,
        };
        if marker == Marker::Abort {
            self.offsets.clear();
        }
    }

    fn check(&self, producer_id: i64, epoch: i16) -> Result<(), ResponseError> {
        self.check_id(producer_id)?;
        if epoch != self.epoch {
            return Err(ResponseError::ProducerFenced);
        }
        Ok(())
    }

    fn check_id(&self, producer_id: i64) -> Result<(), ResponseError> {
        match producer_id {
            id if id == self.producer_id => Ok(()),
            // The producer knows its next id while markers of the last transaction are missing (KAFKA-18660).
            id if Some(id) == self.next_id => Err(ResponseError::ConcurrentTransactions),
            _ => Err(ResponseError::InvalidProducerIdMapping),
        }
    }

    /// Begins a transaction if none is open. True if it has begun.
    fn begin(&mut self, producer_id: i64, epoch: i16, now: i64) -> Result<bool, ResponseError> {
        self.check(producer_id, epoch)?;
        match self.state {
            State::PrepareCommit | State::PrepareAbort => Err(ResponseError::ConcurrentTransactions),
            State::Ongoing => Ok(false),
            State::Empty | State::CompleteCommit | State::CompleteAbort => {
                self.state = State::Ongoing;
                self.previous_id = None;
                self.began = now;
                Ok(true)
            }
        }
    }

    /// Adds partitions. True if the transaction has changed.
    pub(crate) fn add_partitions(
        &mut self,
        producer_id: i64,
        epoch: i16,
        partitions: impl IntoIterator<Item = (String, i32)>,
        now: i64,
    ) -> Result<bool, ResponseError> {
        let mut changed = self.begin(producer_id, epoch, now)?;
        for partition in partitions {
            changed |= self.partitions.insert(partition);
        }
        Ok(changed)
    }

    /// Adds a group for its offsets. True if the transaction has changed.
    pub(crate) fn add_group(
        &mut self,
        producer_id: i64,
        epoch: i16,
        group: &str,
        now: i64,
    ) -> Result<bool, ResponseError> {
        let begun = self.begin(producer_id, epoch, now)?;
        Ok(self.groups.insert(group.to_owned()) || begun)
    }

    /// Adds offsets that are to be committed with it.
    pub(crate) fn add_offsets(
        &mut self,
        producer_id: i64,
        epoch: i16,
        group: &str,
        offsets: BTreeMap<(String, i32), Committed>,
    ) -> Result<(), ResponseError> {
        self.check(producer_id, epoch).map_err(|error| match error {
            ResponseError::ProducerFenced => ResponseError::InvalidProducerEpoch,
            other => other,
        })?;
        match self.state {
            State::PrepareCommit | State::PrepareAbort => Err(ResponseError::ConcurrentTransactions),
            State::Ongoing if self.groups.contains(group) => {
                let newer = |of: &String, topic: &String, partition: i32| {
                    of == group && offsets.contains_key(&(topic.clone(), partition))
                };
                self.offsets.retain(|(of, topic, partition, _)| !newer(of, topic, *partition));
                let added = offsets.into_iter();
                self.offsets.extend(
                    added.map(|((topic, partition), committed)| {
                        (group.to_owned(), topic, partition, committed)
                    }),
                );
                Ok(())
            }
            _ => Err(ResponseError::InvalidTxnState),
        }
    }

    /// Decides the end, for its producer: `EndTxn` before version 5.
    pub(crate) fn end(&mut self, producer_id: i64, epoch: i16, marker: Marker) -> Result<End, ResponseError> {
        self.check(producer_id, epoch)?;
        match (self.state, marker) {
            (State::Ongoing, _) => {
                self.prepare(marker);
                Ok(End::Decided(marker))
            }
            (State::CompleteCommit, Marker::Commit) | (State::CompleteAbort, Marker::Abort) => Ok(End::Done),
            (State::PrepareCommit, Marker::Commit) | (State::PrepareAbort, Marker::Abort) => {
                Err(ResponseError::ConcurrentTransactions)
            }
            _ => Err(ResponseError::InvalidTxnState),
        }
    }

    /// Decides the end and bumps the epoch: `EndTxn` from version 5 on. Each end has an epoch of its own: one with the
    /// epoch before is a repeated request, and one with the current epoch is the next end; an abort needs no begun
    /// transaction. `TransactionCoordinator.endTransaction` in Kafka 4.3 has the table.
    pub(crate) fn end_and_bump(
        &mut self,
        producer_id: i64,
        epoch: i16,
        marker: Marker,
        now: i64,
        fresh: impl FnOnce() -> Result<i64, ResponseError>,
    ) -> Result<End, ResponseError> {
        let rotated = self.previous_id == Some(producer_id) && epoch == LAST_EPOCH && self.epoch == 0;
        if !rotated {
            self.check_id(producer_id)?;
        }
        // Kafka accepts any epoch before the current one, also that of a producer that `InitProducerId` has fenced.
        let repeated = rotated || self.last_epoch == Some(epoch) && epoch.checked_add(1) == Some(self.epoch);
        let current = epoch == self.epoch && producer_id == self.producer_id;
        let valid = match self.state {
            State::Empty | State::Ongoing => current,
            State::PrepareCommit | State::PrepareAbort => repeated,
            State::CompleteCommit | State::CompleteAbort => current || repeated,
        };
        if !valid {
            return Err(ResponseError::ProducerFenced);
        }
        match (self.state, marker) {
            (State::CompleteCommit, Marker::Commit) | (State::CompleteAbort, Marker::Abort) if repeated => {
                Ok(End::Done)
            }
            (State::PrepareCommit, Marker::Commit) | (State::PrepareAbort, Marker::Abort) => {
                Err(ResponseError::ConcurrentTransactions)
            }
            (State::Ongoing, _) => {
                self.decide(marker, fresh)?;
                Ok(End::Decided(marker))
            }
            (State::Empty | State::CompleteCommit | State::CompleteAbort, Marker::Abort) if current => {
                self.decide(marker, fresh)?;
                self.began = now;
                Ok(End::Decided(marker))
            }
            _ => Err(ResponseError::InvalidTxnState),
        }
    }

    /// The producer's id and epoch once all markers are written.
    pub(super) fn next_producer(&self) -> ProducerId {
        self.next_id
            .map_or(ProducerId { id: self.producer_id, epoch: self.epoch }, |id| ProducerId { id, epoch: 0 })
    }

    /// The marker of a decided transaction.
    pub(crate) fn decided(&self) -> Option<Marker> {
        match self.state {
            State::PrepareCommit => Some(Marker::Commit),
            State::PrepareAbort => Some(Marker::Abort),
            _ => None,
        }
    }

    /// Notes the last marker.
    pub(crate) fn complete(&mut self) {
        self.state = match self.state {
            State::PrepareCommit => State::CompleteCommit,
            State::PrepareAbort => State::CompleteAbort,
            _ => return,
        };
        self.previous_id = self.next_id.map(|_| self.producer_id);
        let ProducerId { id, epoch } = self.next_producer();
        (self.producer_id, self.epoch, self.next_id) = (id, epoch, None);
        self.partitions.clear();
        self.groups.clear();
        self.offsets.clear();
    }

    /// When it times out, wall time (ms), if it is open.
    pub(crate) fn due(&self) -> Option<i64> {
        (self.state == State::Ongoing).then(|| self.began.saturating_add(i64::from(self.timeout_ms)))
    }

    /// Whether it is neither open nor undecided, and was not changed since a time (wall ms).
    pub(super) fn is_idle_since(&self, time: i64) -> bool {
        let at_rest = matches!(self.state, State::Empty | State::CompleteCommit | State::CompleteAbort);
        at_rest && self.updated < time
    }

    /// Whether this transaction decides over the producer's open records in a partition.
    pub(super) fn answers_for(&self, epoch: i16, partition: &(String, i32)) -> bool {
        self.decided().is_some() || self.covers(epoch, partition).is_ok()
    }

    /// Verifies that a batch of this producer belongs to it (KIP-890, part 1).
    pub(crate) fn covers(&self, epoch: i16, partition: &(String, i32)) -> Result<(), ResponseError> {
        if epoch != self.epoch {
            return Err(ResponseError::InvalidProducerEpoch);
        }
        if self.state == State::Ongoing && self.partitions.contains(partition) {
            Ok(())
        } else {
            Err(ResponseError::InvalidTxnState)
        }
    }
}

#[cfg(test)]
#[path = "transaction_tests.rs"]
mod tests;
