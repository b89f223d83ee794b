//! A member of a consumer group that keeps its positions itself: what happens when partitions come and go.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rdkafka::{
    ClientContext, Message, Offset, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, StreamConsumer},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    message::BorrowedMessage,
    types::RDKafkaRespErr,
};

use super::{Session, Topic, env::Env};
use crate::{
    consumer::{Part, Record, Start},
    views::Source,
};

/// A question to Kafka.
const CALL: Duration = Duration::from_secs(10);

/// A member without partitions asks after so long why.
const IDLE: Duration = Duration::from_secs(3);

/// How far Kafka was told that a partition is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The offset to read next.
    pub next: i64,
    /// The instance that told it.
    pub who: Arc<str>,
}

/// What Kafka was told of the partitions in question; asks it.
pub type AskTold<'a> = &'a dyn Fn() -> Result<HashMap<Part, Told>, String>;

/// Who keeps the positions: called from within a poll of the consumer.
pub trait Keeper: Send + Sync + 'static {
    /// Takes partitions over; returns where to read each from, or a sentence that says why it cannot.
    fn assign(&self, parts: &[Part], told: AskTold<'_>) -> Result<Vec<Start>, String>;
    /// Lets go of partitions; `lost` when another member has them already. Returns what Kafka is to be told before
    /// the next owner asks.
    fn revoke(&self, parts: &[Part], lost: bool) -> Vec<(Part, Told)>;
}

/// The context of a group member.
pub struct Member<K> {
    keeper: Arc<K>,
    topics: Vec<(String, Source)>,
    trouble: Mutex<Option<String>>,
    /// Since when it has been a member without partitions.
    idle: Mutex<Option<Instant>>,
}

impl<K: Keeper> Member<K> {
    /// A member that reads `sources` for `keeper`.
    pub fn new(session: &Session, sources: &[Source], keeper: Arc<K>) -> Self {
        let topics = sources.iter().map(|source| (topic_name(session, *source), *source)).collect();
        Self { keeper, topics, trouble: Mutex::new(None), idle: Mutex::new(None) }
    }

    /// The topics to subscribe to.
    pub fn topics(&self) -> Vec<&str> {
        self.topics.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Whether it reads a log.
    pub(super) fn reads(&self, source: Source) -> bool {
        self.topics.iter().any(|(_, own)| *own == source)
    }

    /// Whether it has been a member without partitions for a while; then not again for as long.
    pub(super) fn is_long_idle(&self) -> bool {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let long = idle.is_some_and(|since| since.elapsed() >= IDLE);
        if long {
            *idle = Some(Instant::now());
        }
        long
    }

    fn set_idle(&self, is: bool) {
        *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = is.then(Instant::now);
    }

    /// Which part a topic's partition is.
    pub fn part(&self, topic: &str, partition: i32) -> Option<Part> {
        self.topics
            .iter()
            .find(|(name, _)| name == topic)
            .map(|(_, source)| Part { source: *source, partition })
    }

    /// Why the consumer must be built again, where it must.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_trouble(&self, text: String) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    }

    /// Partitions as a list for Kafka.
    pub fn list<'a>(&self, places: impl Iterator<Item = (Part, Offset)> + 'a) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for (part, offset) in places {
            if let Some((name, _)) = self.topics.iter().find(|(_, source)| *source == part.source) {
                // Only an offset that is out of Kafka's range is refused; ours come from Kafka.
                let _ = list.add_partition_offset(name, part.partition, offset);
            }
        }
        list
    }

    /// What Kafka is to be told, as a list for it.
    pub fn telling(&self, told: impl IntoIterator<Item = (Part, Told)>) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for (part, told) in told {
            if let Some((name, _)) = self.topics.iter().find(|(_, source)| *source == part.source) {
                let mut place = list.add_partition(name, part.partition);
                // As above.
                let _ = place.set_offset(Offset::Offset(told.next));
                place.set_metadata(&*told.who);
            }
        }
        list
    }

    /// How far Kafka was told that partitions are read. Blocks for at most some seconds.
    fn told(
        &self,
        consumer: &BaseConsumer<Self>,
        offered: &TopicPartitionList,
    ) -> Result<HashMap<Part, Told>, String> {
        let mut asked = TopicPartitionList::new();
        for place in offered.elements() {
            asked.add_partition(place.topic(), place.partition());
        }
        let answer = consumer
            .committed_offsets(asked, CALL)
            .map_err(|error| format!("Kafka does not say how far its partitions were read: {error}"))?;
        let told = answer.elements().into_iter().filter_map(|place| {
            let part = self.part(place.topic(), place.partition())?;
            let Offset::Offset(next) = place.offset() else { return None };
            Some((part, Told { next, who: place.metadata().into() }))
        });
        Ok(told.collect())
    }

    fn assigned(&self, consumer: &BaseConsumer<Self>, offered: &TopicPartitionList) {
        let parts = self.parts(offered);
        self.set_idle(parts.is_empty());
        let list = match self.keeper.assign(&parts, &|| self.told(consumer, offered)) {
            Ok(starts) => self.list(parts.into_iter().zip(starts).map(|(part, start)| match start {
                Start::Beginning => (part, Offset::Beginning),
                Start::Offset(offset) => (part, Offset::Offset(offset)),
            })),
            Err(text) => {
                self.set_trouble(text);
                TopicPartitionList::new()
            }
        };
        if let Err(error) = consumer.assign(&list) {
            self.set_trouble(format!("the partitions could not be taken over: {error}"));
        }
    }

    fn revoked(&self, consumer: &BaseConsumer<Self>, taken: &TopicPartitionList) {
        self.set_idle(false);
        let positions = self.keeper.revoke(&self.parts(taken), consumer.assignment_lost());
        // On its way before this member joins again, so the next owner finds it.
        if !positions.is_empty()
            && let Err(error) = consumer.commit(&self.telling(positions), CommitMode::Async)
        {
            tracing::debug!("positions not told to Kafka: {error}");
        }
        if let Err(error) = consumer.unassign() {
            self.set_trouble(format!("the partitions could not be given back: {error}"));
        }
    }

    fn parts(&self, list: &TopicPartitionList) -> Vec<Part> {
        list.elements().iter().filter_map(|place| self.part(place.topic(), place.partition())).collect()
    }
}

/// Pauses the reading of partitions that a member holds, or goes on with it; polls go on, so the group keeps it.
/// Whether it could be done.
pub fn set_paused<K: Keeper>(
    consumer: &StreamConsumer<Member<K>>,
    name: &str,
    held: &[Part],
    paused: bool,
) -> bool {
    let list = consumer.context().list(held.iter().map(|part| (*part, Offset::Invalid)));
    let done = if paused { consumer.pause(&list) } else { consumer.resume(&list) };
    done.inspect_err(|error| tracing::warn!("{name}: {error}")).is_ok()
}

/// Why a consumer must be built again after an error, where it must.
pub fn why_again(error: &KafkaError) -> Option<String> {
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

/// A message as a record of a log.
pub fn record<'a>(part: Part, message: &'a BorrowedMessage<'_>) -> Record<'a> {
    Record {
        part,
        offset: message.offset(),
        timestamp: message.timestamp().to_millis().unwrap_or_default(),
        key: message.key(),
        payload: message.payload(),
    }
}

/// The topic of a log.
pub fn topic_name(session: &Session, source: Source) -> String {
    session.topic(match source {
        Source::Orders => Topic::Orders,
        Source::Deliveries => Topic::Deliveries,
        Source::Handled => Topic::Handled,
    })
}

impl<K: Keeper> ClientContext for Member<K> {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log_line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!("{error}: {reason}");
    }
}

/// librdkafka's own words. Whether Kafka answers is told by the board, once; every attempt to connect is not.
pub fn log_line(level: RDKafkaLogLevel, facility: &str, message: &str) {
    tracing::debug!("librdkafka {facility} ({level:?}): {message}");
}

impl<K: Keeper> ConsumerContext for Member<K> {
    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        match result {
            Err(KafkaError::ConsumerCommit(
                code @ (RDKafkaErrorCode::UnknownMemberId
                | RDKafkaErrorCode::IllegalGeneration
                | RDKafkaErrorCode::FencedInstanceId),
            )) => self.set_trouble(format!("its place in the group is another's ({code})")),
            Err(error) => tracing::debug!("positions not told to Kafka: {error}"),
            Ok(()) => {}
        }
    }

    // Range assignment revokes everything before it assigns, so the positions go in once, with the assignment.
    fn rebalance(&self, consumer: &BaseConsumer<Self>, event: RDKafkaRespErr, list: &mut TopicPartitionList) {
        match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assigned(consumer, list),
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS => self.revoked(consumer, list),
            other => {
                tracing::warn!("a rebalance failed: {other:?}");
                self.revoked(consumer, list);
            }
        }
    }
}

/// Up to where all is read of each partition held, by librdkafka's own position: it passes over the markers of
/// transactions, which it shows to nobody (`rd_kafka_op_handle_std`). Asked where a log goes on behind what is known to
/// be `read`; `None` where none does, or with an end to come to: records behind that are passed over too.
pub(super) fn passed<K: Keeper>(
    env: &Env,
    consumer: &StreamConsumer<Member<K>>,
    mut read: impl Iterator<Item = (Part, i64)>,
) -> Option<HashMap<Part, i64>> {
    if env.until.is_some() || !read.any(|(part, next)| env.board.end(part).is_some_and(|end| next < end)) {
        return None;
    }
    let places = match consumer.position() {
        Ok(places) => places,
        Err(error) => {
            tracing::debug!("how far logs are read is not known: {error}");
            return Some(HashMap::new());
        }
    };
    let places = places.elements();
    let next = places.iter().filter_map(|place| match place.offset() {
        Offset::Offset(next) => Some((consumer.context().part(place.topic(), place.partition())?, next)),
        // Nothing of it was read yet.
        _ => None,
    });
    Some(next.collect())
}
