//! Follows the simulator's pulse and the states that all views publish.

use std::{collections::HashSet, sync::Arc, time::Duration};

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{Consumer, StreamConsumer},
    error::KafkaError,
    message::BorrowedMessage,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    Session, StreamError, Topic,
    board::{Board, PartState, VIEWS},
    clock::Clock,
    topics::{STATE_HANDLING, STATE_VIEWS},
};
use crate::{consumer::Part, shop::Pulse, views::Source};

/// A follower of `shop.pulse` and `shop.state`.
pub struct Follower {
    consumer: StreamConsumer,
    pulse: String,
    state: String,
    board: Arc<Board>,
    clock: Clock,
    /// What has not been read to its end yet: partitions of the two topics.
    unread: HashSet<i32>,
    ready: watch::Sender<bool>,
}

impl Follower {
    /// Makes one; nothing is read before [`Follower::run`]. The topics must be there.
    pub fn new(session: &Session, board: Arc<Board>, clock: Clock) -> Result<Self, StreamError> {
        let consumer: StreamConsumer = session
            .client(&[
                ("group.id", &format!("{}.follower", session.prefix)),
                ("enable.auto.commit", "false"),
                ("auto.offset.reset", "earliest"),
                ("isolation.level", "read_committed"),
                ("enable.partition.eof", "true"),
                ("fetch.queue.backoff.ms", "5"),
                ("fetch.wait.max.ms", "1000"),
            ])
            .create()?;
        let pulse = session.topic(Topic::Pulse);
        let state = session.topic(Topic::State);
        let mut places = TopicPartitionList::new();
        for (topic, partition) in [(&pulse, 0), (&state, STATE_VIEWS), (&state, STATE_HANDLING)] {
            places.add_partition_offset(topic, partition, Offset::Beginning)?;
        }
        consumer.assign(&places)?;
        // An end is told by partition number alone; pulse 0 and state 0 end once each.
        let ready = watch::Sender::new(false);
        Ok(Self { consumer, pulse, state, board, clock, unread: HashSet::new(), ready })
    }

    /// Turns true when everything that lay in the topics at the start has been read.
    pub fn ready(&self) -> watch::Receiver<bool> {
        self.ready.subscribe()
    }

    /// Follows until told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut ends = 0;
        loop {
            let received = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                received = self.consumer.recv() => received,
            };
            match received {
                Ok(message) => take(&message, &self.pulse, &self.state, &self.board, &self.clock),
                Err(KafkaError::PartitionEOF(partition)) => {
                    // Three partitions, two of which have the number 0.
                    ends += 1;
                    self.unread.insert(partition);
                    if ends >= 3 && self.unread.len() == 2 {
                        self.ready.send_replace(true);
                    }
                }
                Err(error) => {
                    tracing::debug!("following pulse and state: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

fn take(message: &BorrowedMessage<'_>, pulse: &str, state: &str, board: &Board, clock: &Clock) {
    if message.topic() == pulse {
        match Pulse::decode(message.payload()) {
            Ok(pulse) => clock.beat(pulse),
            Err(error) => tracing::warn!("a record of {pulse} was passed over: {error}"),
        }
        return;
    }
    let Some(payload) = message.payload() else { return };
    let key = String::from_utf8_lossy(message.key().unwrap_or_default()).into_owned();
    match (serde_json::from_slice::<PartState>(payload), place(&key)) {
        (Ok(part_state), Some((view, part))) => board.put(view, part, part_state),
        (Err(error), _) => tracing::warn!("a record of {state} was passed over: {error}"),
        (_, None) => tracing::warn!("a record of {state} was passed over: its key is {key}"),
    }
}

/// The key of a view's state of one partition.
pub fn key(view: &str, part: Part) -> String {
    match part.source {
        Source::Deliveries => format!("{view}/deliveries-{}", part.partition),
        Source::Orders | Source::Handled => format!("{view}/{}", part.partition),
    }
}

/// The view and partition of a key.
pub(super) fn place(key: &str) -> Option<(&'static str, Part)> {
    let (view, partition) = key.split_once('/')?;
    let view = VIEWS.into_iter().find(|name| *name == view)?;
    let (source, number) = match partition.strip_prefix("deliveries-") {
        Some(number) => (Source::Deliveries, number),
        None if super::board::reads(view, Source::Handled) => (Source::Handled, partition),
        None => (Source::Orders, partition),
    };
    Some((view, Part { source, partition: number.parse().ok()? }))
}
