//! Reads a topic from its beginning to the end it has now.

use std::{collections::BTreeMap, ops::ControlFlow, time::Instant};

use rdkafka::{consumer::BaseConsumer, message::BorrowedMessage};

use super::{
    Session, StreamError, Topic,
    reader::{read, reader, watermarks},
    retry::FAILOVER,
};

/// Hands every committed record of a topic to `each`, until it breaks or all partitions are read. Records of one
/// partition come in order. Blocks.
pub fn scan<T>(
    session: &Session,
    topic: Topic,
    each: impl FnMut(&BorrowedMessage<'_>) -> ControlFlow<T>,
) -> Result<Option<T>, StreamError> {
    let consumer: BaseConsumer = reader(session, &[])?;
    let name = session.topic(topic);
    let mut ranges = BTreeMap::new();
    for partition in 0..session.partitions_of(topic, FAILOVER)? {
        let (low, end) = watermarks(&consumer, &name, partition, FAILOVER)?;
        ranges.insert(partition, low..end);
    }
    read(session, &consumer, &name, ranges, || Instant::now() + FAILOVER, each)
}
