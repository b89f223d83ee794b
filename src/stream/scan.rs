//! Reads a topic from its beginning to the end it has now.

use std::{
    collections::HashMap,
    ops::ControlFlow,
    time::{Duration, Instant},
};

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    message::BorrowedMessage,
};

use super::{
    Session, StreamError, Topic,
    reader::{Heard, next, reader, watermarks},
};

const CALL: Duration = Duration::from_secs(5);
/// Nothing for this long, and Kafka counts as away.
const PATIENCE: Duration = Duration::from_secs(10);

/// Hands every committed record of a topic to `each`, until it breaks or all partitions are read. Records of one
/// partition come in order. Blocks.
pub fn scan<T>(
    session: &Session,
    topic: Topic,
    mut each: impl FnMut(&BorrowedMessage<'_>) -> ControlFlow<T>,
) -> Result<Option<T>, StreamError> {
    let consumer: BaseConsumer = reader(session, &[])?;
    let name = session.topic(topic);
    let mut places = TopicPartitionList::new();
    let mut open = HashMap::new();
    for partition in 0..session.partitions_of(&consumer, topic, CALL)? {
        let (low, end) = watermarks(&consumer, &name, partition, CALL)?;
        if end > low {
            places.add_partition_offset(&name, partition, Offset::Beginning)?;
            open.insert(partition, end);
        }
    }
    consumer.assign(&places)?;
    let doing = format!("reading {name}");
    while !open.is_empty() {
        match next(&consumer, Instant::now() + PATIENCE, &doing)? {
            Some(Heard::Record(message)) => {
                let Some(end) = open.get(&message.partition()).copied() else { continue };
                if message.offset() < end
                    && let ControlFlow::Break(found) = each(&message)
                {
                    return Ok(Some(found));
                }
                if message.offset() + 1 >= end {
                    open.remove(&message.partition());
                }
            }
            Some(Heard::End(partition)) => {
                open.remove(&partition);
            }
            None => return Err(session.halted(format!("{doing} came to a halt"))),
        }
    }
    Ok(None)
}
