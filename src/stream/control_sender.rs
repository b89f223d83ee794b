//! Asks a simulator in another process for something, by `shop.control`.

use rdkafka::{error::KafkaResult, producer::BaseRecord};

use super::{Session, Topic, producer::PolledProducer};
use crate::shop::Control;

/// Sends requests; never waits.
pub struct ControlSender {
    session: Session,
    /// Made for the first request: where the simulator is in this process there is none.
    producer: Option<PolledProducer>,
    topic: String,
}

impl ControlSender {
    /// One that has not connected yet.
    pub fn new(session: &Session) -> Self {
        Self { session: session.clone(), producer: None, topic: session.topic(Topic::Control) }
    }

    /// Asks for something; connects in the background.
    pub fn ask(&mut self, control: Control) {
        if let Err(error) = self.send(control) {
            tracing::warn!("the simulator could not be asked: {error}");
        }
    }

    fn send(&mut self, control: Control) -> KafkaResult<()> {
        let producer = match self.producer.take() {
            Some(producer) => producer,
            None => self.session.client(&[("linger.ms", "0"), ("message.timeout.ms", "5000")]).create()?,
        };
        let Ok(value) = serde_json::to_vec(&control) else { return Ok(()) };
        let record = BaseRecord::<(), _, _>::to(&self.topic).payload(&value);
        self.producer.insert(producer).send(record).map_err(|(error, _)| error)
    }
}
