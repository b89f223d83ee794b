//! Which orders are duplicates: a rule, and what it has to know of one partition.
//!
//! Whether the order at an offset is a duplicate depends only on the records before it. An [`Index`] reads a partition
//! once and remembers the ids and the offsets of duplicates. So it can answer for every offset that it has passed, and
//! one index serves all consumers of a process, at any position and in any replay.

mod index_file;
mod progressions;
mod seen_ids;
mod sorted_run;
mod varint;

use std::{collections::BTreeMap, fmt, io, path::PathBuf, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    decoded_batch::{Content, Decoded},
    position::Fingerprint,
};
use crate::{shop::Order, views::Event};
use seen_ids::{Disk, Seen};

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Which orders of a partition are duplicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Rule {
    /// Those whose id is not above all before it.
    Ascending,
    /// Those whose id was seen, within so many days of order time where they are given.
    Seen {
        /// For how many days an id is remembered at least; for ever without them.
        days: Option<u32>,
    },
    /// None.
    None,
}

/// A new shop compares with all ids that were seen: so no order is lost, whichever producer chose its id.
impl Default for Rule {
    fn default() -> Self {
        Self::Seen { days: None }
    }
}

impl Rule {
    /// The rule of states that name none.
    pub fn of_old() -> Self {
        Self::Ascending
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ascending => f.write_str("ascending"),
            Self::Seen { days: None } => f.write_str("seen"),
            Self::Seen { days: Some(days) } => write!(f, "seen={days}"),
            Self::None => f.write_str("none"),
        }
    }
}

impl From<Rule> for String {
    fn from(rule: Rule) -> Self {
        rule.to_string()
    }
}

impl FromStr for Rule {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "ascending" => Ok(Self::Ascending),
            "seen" => Ok(Self::Seen { days: None }),
            "none" => Ok(Self::None),
            _ => {
                let days = text.strip_prefix("seen=").and_then(|days| days.parse().ok());
                let days = days.filter(|days| (1..=36_500).contains(days));
                days.map(|days| Self::Seen { days: Some(days) }).ok_or(
                    "use ascending, seen, none, or seen=DAYS with a whole number of days from 1 to 36500",
                )
            }
        }
    }
}

impl TryFrom<String> for Rule {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// What a rule has to remember.
#[derive(Debug)]
enum Known {
    Nothing,
    Last(Option<u64>),
    Seen(Box<Seen>),
}

/// What is known of the ids of one partition, up to an offset.
#[derive(Debug)]
pub struct Index {
    rule: Rule,
    /// Where runs lie; without it everything stays in memory.
    disk: Option<Disk>,
    /// The offset to be read next.
    next: i64,
    /// The record before it.
    last: Option<Fingerprint>,
    known: Known,
    /// The offsets of duplicates, a bit each: words by offset / 64.
    duplicates: BTreeMap<i64, u64>,
}

impl Index {
    /// An empty one, for a partition from its beginning on. What is too much for memory goes to `folder`.
    pub fn new(rule: Rule, folder: Option<PathBuf>) -> Self {
        let known = match rule {
            Rule::Ascending => Known::Last(None),
            Rule::Seen { days } => Known::Seen(Box::new(Seen::new(days))),
            Rule::None => Known::Nothing,
        };
        let disk = folder.map(Disk::new);
        Self { rule, disk, next: 0, last: None, known, duplicates: BTreeMap::new() }
    }

    /// The offset that it has to be given next.
    pub fn next(&self) -> i64 {
        self.next
    }

    /// The last record that it was given.
    pub fn last(&self) -> Option<Fingerprint> {
        self.last
    }

    /// Passes over offsets that the log has lost.
    pub fn skip_to(&mut self, low: i64) {
        self.next = self.next.max(low);
    }

    /// Turns the orders of a batch that are duplicates into [`Content::Duplicate`]; `false`, and nothing is done, where
    /// records before `from` are missing. The batch has all records from there up to `next`.
    ///
    /// # Errors
    ///
    /// Where its files cannot be read or written: it is of no use any more.
    pub fn judge(&mut self, from: i64, next: i64, records: &mut [Decoded]) -> io::Result<bool> {
        if from > self.next {
            return Ok(false);
        }
        for record in records {
            if !self.is_new(record)? {
                record.content = Content::Duplicate;
            }
        }
        self.next = self.next.max(next);
        if let (Known::Seen(seen), Some(disk)) = (&mut self.known, &self.disk) {
            match seen.settle(disk) {
                Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(error),
                // Without room on disk the ids stay in memory.
                Err(error) => tracing::debug!("order ids could not be written: {error}"),
                Ok(()) => {}
            }
        }
        Ok(true)
    }

    fn is_new(&mut self, record: &Decoded) -> io::Result<bool> {
        let Content::Event(Event::Order(order)) = &record.content else {
            self.pass(record);
            return Ok(true);
        };
        let (offset, bit) = (record.offset(), 1_u64 << record.offset().rem_euclid(64));
        let word = offset.div_euclid(64);
        if offset < self.next {
            return Ok(self.duplicates.get(&word).is_none_or(|bits| bits & bit == 0));
        }
        let new = self.admit(order)?;
        if !new {
            *self.duplicates.entry(word).or_default() |= bit;
        }
        self.pass(record);
        Ok(new)
    }

    fn pass(&mut self, record: &Decoded) {
        if record.offset() >= self.next {
            self.next = record.offset() + 1;
            self.last = Some(record.fingerprint);
        }
    }

    /// Takes note of the next order of the partition; `false` for a duplicate. For one who reads it once, in order.
    ///
    /// # Errors
    ///
    /// Where its files cannot be read.
    pub fn admit(&mut self, order: &Order) -> io::Result<bool> {
        let id = order.order_id;
        match &mut self.known {
            Known::Nothing => Ok(true),
            Known::Last(last) => {
                let new = last.is_none_or(|last| id > last);
                if new {
                    *last = Some(id);
                }
                Ok(new)
            }
            Known::Seen(seen) => seen.admit(id, order.second().div_euclid(DAY)),
        }
    }
}

#[cfg(test)]
mod tests;
