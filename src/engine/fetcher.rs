//! A client that fetches partitions, in batches.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use futures::{FutureExt, StreamExt};
use rdkafka::{
    ClientContext, Message, Offset, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{Consumer, ConsumerContext, StreamConsumer},
    error::{KafkaError, RDKafkaErrorCode},
    message::BorrowedMessage,
};

use super::context::Env;
use crate::{
    consumer::{Batch, Part, Record, Start},
    messages::Severity,
    stream::{StreamError, reader::unopened, topic_name},
    views::Source,
};

/// Records, and bytes of keys and values, after which batches are returned though more has been fetched.
const RECORDS: usize = 2_000;
const BYTES: usize = 512 << 10;
/// Time between two reports of undecodable batches.
const TELL: Duration = Duration::from_secs(600);
/// Time-out of a request.
const CALL: Duration = Duration::from_secs(5);

/// librdkafka's log lines go to ours, at debug level.
pub(super) struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        crate::stream::log_line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!("{error}: {reason}");
    }
}

impl ConsumerContext for Quiet {}

/// Fetches assigned partitions without a consumer group. It must be polled while it has any.
pub(super) struct Fetcher {
    env: Env,
    consumer: StreamConsumer<Quiet>,
    topics: [(String, Source); 3],
    /// The offset to read next of each partition.
    positions: BTreeMap<Part, i64>,
    /// When an undecodable batch was last reported.
    told: Option<Instant>,
    /// Whether the last records were one batch, as large as it may be: the next one probably is, too.
    is_behind: bool,
}

impl Fetcher {
    /// A client without partitions; it connects in the background.
    pub(super) fn new(env: &Env) -> Result<Self, StreamError> {
        let session = &env.session;
        let group = session.group("reader");
        let settings = [
            ("group.id", group.as_str()),
            ("enable.auto.commit", "false"),
            // An offset out of range is an error, never a silent reset.
            ("auto.offset.reset", "error"),
            ("isolation.level", "read_committed"),
            // The broker responds as soon as it has a record, and holds an empty fetch for this long. A partition
            // that is assigned meanwhile is fetched only after that.
            ("fetch.min.bytes", "1"),
            ("fetch.wait.max.ms", "300"),
            // The default of 1000 costs a backlog reader a factor of four.
            ("fetch.queue.backoff.ms", "5"),
            ("queued.max.messages.kbytes", "16384"),
            // It has no session, but librdkafka refuses a `max.poll.interval.ms` of the user's below this one's default.
            ("session.timeout.ms", "6000"),
        ];
        Ok(Self {
            env: env.clone(),
            consumer: session.client(&settings).create_with_context(Quiet)?,
            topics: Source::ALL.map(|source| (topic_name(session, source), source)),
            positions: BTreeMap::new(),
            told: None,
            is_behind: false,
        })
    }

    /// Fetches a partition from `start` on; one that is fetched already is moved there.
    pub(super) fn assign(&mut self, part: Part, start: Start) -> Result<(), StreamError> {
        self.unassign(part)?;
        let (offset, next) = match start {
            Start::Beginning => (self.beginning(part)?, 0),
            Start::Offset(next) => (Offset::Offset(next), next),
        };
        self.consumer.incremental_assign(&self.list(part, offset)?)?;
        self.positions.insert(part, next);
        Ok(())
    }

    /// The log start offset of a partition. Asked with a client that is connected: this one, which may not be yet, would retry
    /// only half a second later (`rd_kafka_toppar_offset_retry`, librdkafka 2.12). Blocks for a moment.
    fn beginning(&self, part: Part) -> Result<Offset, StreamError> {
        // ListOffsets takes -2 for the beginning, which is how Offset::Beginning is written on the wire.
        let asked = self.list(part, Offset::Beginning)?;
        match self.env.session.probe()?.offsets_for_times(asked, CALL) {
            Ok(answer) => {
                let known = answer.elements().first().map(|place| (place.error(), place.offset()));
                Ok(known.and_then(|(error, first)| error.ok().map(|()| first)).unwrap_or(Offset::Beginning))
            }
            Err(error) => {
                tracing::debug!("where {part} begins is not known yet: {error}");
                Ok(Offset::Beginning)
            }
        }
    }

    /// Stops fetching a partition.
    pub(super) fn unassign(&mut self, part: Part) -> Result<(), StreamError> {
        if self.positions.remove(&part).is_some() {
            self.consumer.incremental_unassign(&self.list(part, Offset::Invalid)?)?;
        }
        Ok(())
    }

    fn list(&self, part: Part, offset: Offset) -> Result<TopicPartitionList, StreamError> {
        let mut list = TopicPartitionList::new();
        for (name, _) in self.topics.iter().filter(|(_, source)| *source == part.source) {
            list.add_partition_offset(name, part.partition, offset)?;
        }
        Ok(list)
    }

    /// The offset to read next of a partition that is fetched.
    pub(super) fn position(&self, part: Part) -> Option<i64> {
        self.positions.get(&part).copied()
    }

    /// Whether nothing is fetched.
    pub(super) fn is_idle(&self) -> bool {
        self.positions.is_empty()
    }

    /// The next batches: waits for a record, then takes all others that have been fetched. Cancel safe. After an error
    /// the partitions must be assigned again.
    pub(super) async fn next(&mut self) -> Result<Vec<Batch>, String> {
        let mut batches = Batches { reserve: self.is_behind, ..Batches::default() };
        let mut messages = self.consumer.stream();
        let mut received = messages.next().await;
        let mut drained = false;
        while let Some(polled) = received.take() {
            match polled {
                Ok(message) => batches.add(&message, &self.topics, &self.positions),
                Err(error) => {
                    if let Some(why) = why_assign_again(&error) {
                        return Err(why);
                    }
                    if let Some(code) = unopened(&error)
                        && self.told.is_none_or(|told| told.elapsed() >= TELL)
                    {
                        self.told = Some(Instant::now());
                        let second = self.env.clock.now().unwrap_or_default();
                        let sentence = StreamError::Unopened { code }.sentence();
                        self.env.model.say(second, Severity::Error, sentence);
                    }
                    tracing::debug!("reading the logs: {error}");
                }
            }
            if batches.is_full() {
                break;
            }
            received = messages.next().now_or_never().flatten();
            drained = received.is_none();
        }
        drop(messages);
        self.is_behind = batches.is_full() && batches.open.len() == 1;
        self.positions.extend(batches.open.iter().map(|batch| (batch.part, batch.next)));
        let has_markers = |batch: &Batch| batch.part.source == Source::Handled;
        if drained && batches.open.iter().any(has_markers) {
            self.pass_markers(&mut batches.open);
        }
        Ok(batches.open)
    }

    /// Batches without records for the partitions in which transaction markers alone were fetched.
    pub(super) fn markers(&mut self) -> Vec<Batch> {
        let mut batches = Vec::new();
        self.pass_markers(&mut batches);
        batches
    }

    /// Moves positions past trailing transaction markers. librdkafka never delivers markers, but its own position
    /// includes them (`rd_kafka_op_handle_std`, 2.12).
    fn pass_markers(&mut self, batches: &mut Vec<Batch>) {
        let places = match self.consumer.position() {
            Ok(places) => places,
            Err(error) => {
                tracing::debug!("how far the logs are read is not known: {error}");
                return;
            }
        };
        for place in places.elements() {
            let Offset::Offset(next) = place.offset() else { continue };
            let Some(part) = part(&self.topics, place.topic(), place.partition()) else { continue };
            let Some(position) = self.positions.get_mut(&part).filter(|position| **position < next) else {
                continue;
            };
            let from = std::mem::replace(position, next);
            match batches.iter_mut().find(|batch| batch.part == part) {
                Some(batch) => batch.next = next,
                None => batches.push(Batch::new(part, from, next)),
            }
        }
    }

    /// Drops the client without waiting for its threads.
    pub(super) fn let_go(self) {
        crate::stream::let_go(self.consumer);
    }
}

/// Batches that are being filled, one for each partition.
#[derive(Default)]
struct Batches {
    open: Vec<Batch>,
    /// Of the last record: the address of its topic in librdkafka, its partition, and the index of its batch.
    last: Option<(usize, i32, usize)>,
    records: usize,
    bytes: usize,
    /// Whether memory for a full batch is reserved at once.
    reserve: bool,
}

impl Batches {
    fn is_full(&self) -> bool {
        self.records >= RECORDS || self.bytes >= BYTES
    }

    fn add(
        &mut self,
        message: &BorrowedMessage<'_>,
        topics: &[(String, Source)],
        positions: &BTreeMap<Part, i64>,
    ) {
        let (topic, partition) = (message.topic_ptr().addr(), message.partition());
        let last = self.last.filter(|(of, number, _)| (*of, *number) == (topic, partition));
        let Some(index) = last.map(|(_, _, index)| index).or_else(|| self.index(message, topics, positions))
        else {
            return;
        };
        self.last = Some((topic, partition, index));
        let Some(batch) = self.open.get_mut(index) else { return };
        let before = batch.bytes();
        batch.push(&record(batch.part, message));
        self.records += 1;
        self.bytes += batch.bytes() - before;
    }

    /// The batch of a message's partition.
    fn index(
        &mut self,
        message: &BorrowedMessage<'_>,
        topics: &[(String, Source)],
        positions: &BTreeMap<Part, i64>,
    ) -> Option<usize> {
        let part = part(topics, message.topic(), message.partition())?;
        let from = *positions.get(&part)?;
        self.open.iter().position(|batch| batch.part == part).or_else(|| {
            let mut batch = Batch::new(part, from, from);
            if self.reserve && self.open.is_empty() {
                // The last record may exceed the limit.
                batch.reserve(RECORDS, BYTES + BYTES / 8);
            }
            self.open.push(batch);
            Some(self.open.len() - 1)
        })
    }
}

fn part(topics: &[(String, Source)], topic: &str, partition: i32) -> Option<Part> {
    let (_, source) = topics.iter().find(|(name, _)| name == topic)?;
    Some(Part { source: *source, partition })
}

/// A message as a record of a log.
fn record<'a>(part: Part, message: &'a BorrowedMessage<'_>) -> Record<'a> {
    Record {
        part,
        offset: message.offset(),
        timestamp: message.timestamp().to_millis().unwrap_or_default(),
        key: message.key(),
        payload: message.payload(),
    }
}

/// The reason to assign partitions again after an error, if it requires that.
fn why_assign_again(error: &KafkaError) -> Option<String> {
    match error {
        // The next assignment finds out which of the two it is, and what to do.
        KafkaError::MessageConsumption(
            code @ (RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange),
        ) => Some(format!("the log does not reach back or forward to its position ({code})")),
        KafkaError::MessageConsumptionFatal(code)
        | KafkaError::MessageConsumption(code @ RDKafkaErrorCode::PollExceeded) => Some(code.to_string()),
        _ => None,
    }
}
