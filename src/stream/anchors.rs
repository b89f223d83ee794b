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
    error::KafkaError,
};

use super::{Session, StreamError, group::topic_name};
use crate::{
    consumer::{Part, Record, position::Fingerprint},
    views::Source,
};

/// How long reading the anchors may take; what did not come is read the next time.
const PATIENCE: Duration = Duration::from_secs(3);

/// The anchors of all logs.
#[derive(Default)]
pub struct Anchors {
    reader: Option<BaseConsumer>,
    ends: HashMap<Part, i64>,
    held: HashMap<Part, Fingerprint>,
}

impl Anchors {
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
        let found = self.read(session, &reader)?;
        self.reader = Some(reader);
        let mut others = HashSet::new();
        for (part, first) in found {
            match self.held.get(&part) {
                Some(anchor) if anchor.offset == first.offset && *anchor != first => {
                    others.insert(part.source);
                }
                // Retention has taken the anchor: the oldest record that is left is the next one.
                _ => drop(self.held.insert(part, first)),
            }
        }
        self.forget(&others);
        Ok(others)
    }

    /// The first record at or after each anchor; the first of all where there is no anchor yet. One topic after the
    /// other, since the end of a partition is told by its number alone.
    fn read(
        &self,
        session: &Session,
        reader: &BaseConsumer,
    ) -> Result<HashMap<Part, Fingerprint>, StreamError> {
        let begun = Instant::now();
        let mut found = HashMap::new();
        for source in [Source::Orders, Source::Deliveries, Source::Handled] {
            let mut places = TopicPartitionList::new();
            let mut open = HashSet::new();
            let wanted = |(part, end): &(&Part, &i64)| part.source == source && **end > 0;
            for (part, _) in self.ends.iter().filter(wanted) {
                let at =
                    self.held.get(part).map_or(Offset::Beginning, |anchor| Offset::Offset(anchor.offset));
                places.add_partition_offset(&topic_name(session, source), part.partition, at)?;
                open.insert(part.partition);
            }
            if open.is_empty() {
                continue;
            }
            reader.assign(&places)?;
            while !open.is_empty() && begun.elapsed() < PATIENCE {
                match reader.poll(Duration::from_millis(50)) {
                    Some(Ok(message)) if open.remove(&message.partition()) => {
                        let part = Part { source, partition: message.partition() };
                        let record = Record {
                            part,
                            offset: message.offset(),
                            timestamp: message.timestamp().to_millis().unwrap_or_default(),
                            key: message.key(),
                            payload: message.payload(),
                        };
                        found.insert(part, record.fingerprint());
                    }
                    Some(Err(KafkaError::PartitionEOF(partition))) => {
                        open.remove(&partition);
                    }
                    Some(Err(error)) => tracing::debug!("reading the logs' anchors: {error}"),
                    Some(Ok(_)) | None => {}
                }
            }
            reader.unassign()?;
        }
        Ok(found)
    }
}

/// One record of each partition is all that is wanted.
fn client(session: &Session) -> Result<BaseConsumer, StreamError> {
    Ok(session
        .client(&[
            ("group.id", &format!("{}.reader", session.prefix)),
            ("enable.auto.commit", "false"),
            ("auto.offset.reset", "earliest"),
            ("isolation.level", "read_committed"),
            ("enable.partition.eof", "true"),
            ("fetch.wait.max.ms", "10"),
            ("max.partition.fetch.bytes", "1"),
            ("topic.metadata.refresh.interval.ms", "5000"),
        ])
        .create()?)
}
