//! Reads what a view has published of its partitions, once.

use std::{
    collections::HashMap,
    ops::ControlFlow,
    time::{Duration, Instant},
};

use rdkafka::{Message, consumer::BaseConsumer};

use super::{
    Session, StreamError, Topic,
    follow::place,
    reader::{read, reader, watermarks},
    topics::STATE_VIEWS,
};
use crate::{consumer::Part, read_model::PartState};

const CALL: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(20);

/// What a view has published last of each partition. Blocks.
pub fn published(session: &Session, view: &str) -> Result<HashMap<Part, PartState>, StreamError> {
    let consumer: BaseConsumer = reader(session, &[])?;
    let topic = session.topic(Topic::State);
    let (low, end) = watermarks(&consumer, &topic, STATE_VIEWS, CALL)?;
    let mut states = HashMap::new();
    let deadline = Instant::now() + PATIENCE;
    read(
        session,
        &consumer,
        &topic,
        [(STATE_VIEWS, low..end)],
        || deadline,
        |message| {
            let key = String::from_utf8_lossy(message.key().unwrap_or_default());
            let state = message.payload().map(serde_json::from_slice::<PartState>);
            if let (Some((of, part)), Some(Ok(state))) = (place(&key), state)
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
