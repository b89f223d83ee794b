//! The simulator's producers, and which of their records Kafka has acknowledged.
//!
//! Orders go through one idempotent producer that collects them for a few milliseconds. Deliveries and
//! pulses go through a second one that sends at once, since sales wait for goods to be acknowledged and
//! every other process waits for pulses.

use std::{
    collections::VecDeque,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use rdkafka::{
    ClientContext, Message,
    error::{KafkaError, RDKafkaErrorCode},
    message::DeliveryResult,
    producer::{BaseRecord, ProducerContext},
};
use tokio::sync::Notify;

use super::{
    options::SimulatorError,
    unacknowledged::{Flags, Unacknowledged},
};
use crate::{
    shop::Pulse,
    stream::{Session, StreamError, Topic, producer::PolledProducer},
};

/// The delivery opaque of a pulse; that of other records is their number in the ledger, from 0.
const PULSE: usize = usize::MAX;
/// How long Kafka may take to say which partitions there are.
const PATIENCE: Duration = Duration::from_secs(5);

/// The two producers with what is on its way.
pub(super) struct Outbox {
    orders: Lane,
    goods: Lane,
    pulse_topic: String,
    wake: Arc<Notify>,
}

/// One producer with the records of its topic that Kafka has yet to acknowledge.
struct Lane {
    producer: PolledProducer<Acknowledged>,
    topic: String,
    partitions: Arc<AtomicU64>,
    ledger: Unacknowledged,
    news: Arc<News>,
    /// Records that the producer was not yet given.
    held: VecDeque<Held>,
}

/// A record that waits for goods to be acknowledged, or for room in its producer.
struct Held {
    number: usize,
    key: u64,
    needs: usize,
    bytes: Box<[u8]>,
}

/// What librdkafka's thread tells the simulator, without a lock.
struct News {
    closed: Arc<Flags>,
    /// Number of the record whose acknowledgement wakes.
    awaited: AtomicUsize,
    pulse_open: AtomicBool,
    /// The first record that Kafka refused for good: topic and reason.
    refused: OnceLock<(String, String)>,
}

/// Told by librdkafka what became of a record.
struct Acknowledged {
    news: Arc<News>,
    wake: Arc<Notify>,
    /// Whether every acknowledgement wakes, and not only the awaited one.
    eager: bool,
}

impl ClientContext for Acknowledged {}

impl ProducerContext for Acknowledged {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        let wakes = match result {
            // Only a purge at the end says that a record was given up by us.
            Err((error, message)) => {
                if !matches!(
                    error.rdkafka_error_code(),
                    Some(RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight)
                ) {
                    self.news.refused.get_or_init(|| (message.topic().to_owned(), error.to_string()));
                }
                true
            }
            Ok(_) if number == PULSE => {
                self.news.pulse_open.store(false, Ordering::Release);
                true
            }
            Ok(_) => {
                self.news.closed.set(number);
                self.eager || number == self.news.awaited.load(Ordering::Relaxed)
            }
        };
        if wakes {
            self.wake.notify_one();
        }
    }
}

impl Lane {
    fn new(
        session: &Session,
        topic: Topic,
        partitions: i32,
        (linger_ms, eager): (&str, bool),
        wake: &Arc<Notify>,
    ) -> Result<Self, StreamError> {
        let ledger = Unacknowledged::default();
        let news = Arc::new(News {
            closed: ledger.flags(),
            awaited: AtomicUsize::new(PULSE),
            pulse_open: AtomicBool::new(false),
            refused: OnceLock::new(),
        });
        let context = Acknowledged { news: Arc::clone(&news), wake: Arc::clone(wake), eager };
        let producer = session
            .client(&[
                ("enable.idempotence", "true"),
                ("linger.ms", linger_ms),
                // No time-out: a sale is final.
                ("message.timeout.ms", "0"),
                ("queue.buffering.max.messages", "200000"),
            ])
            .create_with_context(context)?;
        Ok(Self {
            producer,
            topic: session.topic(topic),
            partitions: Arc::new(u64::from(partitions.unsigned_abs().max(1)).into()),
            ledger,
            news,
            held: VecDeque::new(),
        })
    }

    /// Whether the producer took the record; not when its queue is full.
    fn give(
        &self,
        topic: &str,
        partition: i32,
        key: &str,
        bytes: &[u8],
        number: usize,
    ) -> Result<bool, SimulatorError> {
        let record = BaseRecord::with_opaque_to(topic, number).partition(partition).key(key).payload(bytes);
        match self.producer.send(record) {
            Ok(()) => Ok(true),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => Ok(false),
            Err((error, _)) => {
                Err(SimulatorError::Refused { topic: topic.to_owned(), reason: error.to_string() })
            }
        }
    }

    /// The same for a record of the lane's own topic; its key decides on its partition.
    fn give_keyed(&self, number: usize, key: u64, bytes: &[u8]) -> Result<bool, SimulatorError> {
        // There are never more partitions than an i32 can number.
        let partition = key % self.partitions.load(Ordering::Relaxed);
        let partition = i32::try_from(partition).unwrap_or_default();
        self.give(&self.topic, partition, &key.to_string(), bytes, number)
    }

    /// Sends a record of a moment of shop time (Unix ms) once `needs` goods are acknowledged, of which so many are.
    fn send(
        &mut self,
        key: u64,
        at_ms: i64,
        bytes: &[u8],
        needs: usize,
        there: usize,
    ) -> Result<usize, SimulatorError> {
        let number = self.ledger.open(at_ms);
        if needs > there || !self.held.is_empty() || !self.give_keyed(number, key, bytes)? {
            self.held.push_back(Held { number, key, needs, bytes: bytes.into() });
        }
        Ok(number)
    }

    /// Sends what was held back, in order, as far as it can be sent with so many goods acknowledged.
    fn send_held(&mut self, there: usize) -> Result<(), SimulatorError> {
        while let Some(Held { number, key, needs, bytes }) = self.held.front()
            && *needs <= there
            && self.give_keyed(*number, *key, bytes)?
        {
            self.held.pop_front();
        }
        Ok(())
    }

    /// Asks whether the topic was given more partitions; records go to all of them from then on.
    fn look_for_partitions(&self) {
        let known = Arc::clone(&self.partitions);
        let tell = move |count: usize| {
            known.fetch_max(count as u64, Ordering::Relaxed);
        };
        self.producer.partitions_of(&self.topic, PATIENCE, tell);
    }

    /// Takes note of what was acknowledged; fails once Kafka has refused a record for good.
    fn catch_up(&mut self) -> Result<(), SimulatorError> {
        self.ledger.strike_out();
        match self.news.refused.get().cloned() {
            Some((topic, reason)) => Err(SimulatorError::Refused { topic, reason }),
            None => Ok(()),
        }
    }
}

impl Outbox {
    /// Producers for topics with so many partitions.
    pub(super) fn new(
        session: &Session,
        order_partitions: i32,
        delivery_partitions: i32,
    ) -> Result<Self, StreamError> {
        let wake = Arc::new(Notify::new());
        Ok(Self {
            orders: Lane::new(session, Topic::Orders, order_partitions, ("5", false), &wake)?,
            goods: Lane::new(session, Topic::Deliveries, delivery_partitions, ("0", true), &wake)?,
            pulse_topic: session.topic(Topic::Pulse),
            wake,
        })
    }

    /// Asks whether the topics were given more partitions.
    pub(super) fn look_for_partitions(&self) {
        self.orders.look_for_partitions();
        self.goods.look_for_partitions();
    }

    /// Takes note of what was acknowledged since the last call, and sends what waited for it. Fails once Kafka has
    /// refused a record for good.
    pub(super) fn catch_up(&mut self) -> Result<(), SimulatorError> {
        self.orders.catch_up()?;
        self.goods.catch_up()?;
        self.goods.send_held(0)?;
        self.orders.send_held(self.goods.ledger.closed())
    }

    /// Sends an order of a moment of shop time (Unix ms), but not before the first `needs` deliveries are acknowledged.
    pub(super) fn order(
        &mut self,
        order_id: u64,
        at_ms: i64,
        bytes: &[u8],
        needs: usize,
    ) -> Result<(), SimulatorError> {
        self.orders.send(order_id, at_ms, bytes, needs, self.goods.ledger.closed()).map(drop)
    }

    /// Sends a delivery of a moment of shop time (Unix ms); how many there are with it.
    pub(super) fn delivery(
        &mut self,
        product_id: u64,
        at_ms: i64,
        bytes: &[u8],
    ) -> Result<usize, SimulatorError> {
        Ok(self.goods.send(product_id, at_ms, bytes, 0, 0)? + 1)
    }

    /// Hands over a pulse; `false` when there is no room for it, or the last one is not yet acknowledged.
    pub(super) fn pulse(&self, pulse: &Pulse) -> Result<bool, SimulatorError> {
        let bytes = serde_json::to_vec(pulse).map_err(|error| SimulatorError::Record(error.to_string()))?;
        if self.goods.news.pulse_open.swap(true, Ordering::AcqRel) {
            return Ok(false);
        }
        let taken = self.goods.give(&self.pulse_topic, 0, "pulse", &bytes, PULSE);
        if !matches!(taken, Ok(true)) {
            self.goods.news.pulse_open.store(false, Ordering::Release);
        }
        taken
    }

    /// Whether a pulse is yet to be acknowledged.
    pub(super) fn pulse_open(&self) -> bool {
        self.goods.news.pulse_open.load(Ordering::Acquire)
    }

    /// Whether another record may be sent.
    pub(super) fn has_room(&self) -> bool {
        self.orders.ledger.has_room() && self.goods.ledger.has_room()
    }

    /// Records that their producers were not yet given.
    pub(super) fn held(&self) -> usize {
        self.orders.held.len() + self.goods.held.len()
    }

    /// Orders and deliveries from the oldest on that is not acknowledged.
    pub(super) fn open(&self) -> usize {
        self.orders.ledger.len() + self.goods.ledger.len()
    }

    /// Orders and deliveries before the oldest that is not acknowledged.
    pub(super) fn acknowledged(&self) -> (u64, u64) {
        (self.orders.ledger.closed() as u64, self.goods.ledger.closed() as u64)
    }

    /// Shop time of the oldest order or delivery that is not acknowledged, Unix ms.
    pub(super) fn oldest_ms(&self) -> Option<i64> {
        self.orders.ledger.oldest_ms().into_iter().chain(self.goods.ledger.oldest_ms()).min()
    }

    /// Waits for the next relevant acknowledgement: of a pulse, of a delivery, or of the order that completes a quarter
    /// of all in flight. May miss one from before this call.
    pub(super) async fn acknowledgement(&self) {
        let awaited = self.orders.ledger.closed() + self.orders.ledger.len() / 4;
        self.orders.news.awaited.store(awaited, Ordering::Relaxed);
        self.wake.notified().await;
    }
}
