//! Reads the topics for an audit.

use std::ops::ControlFlow;

use rdkafka::{
    Message,
    message::{BorrowedMessage, Headers},
};

use super::{Ends, Failure};
use crate::{
    consumer::{Part, Rule},
    shop::Zone,
    stream::{Session, StreamError, Topic, retry::FAILOVER, scan::scan},
    verify::{Claim, Folder, Letter, Log, Record},
    views::Source,
};

/// Reads orders and deliveries to their current end, but handled orders only up to the earlier `ends`, so that the
/// order of each is known.
pub(super) fn read(
    session: &Session,
    zone: Zone,
    ids: Rule,
    claims: Vec<Claim>,
    folders: Vec<Folder>,
    ends: &Ends,
) -> Result<Log, Failure> {
    let handled_partitions = session.partitions_of(Topic::Handled, FAILOVER)?;
    let mut log = Log::new(zone, ids, handled_partitions, claims, folders);
    whole(session, Topic::Orders, |message| log.order(&record(message)))?;
    whole(session, Topic::Deliveries, |message| log.delivery(&record(message)))?;
    whole(session, Topic::Handled, |message| {
        let part = Part { source: Source::Handled, partition: message.partition() };
        if ends.get(&part).is_some_and(|end| message.offset() < *end) {
            log.handled(&record(message));
        }
    })?;
    let orders = session.topic(Topic::Orders);
    whole(session, Topic::DeadLetters, |message| {
        let headers: Vec<(&str, &[u8])> = message
            .headers()
            .into_iter()
            .flat_map(Headers::iter)
            .map(|header| (header.key, header.value.unwrap_or_default()))
            .collect();
        let letter =
            Letter { key: message.key(), payload: message.payload(), headers: &headers, orders: &orders };
        log.dead_letter(message.offset(), &letter);
    })?;
    Ok(log)
}

fn whole(
    session: &Session,
    topic: Topic,
    mut each: impl FnMut(&BorrowedMessage<'_>),
) -> Result<(), StreamError> {
    scan(session, topic, |message| {
        each(message);
        ControlFlow::<()>::Continue(())
    })
    .map(drop)
}

fn record<'a>(message: &'a BorrowedMessage<'_>) -> Record<'a> {
    Record {
        partition: message.partition(),
        offset: message.offset(),
        key: message.key(),
        payload: message.payload(),
    }
}
