//! Follows the simulator's pulse and the states that all views publish.

use std::{
    collections::HashMap,
    fmt::Display,
    sync::Arc,
    time::{Duration, Instant},
};

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
    reader::{reader, watermarks},
    state_keys::{AGREEMENT, RUNNING, parse_key},
    topics::{STATE_HANDLING, STATE_VIEWS},
};
use crate::{
    clock::Clock,
    read_model::{PartState, Presence, ReadModel},
    shop::Pulse,
};

const CALL: Duration = Duration::from_secs(5);
/// `fetch.min.bytes` and `fetch.wait.max.ms`: a fetch returns with the first record. Pulses and states come once a
/// second, all states of a process together.
const ONE: &str = "1";
const WAITS_MS: &str = "950";
/// `fetch.min.bytes` for records that come often.
pub(crate) const GATHERED: &str = "65536";
/// Period of the checks for replaced topics, and for other processes with figures.
const LOOK: Duration = Duration::from_secs(1);
/// At the start: period of the check whether only transaction markers are left before an end. librdkafka's own
/// end-of-partition event comes only after an empty fetch.
const MARKERS: Duration = Duration::from_millis(10);
/// Checks in a row that find all consumers in this process before the states are no longer read.
const ALONE_LOOKS: u32 = 5;
/// How long pulses are gathered in accelerated time, where they come ten a second, wall ms: about as often as pictures
/// are made.
const PULSES_FOR_MS: &str = "250";

/// The age of a presence record is capped at this.
const OLD: Duration = Duration::from_secs(10);

/// The partitions followed.
const PULSES: [i32; 1] = [0];
const STATES: [i32; 2] = [STATE_VIEWS, STATE_HANDLING];

/// Reads `shop.pulse` and `shop.state`. Each topic has a client of its own, since the end-of-partition event
/// names no topic.
pub struct PulseAndStateReader {
    session: Session,
    pulse: StreamConsumer,
    /// Whether pulses are gathered, as in accelerated time.
    gathers: bool,
    /// Behind the last pulse that was read.
    next_pulse: Option<i64>,
    /// `None` while this process runs all consumers: then all states are its own.
    state: Option<StreamConsumer>,
    /// Their names.
    topics: [String; 2],
    model: Arc<ReadModel>,
    clock: Clock,
    /// By topic and partition, the end offset at the start, until it is reached.
    unread: HashMap<(Topic, i32), i64>,
    ready: watch::Sender<bool>,
    /// How many checks in a row found all consumers in this process.
    alone: u32,
}

impl PulseAndStateReader {
    /// Makes one; nothing is read before [`PulseAndStateReader::run`]. The topics must be there. `ready` turns true when
    /// everything that lay in the topics at the start has been read.
    pub fn new(
        session: &Session,
        model: Arc<ReadModel>,
        clock: Clock,
        ready: watch::Sender<bool>,
    ) -> Result<Self, StreamError> {
        Ok(Self {
            pulse: pulse_reader(session, false)?,
            gathers: false,
            next_pulse: None,
            state: Some(reader_of(session, ONE, WAITS_MS)?),
            session: session.clone(),
            topics: [session.topic(Topic::Pulse), session.topic(Topic::State)],
            model,
            clock,
            unread: HashMap::new(),
            ready,
            alone: 0,
        })
    }

    /// Follows until told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        while let Err(error) = tokio::task::block_in_place(|| self.begin()) {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = stumble(&error) => {}
            }
        }
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut replaced = self.model.replaced();
        while !stop.is_cancelled() {
            if !self.unread.keys().any(|(topic, _)| *topic == Topic::Pulse) {
                self.clock.hear_out();
            }
            if self.unread.is_empty() && self.ready.send_if_modified(|ready| !std::mem::replace(ready, true))
            {
                self.model.follow_others(true);
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                received = self.pulse.recv() => {
                    if let Ok(message) = &received {
                        beat(message, &self.clock);
                        self.next_pulse = Some(message.offset() + 1);
                    }
                    self.unread.retain(|(topic, part), end| *topic != Topic::Pulse || is_before(&received, *part, *end));
                    pause_after(&received).await;
                },
                received = next_state(self.state.as_ref()) => {
                    if let Ok(message) = &received {
                        hear(message, &self.model, !self.unread.is_empty());
                    }
                    self.unread.retain(|(topic, part), end| *topic != Topic::State || is_before(&received, *part, *end));
                    pause_after(&received).await;
                },
                () = tokio::time::sleep(MARKERS), if !self.unread.is_empty() => self.pass_markers(),
                _ = look.tick() => {
                    let now = self.model.replaced();
                    let again = now != replaced;
                    match self.look(again) {
                        Ok(()) => replaced = now,
                        Err(error) => tracing::debug!("following pulse and state: {error}"),
                    }
                }
            }
        }
        super::let_go((self.pulse, self.state));
    }

    /// Marks partitions as read up to librdkafka's own position: only that includes transaction markers, which are
    /// never delivered.
    fn pass_markers(&mut self) {
        let readers = [(Topic::Pulse, Some(&self.pulse)), (Topic::State, self.state.as_ref())];
        for (topic, reader) in readers.into_iter().filter_map(|(topic, reader)| Some((topic, reader?))) {
            let Ok(places) = reader.position() else { continue };
            for place in places.elements() {
                let Offset::Offset(next) = place.offset() else { continue };
                self.unread.retain(|at, end| *at != (topic, place.partition()) || next < *end);
            }
        }
    }

    /// Adjusts what is read. Topics that were recreated (`again`) are read from their beginning, as offsets of the old
    /// ones are invalid; known states give way only to newer ones. While this process runs all consumers, states are
    /// not read.
    fn look(&mut self, again: bool) -> Result<(), StreamError> {
        let [pulse, state] = &self.topics;
        let gathers = !self.clock.is_real_time();
        if again {
            self.next_pulse = None;
            read_from_beginning(&self.pulse, pulse, &PULSES)?;
        } else if gathers != self.gathers
            && self.unread.is_empty()
            && let Some(next) = self.next_pulse
        {
            let reader = pulse_reader(&self.session, gathers)?;
            read_from(&reader, pulse, &PULSES, Offset::Offset(next))?;
            super::let_go(std::mem::replace(&mut self.pulse, reader));
            self.gathers = gathers;
        }
        self.alone = if self.model.holds_all() && self.unread.is_empty() { self.alone + 1 } else { 0 };
        if self.alone >= ALONE_LOOKS {
            if let Some(reader) = self.state.take() {
                super::let_go(reader);
                self.model.follow_others(false);
            }
        } else if self.state.is_none() || again {
            let reader = self.state.take().map_or_else(|| reader_of(&self.session, ONE, WAITS_MS), Ok)?;
            read_from_beginning(&reader, state, &STATES)?;
            self.state = Some(reader);
            self.model.follow_others(true);
        }
        Ok(())
    }

    /// Fetches the end offsets of the topics and starts to read. Blocks for at most some seconds.
    fn begin(&mut self) -> Result<(), StreamError> {
        let [pulse, state] = &self.topics;
        let states = self.state.iter().map(|reader| (Topic::State, state, reader, &STATES[..]));
        let logs: Vec<_> =
            [(Topic::Pulse, pulse, &self.pulse, &PULSES[..])].into_iter().chain(states).collect();
        // Before any fetch: responses come in order, and that to a fetch may be delayed.
        for (topic, name, consumer, partitions) in &logs {
            for partition in *partitions {
                let (low, end) = watermarks(*consumer, name, *partition, CALL)?;
                if end > low {
                    self.unread.insert((*topic, *partition), end);
                }
            }
        }
        for (_, name, consumer, partitions) in &logs {
            read_from_beginning(consumer, name, partitions)?;
        }
        Ok(())
    }
}

fn read_from_beginning(consumer: &StreamConsumer, topic: &str, partitions: &[i32]) -> Result<(), KafkaError> {
    read_from(consumer, topic, partitions, Offset::Beginning)
}

fn read_from(
    consumer: &StreamConsumer,
    topic: &str,
    partitions: &[i32],
    offset: Offset,
) -> Result<(), KafkaError> {
    let mut places = TopicPartitionList::new();
    for partition in partitions {
        places.add_partition_offset(topic, *partition, offset)?;
    }
    consumer.assign(&places)
}

/// Time is told at once where a pulse comes each second.
fn pulse_reader(session: &Session, gathers: bool) -> Result<StreamConsumer, StreamError> {
    let (at_least, for_ms) = if gathers { (GATHERED, PULSES_FOR_MS) } else { (ONE, WAITS_MS) };
    reader_of(session, at_least, for_ms)
}

/// The next state, where they are read.
async fn next_state(state: Option<&StreamConsumer>) -> Result<BorrowedMessage<'_>, KafkaError> {
    match state {
        Some(state) => state.recv().await,
        None => std::future::pending().await,
    }
}

fn reader_of(session: &Session, at_least: &str, for_ms: &str) -> Result<StreamConsumer, StreamError> {
    reader(
        session,
        &[
            ("group.id", &session.group("follower")),
            ("fetch.min.bytes", at_least),
            ("fetch.wait.max.ms", for_ms),
        ],
    )
}

/// Whether a partition is still before `end` after what was received. If records keep coming, there is no
/// end-of-partition event; if only markers are left, there is no record.
fn is_before(received: &Result<BorrowedMessage<'_>, KafkaError>, partition: i32, end: i64) -> bool {
    match received {
        Ok(message) => message.partition() != partition || message.offset() + 1 < end,
        Err(KafkaError::PartitionEOF(at_end)) => *at_end != partition,
        Err(_) => true,
    }
}

async fn pause_after(received: &Result<BorrowedMessage<'_>, KafkaError>) {
    if let Err(error) = received
        && !matches!(error, KafkaError::PartitionEOF(_))
    {
        stumble(error).await;
    }
}

async fn stumble(error: impl Display) {
    tracing::debug!("following pulse and state: {error}");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

fn beat(message: &BorrowedMessage<'_>, clock: &Clock) {
    match Pulse::decode(message.payload()) {
        Ok(pulse) => clock.beat(pulse),
        Err(error) => tracing::warn!("a pulse was passed over: {error}"),
    }
}

/// `before`: whether records from before the start of this process are still being read.
fn hear(message: &BorrowedMessage<'_>, model: &ReadModel, before: bool) {
    let key = String::from_utf8_lossy(message.key().unwrap_or_default());
    if let Some(who) = key.strip_prefix(RUNNING) {
        let age = if before { age(message) } else { Duration::ZERO };
        match message.payload().map(serde_json::from_slice::<Presence>).transpose() {
            Ok(presence) => {
                let now = Instant::now();
                model.hear_presence(who, now.checked_sub(age.min(OLD)).unwrap_or(now), presence);
            }
            Err(error) => tracing::warn!("what {who} runs was passed over: {error}"),
        }
        return;
    }
    let Some(payload) = message.payload() else { return };
    if key == AGREEMENT {
        return;
    }
    let Some((view, part)) = parse_key(&key) else {
        tracing::warn!("a state was passed over: its key is {key}");
        return;
    };
    match serde_json::from_slice::<PartState>(payload) {
        Ok(state) => model.hear(view, part, state, before),
        Err(error) => tracing::warn!("a state was passed over: {error}"),
    }
}

/// How old a record is by the clocks of two machines.
fn age(message: &BorrowedMessage<'_>) -> Duration {
    let sent_ms = message.timestamp().to_millis().unwrap_or(0);
    let age_ms = chrono::Utc::now().timestamp_millis().saturating_sub(sent_ms);
    Duration::from_millis(u64::try_from(age_ms).unwrap_or(0))
}
