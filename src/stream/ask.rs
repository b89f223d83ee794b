//! Asks a simulator in another process for something, by `shop.control`.

use rdkafka::producer::BaseRecord;

use super::{Session, StreamError, Topic, producer::PolledProducer};
use crate::shop::Control;

/// Sends requests; never waits.
pub struct Asker {
    producer: PolledProducer,
    topic: String,
}

impl Asker {
    /// Makes one; connects in the background.
    pub fn new(session: &Session) -> Result<Self, StreamError> {
        let producer = session.client(&[("linger.ms", "0"), ("message.timeout.ms", "5000")]).create()?;
        Ok(Self { producer, topic: session.topic(Topic::Control) })
    }

    /// Asks for something.
    pub fn ask(&self, control: Control) {
        let Ok(value) = serde_json::to_vec(&control) else { return };
        let record = BaseRecord::<(), _, _>::to(&self.topic).payload(&value);
        if let Err((error, _)) = self.producer.send(record) {
            tracing::warn!("the simulator could not be asked: {error}");
        }
    }
}
