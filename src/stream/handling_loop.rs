//! The loop of the order handling: orders in; handled orders, dead letters, the state and the group's offsets
//! out, in one Kafka transaction (KIP-98, KIP-447).

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use chrono::Utc;
use futures::FutureExt;
use rdkafka::{
    Message, Offset,
    consumer::{Consumer, StreamConsumer},
    error::{KafkaError, RDKafkaErrorCode},
    message::BorrowedMessage,
};
use tokio::task::block_in_place;

use super::{
    StreamError, Topic, anchors,
    board::PartState,
    ends::EndWatch,
    env::{Ended, Env},
    group::{AskTold, Keeper, Member, Told, record, settings},
    states,
    transaction::Sender,
    until::Others,
};
use crate::{
    consumer::{Part, Position, Start, Taken},
    dashboard::snapshot::{Said, Weight},
    handling::{Ledger, Outgoing, Parameters, Resume},
    views::{Source, part::PartFigures},
};

/// The consumer's name.
pub const NAME: &str = "handling";

/// A question to Kafka.
const CALL: Duration = Duration::from_secs(5);
const TICK: Duration = Duration::from_millis(100);
/// Time between two transactions: each takes some 100 ms, whatever the broker.
const INTERVAL: Duration = Duration::from_millis(500);
/// Records read after which a transaction is due before its time.
const GULP: u64 = 20_000;
/// Orders in one transaction, about.
const AT_MOST: usize = 50_000;
/// Orders held in memory at which reading pauses; some 300 bytes each.
const HELD: usize = 250_000;

/// The partitions held, shared by the loop and the rebalance callback.
struct Books {
    env: Env,
    parameters: Parameters,
    ledgers: Mutex<BTreeMap<i32, Ledger>>,
}

impl Books {
    fn ledgers(&self) -> MutexGuard<'_, BTreeMap<i32, Ledger>> {
        self.ledgers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Books {
    /// What of a committed state holds for a log that has the offsets from `low` up to `end`.
    fn fit(
        &self,
        part: Part,
        position: Position,
        mut resume: Resume,
        low: i64,
        end: i64,
    ) -> (Position, Resume) {
        let Some(last) = position.last else { return (position, resume) };
        let tell = |what: &str| {
            let second = self.env.clock.now().unwrap_or_default();
            self.env.board.say(second, Weight::Warning, format!("{NAME}: {part} {what}.").into());
        };
        if end <= last.offset {
            tell(
                "is shorter than what was read of it: it is another log, and every order of it is judged anew",
            );
            return (Position::default(), Resume::default());
        }
        if low > resume.oldest.min(last.offset) {
            tell("has lost records to its retention: orders among them that waited are not handled");
            resume.oldest = resume.oldest.max(low);
        }
        if low > last.offset {
            resume.oldest_last_id = position.last_order_id;
            return (Position { next: low, last: None, ..position }, resume);
        }
        (position, resume)
    }
}

impl Keeper for Books {
    fn assign(&self, parts: &[Part], _: AskTold<'_>) -> Result<Vec<Start>, String> {
        self.env.board.rebalanced(NAME);
        let session = &self.env.session;
        let committed = block_in_place(|| states::handling(session)).map_err(|error| error.to_string())?;
        let probe = session.probe().map_err(|error| error.to_string())?;
        let mut starts = Vec::new();
        for part in parts {
            let (position, resume) = match committed.get(&part.partition) {
                Some(PartState { position, figures: PartFigures::Handling(resume), .. }) => {
                    let held = block_in_place(|| {
                        probe.fetch_watermarks(&session.topic(Topic::Orders), part.partition, CALL)
                    });
                    let (low, end) = held.map_err(|error| error.to_string())?;
                    self.fit(*part, *position, resume.clone(), low, end)
                }
                _ => (Position::default(), Resume::default()),
            };
            let last_second = self.env.until.as_ref().map(|until| until.shop_second);
            let ledger = Ledger::new(self.env.zone, position, resume, self.parameters).until(last_second);
            starts.push(ledger.start());
            self.ledgers().insert(part.partition, ledger);
        }
        super::let_go(probe);
        Ok(starts)
    }

    // What was read but not committed is read again by the next owner.
    fn revoke(&self, parts: &[Part], _: bool) -> Vec<(Part, Told)> {
        let mut ledgers = self.ledgers();
        for part in parts {
            ledgers.remove(&part.partition);
        }
        Vec::new()
    }
}

/// Runs the handling until it is told to stop, has reached its end, or must be built again.
pub async fn run(env: &Env, parameters: Parameters) -> Result<Ended, StreamError> {
    // First, so that a transaction that an earlier run left open is aborted.
    let sender = block_in_place(|| Sender::new(&env.session, &env.instance))?;
    let books = Arc::new(Books { env: env.clone(), parameters, ledgers: Mutex::new(BTreeMap::new()) });
    let member = Member::new(&env.session, &[Source::Orders], Arc::clone(&books));
    let group = env.session.group(NAME);
    let consumer: StreamConsumer<Member<Books>> =
        env.session.client(&settings(&group, &env.instance)).create_with_context(member)?;
    consumer.subscribe(&consumer.context().topics())?;
    let mut turn = Turn {
        env,
        books,
        sender,
        consumer: Arc::new(consumer),
        records: 0,
        unsent: 0,
        sent: Instant::now(),
        shown: HashMap::new(),
        replaced: env.board.ends().replaced.get(&Source::Orders).copied(),
        paused: false,
        elsewhere: Others::default(),
    };
    let ended = turn.run().await;
    turn.leave();
    ended
}

struct Turn<'a> {
    env: &'a Env,
    books: Arc<Books>,
    sender: Sender,
    consumer: Arc<StreamConsumer<Member<Books>>>,
    records: u64,
    /// Records read since the last transaction.
    unsent: u64,
    sent: Instant,
    shown: HashMap<i32, Position>,
    /// How often the log of orders was another one when this loop began.
    replaced: Option<u64>,
    paused: bool,
    /// Who else has partitions to work off, with `--until-end`.
    elsewhere: Others,
}

impl Turn<'_> {
    async fn run(&mut self) -> Result<Ended, StreamError> {
        let consumer = Arc::clone(&self.consumer);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = self.env.stop.cancelled() => return Ok(Ended::Done),
                _ = tick.tick() => {
                    if let Some(ended) = self.look_after()? {
                        return Ok(ended);
                    }
                }
                received = consumer.recv() => {
                    let mut next = Some(received);
                    while let Some(received) = next.take() {
                        if let Some(ended) = self.received(received) {
                            return Ok(ended);
                        }
                        if self.unsent < GULP {
                            next = consumer.recv().now_or_never();
                        }
                    }
                    if self.unsent >= GULP && !self.is_in_doubt() && let Some(ended) = self.commit() {
                        return Ok(ended);
                    }
                }
            }
            if let Some(trouble) = consumer.context().trouble() {
                return Ok(Ended::Again(trouble));
            }
            let others = self.other_logs();
            if !others.is_empty() {
                return Ok(self.start_again(&others, "the topic of orders was deleted and made again"));
            }
        }
    }

    fn received(&mut self, received: Result<BorrowedMessage<'_>, KafkaError>) -> Option<Ended> {
        match received {
            Ok(message) => self.take(&message),
            Err(KafkaError::MessageConsumption(
                code @ (RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange),
            )) => Some(Ended::Again(format!("a log does not reach to the position in it ({code})"))),
            Err(
                KafkaError::MessageConsumptionFatal(code)
                | KafkaError::MessageConsumption(code @ RDKafkaErrorCode::PollExceeded),
            ) => Some(Ended::Again(code.to_string())),
            Err(KafkaError::PartitionEOF(_)) => None,
            Err(error) => {
                self.env.board.failed(NAME);
                tracing::debug!("{NAME}: {error}");
                None
            }
        }
    }

    fn take(&mut self, message: &BorrowedMessage<'_>) -> Option<Ended> {
        // Those that are passed over count too: reading has to pause for other things now and then. Large ones count
        // more, since dead letters wait with all their bytes.
        self.unsent += 1 + message.payload_len() as u64 / 1024;
        let part = Part { source: Source::Orders, partition: message.partition() };
        if self.env.until.as_ref().is_some_and(|until| !until.takes(part, message.offset())) {
            return None;
        }
        let taken =
            self.books.ledgers().get_mut(&part.partition).map(|ledger| ledger.take(&record(part, message)));
        match taken {
            Some(Taken::OtherLog) => {
                let why = format!("{part} holds other records than those that were read");
                Some(self.start_again(&[part.partition], &why))
            }
            Some(Taken::Yes) => {
                self.records += 1;
                None
            }
            Some(Taken::Before) | None => None,
        }
    }

    /// Where a log was seen to be another one: the partitions whose state is from the one that is gone.
    fn other_logs(&mut self) -> Vec<i32> {
        let replaced = self.env.board.ends().replaced.get(&Source::Orders).copied();
        if replaced == self.replaced {
            return Vec::new();
        }
        let known = |(partition, ledger): (&i32, &Ledger)| {
            Some((Part { source: Source::Orders, partition: *partition }, ledger.anchor()?))
        };
        let known = self.books.ledgers().iter().filter_map(known).collect();
        match block_in_place(|| anchors::others(&self.env.session, &known)) {
            Ok(others) => {
                self.replaced = replaced;
                others.into_iter().map(|part| part.partition).collect()
            }
            Err(error) => {
                tracing::debug!("{NAME}: whether its log is another one is not known: {error}");
                Vec::new()
            }
        }
    }

    /// Whether the logs may be others than those that were read: what is sent now cannot be taken back.
    fn is_in_doubt(&self) -> bool {
        let ends = self.env.board.ends();
        ends.doubtful || ends.replaced.get(&Source::Orders).copied() != self.replaced
    }

    /// The committed states of partitions belong to another log: empty ones are committed in their place.
    fn start_again(&mut self, partitions: &[i32], why: &str) -> Ended {
        let text = format!("{why}: every order of it is judged anew");
        self.env.board.say(
            self.env.clock.now().unwrap_or_default(),
            Weight::Warning,
            format!("{NAME}: {text}.").into(),
        );
        let empty = |partition| (partition, self.state(partition, Position::default(), Resume::default()));
        let empty: Vec<_> = partitions.iter().copied().map(empty).collect();
        match self.send(Vec::new(), &empty) {
            Ok(()) => Ended::Again(text),
            Err(error) => Ended::Again(error.to_string()),
        }
    }

    /// One transaction, with the positions of these states in the group.
    fn send(&self, outgoing: Vec<(i32, Outgoing)>, states: &[(i32, PartState)]) -> Result<(), StreamError> {
        let positions = states.iter().map(|(partition, state)| {
            (Part { source: Source::Orders, partition: *partition }, Offset::Offset(state.position.next))
        });
        let offsets = self.consumer.context().list(positions);
        let Some(group) = self.consumer.group_metadata() else {
            return Err(StreamError::NoGroup { group: self.env.session.group(NAME) });
        };
        let too_large = block_in_place(|| self.sender.commit(outgoing, states, (&offsets, &group)))?;
        for order_id in too_large {
            let text = format!(
                "Order {order_id} is handled, but its record is larger than Kafka takes: no mail goes out."
            );
            self.env.board.say(self.env.clock.now().unwrap_or_default(), Weight::Error, text.into());
        }
        Ok(())
    }

    /// What is due between records.
    fn look_after(&mut self) -> Result<Option<Ended>, StreamError> {
        self.hold();
        let now = self.env.clock.now();
        let (due, count) = {
            let ledgers = self.books.ledgers();
            (ledgers.values().any(|ledger| ledger.is_due(now)), ledgers.len())
        };
        if due && (self.sent.elapsed() >= INTERVAL || self.env.until.is_some()) && !self.is_in_doubt() {
            if let Some(ended) = self.commit() {
                return Ok(Some(ended));
            }
        } else {
            self.env.board.set_group(NAME, count, self.records, self.waits());
            self.show_first();
        }
        if self.has_reached_end()? { Ok(Some(Ended::Done)) } else { Ok(None) }
    }

    /// The committed states go up as they are, before the first transaction.
    fn show_first(&mut self) {
        let fresh: Vec<(i32, Position, Resume)> = self
            .books
            .ledgers()
            .iter()
            .filter(|(partition, ledger)| !self.shown.contains_key(*partition) && ledger.position().next > 0)
            .map(|(partition, ledger)| (*partition, ledger.position(), ledger.resume().clone()))
            .collect();
        for (partition, position, resume) in fresh {
            self.shown.insert(partition, position);
            let state = self.state(partition, position, resume);
            self.env.board.put(NAME, Part { source: Source::Orders, partition }, state);
        }
    }

    fn state(&self, partition: i32, position: Position, resume: Resume) -> PartState {
        PartState {
            partition,
            shop_second: self.env.clock.now().unwrap_or_default(),
            wall_ms: Utc::now().timestamp_millis(),
            who: self.env.instance.to_string(),
            position,
            end_seen: 0,
            figures: PartFigures::Handling(resume),
            reports: Vec::new(),
        }
    }

    /// One transaction with all that is due. After an error everything is built again from the last one.
    fn commit(&mut self) -> Option<Ended> {
        let now = self.env.clock.now();
        let mut outgoing = Vec::new();
        let mut moved = Vec::new();
        for (partition, ledger) in self.books.ledgers().iter_mut().filter(|(_, ledger)| ledger.is_due(now)) {
            outgoing.extend(ledger.settle(now, AT_MOST).into_iter().map(|record| (*partition, record)));
            moved.push((*partition, ledger.position(), ledger.resume().clone()));
        }
        self.unsent = 0;
        if moved.is_empty() {
            return None;
        }
        let states: Vec<_> = moved
            .into_iter()
            .map(|(partition, position, resume)| (partition, self.state(partition, position, resume)))
            .collect();
        let committed = self.send(outgoing, &states);
        self.sent = Instant::now();
        if let Err(error) = committed {
            return Some(Ended::Again(format!("a transaction failed ({error})")));
        }
        for (partition, state) in states {
            self.shown.insert(partition, state.position);
            self.env.board.put(NAME, Part { source: Source::Orders, partition }, state);
        }
        let count = self.books.ledgers().len();
        self.env.board.set_group(NAME, count, self.records, self.waits());
        None
    }

    fn waits(&self) -> Option<Said> {
        self.paused.then_some(Said::TooManyWait { orders: HELD })
    }

    /// Pauses reading at the limit of orders held, and goes on at half of it.
    fn hold(&mut self) {
        let (held, again) = {
            let ledgers = self.books.ledgers();
            let held: usize = ledgers.values().map(Ledger::held).sum();
            (held, ledgers.values().any(Ledger::is_reading_again))
        };
        // What earlier runs held is read again whatever its number: nothing goes out before.
        let full = !again && if self.paused { held > HELD / 2 } else { held >= HELD };
        if full == self.paused {
            return;
        }
        let parts: Vec<i32> = self.books.ledgers().keys().copied().collect();
        let places =
            parts.into_iter().map(|partition| (Part { source: Source::Orders, partition }, Offset::Invalid));
        let list = self.consumer.context().list(places);
        let done = if full { self.consumer.pause(&list) } else { self.consumer.resume(&list) };
        match done {
            Ok(()) => self.paused = full,
            Err(error) => tracing::warn!("{NAME}: {error}"),
        }
    }

    /// With `--until-end`: whether every order up to the end is read and everything due is committed. Then
    /// the ends of the handled orders are handed to those who read them.
    fn has_reached_end(&mut self) -> Result<bool, StreamError> {
        let Some(until) = &self.env.until else { return Ok(false) };
        {
            let ledgers = self.books.ledgers();
            if ledgers.is_empty() || ledgers.values().any(|ledger| ledger.is_due(Some(until.shop_second))) {
                return Ok(false);
            }
        }
        let positions: Vec<(i32, i64)> = self
            .books
            .ledgers()
            .iter()
            .map(|(partition, ledger)| (*partition, ledger.read_until()))
            .collect();
        for (partition, next) in positions {
            let part = Part { source: Source::Orders, partition };
            let end = until.end(part).unwrap_or(0);
            let is_empty =
                || block_in_place(|| super::probe::nothing_between(&self.env.session, part, next, end));
            if self.env.stop.is_cancelled() || next < end && !is_empty()? {
                return Ok(false);
            }
        }
        let orders = until.ends.iter().filter(|(part, _)| part.source == Source::Orders);
        let part = |&partition| Part { source: Source::Orders, partition };
        let held = self.books.ledgers().keys().map(part).collect();
        let told = |part| {
            let state = self.env.board.part(NAME, part)?;
            let PartFigures::Handling(resume) = state.figures else { return None };
            // What is read but not due yet by their clock is still to come.
            (resume.sent_until >= Some(until.shop_second)).then_some(state.position.next)
        };
        if !self.elsewhere.are_done(held, orders.map(|(part, end)| (*part, *end)), told, Instant::now()) {
            return Ok(false);
        }
        let ends = block_in_place(|| EndWatch::new(&self.env.session)?.look_when_settled())?;
        until.handled_ends.send_replace(Some(ends));
        Ok(true)
    }

    fn leave(self) {
        super::let_go((self.consumer, self.sender));
    }
}
