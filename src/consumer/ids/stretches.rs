//! A set of ids in memory, as arithmetic stretches: ids that go up evenly take one entry, however many they are.

use std::collections::BTreeMap;

/// The largest step between two ids of a stretch. Ids that are drawn at random over 64 bits are further apart.
const NEAR: u64 = 1 << 16;

/// The ids `first`, `first + step`, … up to `last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) first: u64,
    pub(super) last: u64,
    /// At least 1.
    pub(super) step: u64,
}

impl Stretch {
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

    /// Both as one stretch, where they are one; the other lies above.
    fn joined(self, other: Self) -> Option<Self> {
        let step = other.first - self.last;
        let fits = |stretch: &Self| stretch.is_single() || stretch.step == step;
        (step <= NEAR && fits(&self) && fits(&other)).then_some(Self {
            first: self.first,
            last: other.last,
            step,
        })
    }
}

/// Joins stretches that come in order; each is handed on when the next one does not belong to it.
#[derive(Debug, Default)]
pub(super) struct Joiner(Option<Stretch>);

impl Joiner {
    /// Takes the next stretch; returns one that is complete.
    pub(super) fn push(&mut self, next: Stretch) -> Option<Stretch> {
        match self.0.and_then(|held| held.joined(next)) {
            Some(joined) => {
                self.0 = Some(joined);
                None
            }
            None => self.0.replace(next),
        }
    }

    /// The last one.
    pub(super) fn finish(self) -> Option<Stretch> {
        self.0
    }
}

/// A set of ids.
#[derive(Debug, Clone, Default)]
pub(super) struct Stretches {
    /// By their first id: the last one and the step. They may overlap in no id, and none begins within another.
    by_first: BTreeMap<u64, (u64, u64)>,
}

impl Stretches {
    /// How many entries it takes.
    pub(super) fn len(&self) -> usize {
        self.by_first.len()
    }

    /// Whether an id is there.
    pub(super) fn contains(&self, id: u64) -> bool {
        let below = self.by_first.range(..=id).next_back();
        below.is_some_and(|(first, (last, step))| {
            Stretch { first: *first, last: *last, step: *step }.contains(id)
        })
    }

    /// Adds an id; `false` where it was there.
    pub(super) fn insert(&mut self, id: u64) -> bool {
        let new = Stretch::single(id);
        let Some((first, entry)) = self.by_first.range_mut(..=id).next_back() else {
            self.put(new);
            return true;
        };
        let below = Stretch { first: *first, last: entry.0, step: entry.1 };
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

    /// Adds a stretch above or between all others.
    pub(super) fn put(&mut self, stretch: Stretch) {
        self.by_first.insert(stretch.first, (stretch.last, stretch.step));
    }

    /// The stretches in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Stretch> + '_ {
        self.by_first.iter().map(|(first, (last, step))| Stretch { first: *first, last: *last, step: *step })
    }

    /// Joins what has come to lie side by side.
    pub(super) fn compact(&mut self) {
        let (mut joiner, mut compact) = (Joiner::default(), Self::default());
        for stretch in self.iter() {
            compact.by_first.extend(joiner.push(stretch).map(entry));
        }
        compact.by_first.extend(joiner.finish().map(entry));
        *self = compact;
    }
}

fn entry(stretch: Stretch) -> (u64, (u64, u64)) {
    (stretch.first, (stretch.last, stretch.step))
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

    pub(in super::super) fn elements(stretches: impl Iterator<Item = Stretch>) -> Vec<u64> {
        stretches
            .flat_map(|Stretch { first, last, step }| {
                let count = (last - first) / step;
                (0..=count).map(move |number| first + number * step)
            })
            .collect()
    }

    proptest! {
        #[test]
        fn it_is_a_set(steps in prop::collection::vec((any_id(), prop::bool::weighted(0.1)), 0..200)) {
            let (mut stretches, mut naive) = (Stretches::default(), BTreeSet::new());
            for (id, compacts) in steps {
                prop_assert_eq!(stretches.contains(id), naive.contains(&id));
                prop_assert_eq!(stretches.insert(id), naive.insert(id));
                if compacts {
                    stretches.compact();
                }
                prop_assert_eq!(elements(stretches.iter()), naive.iter().copied().collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn ids_that_go_up_evenly_take_one_entry() {
        let mut stretches = Stretches::default();
        assert!((0..100_000_u64).all(|number| stretches.insert(7 + 6 * number)));
        assert_eq!(stretches.len(), 1);
        // Two producers in turn, and one whose orders overtake each other.
        let mut stretches = Stretches::default();
        for number in 0..1000 {
            assert!(stretches.insert(1_000_000_000 + number) && stretches.insert(number));
        }
        assert_eq!(stretches.len(), 2);
        let mut stretches = Stretches::default();
        assert!((0..1000_u64).all(|number| stretches.insert(number ^ 1)));
        stretches.compact();
        assert!(stretches.len() <= 2, "{}", stretches.len());
    }
}
