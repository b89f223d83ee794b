//! Finds the difference of two huge collections in memory that does not depend on their size.
//!
//! An invertible Bloom lookup table (Eppstein, Goodrich, Uyeda, Varghese 2011, "What's the difference? Efficient set
//! reconciliation without prior context"): every item is added to three of its cells, in which sums of its fields are
//! kept. The sketch of one collection less that of another holds their difference alone, and can be taken apart
//! again as long as that is small. Sums instead of the paper's exclusive-or keep count of items that are there
//! several times.

/// Cells of each of the three tables: differences of up to some two thousand items are told one by one.
const CELLS: usize = 1 << 10;
const TABLES: usize = 3;

/// One item: a row, a mail, a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Item {
    /// Which order or offset it is of.
    pub id: u64,
    /// Where it lies: the day of a file, the number of a partition.
    pub group: i64,
    /// A hash of all that it says.
    pub digest: u64,
}

impl Item {
    /// A hash over all fields.
    fn mix(&self) -> u64 {
        // No number is negative here, or the same bits stand for it.
        scramble(scramble(scramble(self.id) ^ self.group.cast_unsigned()) ^ self.digest)
    }
}

/// The finalizer of `SplitMix64` (Steele, Lea, Flood 2014).
fn scramble(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Sums over items; with at most 2^63 items of 64 bits each they stay within 128 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Cell {
    count: i64,
    id: i128,
    group: i128,
    digest: i128,
    check: i128,
}

impl Cell {
    fn add(&mut self, item: &Item, times: i64) {
        let many = i128::from(times);
        self.count += times;
        self.id += i128::from(item.id) * many;
        self.group += i128::from(item.group) * many;
        self.digest += i128::from(item.digest) * many;
        self.check += i128::from(item.mix()) * many;
    }

    /// The item of a cell that holds one alone, and how many times.
    fn only(&self) -> Option<(Item, i64)> {
        let count = i128::from(self.count);
        if count == 0 {
            return None;
        }
        let item = Item {
            id: u64::try_from(self.id / count).ok()?,
            group: i64::try_from(self.group / count).ok()?,
            digest: u64::try_from(self.digest / count).ok()?,
        };
        let mut alone = Self::default();
        alone.add(&item, self.count);
        (alone == *self).then_some((item, self.count))
    }
}

/// What is known of a collection of items.
#[derive(Debug, Clone)]
pub struct Sketch {
    cells: Vec<Cell>,
}

impl Default for Sketch {
    fn default() -> Self {
        Self { cells: vec![Cell::default(); CELLS * TABLES] }
    }
}

impl Sketch {
    /// Adds an item.
    pub fn add(&mut self, item: &Item) {
        self.add_times(item, 1);
    }

    fn add_times(&mut self, item: &Item, times: i64) {
        for place in places(item) {
            if let Some(cell) = self.cells.get_mut(place) {
                cell.add(item, times);
            }
        }
    }

    /// What this collection has more (positive) and less (negative) than the other, and whether that is all of it.
    pub fn difference(mut self, other: &Self) -> (Vec<(Item, i64)>, bool) {
        for (cell, theirs) in self.cells.iter_mut().zip(&other.cells) {
            cell.count -= theirs.count;
            cell.id -= theirs.id;
            cell.group -= theirs.group;
            cell.digest -= theirs.digest;
            cell.check -= theirs.check;
        }
        let mut items = Vec::new();
        let mut look_at: Vec<usize> = (0..self.cells.len()).collect();
        // A cell gives at most one item: more means that a sum was mistaken for an item.
        let most = self.cells.len();
        while let Some(place) = look_at.pop().filter(|_| items.len() < most) {
            if let Some((item, times)) = self.cells.get(place).and_then(Cell::only) {
                self.add_times(&item, -times);
                look_at.extend(places(&item));
                items.push((item, times));
            }
        }
        items.sort_unstable();
        (items, self.cells.iter().all(|cell| *cell == Cell::default()))
    }
}

/// The cells of an item, one in each table.
fn places(item: &Item) -> [usize; TABLES] {
    let mix = item.mix();
    [0, 1, 2].map(|table: u8| {
        let bits = scramble(mix ^ u64::from(table)) % CELLS as u64;
        // Less than the number of cells.
        usize::try_from(bits).unwrap_or_default() + CELLS * usize::from(table)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn item() -> impl Strategy<Value = Item> {
        (0..40_u64, -2..2_i64, 0..3_u64).prop_map(|(id, group, digest)| Item {
            id: id.wrapping_sub(20),
            group,
            digest: digest.wrapping_sub(1),
        })
    }

    proptest! {
        #[test]
        fn the_difference_is_what_counting_says(
            ours in prop::collection::vec(item(), 0..300),
            theirs in prop::collection::vec(item(), 0..300),
        ) {
            let mut counts: BTreeMap<Item, i64> = BTreeMap::new();
            let (mut left, mut right) = (Sketch::default(), Sketch::default());
            for item in &ours {
                left.add(item);
                *counts.entry(*item).or_default() += 1;
            }
            for item in &theirs {
                right.add(item);
                *counts.entry(*item).or_default() -= 1;
            }
            counts.retain(|_, count| *count != 0);
            let (items, all) = left.difference(&right);
            prop_assert!(all);
            prop_assert_eq!(items, counts.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn too_large_a_difference_says_that_it_is_not_all() {
        let mut many = Sketch::default();
        for id in 0..100_000 {
            many.add(&Item { id, group: 7, digest: scramble(id) });
        }
        let (_, all) = many.clone().difference(&Sketch::default());
        assert!(!all);
        let (items, all) = many.clone().difference(&many);
        assert!(items.is_empty() && all);
    }
}
