//! The consumer of the order handling: orders in; handled orders, dead letters, the state and the group's offsets
//! out, in one Kafka transaction (KIP-98, KIP-447).

mod assignment;
mod commit;
mod restore;
mod transaction;
mod transaction_size;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

pub use self::transaction_size::TransactionSize;
use self::{commit::Transaction, transaction::Sender};
use super::{
    consumer,
    context::{Ended, Env},
    group_member::{AskCommitted, Client, Committed},
    ownership::Ownership,
    processor::{ConsumerError, Processor},
    record_source::Stretch,
    until::Others,
};
use crate::{
    consumer::{Part, Position, Start, Taken, position::Fingerprint},
    consumers::{Handling, PartFigures},
    handling::{Ledger, Parameters},
    messages::Sentence,
    stream::{StreamError, ends::EndWatch, probe::nothing_between},
    views::Source,
};

/// The consumer's name.
pub const NAME: &str = Handling::NAME;

/// Least time between two transactions of half a dozen requests each: one a second, as a tick may be a little early.
const INTERVAL: Duration = Duration::from_millis(900);
/// The same with `--until-end`.
const SOON: Duration = Duration::from_millis(400);
/// Records read after which a transaction is due early.
const GULP: u64 = 20_000;
/// Orders held in memory at which reading pauses; some 500 bytes each.
const HELD: usize = 250_000;

/// Runs the handling until it is told to stop, has reached its end, or must restart.
///
/// # Errors
///
/// If Kafka reports an error that no retry can fix.
pub async fn run(env: &Env, parameters: Parameters, size: TransactionSize) -> Result<Ended, ConsumerError> {
    // First: `init_transactions` aborts a transaction that an earlier run left open.
    let sender = Sender::new(&env.session, &env.instance)?;
    let handling = HandlingProcessor {
        env: env.clone(),
        parameters,
        size,
        ledgers: BTreeMap::new(),
        sender: Some(Arc::new(sender)),
        under_way: None,
        failed: None,
        fenced: false,
        unsent: 0,
        taking: false,
        sent: Instant::now(),
        more: false,
        end_seen: HashMap::new(),
        shown: HashMap::new(),
        replaced: None,
        paused: false,
        elsewhere: Others::default(),
    };
    consumer::run(env, handling, &Arc::new(Ownership::default())).await
}

#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct HandlingProcessor {
    env: Env,
    parameters: Parameters,
    size: TransactionSize,
    /// By partition.
    ledgers: BTreeMap<i32, Ledger>,
    /// `None` once it has retired.
    sender: Option<Arc<Sender>>,
    /// The transaction in flight, while more records are taken in.
    under_way: Option<Transaction>,
    /// How the run ends if a transaction failed while partitions were revoked.
    failed: Option<Ended>,
    /// Whether the producer was fenced: by a newer one, or by Kafka after a transaction time-out.
    fenced: bool,
    /// Records read since the last transaction.
    unsent: u64,
    /// Whether records were taken since the last check for the end.
    taking: bool,
    sent: Instant,
    /// Whether the last transaction was full, and more is due.
    more: bool,
    /// By partition: the offset up to which nothing is left to read.
    end_seen: HashMap<i32, i64>,
    /// By partition, what the read model shows: the position, and the offset up to which nothing is left to read.
    shown: HashMap<i32, (Position, i64)>,
    /// How often the log of orders had been replaced when this run began.
    replaced: Option<u64>,
    paused: bool,
    /// With `--until-end`: the partitions of other members.
    elsewhere: Others,
}

fn part(partition: i32) -> Part {
    Part { source: Source::Orders, partition }
}

impl HandlingProcessor {
    /// Whether no transaction is in flight.
    fn is_idle(&self) -> bool {
        self.under_way.as_ref().is_none_or(Transaction::is_finished)
    }

    /// Pauses reading at `HELD` orders in memory, and resumes at half of that.
    fn hold(&mut self) {
        let held: usize = self.ledgers.values().map(Ledger::held).sum();
        // A replay is never paused: nothing can be sent before it is complete.
        let again = self.ledgers.values().any(Ledger::is_reading_again);
        self.paused = !again && if self.paused { held > HELD / 2 } else { held >= HELD };
    }

    /// Whether the log may have been replaced since it was read: a committed transaction cannot be undone.
    fn is_in_doubt(&self) -> bool {
        let ends = self.env.model.ends();
        ends.doubtful || ends.replaced.get(&Source::Orders).copied() != self.replaced
    }

    /// With `--until-end`: whether every order up to the end is read.
    fn has_read_all(&self) -> bool {
        self.env.until.as_ref().is_some_and(|until| {
            let is_read = |(partition, ledger): (&i32, &Ledger)| {
                until.end(part(*partition)).is_some_and(|end| ledger.read_until() >= end)
            };
            self.ledgers.iter().all(is_read)
        })
    }

    /// With `--until-end`: whether every order up to the end is read and everything due is committed. Then
    /// the ends of the handled orders are handed to those who read them.
    fn has_reached_end(&mut self) -> Result<bool, StreamError> {
        let taking = std::mem::take(&mut self.taking);
        let Some(until) = self.env.until.clone() else { return Ok(false) };
        let Some(last) = until.shop_second() else { return Ok(false) };
        if self.under_way.is_some()
            || self.ledgers.is_empty()
            || self.ledgers.values().any(|ledger| ledger.is_due(Some(last)))
        {
            return Ok(false);
        }
        for (partition, ledger) in &self.ledgers {
            let (next, end) = (ledger.read_until(), until.end(part(*partition)).unwrap_or(0));
            let is_empty = || nothing_between(&self.env.session, part(*partition), next, end);
            if self.env.stop.is_cancelled() || next < end && (taking || !is_empty()?) {
                return Ok(false);
            }
            self.has_seen(part(*partition), end);
        }
        let orders = until.ends().filter(|(part, _)| part.source == Source::Orders);
        let held = self.ledgers.keys().copied().map(part).collect();
        let told = |part| {
            let state = self.env.model.part(NAME, part)?;
            let PartFigures::Handling(resume) = state.figures else { return None };
            // An owner whose clock is behind has read orders that it has yet to send. One without such orders commits
            // nothing new, so the time of its last commit does not matter.
            let next = state.position.next;
            resume.has_sent(next, last).then_some(next)
        };
        if !self.elsewhere.are_done(held, orders, told, Instant::now()) {
            return Ok(false);
        }
        let ends = EndWatch::new(&self.env.session)?.look_when_settled()?;
        until.handled_ends.send_replace(Some(ends));
        Ok(true)
    }
}

impl Processor for HandlingProcessor {
    const NAME: &'static str = NAME;
    const SOURCES: &'static [Source] = Handling::SOURCES;

    fn assigned(&mut self, parts: &[Part], committed: AskCommitted<'_>) -> Result<Vec<Start>, String> {
        let starts = self.take_over(parts, committed);
        self.hold();
        starts
    }

    // The next owner reads uncommitted records again.
    fn revoked(&mut self, parts: &[Part], _: bool) -> Vec<(Part, Committed)> {
        self.failed = self.end_commit();
        for part in parts {
            self.ledgers.remove(&part.partition);
            self.end_seen.remove(&part.partition);
        }
        // Orders of revoked partitions count no longer.
        self.hold();
        Vec::new()
    }

    fn take(&mut self, client: &Arc<Client>, stretch: &Stretch) -> Result<Option<Ended>, ConsumerError> {
        let part = stretch.part();
        let Some(ledger) = self.ledgers.get_mut(&part.partition) else { return Ok(None) };
        self.taking = true;
        let end = self.env.until.as_ref().and_then(|until| until.end(part));
        for record in stretch.records() {
            // Skipped records count too, so that transactions still go out while many are skipped.
            self.unsent += 1;
            if end.is_some_and(|end| record.offset() >= end) {
                continue;
            }
            if ledger.take(record) == Taken::OtherLog {
                let why = format!("{part} holds other records than those that were read");
                return self.start_again(client, &[part], &why).map(Some);
            }
        }
        ledger.pass(stretch.next());
        let recovered = if ledger.is_reading_again() { 0 } else { ledger.take_recovered() };
        if recovered > 0 {
            self.tell_recovered(part, recovered);
        }
        // Dead letters wait with all their bytes.
        self.unsent += stretch.bytes() as u64 / 1024;
        self.end_seen.insert(part.partition, stretch.next());
        self.hold();
        self.more |= self.has_read_all();
        Ok(if self.unsent >= GULP && !self.is_in_doubt() { self.begin_commit(client) } else { None })
    }

    fn has_room(&self) -> bool {
        !self.paused
    }

    fn is_due(&self) -> bool {
        self.more && self.is_idle()
    }

    fn tick(&mut self, client: &Arc<Client>) -> Result<Option<Ended>, ConsumerError> {
        let now = self.env.clock.now();
        let due = self.ledgers.values().any(|ledger| ledger.is_due(now));
        let interval = match self.env.until {
            Some(_) => SOON,
            None => INTERVAL,
        };
        let idle = self.is_idle();
        let mut ended = if idle { self.end_commit() } else { None };
        let soon = idle && std::mem::take(&mut self.more);
        if ended.is_none() && due && idle && (soon || self.sent.elapsed() >= interval) && !self.is_in_doubt()
        {
            ended = self.commit(client);
        }
        self.hold();
        self.show();
        if ended.is_none() && self.has_reached_end()? {
            ended = Some(Ended::Done);
        }
        Ok(ended)
    }

    fn show(&mut self) {
        self.show_read();
    }

    fn finish(&mut self, _: &Arc<Client>) {
        if let Some(Ended::Again(why)) = self.end_commit() {
            tracing::warn!("{NAME}: {why}");
        }
    }

    fn anchors(&self) -> HashMap<Part, Fingerprint> {
        let known = |(partition, ledger): (&i32, &Ledger)| Some((part(*partition), ledger.anchor()?));
        self.ledgers.iter().filter_map(known).collect()
    }

    fn logs_are_same(&mut self, replaced: &HashMap<Source, u64>) {
        self.replaced = replaced.get(&Source::Orders).copied();
    }

    fn start_again(
        &mut self,
        client: &Arc<Client>,
        parts: &[Part],
        why: &str,
    ) -> Result<Ended, ConsumerError> {
        Ok(self.judge_anew(client, parts, why))
    }

    fn health(&self) -> (usize, Option<Sentence>) {
        (self.ledgers.len(), self.paused.then_some(Sentence::TooManyWait { orders: HELD }))
    }

    fn may_be_fenced(&self) -> bool {
        self.fenced
    }

    fn retire(&mut self) {
        if let Some(sender) = self.sender.take() {
            crate::stream::let_go(sender);
        }
    }
}
