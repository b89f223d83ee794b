//! What the audit remembers of every order of a partition: 8¼ bytes, where ids go up.

use std::collections::HashMap;

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

/// The orders of a partition that count, by their index: the first in the log has 0.
#[derive(Debug, Clone, Default)]
pub(super) struct OrderSet {
    /// Stretches of ids that go up and lie within 32 bits: the first id, and its place in `ids`.
    stretches: Vec<(u64, usize)>,
    /// Ids that were above all before them: the id less the first of its stretch.
    ids: Vec<u32>,
    /// The others, with their indices.
    strays: HashMap<u64, Vec<usize>>,
    /// The indices of all strays, in order.
    stray_indices: Vec<usize>,
    highest: Option<u64>,
    digests: Vec<u32>,
    due: Bits,
    handled: Bits,
}

impl OrderSet {
    /// How many orders there are.
    pub(super) fn len(&self) -> usize {
        self.digests.len()
    }

    /// Adds an order; `due` where it must have been handled by now.
    pub(super) fn push(&mut self, id: u64, digest: u32, due: bool) {
        let index = self.len();
        if self.highest.is_none_or(|highest| id > highest) {
            self.highest = Some(id);
            let near =
                self.stretches.last().and_then(|(first, _)| u32::try_from(id.checked_sub(*first)?).ok());
            let id = near.unwrap_or_else(|| {
                self.stretches.push((id, self.ids.len()));
                0
            });
            self.ids.push(id);
        } else {
            self.strays.entry(id).or_default().push(index);
            self.stray_indices.push(index);
        }
        self.digests.push(digest);
        if due {
            self.due.set(index);
        }
    }

    /// The indices of the orders with an id.
    pub(super) fn find(&self, id: u64) -> impl Iterator<Item = usize> + '_ {
        let strays = self.strays.get(&id).into_iter().flatten().copied();
        self.place(id).map(|place| self.index_of(place)).into_iter().chain(strays)
    }

    /// The place of an id among those that were above all before them.
    fn place(&self, id: u64) -> Option<usize> {
        let stretch = self.stretches.partition_point(|(first, _)| *first <= id).checked_sub(1)?;
        let (first, from) = *self.stretches.get(stretch)?;
        let to = self.stretches.get(stretch + 1).map_or(self.ids.len(), |(_, next)| *next);
        let near = u32::try_from(id - first).ok()?;
        Some(from + self.ids.get(from..to)?.binary_search(&near).ok()?)
    }

    /// The index of the order at a place: so many strays lie before it.
    fn index_of(&self, place: usize) -> usize {
        let (mut below, mut above) = (0, self.stray_indices.len());
        while below < above {
            let middle = usize::midpoint(below, above);
            let before = self.stray_indices.get(middle).map_or(0, |index| index - middle);
            if before <= place { below = middle + 1 } else { above = middle }
        }
        place + below
    }

    /// An order's digest.
    pub(super) fn digest(&self, index: usize) -> Option<u32> {
        self.digests.get(index).copied()
    }

    /// Whether an order was handled.
    pub(super) fn is_handled(&self, index: usize) -> bool {
        self.handled.get(index)
    }

    /// Notes that an order was handled.
    pub(super) fn handle(&mut self, index: usize) {
        self.handled.set(index);
    }

    /// The ids of the orders that should have been handled and were not.
    pub(super) fn overdue(&self) -> impl Iterator<Item = u64> + '_ {
        let ends = self.stretches.iter().skip(1).map(|(_, next)| *next).chain([self.ids.len()]);
        let places = self.stretches.iter().zip(ends).flat_map(move |((first, from), to)| {
            let first = *first;
            let ids = self.ids.get(*from..to).unwrap_or_default();
            (*from..).zip(ids).map(move |(place, id)| (first + u64::from(*id), self.index_of(place)))
        });
        let strays = self.strays.iter().flat_map(|(id, indices)| indices.iter().map(|index| (*id, *index)));
        let is_overdue = |index: &usize| self.due.get(*index) && !self.handled.get(*index);
        places.chain(strays).filter(move |(_, index)| is_overdue(index)).map(|(id, _)| id)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn orders_are_found_by_their_ids_in_whatever_order_they_came(
            ids in prop::collection::vec(prop_oneof![0..200_u64, any::<u64>(), u64::MAX - 5..=u64::MAX], 0..80),
            ascending in any::<bool>(),
            others in prop::collection::vec(prop_oneof![0..200_u64, any::<u64>()], 0..40),
        ) {
            let mut ids = ids;
            if ascending {
                ids.sort_unstable();
            }
            let mut known = OrderSet::default();
            for (index, id) in ids.iter().enumerate() {
                prop_assert_eq!(known.len(), index);
                known.push(*id, u32::try_from(index).unwrap(), index % 2 == 0);
            }
            for id in ids.iter().chain(&others) {
                let expected: Vec<usize> = (0..ids.len()).filter(|index| ids[*index] == *id).collect();
                let mut found: Vec<usize> = known.find(*id).collect();
                found.sort_unstable();
                prop_assert_eq!(&found, &expected);
            }
            for index in (0..ids.len()).filter(|index| index % 3 == 0) {
                prop_assert_eq!(known.digest(index), u32::try_from(index).ok());
                prop_assert!(!known.is_handled(index));
                known.handle(index);
                prop_assert!(known.is_handled(index));
            }
            let left = (0..ids.len()).filter(|index| index % 2 == 0 && index % 3 != 0);
            let mut expected: Vec<u64> = left.map(|index| ids[index]).collect();
            let mut overdue: Vec<u64> = known.overdue().collect();
            expected.sort_unstable();
            overdue.sort_unstable();
            prop_assert_eq!(overdue, expected);
        }
    }
}
