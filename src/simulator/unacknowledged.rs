//! Which records Kafka has yet to acknowledge.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// The most records that there may be from the oldest open one on; whoever makes more waits. Enough for any
/// connection, and few enough that librdkafka finds most of them in the processor's cache.
pub const MOST: usize = 1 << 16;

/// Records in the order they were made, until they are acknowledged.
///
/// Records are numbered from 0. The delivery callback only has the [`Flags`]: so it shares no lock with the simulator,
/// which would be taken hundreds of thousands of times a second.
#[derive(Debug, Default)]
pub struct Unacknowledged {
    /// Shop time (Unix ms) of every record from the oldest open one on.
    times: VecDeque<i64>,
    /// How many there are before the oldest open one.
    closed: usize,
    flags: Arc<Flags>,
}

/// Which of the records in a ledger are acknowledged.
#[derive(Debug)]
pub struct Flags(Box<[AtomicBool]>);

impl Default for Flags {
    fn default() -> Self {
        Self(std::iter::repeat_with(AtomicBool::default).take(MOST).collect())
    }
}

impl Flags {
    /// Notes that an open record was acknowledged.
    pub fn set(&self, number: usize) {
        if let Some(flag) = self.0.get(number % MOST) {
            flag.store(true, Ordering::Release);
        }
    }

    fn is_set(&self, number: usize) -> bool {
        self.0.get(number % MOST).is_some_and(|flag| flag.load(Ordering::Acquire))
    }

    fn clear(&self, number: usize) {
        if let Some(flag) = self.0.get(number % MOST) {
            flag.store(false, Ordering::Relaxed);
        }
    }
}

impl Unacknowledged {
    /// For the delivery callback.
    pub fn flags(&self) -> Arc<Flags> {
        Arc::clone(&self.flags)
    }

    /// Whether another record may be entered.
    pub fn has_room(&self) -> bool {
        self.times.len() < MOST
    }

    /// Enters a record of a moment of shop time (Unix ms, never before the last one's) and gives it its number.
    pub fn open(&mut self, at_ms: i64) -> usize {
        self.times.push_back(at_ms);
        self.closed + self.times.len() - 1
    }

    /// Strikes out what was acknowledged up to the oldest record that was not.
    pub fn strike_out(&mut self) {
        while !self.times.is_empty() && self.flags.is_set(self.closed) {
            self.flags.clear(self.closed);
            self.times.pop_front();
            self.closed += 1;
        }
    }

    /// Shop time of the oldest open record, Unix ms.
    pub fn oldest_ms(&self) -> Option<i64> {
        self.times.front().copied()
    }

    /// How many records were struck out: all whose numbers are lower.
    pub fn closed(&self) -> usize {
        self.closed
    }

    /// How many records there are from the oldest open one on.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether every record was struck out.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_oldest_is_that_of_a_plain_list(steps: Vec<(bool, u8)>) {
            let mut ledger = Unacknowledged::default();
            let mut plain: Vec<(usize, i64)> = Vec::new();
            let mut now = 0;
            for (open, pick) in steps {
                if open || plain.is_empty() {
                    now += i64::from(pick % 3);
                    plain.push((ledger.open(now), now));
                } else {
                    let (number, _) = plain.remove(usize::from(pick) % plain.len());
                    ledger.flags().set(number);
                    ledger.strike_out();
                }
                prop_assert_eq!(ledger.oldest_ms(), plain.first().map(|(_, at)| *at));
                let oldest = plain.first().map_or(ledger.closed(), |(number, _)| *number);
                prop_assert_eq!(ledger.closed(), oldest);
                prop_assert!(ledger.len() >= plain.len() && ledger.is_empty() == plain.is_empty());
            }
        }
    }

    #[test]
    fn there_is_an_end_to_what_may_be_open_and_none_to_what_follows_it() {
        let mut ledger = Unacknowledged::default();
        for number in 0..MOST {
            assert!(ledger.has_room());
            assert_eq!(ledger.open(0), number);
        }
        assert!(!ledger.has_room());
        for number in 0..3 * MOST {
            ledger.flags().set(number);
            ledger.strike_out();
            assert_eq!((ledger.closed(), ledger.len()), (number + 1, MOST - 1));
            ledger.open(0);
        }
    }
}
