//! A set of ids in memory, as arithmetic progressions: ids that go up evenly take one entry, however many they are.

use std::collections::BTreeMap;

/// The largest step between two ids of a progression. Ids that are drawn at random over 64 bits are further apart.
const NEAR: u64 = 1 << 16;

/// The ids `first`, `first + step`, … up to `last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Progression {
    pub(super) first: u64,
    pub(super) last: u64,
    /// At least 1.
    pub(super) step: u64,
}

impl Progression {
    /// One id.
    pub(super) fn single(id: u64) -> Self {
        Self { first: id, last: id, step: 1 }
    }

    fn is_single(&self) -> bool {
        self.first == self.last
    }

    /// Whether an id is among them.
    pub(super) fn contains(&self, id: u64) -> bool {
        (self.first..=self.last).contains(&id) && (id - self.first).is_multiple_of(self.step)
    }

    /// The ids below `id`, which lies above the first and not above the last one, and the others.
    pub(super) fn split(self, id: u64) -> (Self, Self) {
        let left = self.first + (id - 1 - self.first) / self.step * self.step;
        (Self { last: left, ..self }, Self { first: left + self.step, ..self })
    }

    /// Joins both if they form one progression; `other` lies above.
    fn joined(self, other: Self) -> Option<Self> {
        let step = other.first - self.last;
        let fits = |progression: &Self| progression.is_single() || progression.step == step;
        (step <= NEAR && fits(&self) && fits(&other)).then_some(Self {
            first: self.first,
            last: other.last,
            step,
        })
    }
}

/// Joins progressions that come in order; each is handed on when the next one does not belong to it.
#[derive(Debug, Default)]
pub(super) struct Joiner(Option<Progression>);

impl Joiner {
    /// Takes the next progression; returns one that is complete.
    pub(super) fn push(&mut self, next: Progression) -> Option<Progression> {
        match self.0.and_then(|held| held.joined(next)) {
            Some(joined) => {
                self.0 = Some(joined);
                None
            }
            None => self.0.replace(next),
        }
    }

    /// The last one.
    pub(super) fn finish(self) -> Option<Progression> {
        self.0
    }
}

/// A set of ids.
#[derive(Debug, Clone, Default)]
pub(super) struct Progressions {
    /// By their first id: the last one and the step. They may overlap in no id, and none begins within another.
    by_first: BTreeMap<u64, (u64, u64)>,
}

impl Progressions {
    /// How many entries it takes.
    pub(super) fn len(&self) -> usize {
        self.by_first.len()
    }

    /// Whether an id is there.
    pub(super) fn contains(&self, id: u64) -> bool {
        let below = self.by_first.range(..=id).next_back();
        below.is_some_and(|(first, (last, step))| {
            Progression { first: *first, last: *last, step: *step }.contains(id)
        })
    }

    /// Adds an id; `false` where it was there.
    pub(super) fn insert(&mut self, id: u64) -> bool {
        let new = Progression::single(id);
        let Some((first, entry)) = self.by_first.range_mut(..=id).next_back() else {
            self.put(new);
            return true;
        };
        let below = Progression { first: *first, last: entry.0, step: entry.1 };
        if below.contains(id) {
            return false;
        }
        if id < below.last {
            let (left, right) = below.split(id);
            *entry = (left.last, left.step);
            self.put(right);
            self.put(new);
        } else if let Some(joined) = below.joined(new) {
            *entry = (joined.last, joined.step);
        } else {
            self.put(new);
        }
        true
    }

    /// Adds a progression above or between all others.
    pub(super) fn put(&mut self, progression: Progression) {
        self.by_first.insert(progression.first, (progression.last, progression.step));
    }

    /// The progressions in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Progression> + '_ {
        self.by_first.iter().map(|(first, (last, step))| Progression {
            first: *first,
            last: *last,
            step: *step,
        })
    }

    /// Joins what has come to lie side by side.
    pub(super) fn compact(&mut self) {
        let (mut joiner, mut compact) = (Joiner::default(), Self::default());
        for progression in self.iter() {
            compact.by_first.extend(joiner.push(progression).map(entry));
        }
        compact.by_first.extend(joiner.finish().map(entry));
        *self = compact;
    }
}

fn entry(progression: Progression) -> (u64, (u64, u64)) {
    (progression.first, (progression.last, progression.step))
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Ids as producers make them: close together, in some steps, at random, at the ends.
    pub(in super::super) fn any_id() -> impl Strategy<Value = u64> {
        prop_oneof![
            6 => 0..60_u64,
            2 => (0..40_u64).prop_map(|number| 1_000_000 + 6 * number),
            1 => any::<u64>(),
            1 => u64::MAX - 3..=u64::MAX,
        ]
    }

    pub(in super::super) fn elements(progressions: impl Iterator<Item = Progression>) -> Vec<u64> {
        progressions
            .flat_map(|Progression { first, last, step }| {
                let count = (last - first) / step;
                (0..=count).map(move |number| first + number * step)
            })
            .collect()
    }

    proptest! {
        #[test]
        fn it_is_a_set(steps in prop::collection::vec((any_id(), prop::bool::weighted(0.1)), 0..200)) {
            let (mut progressions, mut naive) = (Progressions::default(), BTreeSet::new());
            for (id, compacts) in steps {
                prop_assert_eq!(progressions.contains(id), naive.contains(&id));
                prop_assert_eq!(progressions.insert(id), naive.insert(id));
                if compacts {
                    progressions.compact();
                }
                prop_assert_eq!(elements(progressions.iter()), naive.iter().copied().collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn ids_that_go_up_evenly_take_one_entry() {
        let mut progressions = Progressions::default();
        assert!((0..100_000_u64).all(|number| progressions.insert(7 + 6 * number)));
        assert_eq!(progressions.len(), 1);
        // Two producers in turn, and one whose orders overtake each other.
        let mut progressions = Progressions::default();
        for number in 0..1000 {
            assert!(progressions.insert(1_000_000_000 + number) && progressions.insert(number));
        }
        assert_eq!(progressions.len(), 2);
        let mut progressions = Progressions::default();
        assert!((0..1000_u64).all(|number| progressions.insert(number ^ 1)));
        progressions.compact();
        assert!(progressions.len() <= 2, "{}", progressions.len());
    }
}
