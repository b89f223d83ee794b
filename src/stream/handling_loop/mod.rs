//! The loop of the order handling: orders in; handled orders, dead letters, the state and the group's offsets
//! out, in one Kafka transaction (KIP-98, KIP-447).

mod books;
mod commit;

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use books::Books;
use futures::FutureExt;
use rdkafka::{
    Message,
    consumer::{Consumer, StreamConsumer},
    error::KafkaError,
    message::BorrowedMessage,
};

use super::{
    StreamError, anchors,
    ends::EndWatch,
    env::{Ended, Env},
    gathering::{Gathering, settings},
    group::{Member, record, set_paused, why_again},
    left_out::join_again,
    probe::nothing_between,
    transaction::Sender,
    until::Others,
};
use crate::{
    consumer::{Part, Position, Taken},
    dashboard::snapshot::Said,
    handling::{Ledger, Parameters},
    views::{Source, part::PartFigures},
};

/// The consumer's name.
pub const NAME: &str = "handling";

/// Time between two transactions, each of them half a dozen requests: one a second, at a beat that may be a little
/// early.
const INTERVAL: Duration = Duration::from_millis(900);
/// Records read after which a transaction is due before its time.
const GULP: u64 = 20_000;
/// Orders held in memory at which reading pauses; some 300 bytes each.
const HELD: usize = 250_000;

/// Runs the handling until it is told to stop, has reached its end, or must be built again.
pub async fn run(env: &Env, parameters: Parameters) -> Result<Ended, StreamError> {
    // First, so that a transaction that an earlier run left open is aborted.
    let sender = Sender::new(&env.session, &env.instance)?;
    let books = Arc::new(Books::new(env, parameters));
    let member = Member::new(&env.session, &[Source::Orders], Arc::clone(&books));
    let group = env.session.group(NAME);
    let settings = settings(&group, &env.instance, Gathering::of(env, NAME));
    let consumer: StreamConsumer<Member<Books>> =
        env.session.client(&settings).create_with_context(member)?;
    consumer.subscribe(&consumer.context().topics())?;
    let mut turn = Turn {
        env,
        books,
        sender,
        consumer: Arc::new(consumer),
        records: 0,
        unsent: 0,
        sent: Instant::now(),
        more: false,
        shown: HashMap::new(),
        replaced: env.board.replaced().get(&Source::Orders).copied(),
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
    /// Whether the last transaction was full, and more is due.
    more: bool,
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
        let mut beat = self.env.beat();
        loop {
            tokio::select! {
                biased;
                () = self.env.stop.cancelled() => return Ok(Ended::Done),
                () = beat.tick() => {
                    if let Some(ended) = self.look_after()? {
                        return Ok(ended);
                    }
                    // Where a look takes longer than a beat, the next one is due already: records must come in between.
                    if let Some(received) = consumer.recv().now_or_never()
                        && let Some(ended) = self.gulp(&consumer, received)
                    {
                        return Ok(ended);
                    }
                }
                () = std::future::ready(()), if self.more => {
                    if let Some(ended) = self.look_after()? {
                        return Ok(ended);
                    }
                }
                received = consumer.recv() => {
                    if let Some(ended) = self.gulp(&consumer, received) {
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
            // As every view does: others are to have their turn.
            tokio::task::yield_now().await;
        }
    }

    /// Takes what was received and what else is there, up to a limit; with that many a transaction is due.
    fn gulp(
        &mut self,
        consumer: &StreamConsumer<Member<Books>>,
        first: Result<BorrowedMessage<'_>, KafkaError>,
    ) -> Option<Ended> {
        let mut next = Some(first);
        while let Some(received) = next.take() {
            if let Some(ended) = self.received(received) {
                return Some(ended);
            }
            if self.unsent < GULP {
                next = consumer.recv().now_or_never();
            }
        }
        if self.unsent >= GULP && !self.is_in_doubt() { self.commit() } else { None }
    }

    fn received(&mut self, received: Result<BorrowedMessage<'_>, KafkaError>) -> Option<Ended> {
        match received {
            Ok(message) => self.take(&message),
            Err(error) => {
                let again = why_again(&error).map(Ended::Again);
                if again.is_none() {
                    self.env.board.failed(NAME);
                    tracing::debug!("{NAME}: {error}");
                }
                again
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
        let replaced = self.env.board.replaced().get(&Source::Orders).copied();
        if replaced == self.replaced {
            return Vec::new();
        }
        let known = |(partition, ledger): (&i32, &Ledger)| {
            Some((Part { source: Source::Orders, partition: *partition }, ledger.anchor()?))
        };
        let known = self.books.ledgers().iter().filter_map(known).collect();
        match anchors::others(&self.env.session, &known) {
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

    /// What is due between records.
    fn look_after(&mut self) -> Result<Option<Ended>, StreamError> {
        self.hold();
        join_again(self.env, &self.consumer, NAME);
        let now = self.env.clock.now();
        let (due, count) = {
            let ledgers = self.books.ledgers();
            (ledgers.values().any(|ledger| ledger.is_due(now)), ledgers.len())
        };
        let soon = std::mem::take(&mut self.more) || self.env.until.is_some();
        if due && (soon || self.sent.elapsed() >= INTERVAL) && !self.is_in_doubt() {
            if let Some(ended) = self.commit() {
                return Ok(Some(ended));
            }
        } else {
            self.env.board.set_group(NAME, count, self.records, self.waits());
            self.show_first();
        }
        if self.has_reached_end()? { Ok(Some(Ended::Done)) } else { Ok(None) }
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
        let part = |&partition| Part { source: Source::Orders, partition };
        let held: Vec<Part> = self.books.ledgers().keys().map(part).collect();
        if set_paused(&self.consumer, NAME, &held, full) {
            self.paused = full;
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
            let is_empty = || nothing_between(&self.env.session, part, next, end);
            if self.env.stop.is_cancelled() || next < end && !is_empty()? {
                return Ok(false);
            }
            self.has_seen(part, end);
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
        let ends = EndWatch::new(&self.env.session)?.look_when_settled()?;
        until.handled_ends.send_replace(Some(ends));
        Ok(true)
    }

    fn leave(self) {
        super::let_go((self.consumer, self.sender));
    }
}
