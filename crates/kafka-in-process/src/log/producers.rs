//! The producers of a partition: their last batches, to detect duplicates (KIP-98), their open transactions, and the
//! aborted ones.

use std::collections::{BTreeSet, HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::{
    LogError,
    batch::{BatchHeader, Marker},
};

/// Batches remembered per producer: `max.in.flight.requests.per.connection` is at most five.
const REMEMBERED: usize = 5;

/// A batch of a producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Written {
    pub(crate) first_sequence: i32,
    pub(crate) last_sequence: i32,
    pub(crate) base_offset: i64,
    pub(crate) timestamp: i64,
}

/// One producer's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Producer {
    pub(crate) epoch: i16,
    pub(crate) batches: VecDeque<Written>,
    /// The first offset of the open transaction.
    pub(crate) open_from: Option<i64>,
    /// Timestamp of its last batch or marker (ms), for `DescribeProducers`.
    pub(crate) last_timestamp: i64,
    /// Wall time (ms) of the last append, for expiry: batch timestamps may be much older.
    pub(crate) last_append: i64,
}

impl Producer {
    fn new(epoch: i16) -> Self {
        Self { epoch, batches: VecDeque::new(), open_from: None, last_timestamp: -1, last_append: -1 }
    }

    fn last_sequence(&self) -> i32 {
        self.batches.back().map_or(-1, |written| written.last_sequence)
    }
}

/// A transaction that ended with an abort marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Aborted {
    pub(crate) producer_id: i64,
    pub(crate) first_offset: i64,
    /// The offset of the marker.
    pub(crate) last_offset: i64,
}

/// The outcome of the sequence check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sequence {
    /// New and in order.
    Next,
    /// Appended before, as this batch.
    Duplicate(Written),
}

/// All producers of a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Producers {
    by_id: HashMap<i64, Producer>,
    /// Open transactions by first offset; the lowest one bounds the last stable offset.
    open: BTreeSet<(i64, i64)>,
}

impl Producers {
    /// Checks the sequence of a batch (KIP-98; as `ProducerAppendInfo` in Kafka).
    pub(crate) fn check(&self, batch: &BatchHeader) -> Result<Sequence, LogError> {
        let Some(producer) = self.by_id.get(&batch.producer_id) else { return Ok(Sequence::Next) };
        if batch.producer_epoch < producer.epoch {
            return Err(LogError::StaleEpoch);
        }
        if batch.producer_epoch > producer.epoch {
            return if batch.base_sequence == 0 { Ok(Sequence::Next) } else { Err(LogError::OutOfOrder) };
        }
        let same = |written: &&Written| {
            written.first_sequence == batch.base_sequence && written.last_sequence == batch.last_sequence()
        };
        if let Some(written) = producer.batches.iter().find(same) {
            return Ok(Sequence::Duplicate(*written));
        }
        let last = producer.last_sequence();
        let follows =
            batch.base_sequence == last.wrapping_add(1) || (batch.base_sequence == 0 && last == i32::MAX);
        if follows { Ok(Sequence::Next) } else { Err(LogError::OutOfOrder) }
    }

    /// Notes a data batch that was appended at `now` (wall ms).
    pub(crate) fn wrote(&mut self, batch: &BatchHeader, now: i64) {
        if !batch.has_producer() {
            return;
        }
        let producer =
            self.by_id.entry(batch.producer_id).or_insert_with(|| Producer::new(batch.producer_epoch));
        if producer.epoch != batch.producer_epoch {
            producer.epoch = batch.producer_epoch;
            producer.batches.clear();
        }
        if producer.batches.len() == REMEMBERED {
            producer.batches.pop_front();
        }
        producer.batches.push_back(Written {
            first_sequence: batch.base_sequence,
            last_sequence: batch.last_sequence(),
            base_offset: batch.base_offset,
            timestamp: batch.max_timestamp,
        });
        producer.last_timestamp = batch.max_timestamp;
        producer.last_append = now;
        if batch.is_transactional() && producer.open_from.is_none() {
            producer.open_from = Some(batch.base_offset);
            self.open.insert((batch.base_offset, batch.producer_id));
        }
    }

    /// Notes a marker that was appended at `now` (wall ms); returns the transaction if it was open and is now aborted.
    pub(crate) fn ended(&mut self, batch: &BatchHeader, marker: Marker, now: i64) -> Option<Aborted> {
        let producer =
            self.by_id.entry(batch.producer_id).or_insert_with(|| Producer::new(batch.producer_epoch));
        if batch.producer_epoch > producer.epoch {
            producer.epoch = batch.producer_epoch;
            producer.batches.clear();
        }
        producer.last_timestamp = batch.max_timestamp;
        producer.last_append = now;
        let first_offset = producer.open_from.take()?;
        self.open.remove(&(first_offset, batch.producer_id));
        (marker == Marker::Abort).then_some(Aborted {
            producer_id: batch.producer_id,
            first_offset,
            last_offset: batch.base_offset,
        })
    }

    pub(crate) fn get(&self, producer_id: i64) -> Option<&Producer> {
        self.by_id.get(&producer_id)
    }

    /// Whether this producer has a transaction open here.
    pub(crate) fn is_open(&self, producer_id: i64) -> bool {
        self.by_id.get(&producer_id).is_some_and(|producer| producer.open_from.is_some())
    }

    /// The first offset of the oldest open transaction.
    pub(crate) fn first_open(&self) -> Option<i64> {
        self.open.first().map(|(offset, _)| *offset)
    }

    /// Expires producers without an append since `before` (wall ms) and without an open transaction. Kafka uses batch
    /// timestamps (`ProducerStateManager.isProducerExpired`): a producer that writes last week's records expires there
    /// within minutes, and a retry of its last batch is appended twice.
    pub(crate) fn expire(&mut self, before: i64) {
        self.by_id.retain(|_, producer| producer.open_from.is_some() || producer.last_append >= before);
    }

    /// All producers, for `DescribeProducers` and snapshots.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (i64, &Producer)> {
        self.by_id.iter().map(|(id, producer)| (*id, producer))
    }
}

impl FromIterator<(i64, Producer)> for Producers {
    fn from_iter<I: IntoIterator<Item = (i64, Producer)>>(producers: I) -> Self {
        let by_id: HashMap<_, _> = producers.into_iter().collect();
        let open = by_id.iter().filter_map(|(id, producer)| Some((producer.open_from?, *id))).collect();
        Self { by_id, open }
    }
}
