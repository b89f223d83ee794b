//! A consumer's position in a log, and the log's fingerprint.

use serde::{Deserialize, Serialize};

use super::order_ids::Rule;
use crate::{shop::order::LARGEST_COUNTED, views::Source};

/// One partition of one of a view's logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Part {
    /// Which log.
    pub source: Source,
    /// Which partition of it.
    pub partition: i32,
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.source.name(), self.partition)
    }
}

/// A record as Kafka handed it over.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    /// Where it lies.
    pub part: Part,
    /// Its offset.
    pub offset: i64,
    /// Kafka's timestamp, wall milliseconds.
    pub timestamp: i64,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value.
    pub payload: Option<&'a [u8]>,
}

impl Record<'_> {
    /// The fingerprint, to tell this record from one at the same offset of another log.
    pub fn fingerprint(&self) -> Fingerprint {
        let key = crc32c::crc32c(self.key.unwrap_or_default());
        let hash = crc32c::crc32c_append(key, self.payload.unwrap_or_default());
        Fingerprint { offset: self.offset, timestamp: self.timestamp, hash }
    }
}

/// The last record that was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Its offset.
    pub offset: i64,
    /// Kafka's timestamp, wall milliseconds.
    pub timestamp: i64,
    /// CRC-32C over key and value.
    pub hash: u32,
}

/// Where to begin reading a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the oldest record there is.
    Beginning,
    /// At an offset that must be there.
    Offset(i64),
}

/// How far a partition was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Position {
    /// The offset to read next.
    pub next: i64,
    /// The record before it, where one was read.
    pub last: Option<Fingerprint>,
    /// The highest order id so far below the limit for counted ids: a simulator continues from it.
    pub last_order_id: Option<u64>,
    /// By which rule orders were duplicates, where these are orders.
    #[serde(default = "Rule::of_old")]
    pub ids: Rule,
}

impl Position {
    /// Takes note of an order that counts.
    pub fn note(&mut self, order_id: u64) {
        if order_id <= LARGEST_COUNTED {
            self.last_order_id = self.last_order_id.max(Some(order_id));
        }
    }

    /// Where to start reading: at the last applied record, to check that it is unchanged.
    pub fn start(&self) -> Start {
        self.last.map_or(Start::Beginning, |last| Start::Offset(last.offset))
    }
}
