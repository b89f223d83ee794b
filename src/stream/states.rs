//! Reads what a view has published of its partitions, once.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
};

use super::{
    Session, StreamError, Topic,
    follow::place,
    reader::{Heard, next, reader, watermarks},
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
    let mut places = TopicPartitionList::new();
    places.add_partition_offset(&topic, STATE_VIEWS, Offset::Offset(low))?;
    consumer.assign(&places)?;
    let deadline = Instant::now() + PATIENCE;
    let mut is_open = low < end;
    while is_open {
        match next(&consumer, deadline, "reading what was published")? {
            Some(Heard::Record(message)) => {
                let key = String::from_utf8_lossy(message.key().unwrap_or_default());
                let state = message.payload().map(serde_json::from_slice::<PartState>);
                if let (Some((of, part)), Some(Ok(state))) = (place(&key), state)
                    && of == view
                {
                    states.insert(part, state);
                }
                // While others publish, the end is never told.
                is_open = message.offset() + 1 < end;
            }
            Some(Heard::End(_)) => is_open = false,
            None => return Err(session.halted(format!("{topic} cannot be read to its end"))),
        }
    }
    super::let_go(consumer);
    Ok(states)
}
