//! The records that a running simulator receives: other simulators' pulses, and requests of dashboards.

use std::time::Duration;

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{Consumer, StreamConsumer},
};

use crate::{
    shop::{Control, Pulse},
    stream::{Session, StreamError, Topic, let_go, pulse_and_state_reader::GATHERED},
};

/// A received record.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Heard {
    /// A pulse, our own ones included.
    Pulse(Box<Pulse>),
    /// A dashboard asks for something.
    Control(Control),
}

/// Follows `pulse` and `control`.
pub(super) struct PulseAndControlReader {
    // Taken out when the reader is dropped.
    consumer: Option<StreamConsumer>,
    control: String,
}

impl PulseAndControlReader {
    /// Follows partition 0 of the topics from the given offsets on; `often` where pulses come many times a second, which
    /// are then heard together.
    pub(super) fn open(session: &Session, from: &[(Topic, i64)], often: bool) -> Result<Self, StreamError> {
        let (at_least, for_ms) = if often { (GATHERED, "450") } else { ("1", "2000") };
        let consumer: StreamConsumer = session
            .client(&[
                // The library wants a name for a group; nothing is ever committed to it.
                ("group.id", &session.group("simulator")),
                ("enable.auto.commit", "false"),
                ("auto.offset.reset", "latest"),
                ("fetch.min.bytes", at_least),
                ("fetch.wait.max.ms", for_ms),
            ])
            .create()?;
        let mut assignment = TopicPartitionList::new();
        for (topic, offset) in from {
            assignment.add_partition_offset(&session.topic(*topic), 0, Offset::Offset(*offset))?;
        }
        consumer.assign(&assignment)?;
        Ok(Self { consumer: Some(consumer), control: session.topic(Topic::Control) })
    }

    /// The next record. Waits while Kafka is away, and skips unreadable records. Cancel safe.
    pub(super) async fn next(&self) -> Heard {
        loop {
            let Some(consumer) = &self.consumer else { return std::future::pending().await };
            match consumer.recv().await {
                Ok(message) if message.topic() == self.control => {
                    if let Some(Ok(ask)) = message.payload().map(serde_json::from_slice) {
                        return Heard::Control(ask);
                    }
                }
                Ok(message) => {
                    if let Ok(pulse) = Pulse::decode(message.payload()) {
                        return Heard::Pulse(Box::new(pulse));
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, "listening goes on when Kafka is back");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

impl Drop for PulseAndControlReader {
    fn drop(&mut self) {
        let_go(self.consumer.take());
    }
}
