//! Looks whether a stretch of a log holds any record.

use std::time::{Duration, Instant};

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
};

use super::{
    Session, StreamError,
    reader::{Heard, next, reader},
    topic_name,
};
use crate::consumer::Part;

/// How long to wait for an answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether there is no committed record at offsets from `from` up to but not including `end`: transaction
/// markers and aborted records are offsets that no reader ever sees. `false` also when nothing answered.
/// Blocks for at most two seconds.
pub fn nothing_between(session: &Session, part: Part, from: i64, end: i64) -> Result<bool, StreamError> {
    // One record is all that is wanted.
    let consumer: BaseConsumer = reader(session, &[("max.partition.fetch.bytes", "1")])?;
    let mut place = TopicPartitionList::new();
    place.add_partition_offset(&topic_name(session, part.source), part.partition, Offset::Offset(from))?;
    consumer.assign(&place)?;
    let doing = format!("looking for records in {part}");
    let nothing = match next(&consumer, Instant::now() + PATIENCE, &doing) {
        Ok(Some(Heard::Record(message))) => message.offset() >= end,
        Ok(Some(Heard::End(_))) => true,
        // An undecodable batch holds records; the log reader reports it.
        Ok(None) | Err(_) => false,
    };
    super::let_go(consumer);
    Ok(nothing)
}
