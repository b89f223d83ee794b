//! Detects that a topic was deleted and recreated while the program runs.
//!
//! If the new log is long enough, librdkafka reads on at the old offset (see its comment on a changed topic id, 2.12),
//! and rdkafka exposes no topic ids. So one record of each partition, the anchor, is read again from time to time: if
//! another record is at its offset, or the log is shorter than it was, the log was replaced.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    message::BorrowedMessage,
};

use super::{
    Session, StreamError,
    reader::{Heard, next, reader, watermarks},
    topic_name,
};
use crate::{
    consumer::{Part, Record, position::Fingerprint},
    views::Source,
};

/// Time to read the anchors; those that are missing then are read the next time.
const PATIENCE: Duration = Duration::from_secs(3);

/// The anchors of all logs.
#[derive(Default)]
pub struct LogIdentities {
    reader: Option<BaseConsumer>,
    ends: HashMap<Part, i64>,
    held: HashMap<Part, Fingerprint>,
}

impl LogIdentities {
    /// Stores the end offsets; returns the logs that were longer before.
    pub fn shorter(&mut self, ends: &HashMap<Part, i64>) -> HashSet<Source> {
        let before = std::mem::replace(&mut self.ends, ends.clone());
        let is_shorter = |(part, end): &(&Part, &i64)| before.get(part).is_some_and(|before| before > *end);
        let shorter: HashSet<Source> = ends.iter().filter(is_shorter).map(|(part, _)| part.source).collect();
        self.forget(&shorter);
        shorter
    }

    /// Forgets the anchors of replaced logs.
    fn forget(&mut self, sources: &HashSet<Source>) {
        self.held.retain(|part, _| !sources.contains(&part.source));
    }

    /// Reads the anchors again and sets missing ones; returns the logs in which another record is at an anchor's
    /// offset. Blocks for some seconds at most.
    pub fn check(&mut self, session: &Session) -> Result<HashSet<Source>, StreamError> {
        let reader = match self.reader.take() {
            Some(reader) => reader,
            None => client(session)?,
        };
        let places = self.ends.iter().filter(|(_, end)| **end > 0);
        let places = places.map(|(part, _)| (*part, self.held.get(part).map(|anchor| anchor.offset)));
        let found = read(session, &reader, &places.collect())?;
        self.reader = Some(reader);
        let mut others = HashSet::new();
        for (part, first) in found {
            let Found::Record(first) = first else { continue };
            match self.held.get(&part) {
                Some(anchor) if is_other(anchor, &first) => drop(others.insert(part.source)),
                // Retention has deleted the anchor: the oldest record that is left replaces it.
                _ => drop(self.held.insert(part, first)),
            }
        }
        self.forget(&others);
        Ok(others)
    }
}

/// Of these partitions, each with a record that was read: those whose log was replaced. Blocks for some seconds at
/// most.
pub(crate) fn others(
    session: &Session,
    anchors: &HashMap<Part, Fingerprint>,
) -> Result<HashSet<Part>, StreamError> {
    if anchors.is_empty() {
        return Ok(HashSet::new());
    }
    let reader = client(session)?;
    let places = anchors.iter().map(|(part, anchor)| (*part, Some(anchor.offset))).collect();
    let found = read(session, &reader, &places);
    super::let_go(reader);
    let found = found?;
    if found.len() < anchors.len() {
        return Err(session.halted("the logs cannot be read".to_owned()));
    }
    let is_other = |(part, anchor): (&Part, &Fingerprint)| match found.get(part)? {
        Found::Record(first) => is_other(anchor, first).then_some(*part),
        // If retention has deleted all records, the end offset still lies behind the anchor.
        Found::Nothing { end } => (*end <= anchor.offset).then_some(*part),
    };
    Ok(anchors.iter().filter_map(is_other).collect())
}

/// Whether a log was replaced, judged by the `first` record at or after the anchor; if the log ends before the
/// anchor, that is its oldest record.
fn is_other(anchor: &Fingerprint, first: &Fingerprint) -> bool {
    first.offset <= anchor.offset && first != anchor
}

/// What lies at or after an offset.
enum Found {
    /// The first record.
    Record(Fingerprint),
    /// No record at all in the log, which ends here.
    Nothing { end: i64 },
}

/// The first record at or after each offset, or of the partition. Topic by topic, since the end-of-partition
/// event names no topic. Records that are late are missing in the result.
fn read(
    session: &Session,
    reader: &BaseConsumer,
    wanted: &HashMap<Part, Option<i64>>,
) -> Result<HashMap<Part, Found>, StreamError> {
    let deadline = Instant::now() + PATIENCE;
    let mut found = HashMap::new();
    for source in Source::ALL {
        let mut places = TopicPartitionList::new();
        let mut open = HashSet::new();
        for (part, at) in wanted.iter().filter(|(part, _)| part.source == source) {
            let at = at.map_or(Offset::Beginning, Offset::Offset);
            places.add_partition_offset(&topic_name(session, source), part.partition, at)?;
            open.insert(part.partition);
        }
        if open.is_empty() {
            continue;
        }
        reader.assign(&places)?;
        while !open.is_empty() {
            match next(reader, deadline, "reading the logs' anchors")? {
                Some(Heard::Record(message)) if open.remove(&message.partition()) => {
                    let part = Part { source, partition: message.partition() };
                    found.insert(part, Found::Record(fingerprint(part, &message)));
                }
                Some(Heard::End(partition)) if open.remove(&partition) => {
                    let (_, end) = watermarks(reader, &topic_name(session, source), partition, PATIENCE)?;
                    found.insert(Part { source, partition }, Found::Nothing { end });
                }
                Some(_) => {}
                None => break,
            }
        }
        reader.unassign()?;
    }
    Ok(found)
}

fn fingerprint(part: Part, message: &BorrowedMessage<'_>) -> Fingerprint {
    let timestamp = message.timestamp().to_millis().unwrap_or_default();
    let (key, payload) = (message.key(), message.payload());
    Record { part, offset: message.offset(), timestamp, key, payload }.fingerprint()
}

/// A client that fetches single records.
fn client(session: &Session) -> Result<BaseConsumer, StreamError> {
    reader(session, &[("max.partition.fetch.bytes", "1"), ("topic.metadata.refresh.interval.ms", "5000")])
}
