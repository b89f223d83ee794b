//! The state of the handling of one partition: which orders wait, until when, and where to resume after a crash.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Counted, Parameters, Uncounted};
use crate::{
    consumer::{Content, DeadLetter, Decoded, Position, Start, Taken, position::Fingerprint},
    shop::{Customer, Handled, Order, Zone},
    views::Event,
};

/// Bytes of the largest handled order: Kafka's default for a batch is 1,048,588. If an order nearly fills a
/// batch, its handled order would be too large: it gets no lines, and shortened names.
const LARGEST: usize = 1_000_000;
/// Characters of name and address that are kept where all of them would be too many.
const KEPT: usize = 10_000;

/// The state that is written to Kafka in the same transaction as the records it accounts for. Everything
/// else can be derived from it and the log of orders.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Resume {
    /// Shop second up to which everything due from offsets before the position has been sent.
    pub sent_until: Option<i64>,
    /// The offset of the oldest order that waits; the position where none does.
    pub oldest: i64,
    /// The earliest second at which an order that waits is due; `None` where none waits or it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_due: Option<i64>,
    /// Since which offset which parameters hold, oldest first; those before `oldest` are forgotten.
    pub parameters: Vec<(i64, Parameters)>,
    /// The offsets up to which the figures count written records; `None` if not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<Counted>,
    /// What was done so far.
    #[serde(flatten)]
    pub figures: HandlingFigures,
}

impl Resume {
    /// Whether all orders before the position `next` of this state that are due at a shop second have been sent.
    pub fn has_sent(&self, next: i64, second: i64) -> bool {
        self.oldest >= next || self.next_due.is_some_and(|due| due > second)
    }
}

/// What `handling` has done with one partition of the orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HandlingFigures {
    /// Valid orders, each id once.
    pub accepted: u64,
    /// Of those, sent to the topic of handled orders.
    pub handled: u64,
    /// Records that are no valid orders.
    pub dead_letters: u64,
    /// Orders that came again.
    pub duplicates: u64,
}

/// A record that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// An order that was handled.
    Handled {
        /// Its id.
        order_id: u64,
        /// The record's value.
        value: Vec<u8>,
    },
    /// A record that is no valid order.
    DeadLetter {
        /// Its offset.
        offset: i64,
        /// The record.
        letter: Box<DeadLetter>,
    },
}

struct Waiting {
    order_id: u64,
    value: Vec<u8>,
}

/// The handling of one partition.
pub struct Ledger {
    zone: Zone,
    position: Position,
    resume: Resume,
    /// Orders that wait, by the second they are due and their offset.
    waiting: BTreeMap<(i64, i64), Waiting>,
    /// The offsets of those that wait.
    waiting_offsets: BTreeSet<i64>,
    /// The shop second at which this run ends, where it does.
    last_second: Option<i64>,
    /// Of the orders that are due after the end of the run: the first offset, and the earliest second.
    left: Option<(i64, i64)>,
    dead: Vec<Outgoing>,
    /// Offsets before this were read by an earlier run.
    replay_until: i64,
    /// The next of those to be read again.
    replay_next: i64,
    /// Whether the replay has found the last record of the earlier run: the log is the same, the replay complete.
    checked: bool,
    /// Written records that the state does not count. Nothing is sent before every order that may be among them was
    /// read.
    uncounted: Uncounted,
    /// The end of the log of orders when `uncounted` was read.
    uncounted_until: i64,
    /// Orders and dead letters that were among it.
    recovered: u64,
    /// Orders that were in `uncounted`, by offset, with the second they are due by the present parameters: until then a
    /// replay would take them for waiting orders.
    sent_early: BTreeMap<i64, i64>,
    /// A record that the state is known to follow from.
    anchor: Option<Fingerprint>,
    dirty: bool,
}

impl Ledger {
    /// Resumes from the state of the last transaction; `now` are the parameters for orders read from here on.
    pub fn new(zone: Zone, position: Position, mut resume: Resume, now: Parameters) -> Self {
        if resume.parameters.last().is_none_or(|(_, last)| *last != now) {
            resume.parameters.push((position.next, now));
        }
        Self {
            zone,
            position,
            replay_until: position.next,
            replay_next: resume.oldest,
            checked: position.last.is_none(),
            uncounted: Uncounted::default(),
            uncounted_until: 0,
            recovered: 0,
            sent_early: BTreeMap::new(),
            anchor: None,
            resume,
            waiting: BTreeMap::new(),
            waiting_offsets: BTreeSet::new(),
            last_second: None,
            left: None,
            dead: Vec::new(),
            dirty: false,
        }
    }

    /// Ends at a shop second: orders that are due later are left to the next run and not held in memory.
    #[must_use]
    pub fn until(self, last_second: Option<i64>) -> Self {
        Self { last_second, ..self }
    }

    /// Counts the records that were written but are not in the state, and does not send them again. They end at
    /// `counted`, and their orders are before `end`.
    #[must_use]
    pub fn recover(mut self, uncounted: Uncounted, counted: Counted, end: i64) -> Self {
        self.resume.counted = Some(counted);
        (self.uncounted, self.uncounted_until) = (uncounted, end);
        self.pass(0);
        self
    }

    /// Notes that every record before `next` was taken.
    pub fn pass(&mut self, next: i64) {
        if self.checked && next.max(self.position.next) >= self.uncounted_until {
            // What is left is of other partitions.
            self.uncounted = Uncounted::default();
        }
    }

    /// How many orders and dead letters were found to be written already since the last call.
    pub fn take_recovered(&mut self) -> u64 {
        std::mem::take(&mut self.recovered)
    }

    /// Where to start reading: at the oldest waiting order, or at the last record, to check that the log is
    /// the same.
    pub fn start(&self) -> Start {
        match self.position.start() {
            Start::Beginning => Start::Beginning,
            Start::Offset(last) => Start::Offset(last.min(self.resume.oldest)),
        }
    }

    /// Takes in one record.
    pub fn take(&mut self, record: &Decoded) -> Taken {
        let offset = record.offset();
        if !self.checked {
            let last = self.position.last.map_or(-1, |last| last.offset);
            if offset == last {
                if Some(record.fingerprint) != self.position.last {
                    return Taken::OtherLog;
                }
                self.checked = true;
                self.anchor = self.position.last;
            } else if offset > last {
                return Taken::OtherLog;
            }
        }
        if offset < self.replay_until {
            // Only an order that was not sent yet matters.
            if let Content::Event(Event::Order(order)) = &record.content
                && offset >= self.replay_next
            {
                self.await_handling(offset, order);
            }
            self.replay_next = self.replay_next.max(offset + 1);
            return Taken::Before;
        }
        if offset < self.position.next {
            return Taken::Before;
        }
        self.position.next = offset + 1;
        self.position.last = Some(record.fingerprint);
        self.anchor = self.anchor.or(self.position.last);
        self.dirty = true;
        self.resume.next_due = None;
        match &record.content {
            Content::Event(Event::Order(order)) => {
                self.position.note(order.order_id);
                self.resume.figures.accepted += 1;
                self.await_handling(offset, order);
            }
            Content::Duplicate => self.resume.figures.duplicates += 1,
            Content::DeadLetter(letter) => {
                self.resume.figures.dead_letters += 1;
                if self.uncounted.take_dead_letter(offset) {
                    self.recovered += 1;
                } else {
                    self.dead.push(Outgoing::DeadLetter { offset, letter: letter.clone() });
                }
            }
            // Records of other logs.
            Content::Event(_) | Content::Unreadable => {}
        }
        Taken::Yes
    }

    fn await_handling(&mut self, offset: i64, order: &Order) {
        let parameters = self.parameters_at(offset);
        let due_ms = parameters.handled_ms(order.order_id, order.created_at.timestamp_millis());
        let is_due_by = |second: i64| due_ms.is_none_or(|due_ms| due_ms.div_euclid(1000) <= second);
        if offset < self.replay_until && is_due_by(self.sent_until()) {
            return;
        }
        let sent = self.uncounted.take_handled(order, offset < self.replay_until);
        if sent == Some(false) {
            self.resume.figures.handled += 1;
            self.recovered += 1;
            self.dirty = true;
        }
        let Some(due_ms) = due_ms else { return };
        let due = due_ms.div_euclid(1000);
        if sent.is_some() {
            self.sent_early.insert(offset, due);
            return;
        }
        // Orders due up to `sent_until` are sent in any case, since a replay takes them for sent.
        let ends_before = self.last_second.is_some_and(|last| due > last.max(self.sent_until()));
        if ends_before {
            let (_, earliest) = self.left.get_or_insert((offset, due));
            *earliest = due.min(*earliest);
            return;
        }
        let mut handled = Handled {
            order_id: order.order_id,
            created_at: order.created_at,
            handled_at: self.zone.stamp(due_ms),
            customer: order.customer.clone(),
            total_ore: order.total_ore,
            lines: order.lines.clone(),
        };
        // Numbers and text: nothing that JSON cannot hold.
        let Ok(mut value) = serde_json::to_vec(&handled) else { return };
        if value.len() > LARGEST {
            handled.lines.clear();
            let Customer { name, email, .. } = &mut handled.customer;
            for text in [name, email] {
                *text = text.chars().take(KEPT).collect();
            }
            let Ok(cut) = serde_json::to_vec(&handled) else { return };
            value = cut;
        }
        self.waiting.insert((due, offset), Waiting { order_id: order.order_id, value });
        self.waiting_offsets.insert(offset);
    }

    fn parameters_at(&self, offset: i64) -> Parameters {
        let at = self.resume.parameters.iter().rev().find(|(since, _)| *since <= offset);
        at.or(self.resume.parameters.first()).map(|(_, parameters)| *parameters).unwrap_or_default()
    }

    fn sent_until(&self) -> i64 {
        self.resume.sent_until.unwrap_or(i64::MIN)
    }

    /// Whether a transaction is due at shop second `now`.
    pub fn is_due(&self, now: Option<i64>) -> bool {
        // After a restart `next_due` can differ: orders that waited may be gone from the log.
        let is_new = || self.dirty || self.resume.next_due != self.next_due();
        !self.is_reading_again() && (self.has_due(now) || is_new())
    }

    /// The earliest second at which an order that waits is due.
    fn next_due(&self) -> Option<i64> {
        let held = self.waiting.first_key_value().map(|((due, _), _)| *due);
        held.into_iter().chain(self.left.map(|(_, due)| due)).min()
    }

    /// Whether orders wait that are due at shop second `now`.
    pub fn has_due(&self, now: Option<i64>) -> bool {
        self.waiting.first_key_value().zip(now).is_some_and(|(((due, _), _), now)| *due <= now)
    }

    /// How many orders are held in memory until they are due.
    pub fn held(&self) -> usize {
        self.waiting.len()
    }

    /// Whether an earlier run's orders are still being read again: until then nothing can be sent.
    pub fn is_reading_again(&self) -> bool {
        !self.checked || !self.uncounted.is_empty()
    }

    /// Returns the records to send at shop second `now`: about `at_most` orders at most, by whole seconds.
    /// The state advances with them; both belong in one transaction.
    pub fn settle(&mut self, now: Option<i64>, at_most: usize) -> Vec<Outgoing> {
        // Before the replay is complete, an order that is due may be unknown, or sent already.
        if self.is_reading_again() {
            return Vec::new();
        }
        let mut outgoing = std::mem::take(&mut self.dead);
        if let Some(until) = self.send_until(now, at_most) {
            while let Some(first) = self.waiting.first_entry().filter(|first| first.key().0 <= until) {
                self.waiting_offsets.remove(&first.key().1);
                let Waiting { order_id, value } = first.remove();
                self.resume.figures.handled += 1;
                outgoing.push(Outgoing::Handled { order_id, value });
            }
            self.resume.sent_until = Some(until);
        }
        self.note_oldest();
        self.dirty = false;
        outgoing
    }

    /// The second up to which to send now. Orders due up to the stored second are sent, however many they are,
    /// since a replay takes them for sent.
    fn send_until(&self, now: Option<i64>, at_most: usize) -> Option<i64> {
        let enough = self.waiting.keys().nth(at_most).map(|(due, _)| *due);
        let until = match (now, enough) {
            (Some(now), Some(enough)) => Some(now.min(enough)),
            (now, _) => now,
        };
        until.max(self.resume.sent_until)
    }

    fn note_oldest(&mut self) {
        let held = self.waiting_offsets.first().copied();
        let left = self.left.map(|(offset, _)| offset);
        let oldest = held.into_iter().chain(left).min().unwrap_or(self.position.next);
        (self.resume.oldest, self.resume.next_due) = (oldest, self.next_due());
        let sent_until = self.sent_until();
        self.sent_early.retain(|offset, due| *offset >= oldest && *due > sent_until);
        if let Some(counted) = self.resume.counted.as_mut().filter(|_| self.sent_early.is_empty()) {
            counted.handled_since = None;
        }
        while self.resume.parameters.get(1).is_some_and(|(since, _)| *since <= oldest) {
            self.resume.parameters.remove(0);
        }
    }

    /// A record that the state is known to follow from, where one was read in this run.
    pub fn anchor(&self) -> Option<Fingerprint> {
        self.anchor
    }

    /// Where in the log this is.
    pub fn position(&self) -> Position {
        self.position
    }

    /// The offset up to which everything is read, in this run and before; 0 while it is being read again.
    pub fn read_until(&self) -> i64 {
        if self.is_reading_again() { 0 } else { self.position.next }
    }

    /// The state to write along.
    pub fn resume(&self) -> &Resume {
        &self.resume
    }
}

#[cfg(test)]
mod tests;
