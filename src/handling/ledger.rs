//! What the handling of one partition knows: which orders wait, until when, and where to go on after a crash.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Counted, Parameters, Uncounted};
use crate::{
    consumer::{Content, DeadLetter, Decoded, Position, Start, Taken, position::Fingerprint},
    shop::{Customer, Handled, Order, Zone},
    views::Event,
};

/// Bytes of the largest handled order: Kafka's default for a batch is 1,048,588. An order that fills a batch of its
/// own, with a name that fills the order, would lead to one that fits nowhere.
const LARGEST: usize = 1_000_000;
/// Characters of name and address that are kept where all of them would be too many.
const KEPT: usize = 10_000;

/// The state that is written to Kafka in the same transaction as what it led to. From it and the log of
/// orders everything else follows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Resume {
    /// Shop second up to which everything due from offsets before the position has been sent.
    pub sent_until: Option<i64>,
    /// The offset of the oldest order that waits; the position where none does.
    pub oldest: i64,
    /// Since which offset which parameters hold, oldest first; those before `oldest` are forgotten.
    pub parameters: Vec<(i64, Parameters)>,
    /// Up to where the figures count what was written; `None` where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<Counted>,
    /// What was done so far.
    #[serde(flatten)]
    pub figures: HandlingFigures,
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
        /// Where it lies.
        offset: i64,
        /// What it was.
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
    /// The offset of the first order that is due after the end of the run.
    left: Option<i64>,
    dead: Vec<Outgoing>,
    /// Offsets before this were read by an earlier run.
    replay_until: i64,
    /// The next of those to be read again.
    replay_next: i64,
    /// Whether the last record of the earlier run was seen again: it is the same log, and all is read again.
    checked: bool,
    /// What was written behind what the state counts. Nothing is sent before every order that may be among it has been
    /// read.
    uncounted: Uncounted,
    /// The end of the log of orders when `uncounted` was read.
    uncounted_until: i64,
    /// Orders and dead letters that were among it.
    recovered: u64,
    /// Orders that were among it, by offset, and the second they are due by the parameters that hold: until then a replay
    /// would take them for such that wait.
    sent_early: BTreeMap<i64, i64>,
    /// A record that the state is known to follow from.
    anchor: Option<Fingerprint>,
    dirty: bool,
}

impl Ledger {
    /// Goes on from what the last transaction wrote; `now` are the parameters for orders read from here on.
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

    /// Counts what was written behind what the state counts, and sends it not again. It was written up to `counted`, of
    /// orders before `end`.
    #[must_use]
    pub fn recover(mut self, uncounted: Uncounted, counted: Counted, end: i64) -> Self {
        self.resume.counted = Some(counted);
        (self.uncounted, self.uncounted_until) = (uncounted, end);
        self.pass(0);
        self
    }

    /// Takes note that there is no record before `next` that was not taken.
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

    /// Where to begin reading: at the oldest order that waits, or at the last record to see that it is the
    /// same log.
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
        // What is due up to `sent_until` goes out in any case, since a replay takes it for sent.
        let ends_before = self.last_second.is_some_and(|last| due > last.max(self.sent_until()));
        if ends_before {
            self.left.get_or_insert(offset);
            return;
        }
        let mut handled = Handled {
            order_id: order.order_id,
            created_at: order.created_at,
            handled_at: self.zone.stamp(due_ms),
            customer: order.customer.clone(),
            total_ore: order.total_ore,
        };
        // Numbers and text: nothing that JSON cannot hold.
        let Ok(mut value) = serde_json::to_vec(&handled) else { return };
        if value.len() > LARGEST {
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
        !self.is_reading_again() && (self.dirty || self.has_due(now))
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

    /// Hands out what is to be sent at shop second `now`: no more than about `at_most` orders, by whole
    /// seconds. The state moves along; both belong into one transaction.
    pub fn settle(&mut self, now: Option<i64>, at_most: usize) -> Vec<Outgoing> {
        // Before everything is read again, an order that is due may not be known, or be sent already.
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

    /// The second up to which to send now. What is due up to the stored one goes out whatever its number,
    /// since a replay takes it for sent.
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
        let oldest = held.into_iter().chain(self.left).min().unwrap_or(self.position.next);
        self.resume.oldest = oldest;
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
