//! Records as consumers take them: checked and decoded once, shared by all consumers of a process.

use super::position::{Fingerprint, Part, Record};
use crate::{
    shop::{Delivery, Handled, Order, order::Invalid},
    views::{Event, Source},
};

/// All records of one partition between two offsets, in the order of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The partition.
    pub part: Part,
    /// Every record at this offset or later, and before `next`, is in the batch.
    pub from: i64,
    /// The offset to read next; transaction markers behind the last record are passed over.
    pub next: i64,
    /// The records; none where there were markers alone.
    pub records: Vec<Decoded>,
    /// Bytes of their keys and values.
    pub bytes: usize,
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
    /// Something that happened in the shop. Whether an order's id was seen before is not judged yet.
    Event(Event),
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

    /// Bytes of its key and value.
    pub fn bytes(&self) -> usize {
        self.key.map_or(0, <[u8]>::len) + self.payload.map_or(0, <[u8]>::len)
    }
}
