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

use super::env::Env;
use crate::{
    consumer::{Batch, Part, Record, Start},
    messages::Severity,
    stream::{StreamError, reader::unopened, topic_name},
    views::Source,
};

/// Records, and bytes of keys and values, after which batches are handed on though more has been fetched.
const RECORDS: usize = 2_000;
const BYTES: usize = 512 << 10;
/// How often it is told that records cannot be opened.
const TELL: Duration = Duration::from_secs(600);
/// A question to Kafka.
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

/// Fetches the partitions that it is given, without a group. It must be polled for as long as it has any.
pub(super) struct Fetcher {
    env: Env,
    consumer: StreamConsumer<Quiet>,
    topics: [(String, Source); 3],
    /// The offset to read next of each partition.
    positions: BTreeMap<Part, i64>,
    /// When it was told last that records cannot be opened.
    told: Option<Instant>,
}

impl Fetcher {
    /// A client without partitions; it connects in the background.
    pub(super) fn new(env: &Env) -> Result<Self, StreamError> {
        let session = &env.session;
        let group = session.group("reader");
        let settings = [
            ("group.id", group.as_str()),
            ("enable.auto.commit", "false"),
            // A position that is not there is told, never passed over.
            ("auto.offset.reset", "error"),
            ("isolation.level", "read_committed"),
            // A record is answered at once; only a broker that has none keeps a fetch waiting. A partition that is
            // assigned meanwhile is asked for behind it.
            ("fetch.min.bytes", "1"),
            ("fetch.wait.max.ms", "300"),
            // The default of 1000 costs a backlog reader a factor of four.
            ("fetch.queue.backoff.ms", "5"),
            ("queued.max.messages.kbytes", "16384"),
            // It has no session, but librdkafka refuses a `max.poll.interval.ms` of the user's below this one's default.
            ("session.timeout.ms", "6000"),
        ];
        let topics = [Source::Orders, Source::Deliveries, Source::Handled];
        Ok(Self {
            env: env.clone(),
            consumer: session.client(&settings).create_with_context(Quiet)?,
            topics: topics.map(|source| (topic_name(session, source), source)),
            positions: BTreeMap::new(),
            told: None,
        })
    }

    /// Fetches a partition from here on; one that is fetched already is read again from there.
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

    /// Where the log of a partition begins, asked here: librdkafka asks once itself, and where it is not connected to
    /// the leader yet, again half a second later (`rd_kafka_toppar_offset_retry`, 2.12). Blocks for a moment.
    fn beginning(&self, part: Part) -> Result<Offset, StreamError> {
        // ListOffsets takes -2 for the beginning, which is how Offset::Beginning is written on the wire.
        let asked = self.list(part, Offset::Beginning)?;
        match self.consumer.offsets_for_times(asked, CALL) {
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

    /// Fetches a partition no more.
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

    /// The next batches: waits for a record and takes what else has been fetched. A wait that is given up loses nothing.
    /// An error is one after which partitions must be assigned anew.
    pub(super) async fn next(&mut self) -> Result<Vec<Batch>, String> {
        let mut batches = Batches::default();
        let mut messages = self.consumer.stream();
        let mut received = messages.next().await;
        let mut drained = false;
        while let Some(polled) = received.take() {
            match polled {
                Ok(message) => batches.add(&message, &self.topics, &mut self.positions),
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
            if batches.records >= RECORDS || batches.bytes >= BYTES {
                break;
            }
            received = messages.next().now_or_never().flatten();
            drained = received.is_none();
        }
        drop(messages);
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

    /// Goes on behind the transaction markers that follow what was read. librdkafka's own position passes over them
    /// and shows them to nobody (`rd_kafka_op_handle_std`, 2.12).
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

    /// Lets the client go without waiting for its threads.
    pub(super) fn let_go(self) {
        crate::stream::let_go(self.consumer);
    }
}

/// Batches that are being filled, one for each partition.
#[derive(Default)]
struct Batches {
    open: Vec<Batch>,
    /// Which of them the last record went to.
    last: usize,
    records: usize,
    bytes: usize,
}

impl Batches {
    fn add(
        &mut self,
        message: &BorrowedMessage<'_>,
        topics: &[(String, Source)],
        positions: &mut BTreeMap<Part, i64>,
    ) {
        let Some(part) = part(topics, message.topic(), message.partition()) else { return };
        let Some(position) = positions.get_mut(&part) else { return };
        let record = record(part, message);
        let from = std::mem::replace(position, record.offset + 1);
        if self.open.get(self.last).is_none_or(|batch| batch.part != part) {
            self.last = self.open.iter().position(|batch| batch.part == part).unwrap_or_else(|| {
                self.open.push(Batch::new(part, from, from));
                self.open.len() - 1
            });
        }
        let Some(batch) = self.open.get_mut(self.last) else { return };
        let before = batch.bytes();
        batch.push(&record);
        self.records += 1;
        self.bytes += batch.bytes() - before;
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

/// Why partitions must be assigned anew after an error, where they must.
fn why_assign_again(error: &KafkaError) -> Option<String> {
    match error {
        // Which of the two, and what to do, is seen when the partitions are taken over anew.
        KafkaError::MessageConsumption(
            code @ (RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange),
        ) => Some(format!("the log does not reach back or forward to its position ({code})")),
        KafkaError::MessageConsumptionFatal(code)
        | KafkaError::MessageConsumption(code @ RDKafkaErrorCode::PollExceeded) => Some(code.to_string()),
        _ => None,
    }
}
