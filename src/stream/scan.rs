//! Reads a topic from its beginning to the end it has now.

use std::{
    collections::HashMap,
    ops::ControlFlow,
    time::{Duration, Instant},
};

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    message::BorrowedMessage,
};

use super::{Session, StreamError, Topic};

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
    let consumer = reader(session, "read_committed")?;
    let name = session.topic(topic);
    let mut places = TopicPartitionList::new();
    let mut open = HashMap::new();
    for partition in 0..session.partitions_of(&consumer, topic, CALL)? {
        let (low, end) = consumer.fetch_watermarks(&name, partition, CALL)?;
        if end > low {
            places.add_partition_offset(&name, partition, Offset::Beginning)?;
            open.insert(partition, end);
        }
    }
    consumer.assign(&places)?;
    let mut heard = Instant::now();
    while !open.is_empty() {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                heard = Instant::now();
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
            // Behind the last record there may be transaction markers, which no reader sees.
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                open.remove(&partition);
            }
            Some(Err(error)) => tracing::debug!("reading {name}: {error}"),
            None if heard.elapsed() > PATIENCE => {
                return Err(StreamError::Unreachable {
                    bootstrap: session.bootstrap.to_string(),
                    reason: format!("reading {name} came to a halt"),
                });
            }
            None => {}
        }
    }
    Ok(None)
}

/// A consumer that joins no group.
pub fn reader(session: &Session, isolation: &str) -> Result<BaseConsumer, StreamError> {
    Ok(session
        .client(&[
            ("group.id", &format!("{}.reader", session.prefix)),
            ("enable.auto.commit", "false"),
            ("auto.offset.reset", "earliest"),
            ("isolation.level", isolation),
            ("enable.partition.eof", "true"),
            ("fetch.wait.max.ms", "10"),
            ("fetch.queue.backoff.ms", "5"),
        ])
        .create()?)
}
