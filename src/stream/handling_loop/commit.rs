//! What goes out: one transaction with all that is due, and the states that it leaves on the board.

use std::time::Instant;

use chrono::Utc;
use rdkafka::{Offset, consumer::Consumer};

use super::{NAME, Turn};
use crate::{
    consumer::{Part, Position},
    dashboard::snapshot::Weight,
    handling::{Outgoing, Resume},
    stream::{StreamError, board::PartState, env::Ended, group::passed},
    views::{Source, part::PartFigures},
};

/// Orders in one transaction, about.
const AT_MOST: usize = 50_000;

impl Turn<'_> {
    /// One transaction with all that is due. After an error everything is built again from the last one.
    pub(super) fn commit(&mut self) -> Option<Ended> {
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
        let part = |partition| Part { source: Source::Orders, partition };
        let read = moved.iter().map(|(partition, position, _)| (part(*partition), position.next));
        let seen = passed(self.env, &self.consumer, read).unwrap_or_default();
        let states: Vec<_> = moved
            .into_iter()
            .map(|(partition, position, resume)| {
                let end_seen = seen.get(&part(partition)).copied().unwrap_or(0);
                (partition, PartState { end_seen, ..self.state(partition, position, resume) })
            })
            .collect();
        let committed = self.send(outgoing, &states);
        self.sent = Instant::now();
        if let Err(error) = committed {
            return Some(Ended::Again(format!("a transaction failed ({error})")));
        }
        for (partition, state) in states {
            self.shown.insert(partition, state.position);
            self.env.board.put(NAME, part(partition), state);
        }
        let count = {
            let ledgers = self.books.ledgers();
            self.more = ledgers.values().any(|ledger| ledger.is_due(now));
            ledgers.len()
        };
        self.env.board.set_group(NAME, count, self.records, self.waits());
        None
    }

    /// The committed states of partitions belong to another log: empty ones are committed in their place.
    pub(super) fn start_again(&mut self, partitions: &[i32], why: &str) -> Ended {
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
        let too_large = self.sender.commit(outgoing, states, (&offsets, &group))?;
        for order_id in too_large {
            let text = format!(
                "Order {order_id} is handled, but its record is larger than Kafka takes: no mail goes out."
            );
            self.env.board.say(self.env.clock.now().unwrap_or_default(), Weight::Error, text.into());
        }
        Ok(())
    }

    /// Whether the logs may be others than those that were read: what is sent now cannot be taken back.
    pub(super) fn is_in_doubt(&self) -> bool {
        let ends = self.env.board.ends();
        ends.doubtful || ends.replaced.get(&Source::Orders).copied() != self.replaced
    }

    /// Up to `seen` lies nothing behind what was committed of a partition but markers of transactions.
    pub(super) fn has_seen(&self, part: Part, seen: i64) {
        if let Some(state) = self.env.board.part(NAME, part) {
            self.env.board.put(NAME, part, PartState { end_seen: seen.max(state.end_seen), ..state });
        }
    }

    /// The committed states go up as they are, before the first transaction.
    pub(super) fn show_first(&mut self) {
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
}
