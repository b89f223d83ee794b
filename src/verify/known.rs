//! What the audit remembers of every order of a partition: 8¼ bytes.

/// A set of small numbers, a bit each.
#[derive(Debug, Clone, Default)]
struct Bits(Vec<u64>);

impl Bits {
    fn get(&self, index: usize) -> bool {
        self.0.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    fn set(&mut self, index: usize) {
        if self.0.len() <= index / 64 {
            self.0.resize(index / 64 + 1, 0);
        }
        if let Some(word) = self.0.get_mut(index / 64) {
            *word |= 1 << (index % 64);
        }
    }
}

/// Orders in the order of their ids, which go up within a partition.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// Stretches of ids that lie within 32 bits: the first id, and the index of its order.
    stretches: Vec<(u64, usize)>,
    /// By index: the id less the first of its stretch.
    ids: Vec<u32>,
    digests: Vec<u32>,
    due: Bits,
    handled: Bits,
}

impl Known {
    /// Adds an order with an id above all others; `due` where it must have been handled by now.
    pub(super) fn push(&mut self, id: u64, digest: u32, due: bool) {
        let index = self.ids.len();
        let near = self.stretches.last().and_then(|(first, _)| u32::try_from(id.checked_sub(*first)?).ok());
        let id = near.unwrap_or_else(|| {
            self.stretches.push((id, index));
            0
        });
        self.ids.push(id);
        self.digests.push(digest);
        if due {
            self.due.set(index);
        }
    }

    /// Where an order stands.
    pub(super) fn find(&self, id: u64) -> Option<usize> {
        let stretch = self.stretches.partition_point(|(first, _)| *first <= id).checked_sub(1)?;
        let (first, from) = *self.stretches.get(stretch)?;
        let to = self.stretches.get(stretch + 1).map_or(self.ids.len(), |(_, next)| *next);
        let near = u32::try_from(id - first).ok()?;
        Some(from + self.ids.get(from..to)?.binary_search(&near).ok()?)
    }

    /// An order's digest.
    pub(super) fn digest(&self, index: usize) -> Option<u32> {
        self.digests.get(index).copied()
    }

    /// Notes that an order was handled; `false` where it was noted before.
    pub(super) fn handle(&mut self, index: usize) -> bool {
        let first = !self.handled.get(index);
        self.handled.set(index);
        first
    }

    /// The ids of the orders that should have been handled and were not.
    pub(super) fn overdue(&self) -> impl Iterator<Item = u64> + '_ {
        let ends = self.stretches.iter().skip(1).map(|(_, next)| *next).chain([self.ids.len()]);
        let indices = self.stretches.iter().zip(ends).flat_map(|((first, from), to)| {
            let first = *first;
            (*from..to).map(move |index| (first, index))
        });
        indices
            .filter(|(_, index)| self.due.get(*index) && !self.handled.get(*index))
            .filter_map(|(first, index)| self.ids.get(index).map(|id| first + u64::from(*id)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn orders_are_found_by_their_ids(
            ids in prop::collection::btree_set(prop_oneof![0..200_u64, any::<u64>(), u64::MAX - 5..=u64::MAX], 0..80),
            others in prop::collection::vec(prop_oneof![0..200_u64, any::<u64>()], 0..40),
        ) {
            let mut known = Known::default();
            for id in &ids {
                known.push(*id, u32::try_from(*id % 1000).unwrap(), id % 2 == 0);
            }
            for id in ids.iter().chain(&others) {
                let found = known.find(*id);
                prop_assert_eq!(found.is_some(), ids.contains(id));
                if let Some(index) = found {
                    prop_assert_eq!(known.digest(index), u32::try_from(*id % 1000).ok());
                    if id % 3 == 0 {
                        known.handle(index);
                        prop_assert!(!known.handle(index));
                    }
                }
            }
            let overdue: BTreeSet<u64> = ids.iter().copied().filter(|id| id % 2 == 0 && id % 3 != 0).collect();
            prop_assert_eq!(known.overdue().collect::<BTreeSet<_>>(), overdue);
        }
    }
}
