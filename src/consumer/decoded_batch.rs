//! Records as consumers take them: fetched, checked and decoded once, shared by all consumers of a process.

use std::sync::OnceLock;

use super::position::{Fingerprint, Part, Record};
use crate::{
    shop::{Delivery, Handled, Order, order::Invalid},
    views::{Event, Source},
};

/// All records of one partition between two offsets, in the order of the log.
///
/// Records are kept raw; the first consumer that needs them decodes them and marks duplicates, which keeps that work off
/// the fetching thread.
#[derive(Debug)]
pub struct Batch {
    /// The partition.
    pub part: Part,
    /// Every record at this offset or later, and before `next`, is in the batch.
    pub from: i64,
    /// The offset to read next; transaction markers behind the last record are passed over.
    pub next: i64,
    /// Keys and values, one behind the other.
    bytes: Vec<u8>,
    fetched: Vec<Fetched>,
    judged: OnceLock<Option<Vec<Decoded>>>,
}

/// A raw record: where its key begins in the batch, and the lengths of key and value.
#[derive(Debug)]
struct Fetched {
    offset: i64,
    timestamp: i64,
    start: usize,
    key: Option<usize>,
    value: Option<usize>,
}

impl Batch {
    /// A batch without records.
    pub fn new(part: Part, from: i64, next: i64) -> Self {
        Self { part, from, next, bytes: Vec::new(), fetched: Vec::new(), judged: OnceLock::new() }
    }

    /// Makes room for so many records and bytes of keys and values.
    pub fn reserve(&mut self, records: usize, bytes: usize) {
        self.fetched.reserve(records);
        self.bytes.reserve(bytes);
    }

    /// Adds a record of the partition behind the others, before they are decoded.
    pub fn push(&mut self, record: &Record<'_>) {
        self.fetched.push(Fetched {
            offset: record.offset,
            timestamp: record.timestamp,
            start: self.bytes.len(),
            key: record.key.map(<[u8]>::len),
            value: record.payload.map(<[u8]>::len),
        });
        self.bytes.extend_from_slice(record.key.unwrap_or_default());
        self.bytes.extend_from_slice(record.payload.unwrap_or_default());
        self.next = record.offset + 1;
    }

    /// Bytes of all keys and values.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Decodes the records and marks duplicates with `judge`, unless that is done; `false` if `judge` failed.
    pub fn judge(&self, judge: impl FnOnce(&mut [Decoded]) -> bool) -> bool {
        let judged = || {
            let mut records: Vec<Decoded> =
                self.fetched.iter().map(|fetched| self.record(fetched).decode()).collect();
            judge(&mut records).then_some(records)
        };
        self.judged.get_or_init(judged).is_some()
    }

    /// The records; none before they were judged.
    pub fn records(&self) -> &[Decoded] {
        self.judged.get().and_then(Option::as_deref).unwrap_or_default()
    }

    fn record(&self, fetched: &Fetched) -> Record<'_> {
        let Fetched { offset, timestamp, start, key, value } = *fetched;
        let (key_end, none) = (start + key.unwrap_or(0), &[][..]);
        let bytes = |from: usize, length| self.bytes.get(from..from + length).unwrap_or(none);
        Record {
            part: self.part,
            offset,
            timestamp,
            key: key.map(|length| bytes(start, length)),
            payload: value.map(|length| bytes(key_end, length)),
        }
    }
}

/// A record that was checked and decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// Where it lies and what it is known again by.
    pub fingerprint: Fingerprint,
    /// What it says.
    pub content: Content,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// Something that happened in the shop.
    Event(Event),
    /// An order that is a duplicate: it has no effect.
    Duplicate,
    /// A record of `shop.orders` that is no valid order: a dead letter.
    DeadLetter(Box<DeadLetter>),
    /// A record of another log that is not readable: it has no effect.
    Unreadable,
}

/// A record that is no valid order, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value.
    pub value: Option<Vec<u8>>,
    /// What is wrong with it.
    pub error: Invalid,
}

impl Decoded {
    /// Its offset.
    pub fn offset(&self) -> i64 {
        self.fingerprint.offset
    }
}

impl Record<'_> {
    /// Checks and decodes it.
    pub fn decode(&self) -> Decoded {
        let event = |event: Option<Event>| event.map_or(Content::Unreadable, Content::Event);
        let content = match self.part.source {
            Source::Orders => match Order::decode(self.payload) {
                Ok(order) => Content::Event(Event::Order(order)),
                Err(error) => Content::DeadLetter(Box::new(DeadLetter {
                    key: self.key.map(<[u8]>::to_vec),
                    value: self.payload.map(<[u8]>::to_vec),
                    error,
                })),
            },
            Source::Deliveries => event(Delivery::decode(self.payload).ok().map(Event::Delivery)),
            Source::Handled => event(Handled::decode(self.payload).ok().map(Event::Handled)),
        };
        Decoded { fingerprint: self.fingerprint(), content }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_batch_gives_back_what_was_put_in(
            records in prop::collection::vec((prop::option::of(".{0,9}"), prop::option::of(".{0,9}")), 0..9),
        ) {
            let part = Part { source: Source::Orders, partition: 3 };
            let record = |(offset, (key, value)): (i64, &(Option<String>, Option<String>))| {
                let bytes = |text: &Option<String>| text.as_ref().map(|text| text.clone().into_bytes());
                (offset, bytes(key), bytes(value))
            };
            let records: Vec<_> = (5..).step_by(2).zip(&records).map(record).collect();
            let mut batch = Batch::new(part, 5, 5);
            let mut expected = Vec::new();
            for (offset, key, value) in &records {
                let (key, payload) = (key.as_deref(), value.as_deref());
                let record = Record { part, offset: *offset, timestamp: 7, key, payload };
                batch.push(&record);
                expected.push(record.decode());
            }
            prop_assert!(batch.judge(|_| true));
            prop_assert_eq!(batch.records(), &expected[..]);
            prop_assert_eq!(batch.next, records.last().map_or(5, |(offset, ..)| offset + 1));
        }
    }
}
