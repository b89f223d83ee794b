//! The end that `consume --until-end` works up to.

use std::{
    collections::{BTreeSet, HashMap},
    sync::OnceLock,
    time::{Duration, Instant},
};

use tokio::sync::watch;

use crate::{consumer::Part, views::Source};

/// A dead member keeps its partitions until its session times out (6 s); an owner after this time is alive.
const GHOST: Duration = Duration::from_secs(10);

/// The end of a run: a shop time, and the end offsets of the logs at it.
#[derive(Debug, Default)]
pub struct Until {
    begun: OnceLock<Begun>,
    /// The end offsets of the handled orders: set when `handling` has reached its end.
    pub handled_ends: watch::Sender<Option<HashMap<Part, i64>>>,
}

#[derive(Debug)]
struct Begun {
    shop_second: i64,
    ends: HashMap<Part, i64>,
}

impl Until {
    /// Fixes shop second T and the end offset of each partition, once, before the first record is taken.
    pub fn fix(&self, shop_second: i64, ends: HashMap<Part, i64>) {
        self.begun.get_or_init(|| Begun { shop_second, ends });
    }

    /// Shop second T, once it is fixed.
    pub fn shop_second(&self) -> Option<i64> {
        self.begun.get().map(|begun| begun.shop_second)
    }

    /// The end of each partition of orders, deliveries and handled orders when T was fixed.
    pub fn ends(&self) -> impl Iterator<Item = (Part, i64)> {
        self.begun.get().into_iter().flat_map(|begun| &begun.ends).map(|(part, end)| (*part, *end))
    }

    /// The end of a partition, once it is known.
    pub fn end(&self, part: Part) -> Option<i64> {
        if part.source == Source::Handled {
            self.handled_ends.borrow().as_ref().map(|ends| ends.get(&part).copied().unwrap_or(0))
        } else {
            self.begun.get().map(|begun| begun.ends.get(&part).copied().unwrap_or(0))
        }
    }
}

/// Waits for the partitions of other members after this process has finished its own.
#[derive(Debug, Default)]
pub struct Others {
    /// The partitions of this process when it had finished them, and when.
    done: Option<(BTreeSet<Part>, Instant)>,
}

impl Others {
    /// Whether `all` partitions are processed up to their ends. For those that are not `held` here it takes the published
    /// position, `told`, once their owners cannot be dead members.
    pub fn are_done(
        &mut self,
        held: BTreeSet<Part>,
        all: impl IntoIterator<Item = (Part, i64)>,
        told: impl Fn(Part) -> Option<i64>,
        now: Instant,
    ) -> bool {
        let mut missing = all.into_iter().filter(|(part, end)| *end > 0 && !held.contains(part)).peekable();
        if missing.peek().is_none() {
            return true;
        }
        match &self.done {
            Some((same, since)) if *same == held => {
                now.saturating_duration_since(*since) >= GHOST
                    && missing.all(|(part, end)| told(part).is_some_and(|next| next >= end))
            }
            _ => {
                self.done = Some((held, now));
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(partition: i32) -> Part {
        Part { source: Source::Orders, partition }
    }

    #[test]
    fn what_others_hold_is_waited_for_and_a_dead_one_never_believed() {
        let all = || [(part(0), 7), (part(1), 9), (part(2), 0)];
        let (mut others, begun) = (Others::default(), Instant::now());
        let (own, every) = (BTreeSet::from([part(0)]), BTreeSet::from([part(0), part(1)]));
        let mut ask = |held: &BTreeSet<Part>, told: Option<i64>, after: u64| {
            others.are_done(held.clone(), all(), |_| told, begun + Duration::from_secs(after))
        };
        assert!(ask(&every, None, 0), "an empty partition needs nobody");
        assert!(!ask(&own, Some(9), 1) && !ask(&own, Some(9), 9), "its holder may be dead");
        assert!(!ask(&own, Some(8), 12) && !ask(&own, None, 12));
        assert!(ask(&own, Some(9), 12));
        // Another share begins anew.
        let other = BTreeSet::from([part(1)]);
        assert!(!ask(&other, Some(9), 13) && !ask(&other, Some(9), 22) && ask(&other, Some(9), 23));
    }
}
