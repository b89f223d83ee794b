//! Publishes the views' states on `shop.state`.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use chrono::Utc;
use rdkafka::{
    ClientContext, Message,
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseRecord, DeliveryResult, ProducerContext},
};

use super::handover_records::pieces;
use crate::{
    consumer::{Handover, Part},
    read_model::{PartState, Presence},
    stream::{
        Session, StreamError, Topic,
        producer::PolledProducer,
        state_keys::{RUNNING, key},
        topics::{STATE_HANDOVERS, STATE_VIEWS},
    },
};

/// Counts the handovers that were not delivered.
#[derive(Clone, Default)]
struct Lost(Arc<AtomicU64>);

impl ClientContext for Lost {}

impl ProducerContext for Lost {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, message)) = result {
            not_published(error, message.key().unwrap_or_default());
            if message.partition() == STATE_HANDOVERS {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// Logs a state that was not sent. The next second's replaces it, unless it is too large for any record.
fn not_published(error: &KafkaError, key: &[u8]) {
    let key = String::from_utf8_lossy(key);
    if error.rdkafka_error_code() == Some(RDKafkaErrorCode::MessageSizeTooLarge) {
        tracing::error!(
            "the state of {key} is larger than Kafka takes, so others see old figures: raise max.message.bytes of the topic of states"
        );
    } else {
        tracing::debug!("the state of {key} was not published: {error}");
    }
}

/// Bytes of a state before it is compressed, at most.
const LARGEST: &str = "67108864";

/// Sends states; never waits.
pub struct Publisher {
    producer: PolledProducer<Lost>,
    lost: Lost,
    topic: String,
}

impl Publisher {
    /// Makes one; connects in the background.
    pub fn new(session: &Session) -> Result<Self, StreamError> {
        let lost = Lost::default();
        let producer = session
            .client(&[
                ("enable.idempotence", "true"),
                // The views publish at the same turn of a second, one after the other.
                ("linger.ms", "50"),
                // Older figures are useless.
                ("message.timeout.ms", "10000"),
                ("queue.buffering.max.messages", "5000"),
                // A state of thousands of products is a megabyte of repetitive JSON; in the log it counts compressed.
                ("compression.type", "zstd"),
                ("message.max.bytes", LARGEST),
            ])
            .create_with_context(lost.clone())?;
        Ok(Self { producer, lost, topic: session.topic(Topic::State) })
    }

    /// Publishes one view's state of one partition.
    pub fn publish(&self, view: &str, part: Part, state: &PartState) {
        let Ok(value) = serde_json::to_vec(state) else { return };
        let key = key(view, part);
        let record = BaseRecord::to(&self.topic).partition(STATE_VIEWS).key(&key).payload(&value);
        if let Err((error, _)) = self.producer.send(record) {
            not_published(&error, key.as_bytes());
        }
    }

    /// Publishes which consumers a process runs; `None` when it ends.
    pub fn say_present(&self, who: &str, presence: Option<&Presence>) {
        let value = presence.and_then(|presence| serde_json::to_vec(presence).ok());
        let key = format!("{RUNNING}{who}");
        let mut record = BaseRecord::<_, [u8]>::to(&self.topic).partition(STATE_VIEWS).key(&key);
        record.payload = value.as_deref();
        if let Err((error, _)) = self.producer.send(record) {
            not_published(&error, key.as_bytes());
        }
    }

    /// Publishes one view's whole state of one partition as a handover; returns its bytes.
    pub fn hand_over(&self, view: &str, part: Part, who: &str, state: &Handover) -> usize {
        let Ok(value) = serde_json::to_vec(state) else { return 0 };
        let key = key(view, part);
        for (name, headers, bytes) in pieces(who, Utc::now().timestamp_millis(), &value) {
            let key = format!("{key}{name}");
            let record = BaseRecord::to(&self.topic)
                .partition(STATE_HANDOVERS)
                .key(&key)
                .payload(&bytes)
                .headers(headers);
            if let Err((error, _)) = self.producer.send(record) {
                tracing::debug!("a state was not handed over: {error}");
                self.lost.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        value.len()
    }

    /// How many records of handovers were not delivered; after a change they are sent again.
    pub(super) fn lost_handovers(&self) -> u64 {
        self.lost.0.load(Ordering::Relaxed)
    }

    /// Waits until everything sent is acknowledged, for at most `patience`. Blocks.
    pub fn flush(&self, patience: std::time::Duration) {
        if let Err(error) = self.producer.flush(patience) {
            tracing::debug!("states were not published: {error}");
        }
    }
}
