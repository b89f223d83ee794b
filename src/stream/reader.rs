//! Reading without a consumer group: the client, and what it receives.

use std::{
    collections::BTreeMap,
    ops::{ControlFlow, Range},
    time::{Duration, Instant},
};

use rdkafka::{
    Message, Offset, TopicPartitionList,
    config::FromClientConfig,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::{KafkaError, RDKafkaErrorCode},
    message::BorrowedMessage,
};

use super::{
    Session, StreamError,
    retry::{FAILOVER, retry},
    session::partition_count,
};

/// A consumer of committed records that joins no group; settings of its `own` go before these.
pub fn reader<C: FromClientConfig>(session: &Session, own: &[(&str, &str)]) -> Result<C, StreamError> {
    let group = session.group("reader");
    let mut settings = vec![
        ("group.id", group.as_str()),
        ("enable.auto.commit", "false"),
        ("auto.offset.reset", "earliest"),
        ("isolation.level", "read_committed"),
        ("enable.partition.eof", "true"),
        ("fetch.wait.max.ms", "10"),
        ("fetch.queue.backoff.ms", "5"),
        // It has no session, but librdkafka refuses a `max.poll.interval.ms` of the user's below this one's default.
        ("session.timeout.ms", "6000"),
    ];
    settings.extend(own);
    Ok(session.client(&settings).create()?)
}

/// Where a partition begins, and where it ends for this reader. Blocks for at most `patience`.
pub fn watermarks<C: ConsumerContext>(
    reader: &impl Consumer<C>,
    topic: &str,
    partition: i32,
    patience: Duration,
) -> Result<(i64, i64), StreamError> {
    use RDKafkaErrorCode as Code;
    let is_new = |error: &KafkaError| {
        matches!(
            error.rdkafka_error_code(),
            Some(Code::UnknownPartition | Code::UnknownTopicOrPartition | Code::LeaderNotAvailable)
        )
    };
    retry(patience, |left| match reader.fetch_watermarks(topic, partition, left) {
        // librdkafka answers from its metadata, which may be a minute old, that there is no such partition or no leader
        // (`rd_kafka_topic_partition_list_get_leaders`, 2.12).
        Err(error) if is_new(&error) => {
            let metadata = reader.fetch_metadata(Some(topic), left)?;
            let is_there = usize::try_from(partition).is_ok_and(|at| at < partition_count(&metadata, topic));
            reader.fetch_watermarks(topic, partition, left).map_err(|error| {
                let waits = is_there && is_new(&error);
                if waits { KafkaError::MetadataFetch(Code::LeaderNotAvailable).into() } else { error.into() }
            })
        }
        asked => Ok(asked?),
    })
}

/// A dead process's transaction times out after ten seconds, which Kafka checks every ten.
const OPEN: Duration = Duration::from_secs(20);

/// Where a partition begins and ends, once the transactions that are open on it now have ended; needs a `read_committed`
/// and a `read_uncommitted` client. Blocks.
pub fn settled(
    session: &Session,
    (committed, written): (&BaseConsumer, &BaseConsumer),
    topic: &str,
    partition: i32,
) -> Result<(i64, i64), StreamError> {
    let deadline = Instant::now() + OPEN;
    let (low, end) = watermarks(written, topic, partition, FAILOVER)?;
    while watermarks(committed, topic, partition, FAILOVER)?.1 < end {
        if Instant::now() > deadline {
            let reason = format!("an open transaction on {topic} does not end");
            return Err(session.halted(reason));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok((low, end))
}

/// What a reader hears.
pub(crate) enum Heard<'a> {
    /// A record.
    Record(BorrowedMessage<'a>),
    /// The end of this partition, of which the event gives only the number. Transaction markers, which no reader sees,
    /// may follow the last record.
    End(i32),
}

/// The next record or end of a partition before the deadline; `doing` is for the log. Blocks.
///
/// # Errors
///
/// Where records cannot be opened.
pub(crate) fn next<'a>(
    reader: &'a BaseConsumer,
    deadline: Instant,
    doing: &str,
) -> Result<Option<Heard<'a>>, StreamError> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        match reader.poll(left) {
            Some(Ok(message)) => return Ok(Some(Heard::Record(message))),
            Some(Err(KafkaError::PartitionEOF(partition))) => return Ok(Some(Heard::End(partition))),
            Some(Err(error)) => {
                if let Some(code) = unopened(&error) {
                    return Err(StreamError::Unopened { code });
                }
                tracing::debug!("{doing}: {error}");
            }
            None => {}
        }
    }
}

/// Hands the records of a topic that lie in `ranges` of offsets, by partition, to `each`, until it breaks or all are read.
/// Those of one partition come in order. Each is waited for until the `deadline` that holds then. Blocks.
///
/// # Errors
///
/// Where a record does not come in time, or cannot be opened.
pub(crate) fn read<T>(
    session: &Session,
    reader: &BaseConsumer,
    topic: &str,
    ranges: impl IntoIterator<Item = (i32, Range<i64>)>,
    deadline: impl Fn() -> Instant,
    mut each: impl FnMut(&BorrowedMessage<'_>) -> ControlFlow<T>,
) -> Result<Option<T>, StreamError> {
    let mut places = TopicPartitionList::new();
    let mut open = BTreeMap::new();
    for (partition, range) in ranges.into_iter().filter(|(_, range)| !range.is_empty()) {
        places.add_partition_offset(topic, partition, Offset::Offset(range.start))?;
        open.insert(partition, range.end);
    }
    if open.is_empty() {
        return Ok(None);
    }
    reader.assign(&places)?;
    let doing = format!("reading {topic}");
    while !open.is_empty() {
        match next(reader, deadline(), &doing)? {
            Some(Heard::Record(message)) => {
                let Some(end) = open.get(&message.partition()).copied() else { continue };
                if message.offset() < end
                    && let ControlFlow::Break(found) = each(&message)
                {
                    reader.unassign()?;
                    return Ok(Some(found));
                }
                // No end event comes while others write.
                if message.offset() + 1 >= end {
                    open.remove(&message.partition());
                }
            }
            Some(Heard::End(partition)) => drop(open.remove(&partition)),
            None => return Err(session.halted(format!("{doing} came to a halt"))),
        }
    }
    reader.unassign()?;
    Ok(None)
}

/// The code of an error that fetched records cannot be decompressed. librdkafka does not advance then, but retries and
/// repeats the error (`rd_kafka_msgset_reader_decompress`, 2.12).
pub(crate) fn unopened(error: &KafkaError) -> Option<RDKafkaErrorCode> {
    match error {
        KafkaError::MessageConsumption(
            code @ (RDKafkaErrorCode::NotImplemented | RDKafkaErrorCode::BadCompression),
        ) => Some(*code),
        _ => None,
    }
}
