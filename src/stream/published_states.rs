//! Reads what is published on `shop.state`, once.

use std::{
    collections::HashMap,
    ops::ControlFlow,
    time::{Duration, Instant},
};

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
};

use super::{
    Session, StreamError, Topic,
    reader::{Heard, next, read, reader, watermarks},
    retry::FAILOVER,
    state_keys::{RUNNING, parse_key},
    topics::STATE_VIEWS,
};
use crate::{
    consumer::Part,
    read_model::{PartState, Presence},
};

/// Presence records come each second.
const LISTENED: Duration = Duration::from_secs(3);

/// What a view has published last of each partition. Blocks.
pub fn published(session: &Session, view: &str) -> Result<HashMap<Part, PartState>, StreamError> {
    let consumer: BaseConsumer = reader(session, &[])?;
    let topic = session.topic(Topic::State);
    let (low, end) = watermarks(&consumer, &topic, STATE_VIEWS, FAILOVER)?;
    let mut states = HashMap::new();
    let deadline = Instant::now() + FAILOVER;
    read(
        session,
        &consumer,
        &topic,
        [(STATE_VIEWS, low..end)],
        || deadline,
        |message| {
            let key = String::from_utf8_lossy(message.key().unwrap_or_default());
            let state = message.payload().map(serde_json::from_slice::<PartState>);
            if let (Some((of, part)), Some(Ok(state))) = (parse_key(&key), state)
                && of == view
            {
                states.insert(part, state);
            }
            ControlFlow::<()>::Continue(())
        },
    )?;
    super::let_go(consumer);
    Ok(states)
}

/// Whether within three seconds another process than `process` publishes that it runs consumers as `instance`. Blocks.
///
/// # Errors
///
/// Where the topic cannot be read.
pub fn runs_elsewhere(session: &Session, instance: &str, process: &str) -> Result<bool, StreamError> {
    let consumer: BaseConsumer = reader(session, &[])?;
    let topic = session.topic(Topic::State);
    let (_, end) = watermarks(&consumer, &topic, STATE_VIEWS, LISTENED)?;
    let mut place = TopicPartitionList::new();
    place.add_partition_offset(&topic, STATE_VIEWS, Offset::Offset(end))?;
    consumer.assign(&place)?;
    let (key, deadline) = (format!("{RUNNING}{instance}"), Instant::now() + LISTENED);
    let mut found = false;
    while !found && let Some(heard) = next(&consumer, deadline, "looking who runs consumers")? {
        if let Heard::Record(message) = heard
            && message.key() == Some(key.as_bytes())
            && let Some(Ok(said)) = message.payload().map(serde_json::from_slice::<Presence>)
        {
            found = said.process.as_deref() != Some(process);
        }
    }
    super::let_go(consumer);
    Ok(found)
}
