//! Looks whether a stretch of a log holds any record.

use std::time::{Duration, Instant};

use rdkafka::{Message, Offset, TopicPartitionList, consumer::Consumer, error::KafkaError};

use super::{Session, StreamError, group::topic_name, scan::reader};
use crate::consumer::Part;

/// How long to wait for an answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether there is no committed record at offsets from `from` up to but not including `end`: transaction
/// markers and aborted records are offsets that no reader ever sees. `false` also when nothing answered.
/// Blocks for at most two seconds.
pub fn nothing_between(session: &Session, part: Part, from: i64, end: i64) -> Result<bool, StreamError> {
    let consumer = reader(session, "read_committed")?;
    let mut place = TopicPartitionList::new();
    place.add_partition_offset(&topic_name(session, part.source), part.partition, Offset::Offset(from))?;
    consumer.assign(&place)?;
    let begun = Instant::now();
    let mut empty = None;
    while empty.is_none() && begun.elapsed() < PATIENCE {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => empty = Some(message.offset() >= end),
            Some(Err(KafkaError::PartitionEOF(_))) => empty = Some(true),
            Some(Err(error)) => tracing::debug!("looking for records in {part}: {error}"),
            None => {}
        }
    }
    super::let_go(consumer);
    Ok(empty.unwrap_or(false))
}
