//! Reads what `handling` wrote in its last transactions.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
};

use crate::{
    read_model::PartState,
    stream::{
        Session, StreamError, Topic,
        follow::place,
        reader::{Heard, next, reader},
        topics::STATE_HANDLING,
    },
};

/// A transaction of an owner that died is aborted after ten seconds.
const PATIENCE: Duration = Duration::from_secs(20);
const CALL: Duration = Duration::from_secs(5);

/// The last committed state of each partition. Blocks until no transaction is open on them.
pub(super) fn committed(session: &Session) -> Result<HashMap<i32, PartState>, StreamError> {
    let topic = session.topic(Topic::State);
    let committed: BaseConsumer = reader(session, &[])?;
    let written: BaseConsumer = reader(session, &[("isolation.level", "read_uncommitted")])?;
    let deadline = Instant::now() + PATIENCE;
    let (_, end) = written.fetch_watermarks(&topic, STATE_HANDLING, CALL)?;
    while committed.fetch_watermarks(&topic, STATE_HANDLING, CALL)?.1 < end {
        if Instant::now() > deadline {
            return Err(silent(session));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut place_list = TopicPartitionList::new();
    place_list.add_partition_offset(&topic, STATE_HANDLING, Offset::Beginning)?;
    committed.assign(&place_list)?;
    let mut states = HashMap::new();
    loop {
        match next(&committed, deadline, "reading the state of handling") {
            Some(Heard::Record(message)) => {
                let key = String::from_utf8_lossy(message.key().unwrap_or_default()).into_owned();
                let state = message.payload().map(serde_json::from_slice::<PartState>);
                if let (Some(("handling", part)), Some(Ok(state))) = (place(&key), state) {
                    states.insert(part.partition, state);
                }
                // While others write, the end is never told.
                if message.offset() + 1 >= end {
                    return Ok(states);
                }
            }
            Some(Heard::End(_)) => return Ok(states),
            None => return Err(silent(session)),
        }
    }
}

fn silent(session: &Session) -> StreamError {
    session.unreachable_because("an open transaction on the state of handling does not end".to_owned())
}
