//! Which records Kafka has yet to acknowledge: pure bookkeeping.

use std::collections::VecDeque;

/// Records in the order they were made, until they are acknowledged.
#[derive(Debug, Default)]
pub struct Ledger {
    entries: VecDeque<Entry>,
    /// Number of the first entry.
    first: usize,
    open: usize,
}

#[derive(Debug)]
struct Entry {
    at_ms: i64,
    open: bool,
}

impl Ledger {
    /// Enters a record of a moment of shop time (Unix ms, never before the last one's); its number is for
    /// [`Ledger::close`].
    pub fn open(&mut self, at_ms: i64) -> usize {
        self.entries.push_back(Entry { at_ms, open: true });
        self.open += 1;
        self.first.wrapping_add(self.entries.len() - 1)
    }

    /// Strikes out a record that was acknowledged. Says whether it was open.
    pub fn close(&mut self, number: usize) -> bool {
        let Some(entry) = self.entries.get_mut(number.wrapping_sub(self.first)) else { return false };
        let was_open = std::mem::replace(&mut entry.open, false);
        self.open -= usize::from(was_open);
        while self.entries.front().is_some_and(|entry| !entry.open) {
            self.entries.pop_front();
            self.first = self.first.wrapping_add(1);
        }
        was_open
    }

    /// Shop time of the oldest open record, Unix ms.
    pub fn oldest_ms(&self) -> Option<i64> {
        self.entries.front().map(|entry| entry.at_ms)
    }

    /// How many records are open.
    pub fn len(&self) -> usize {
        self.open
    }

    /// How many records there are from the oldest open one on.
    pub fn span(&self) -> usize {
        self.entries.len()
    }

    /// Whether every record was acknowledged.
    pub fn is_empty(&self) -> bool {
        self.open == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_oldest_is_that_of_a_plain_list(steps: Vec<(bool, u8)>) {
            let mut ledger = Ledger::default();
            let mut plain: Vec<(usize, i64)> = Vec::new();
            let mut now = 0;
            for (open, pick) in steps {
                if open || plain.is_empty() {
                    now += i64::from(pick % 3);
                    plain.push((ledger.open(now), now));
                } else {
                    let (number, _) = plain.remove(usize::from(pick) % plain.len());
                    prop_assert!(ledger.close(number));
                    prop_assert!(!ledger.close(number), "twice");
                }
                prop_assert_eq!(ledger.oldest_ms(), plain.iter().map(|(_, at)| *at).min());
                prop_assert_eq!(ledger.len(), plain.len());
                prop_assert!(ledger.span() >= ledger.len() && (ledger.span() == 0) == plain.is_empty());
            }
        }
    }
}
