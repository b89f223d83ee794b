//! Sees that a topic was deleted and made again while the program runs.
//!
//! librdkafka reads on at the old offset in the new log where that is long enough (its own comment on a changed topic
//! id says so, 2.12), and rdkafka shows no topic ids. So one record of each partition, the anchor, is read again now
//! and then: where another one lies at its offset, or the log has become shorter than it was, it is another log.

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
    reader::{Heard, next, reader},
    topic_name,
};
use crate::{
    consumer::{Part, Record, position::Fingerprint},
    views::Source,
};

/// How long reading the anchors may take; what did not come is read the next time.
const PATIENCE: Duration = Duration::from_secs(3);

/// The anchors of all logs.
#[derive(Default)]
pub struct LogIdentities {
    reader: Option<BaseConsumer>,
    ends: HashMap<Part, i64>,
    held: HashMap<Part, Fingerprint>,
}

impl LogIdentities {
    /// Takes note of where the logs end now; the logs that were longer before.
    pub fn shorter(&mut self, ends: &HashMap<Part, i64>) -> HashSet<Source> {
        let before = std::mem::replace(&mut self.ends, ends.clone());
        let is_shorter = |(part, end): &(&Part, &i64)| before.get(part).is_some_and(|before| before > *end);
        let shorter: HashSet<Source> = ends.iter().filter(is_shorter).map(|(part, _)| part.source).collect();
        self.forget(&shorter);
        shorter
    }

    /// Drops the anchors of logs that are others now.
    fn forget(&mut self, sources: &HashSet<Source>) {
        self.held.retain(|part, _| !sources.contains(&part.source));
    }

    /// Reads the anchors again and drops new ones where there are none; the logs in which another record lies at an
    /// anchor's place. Blocks for some seconds at most.
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
                // Retention has taken the anchor: the oldest record that is left is the next one.
                _ => drop(self.held.insert(part, first)),
            }
        }
        self.forget(&others);
        Ok(others)
    }
}

/// Of partitions and records that were read in them: those that are another log by now. Blocks for some seconds at
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
        // Retention may have taken all records, but the log still goes on where it ended.
        Found::Nothing { end } => (*end <= anchor.offset).then_some(*part),
    };
    Ok(anchors.iter().filter_map(is_other).collect())
}

/// Whether a log is another one, by the `first` record that was found from the anchor on. Where the log ends before
/// the anchor, its oldest record is found.
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

/// The first record at or after each offset, or of all. One topic after the other, since
/// the end of a partition is told by its number alone. What does not come in time is missing.
fn read(
    session: &Session,
    reader: &BaseConsumer,
    wanted: &HashMap<Part, Option<i64>>,
) -> Result<HashMap<Part, Found>, StreamError> {
    let deadline = Instant::now() + PATIENCE;
    let mut found = HashMap::new();
    for source in [Source::Orders, Source::Deliveries, Source::Handled] {
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
                    let (_, end) =
                        reader.fetch_watermarks(&topic_name(session, source), partition, PATIENCE)?;
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

/// One record of each partition is all that is wanted.
fn client(session: &Session) -> Result<BaseConsumer, StreamError> {
    reader(session, &[("max.partition.fetch.bytes", "1"), ("topic.metadata.refresh.interval.ms", "5000")])
}
