//! What the simulator writes to Kafka, and what of it is acknowledged.
//!
//! Orders go through one idempotent producer that collects them for a few milliseconds. Deliveries and
//! pulses go through a second one that sends at once, since sales wait for goods to be acknowledged and
//! every other process waits for pulses.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use rdkafka::{
    ClientContext, Message,
    error::{KafkaError, RDKafkaErrorCode},
    message::DeliveryResult,
    producer::{BaseRecord, ProducerContext},
};
use tokio::sync::Notify;

use super::{ledger::Ledger, options::SimulatorError};
use crate::{
    shop::Pulse,
    stream::{Session, StreamError, Topic, producer::PolledProducer},
};

/// Orders that there may be from the oldest unacknowledged one on; above it the simulator waits.
const MOST_ORDERS: usize = 100_000;
/// Below so many of them somebody who waits for room is woken.
const ROOM: usize = MOST_ORDERS * 3 / 4;
/// What a pulse has in place of a number in the ledger, which counts up from 0 and never comes so far.
const PULSE: usize = usize::MAX;

/// A record that was entered in a ledger and is yet to be handed to its producer.
#[derive(Debug, Clone, Copy)]
pub(super) enum Entered {
    /// An order.
    Order {
        /// Its id, which is its key and decides on its partition.
        order_id: u64,
        /// Its number in the ledger.
        number: usize,
    },
    /// A delivery.
    Goods {
        /// The product's id, which is its key and decides on its partition.
        product_id: u64,
        /// Its number in the ledger.
        number: usize,
    },
}

/// The two producers and their ledgers.
pub(super) struct Outbox {
    orders: Lane,
    goods: Lane,
    order_partitions: u64,
    delivery_partitions: u64,
    topics: Topics,
    acknowledged: Arc<Notify>,
}

struct Topics {
    orders: String,
    deliveries: String,
    pulse: String,
}

/// One producer with what it has to do.
struct Lane {
    producer: PolledProducer<Acknowledged>,
    books: Arc<Books>,
}

#[derive(Default)]
struct Books {
    open: Mutex<Open>,
    pulse_open: AtomicBool,
}

#[derive(Default)]
struct Open {
    ledger: Ledger,
    acknowledged: u64,
    refused: Option<(String, String)>,
}

impl Books {
    fn lock(&self) -> MutexGuard<'_, Open> {
        // Whoever panicked with the lock held left counts that are still counts.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Told by librdkafka what became of a record.
struct Acknowledged {
    books: Arc<Books>,
    wake: Arc<Notify>,
    /// Whether every acknowledgement wakes, and not only those that make room.
    eager: bool,
}

impl ClientContext for Acknowledged {}

impl ProducerContext for Acknowledged {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        if let Err((error, message)) = result {
            // Only a purge at the end says that a record was given up by us.
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::PurgeQueue)
                && error.rdkafka_error_code() != Some(RDKafkaErrorCode::PurgeInflight)
            {
                let reason = (message.topic().to_owned(), error.to_string());
                self.books.lock().refused.get_or_insert(reason);
            }
            self.wake.notify_one();
            return;
        }
        if number == PULSE {
            self.books.pulse_open.store(false, Ordering::Release);
            self.wake.notify_one();
            return;
        }
        let mut open = self.books.lock();
        let before = open.ledger.span();
        open.acknowledged += u64::from(open.ledger.close(number));
        let left = open.ledger.span();
        drop(open);
        if self.eager || left == 0 || (left < ROOM && before >= ROOM) {
            self.wake.notify_one();
        }
    }
}

impl Lane {
    fn new(session: &Session, linger_ms: &str, eager: bool, wake: &Arc<Notify>) -> Result<Self, StreamError> {
        let books = Arc::new(Books::default());
        let context = Acknowledged { books: Arc::clone(&books), wake: Arc::clone(wake), eager };
        let producer = session
            .client(&[
                ("enable.idempotence", "true"),
                ("linger.ms", linger_ms),
                // Never given up: what was sold is sold.
                ("message.timeout.ms", "0"),
                ("queue.buffering.max.messages", "200000"),
            ])
            .create_with_context(context)?;
        Ok(Self { producer, books })
    }

    /// Whether the producer took the record; not when its queue is full.
    fn send(
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
}

impl Outbox {
    /// Producers for topics with so many partitions.
    pub(super) fn new(
        session: &Session,
        order_partitions: i32,
        delivery_partitions: i32,
    ) -> Result<Self, StreamError> {
        let acknowledged = Arc::new(Notify::new());
        Ok(Self {
            orders: Lane::new(session, "5", false, &acknowledged)?,
            goods: Lane::new(session, "0", true, &acknowledged)?,
            order_partitions: u64::from(order_partitions.unsigned_abs().max(1)),
            delivery_partitions: u64::from(delivery_partitions.unsigned_abs().max(1)),
            topics: Topics {
                orders: session.topic(Topic::Orders),
                deliveries: session.topic(Topic::Deliveries),
                pulse: session.topic(Topic::Pulse),
            },
            acknowledged,
        })
    }

    /// Enters an order of a moment of shop time, Unix ms.
    pub(super) fn enter_order(&self, order_id: u64, at_ms: i64) -> Entered {
        Entered::Order { order_id, number: self.orders.books.lock().ledger.open(at_ms) }
    }

    /// Enters a delivery of a moment of shop time, Unix ms.
    pub(super) fn enter_goods(&self, product_id: u64, at_ms: i64) -> Entered {
        Entered::Goods { product_id, number: self.goods.books.lock().ledger.open(at_ms) }
    }

    /// Hands a record to its producer; `false` when there is no room for it yet.
    pub(super) fn send(&self, entered: Entered, bytes: &[u8]) -> Result<bool, SimulatorError> {
        let (lane, topic, partitions, key, number) = match entered {
            Entered::Order { order_id, number } => {
                (&self.orders, &self.topics.orders, self.order_partitions, order_id, number)
            }
            Entered::Goods { product_id, number } => {
                (&self.goods, &self.topics.deliveries, self.delivery_partitions, product_id, number)
            }
        };
        // There are never more partitions than an i32 can number.
        let partition = i32::try_from(key % partitions).unwrap_or_default();
        lane.send(topic, partition, &key.to_string(), bytes, number)
    }

    /// Hands over a pulse; `false` when there is no room for it, or the last one is not yet acknowledged.
    pub(super) fn pulse(&self, pulse: &Pulse) -> Result<bool, SimulatorError> {
        let bytes = serde_json::to_vec(pulse).map_err(|error| SimulatorError::Record(error.to_string()))?;
        if self.goods.books.pulse_open.swap(true, Ordering::AcqRel) {
            return Ok(false);
        }
        let taken = self.goods.send(&self.topics.pulse, 0, "pulse", &bytes, PULSE);
        if !matches!(taken, Ok(true)) {
            self.goods.books.pulse_open.store(false, Ordering::Release);
        }
        taken
    }

    /// Whether a pulse is yet to be acknowledged.
    pub(super) fn pulse_open(&self) -> bool {
        self.goods.books.pulse_open.load(Ordering::Acquire)
    }

    /// Whether another order may be entered.
    pub(super) fn has_room(&self) -> bool {
        self.orders.books.lock().ledger.span() < MOST_ORDERS
    }

    /// Whether every delivery was acknowledged.
    pub(super) fn goods_are_there(&self) -> bool {
        self.goods.books.lock().ledger.is_empty()
    }

    /// Orders and deliveries that are not acknowledged.
    pub(super) fn open(&self) -> usize {
        self.orders.books.lock().ledger.len() + self.goods.books.lock().ledger.len()
    }

    /// Orders and deliveries that were acknowledged.
    pub(super) fn acknowledged(&self) -> (u64, u64) {
        (self.orders.books.lock().acknowledged, self.goods.books.lock().acknowledged)
    }

    /// Shop time of the oldest order or delivery that is not acknowledged, Unix ms.
    pub(super) fn oldest_ms(&self) -> Option<i64> {
        let orders = self.orders.books.lock().ledger.oldest_ms();
        let goods = self.goods.books.lock().ledger.oldest_ms();
        orders.into_iter().chain(goods).min()
    }

    /// Fails once Kafka has refused a record for good.
    pub(super) fn check(&self) -> Result<(), SimulatorError> {
        for lane in [&self.orders, &self.goods] {
            if let Some((topic, reason)) = lane.books.lock().refused.clone() {
                return Err(SimulatorError::Refused { topic, reason });
            }
        }
        Ok(())
    }

    /// Waits for the next acknowledgement that matters: of a pulse, of a delivery, or one that makes room.
    pub(super) async fn acknowledgement(&self) {
        self.acknowledged.notified().await;
    }
}
