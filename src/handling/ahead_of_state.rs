//! Records that the handling wrote but its state does not count.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::shop::{Handled, Order};

/// The offsets up to which the figures of a state include the records on the topics that the handling writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counted {
    /// In the partition of the handled orders that this partition's orders go to.
    pub handled: i64,
    /// In the only partition of the dead letters that is written.
    pub dead_letters: i64,
    /// The offset of the first handled orders that may have been counted before they were due, by the parameters of an
    /// earlier state that was lost. `None` if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handled_since: Option<i64>,
}

impl Counted {
    /// Where to read the handled orders from, to find those that a replay of the orders must not send again.
    pub fn begin(&self) -> i64 {
        self.handled_since.unwrap_or(self.handled)
    }

    /// Takes note of how far the topics are written, by whoever counts all that it writes.
    pub fn advance(&mut self, handled: i64, dead_letters: i64) {
        self.handled = self.handled.max(handled);
        self.dead_letters = self.dead_letters.max(dead_letters);
    }
}

/// Identifies an order; the id alone does not, since another log may use it again.
type Key = (u64, i64, i64);

/// Handled orders and dead letters of one partition that are on their topics beyond those that its state counts.
///
/// State and records are written in one transaction, so this is empty unless `shop.state` has lost its latest records: by
/// a power failure, by retention, or because it was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Uncounted {
    /// How often each order is there, and was counted or not.
    handled: HashMap<(Key, bool), u32>,
    /// Offsets in the log of orders.
    dead_letters: HashSet<i64>,
}

impl Uncounted {
    /// Notes a handled order that is there; `counted` where the state counts it, though it may not be due yet.
    pub fn note_handled(&mut self, handled: &Handled, counted: bool) {
        let key = (handled.order_id, handled.created_at.timestamp_millis(), handled.total_ore);
        *self.handled.entry((key, counted)).or_default() += 1;
    }

    /// Notes the dead letter that a record at this offset of the log of orders became.
    pub fn note_dead_letter(&mut self, offset: i64) {
        self.dead_letters.insert(offset);
    }

    /// Whether everything is counted.
    pub fn is_empty(&self) -> bool {
        self.handled.is_empty() && self.dead_letters.is_empty()
    }

    /// Removes an order if it is there; returns whether it was `counted`, which requires `read_before`.
    pub(super) fn take_handled(&mut self, order: &Order, read_before: bool) -> Option<bool> {
        let key = (order.order_id, order.created_at.timestamp_millis(), order.total_ore);
        let counted = read_before && self.handled.contains_key(&(key, true));
        let times = self.handled.get_mut(&(key, counted))?;
        *times -= 1;
        if *times == 0 {
            self.handled.remove(&(key, counted));
        }
        Some(counted)
    }

    /// Counts the dead letter of an offset, where it is there.
    pub(super) fn take_dead_letter(&mut self, offset: i64) -> bool {
        self.dead_letters.remove(&offset)
    }
}
