//! The transactional producer of the handling.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use rdkafka::{
    ClientContext, Message, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::ConsumerGroupMetadata,
    error::{KafkaError, RDKafkaErrorCode},
    message::{Header, OwnedHeaders},
    producer::{BaseRecord, DeliveryResult, Producer, ProducerContext},
};

use super::{NAME, restore::LETTERS};
use crate::{
    consumer::{DeadLetter, Part},
    consumers::PartFigures,
    handling::{Outgoing, Resume},
    read_model::PartState,
    stream::{
        Session, StreamError, Topic, log_line, producer::PolledProducer, state_keys::key,
        topics::STATE_HANDLING,
    },
    views::Source,
};

/// Time-out of a call; after one the run restarts from the last committed state.
const CALL: Duration = Duration::from_secs(10);
/// Kafka's default for the largest batch of a topic, bytes. librdkafka's own default is smaller: with it, a large record
/// of another client could not be forwarded.
const LARGEST: &str = "1048588";
/// Key and payload of a dead letter together are cut to this, so that it fits into such a batch.
const LETTER: usize = 900_000;

/// Delivery results.
struct Delivered {
    /// Records that could not be delivered.
    failed: AtomicU64,
    /// The end offset after the last delivered record: of each partition of the handled orders, then of the dead
    /// letters. A record's delivery opaque is its index here; a state has none.
    ends: Vec<AtomicI64>,
}

/// The context of the producer.
struct Deliveries(Arc<Delivered>);

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log_line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!("{error}: {reason}");
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, place: usize) {
        match result {
            Ok(record) => {
                if let Some(end) = self.0.ends.get(place) {
                    end.fetch_max(record.offset() + 1, Ordering::Relaxed);
                }
            }
            Err((error, _)) => {
                self.0.failed.fetch_add(1, Ordering::Relaxed);
                tracing::debug!("a record of a transaction was not delivered: {error}");
            }
        }
    }
}

/// A transactional producer. After any error it is unusable: make a new one (librdkafka #5423).
pub(super) struct Sender {
    producer: PolledProducer<Deliveries>,
    handled: String,
    handled_partitions: i32,
    dead_letters: String,
    orders: String,
    state: String,
    delivered: Arc<Delivered>,
}

impl Sender {
    /// Makes a producer and fences earlier ones of the same instance; blocks until the broker responds.
    pub(super) fn new(session: &Session, instance: &str) -> Result<Self, StreamError> {
        let handled_partitions = session.partitions_of(Topic::Handled, CALL)?;
        let delivered = Arc::new(Delivered {
            failed: AtomicU64::new(0),
            ends: (0..=handled_partitions).map(|_| AtomicI64::new(0)).collect(),
        });
        let producer: PolledProducer<Deliveries> = session
            .client(&[
                ("transactional.id", &format!("{}.{NAME}.{instance}", session.prefix)),
                ("transaction.timeout.ms", "10000"),
                ("message.timeout.ms", "8000"),
                ("linger.ms", "5"),
                ("message.max.bytes", LARGEST),
                ("queue.buffering.max.messages", "200000"),
            ])
            .create_with_context(Deliveries(Arc::clone(&delivered)))?;
        producer.init_transactions(CALL)?;
        Ok(Self {
            producer,
            handled: session.topic(Topic::Handled),
            handled_partitions,
            dead_letters: session.topic(Topic::DeadLetters),
            orders: session.topic(Topic::Orders),
            state: session.topic(Topic::State),
            delivered,
        })
    }

    /// Commits one transaction: records (by the partition of the orders they come from), states and the group's
    /// offsets. Blocks until it ends. Returns the ids of handled orders that are too large for a batch: they are left
    /// out, since no retry could send them.
    pub(super) fn commit(
        &self,
        outgoing: Vec<(i32, Outgoing)>,
        states: &mut [(i32, PartState)],
        offsets: (&TopicPartitionList, &ConsumerGroupMetadata),
    ) -> Result<Vec<u64>, StreamError> {
        self.producer.begin_transaction()?;
        let done = self.fill(outgoing, states, offsets);
        if done.is_err() {
            // Spares readers the wait for the transaction time-out, which ends it if this fails.
            if let Err(error) = self.producer.abort_transaction(Duration::from_secs(2)) {
                tracing::debug!("a transaction was left to its time-out: {error}");
            }
        }
        done
    }

    fn fill(
        &self,
        outgoing: Vec<(i32, Outgoing)>,
        states: &mut [(i32, PartState)],
        offsets: (&TopicPartitionList, &ConsumerGroupMetadata),
    ) -> Result<Vec<u64>, StreamError> {
        let mut too_large = Vec::new();
        let (letters, is_empty) = (self.handled_partitions, outgoing.is_empty());
        for (partition, record) in outgoing {
            match record {
                Outgoing::Handled { order_id, value } => {
                    let key = order_id.to_string();
                    let to = partition.rem_euclid(self.handled_partitions);
                    let record = |place| {
                        BaseRecord::with_opaque_to(&self.handled, place)
                            .partition(to)
                            .key(&key)
                            .payload(&value)
                    };
                    match self.send(to, &record) {
                        Err(StreamError::Kafka(KafkaError::MessageProduction(
                            RDKafkaErrorCode::MessageSizeTooLarge,
                        ))) => too_large.push(order_id),
                        sent => sent?,
                    }
                }
                Outgoing::DeadLetter { offset, letter } => {
                    let DeadLetter { key, value, error } = *letter;
                    let (key, cut) = fitting(key.as_deref(), value.as_deref());
                    let whole = value.as_ref().map_or(0, Vec::len);
                    let is_cut = cut.is_some_and(|cut| cut.len() < whole);
                    let headers =
                        self.headers(partition, offset, &error.to_string(), is_cut.then_some(whole));
                    self.send(letters, &|place| {
                        let mut letter =
                            BaseRecord::<[u8], [u8], _>::with_opaque_to(&self.dead_letters, place)
                                .partition(LETTERS)
                                .headers(headers.clone());
                        letter.key = key;
                        letter.payload = cut;
                        letter
                    })?;
                }
            }
        }
        if !is_empty {
            // The states contain the offsets of these records.
            self.producer.flush(CALL)?;
        }
        for (partition, state) in states {
            if let PartFigures::Handling(Resume { counted: Some(counted), .. }) = &mut state.figures {
                counted.advance(self.end(partition.rem_euclid(self.handled_partitions)), self.end(letters));
            }
            let Ok(value) = serde_json::to_vec(state) else { continue };
            let key = key(NAME, Part { source: Source::Orders, partition: *partition });
            self.send(letters + 1, &|place| {
                BaseRecord::with_opaque_to(&self.state, place)
                    .partition(STATE_HANDLING)
                    .key(&key)
                    .payload(&value)
            })?;
        }
        self.producer.send_offsets_to_transaction(offsets.0, offsets.1, CALL)?;
        self.producer.commit_transaction(CALL)?;
        if self.delivered.failed.swap(0, Ordering::Relaxed) > 0 {
            return Err(KafkaError::MessageProduction(RDKafkaErrorCode::Fail).into());
        }
        Ok(too_large)
    }

    fn headers(&self, partition: i32, offset: i64, error: &str, cut_from: Option<usize>) -> OwnedHeaders {
        let headers = OwnedHeaders::new()
            .insert(Header { key: "error", value: Some(error) })
            .insert(Header { key: "topic", value: Some(&self.orders) })
            .insert(Header { key: "partition", value: Some(&partition.to_string()) })
            .insert(Header { key: "offset", value: Some(&offset.to_string()) });
        match cut_from {
            Some(length) => {
                headers.insert(Header { key: "cut-from-bytes", value: Some(&length.to_string()) })
            }
            None => headers,
        }
    }

    /// The end offset after the last record that this producer delivered to `place`.
    fn end(&self, place: i32) -> i64 {
        let end = usize::try_from(place).ok().and_then(|place| self.delivered.ends.get(place));
        end.map_or(0, |end| end.load(Ordering::Relaxed))
    }

    /// Queues a record with its index in `ends`; waits while the queue is full.
    fn send<'a, K, P>(
        &self,
        place: i32,
        record: &dyn Fn(usize) -> BaseRecord<'a, K, P, usize>,
    ) -> Result<(), StreamError>
    where
        K: rdkafka::message::ToBytes + ?Sized + 'a,
        P: rdkafka::message::ToBytes + ?Sized + 'a,
    {
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        loop {
            match self.producer.send(record(place)) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err((error, _)) => return Err(error.into()),
            }
        }
    }
}

/// As much of a key and a payload as a dead letter can hold, the key first.
fn fitting<'a>(key: Option<&'a [u8]>, value: Option<&'a [u8]>) -> (Option<&'a [u8]>, Option<&'a [u8]>) {
    let start = |bytes: &'a [u8], most: usize| bytes.get(..most).unwrap_or(bytes);
    let key = key.map(|key| start(key, LETTER));
    let room = LETTER - key.map_or(0, <[u8]>::len);
    (key, value.map(|value| start(value, room)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_letter_fits_whatever_its_key_and_payload() {
        let long = vec![1; 2 * LETTER];
        for key in [None, Some(0), Some(5), Some(LETTER), Some(LETTER + 1)] {
            for value in [None, Some(0), Some(LETTER - 5), Some(LETTER - 4), Some(2 * LETTER)] {
                let (key, value) = (key.map(|length| &long[..length]), value.map(|length| &long[..length]));
                let (kept_key, kept_value) = fitting(key, value);
                let length = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
                assert_eq!(kept_key.is_some(), key.is_some());
                assert_eq!(kept_value.is_some(), value.is_some());
                assert_eq!(length(kept_key) + length(kept_value), (length(key) + length(value)).min(LETTER));
            }
        }
    }
}
