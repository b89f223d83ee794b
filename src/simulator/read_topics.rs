//! Reading a topic up to where it ends now.

use std::time::Duration;

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
};
use tokio_util::sync::CancellationToken;

use super::log_totals::LogTotals;
use crate::{
    consumer::Part,
    consumers::{PartFigures, Stock},
    read_model::PartState,
    shop::Pulse,
    stream::{
        Session, StreamError, Topic, let_go, published_states::published, reader::watermarks,
        retention_gaps::gaps, retry::FAILOVER,
    },
    views::{Source, View},
};

/// Reads `orders` and `deliveries` from the history's positions to their present ends. Where retention has taken records
/// from them, the history begins with what consumer 4 says of those, and the last pulse has `told_orders`. Blocks.
pub(super) fn read_books(
    session: &Session,
    mut history: LogTotals,
    told_orders: u64,
    stop: &CancellationToken,
) -> Result<LogTotals, StreamError> {
    let gaps = gaps(session, &[Topic::Orders, Topic::Deliveries])?;
    let is_cut = !gaps.is_empty();
    if is_cut {
        let published = published(session, Stock::NAME)?;
        for gap in gaps {
            let is_orders = gap.topic == session.topic(Topic::Orders);
            let source = if is_orders { Source::Orders } else { Source::Deliveries };
            let state = published.get(&Part { source, partition: gap.partition });
            let known = state.filter(|state| state.position.next >= gap.begins);
            let (Some(PartState { position, figures: PartFigures::Stock(stock), .. }), Ok(partition)) =
                (known, usize::try_from(gap.partition))
            else {
                let what =
                    "no consumer has told the balance up to there, so what is on the shelf cannot be known";
                return Err(StreamError::Lost { gap, what: what.to_owned() });
            };
            history.begin(source, partition, *position, &stock.lines);
        }
    }
    let from: Vec<i64> = history.orders.iter().map(|position| position.next_offset).collect();
    let ends =
        read(session, Topic::Orders, &from, stop, |partition, payload| history.order(partition, payload))?;
    for (position, end) in history.orders.iter_mut().zip(ends) {
        position.next_offset = end;
    }
    let from: Vec<i64> = history.deliveries.iter().map(|position| position.next_offset).collect();
    let ends = read(session, Topic::Deliveries, &from, stop, |partition, payload| {
        history.delivery(partition, payload);
    })?;
    for (position, end) in history.deliveries.iter_mut().zip(ends) {
        position.next_offset = end;
    }
    if is_cut {
        history.order_count = history.order_count.max(told_orders);
    }
    Ok(history)
}

/// What `pulse` holds: the last readable one, the names of all simulators in it, and where it ends.
#[derive(Debug, Clone, Default)]
pub(super) struct Pulses {
    pub(super) last: Option<Pulse>,
    pub(super) who: Vec<String>,
    pub(super) next_offset: i64,
}

/// Reads `pulse` to its present end. Blocks.
pub(super) fn read_pulses(session: &Session, stop: &CancellationToken) -> Result<Pulses, StreamError> {
    let mut pulses = Pulses::default();
    let ends = read(session, Topic::Pulse, &[0], stop, |_, payload| {
        if let Ok(pulse) = Pulse::decode(payload) {
            if !pulses.who.contains(&pulse.who) {
                pulses.who.push(pulse.who.clone());
            }
            pulses.last = Some(pulse);
        }
    })?;
    pulses.next_offset = ends.first().copied().unwrap_or_default();
    Ok(pulses)
}

/// Where partition 0 of a topic ends now. Blocks.
pub(super) fn end_of(session: &Session, topic: Topic) -> Result<i64, StreamError> {
    let (_, end) =
        session.watermarks(&session.topic(topic), 0, FAILOVER).map_err(|error| session.silent(error))?;
    Ok(end)
}

/// Reads every partition from its offset in `from` to its present end and says where it ends. Kafka being
/// away in the middle is waited out.
fn read(
    session: &Session,
    topic: Topic,
    from: &[i64],
    stop: &CancellationToken,
    mut record: impl FnMut(usize, Option<&[u8]>),
) -> Result<Vec<i64>, StreamError> {
    let consumer: BaseConsumer = session
        .client(&[
            // The library wants a name for a group; nothing is ever committed to it.
            ("group.id", &session.group("simulator")),
            ("enable.auto.commit", "false"),
            ("auto.offset.reset", "earliest"),
            ("enable.partition.eof", "true"),
            // The default of a second costs a reader of a backlog most of its speed.
            ("fetch.queue.backoff.ms", "5"),
        ])
        .create()?;
    let name = session.topic(topic);
    let mut assignment = TopicPartitionList::new();
    // Markers of transactions take offsets that are never read: then the end of the partition is told.
    let mut next = Vec::with_capacity(from.len());
    let mut ends = Vec::with_capacity(from.len());
    for (partition, start) in (0..).zip(from) {
        let (low, high) =
            watermarks(&consumer, &name, partition, FAILOVER).map_err(|error| session.silent(error))?;
        let start = low.max(*start);
        next.push(start);
        ends.push(high.max(start));
        if start < high {
            assignment.add_partition_offset(&name, partition, Offset::Offset(start))?;
        }
    }
    consumer.assign(&assignment)?;
    let mut left = assignment.count();
    while left > 0 && !stop.is_cancelled() {
        let (partition, position) = match consumer.poll(Duration::from_millis(100)) {
            None => continue,
            Some(Ok(message)) => {
                let partition = usize::try_from(message.partition()).unwrap_or_default();
                // Records that came after the start are somebody else's to read.
                if ends.get(partition).is_some_and(|end| message.offset() < *end) {
                    record(partition, message.payload());
                }
                (partition, message.offset() + 1)
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                (usize::try_from(partition).unwrap_or_default(), i64::MAX)
            }
            Some(Err(KafkaError::MessageConsumption(
                code @ (RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownPartition
                | RDKafkaErrorCode::TopicAuthorizationFailed),
            ))) => return Err(KafkaError::MessageConsumption(code).into()),
            Some(Err(error)) => {
                tracing::debug!(%error, topic = %name, "reading goes on when Kafka is back");
                continue;
            }
        };
        if let (Some(next), Some(end)) = (next.get_mut(partition), ends.get(partition)) {
            left -= usize::from(*next < *end && position >= *end);
            *next = (*next).max(position);
        }
    }
    let_go(consumer);
    Ok(ends)
}
