//! The stock: balances, unmet demand, and goods on their way.
//!
//! A product that falls to its reorder point, goods on their way counted, is ordered again: in whole
//! reorder quantities, as many as were wanted in one delivery time at the pace since the last reorder. The
//! goods come after the product's delivery time; once a tenth of a reorder quantity was asked for in vain,
//! the supplier sends the next of them at once. So reorders follow demand, and a shop that sells a
//! thousand times faster than its file foresaw is short of goods for a moment only.

use std::collections::{BTreeMap, VecDeque};

use crate::shop::{Catalog, Product, product::MOST};

/// The share of a reorder quantity that may be asked for in vain before the supplier hurries.
const PATIENCE: i64 = 10;

/// Goods on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coming {
    /// Pieces.
    pub quantity: i64,
    /// Shop time of arrival, Unix ms.
    pub due_ms: i64,
}

/// Goods that are there now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Place of the product in the catalog.
    pub product: usize,
    /// Pieces.
    pub quantity: i64,
}

/// One product's place on the shelf.
#[derive(Debug, Clone)]
struct Place {
    reorder_point: i64,
    reorder_quantity: i64,
    delivery_ms: i64,
    /// Pieces that are there. A log to which others have written can leave it below zero.
    balance: i64,
    coming: VecDeque<Coming>,
    /// Pieces wanted since `counted_from_ms`, when goods were ordered last.
    wanted: i64,
    counted_from_ms: i64,
    /// Pieces asked for in vain since goods came last.
    missed: i64,
}

/// The shelf of the whole range.
#[derive(Debug, Clone)]
pub struct Shelf {
    places: Vec<Place>,
    /// When anything comes next, Unix ms; `i64::MAX` for never.
    next_due_ms: i64,
    /// A place whose supplier hurries.
    hurried: Option<usize>,
}

impl Shelf {
    /// A shelf after the given pieces were delivered and sold, with goods on their way; all by product id.
    pub fn new(
        catalog: &Catalog,
        delivered: &BTreeMap<u64, i64>,
        sold: &BTreeMap<u64, i64>,
        under_way: &[(u64, Coming)],
        now_ms: i64,
    ) -> Self {
        let pieces = |of: &BTreeMap<u64, i64>, id: u64| of.get(&id).copied().unwrap_or_default();
        let place = |product: &Product| {
            let mut coming: Vec<Coming> =
                under_way.iter().filter(|(id, _)| *id == product.id).map(|(_, coming)| *coming).collect();
            coming.sort_by_key(|coming| coming.due_ms);
            Place {
                reorder_point: product.reorder_point,
                reorder_quantity: product.reorder_quantity,
                delivery_ms: product.delivery_minutes.saturating_mul(60_000),
                balance: pieces(delivered, product.id).saturating_sub(pieces(sold, product.id)),
                coming: coming.into(),
                wanted: 0,
                counted_from_ms: now_ms,
                missed: 0,
            }
        };
        let mut shelf =
            Self { places: catalog.products.iter().map(place).collect(), next_due_ms: 0, hurried: None };
        shelf.look_ahead();
        shelf
    }

    /// Takes up to `wanted` pieces and says how many there were.
    pub fn take(&mut self, product: usize, wanted: i64) -> i64 {
        let Some(place) = self.places.get_mut(product) else { return 0 };
        let taken = wanted.min(place.balance).max(0);
        place.balance -= taken;
        place.wanted = place.wanted.saturating_add(wanted);
        place.missed = place.missed.saturating_add(wanted - taken);
        if place.missed > place.reorder_quantity / PATIENCE && !place.coming.is_empty() {
            self.hurried = Some(product);
        }
        taken
    }

    /// Orders goods where a product is at its reorder point or below; says whether it did.
    pub fn reorder(&mut self, product: usize, now_ms: i64) -> bool {
        let Some(place) = self.places.get_mut(product) else { return false };
        let ordered = place.reorder(now_ms);
        if let Some(due_ms) = ordered {
            self.next_due_ms = self.next_due_ms.min(due_ms);
        }
        ordered.is_some()
    }

    /// Puts goods on the shelf that did not come by a reorder: a product's opening stock.
    pub fn put(&mut self, product: usize, quantity: i64) {
        if let Some(place) = self.places.get_mut(product) {
            place.balance = place.balance.saturating_add(quantity);
        }
    }

    /// When goods come next, Unix ms; `i64::MIN` for at once, `i64::MAX` for never.
    pub fn next_arrival_ms(&self) -> i64 {
        if self.hurried.is_some() { i64::MIN } else { self.next_due_ms }
    }

    /// Puts the goods that come next on the shelf, if they are there by `now_ms`.
    pub fn arrive(&mut self, now_ms: i64) -> Option<Arrival> {
        if self.next_arrival_ms() > now_ms {
            return None;
        }
        let product = self.hurried.take().or_else(|| self.first_due())?;
        let place = self.places.get_mut(product)?;
        let coming = place.coming.pop_front()?;
        place.balance = place.balance.saturating_add(coming.quantity);
        place.missed = 0;
        self.look_ahead();
        Some(Arrival { product, quantity: coming.quantity })
    }

    /// Pieces of a product that are there.
    pub fn balance(&self, product: usize) -> i64 {
        self.places.get(product).map_or(0, |place| place.balance)
    }

    /// Pieces of every product that are there, each with its place in the catalog.
    pub fn balances(&self) -> impl Iterator<Item = (usize, i64)> {
        self.places.iter().map(|place| place.balance).enumerate()
    }

    /// Goods on their way, each with its place in the catalog.
    pub fn under_way(&self) -> impl Iterator<Item = (usize, Coming)> {
        self.places
            .iter()
            .enumerate()
            .flat_map(|(product, place)| place.coming.iter().map(move |coming| (product, *coming)))
    }

    fn first_due(&self) -> Option<usize> {
        (0..self.places.len()).min_by_key(|product| self.places.get(*product).map(Place::due_ms))
    }

    fn look_ahead(&mut self) {
        self.next_due_ms = self.places.iter().map(Place::due_ms).min().unwrap_or(i64::MAX);
    }
}

impl Place {
    fn due_ms(&self) -> i64 {
        self.coming.front().map_or(i64::MAX, |coming| coming.due_ms)
    }

    /// When the goods come, where it was time to order some.
    fn reorder(&mut self, now_ms: i64) -> Option<i64> {
        let position =
            self.coming.iter().fold(self.balance, |sum, coming| sum.saturating_add(coming.quantity));
        if position > self.reorder_point {
            return None;
        }
        let above_the_point = self.reorder_point.saturating_sub(position).saturating_add(1);
        let need = self.demand(now_ms).max(above_the_point).max(self.reorder_quantity);
        let packs =
            need.div_euclid(self.reorder_quantity) + i64::from(need.rem_euclid(self.reorder_quantity) > 0);
        let quantity = packs.saturating_mul(self.reorder_quantity);
        let due_ms = now_ms.saturating_add(self.delivery_ms);
        self.coming.push_back(Coming { quantity, due_ms });
        (self.wanted, self.counted_from_ms) = (0, now_ms);
        Some(due_ms)
    }

    /// Pieces that one delivery time will want, at the pace since the last reorder. A few pieces say nothing
    /// about a pace: then it is none.
    fn demand(&self, now_ms: i64) -> i64 {
        if self.wanted < self.reorder_quantity / 2 {
            return 0;
        }
        let elapsed = i128::from(now_ms.saturating_sub(self.counted_from_ms).max(1));
        let pieces = i128::from(self.wanted) * i128::from(self.delivery_ms) / elapsed;
        i64::try_from(pieces).unwrap_or(MOST).min(MOST)
    }
}
