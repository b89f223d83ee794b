//! The shop model: customers and goods in the order of shop time, pure.
//!
//! The caller says how far shop time has come and takes one event after the other. A customer for whom
//! nothing is there takes no order number: the next one comes for it. Goods that come in the same
//! millisecond as a sale are there before it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    rhythm::Rhythm,
    shelf::{Arrival, Coming, Shelf},
    visits::{MOST_LINES, Visit, Visits, Wish},
};
use crate::shop::Catalog;

/// A finished sale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sale {
    /// Number of the order.
    pub order_id: u64,
    /// Shop time, Unix ms.
    pub at_ms: i64,
    /// Number of the customer.
    pub customer_id: u64,
    lines: [Wish; MOST_LINES],
    count: usize,
}

impl Sale {
    /// What was sold, at least one line.
    pub fn lines(&self) -> &[Wish] {
        self.lines.get(..self.count).unwrap_or_default()
    }
}

/// Goods that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Goods {
    /// Number of the delivery.
    pub delivery_id: u64,
    /// Shop time, Unix ms.
    pub at_ms: i64,
    /// Place of the product in the catalog.
    pub product: usize,
    /// Pieces, at least 1.
    pub quantity: i64,
}

/// What happened in the shop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event {
    /// A customer bought.
    Sale(Sale),
    /// Goods came.
    Goods(Goods),
    /// A customer left with nothing.
    Missed,
}

/// Where a shop begins: nothing, or what the log says was there before.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Beginning {
    /// Nothing happens before this moment of shop time, Unix ms.
    pub from_ms: i64,
    /// The highest order number given out.
    pub last_order_id: u64,
    /// The highest delivery number given out.
    pub last_delivery_id: u64,
    /// Pieces delivered so far by product id, opening stock included; without an entry, a product is yet to
    /// get its opening stock.
    pub delivered: BTreeMap<u64, i64>,
    /// Pieces sold so far by product id.
    pub sold: BTreeMap<u64, i64>,
    /// Goods on their way, each with its product id.
    pub under_way: Vec<(u64, Coming)>,
    /// Customers who left with nothing.
    pub lost_sales: u64,
}

/// A shop with its doors open.
#[derive(Debug, Clone)]
pub struct ShopModel {
    visits: Visits,
    /// Up to when customers choose as `visits` does now, Unix ms.
    choice_until_ms: i64,
    shelf: Shelf,
    /// Opening stock that is yet to be put on the shelf: places and pieces.
    opening: VecDeque<Arrival>,
    last_order_id: u64,
    last_delivery_id: u64,
    lost_sales: u64,
    reorders: u64,
    /// Everything up to here has happened, Unix ms.
    complete_ms: i64,
    /// When a sale was made or goods came last, Unix ms.
    last_ms: i64,
    /// The next customer, when the visits before took no order number, and the time of the visit.
    visit: Visit,
    attempt: u64,
    visit_ms: i64,
    /// The part of a millisecond behind `visit_ms`.
    visit_part: f64,
    /// Mean time between visits in ms of shop time; `None` for one after the other, all at once.
    mean_gap_ms: Option<f64>,
    rhythm: Rhythm,
}

impl ShopModel {
    /// Opens the shop. `mean_gap_ms` is the mean time between visits in ms of shop time, `None` for no time
    /// at all; visits come by the `rhythm`, and customers choose by its campaigns.
    pub fn new(
        seed: u64,
        catalog: &Catalog,
        beginning: &Beginning,
        mean_gap_ms: Option<f64>,
        rhythm: Rhythm,
    ) -> Self {
        let mut visits = Visits::new(seed, catalog);
        let visit = visits.visit(beginning.last_order_id.saturating_add(1), 0);
        let opening: VecDeque<Arrival> = catalog
            .products
            .iter()
            .enumerate()
            .filter(|(_, product)| {
                product.opening_stock > 0 && !beginning.delivered.contains_key(&product.id)
            })
            .map(|(place, product)| Arrival { product: place, quantity: product.opening_stock })
            .collect();
        let from_ms = beginning.from_ms;
        let mut model = Self {
            visits,
            choice_until_ms: if rhythm.campaigns().is_empty() { i64::MAX } else { i64::MIN },
            shelf: Shelf::new(catalog, &beginning.delivered, &beginning.sold, &beginning.under_way, from_ms),
            opening,
            last_order_id: beginning.last_order_id,
            last_delivery_id: beginning.last_delivery_id,
            lost_sales: beginning.lost_sales,
            reorders: 0,
            complete_ms: from_ms.saturating_sub(1),
            last_ms: i64::MIN,
            visit,
            attempt: 0,
            visit_ms: from_ms,
            visit_part: 0.0,
            mean_gap_ms,
            rhythm,
        };
        model.schedule();
        for place in 0..catalog.products.len() {
            if model.opening.iter().all(|opening| opening.product != place) {
                model.reorder(place, from_ms);
            }
        }
        model
    }

    /// The next event up to and including `until_ms`, or `None` when all of it has happened. With the doors
    /// not `open` only goods come, and customers come as much later. Where customers come all at once there
    /// is no end: the caller stops asking.
    pub fn next(&mut self, until_ms: i64, open: bool) -> Option<Event> {
        if until_ms <= self.complete_ms {
            return None;
        }
        let earliest = self.complete_ms.saturating_add(1);
        if let Some(Arrival { product, quantity }) = self.opening.pop_front() {
            self.shelf.put(product, quantity);
            self.reorder(product, earliest);
            return Some(self.goods(earliest, product, quantity));
        }
        let visit_ms = match (open, self.mean_gap_ms) {
            (false, _) => i64::MAX,
            (true, None) => until_ms,
            (true, Some(_)) => self.visit_ms.max(earliest),
        };
        let goods_ms = self.shelf.next_arrival_ms().max(earliest);
        if goods_ms <= until_ms.min(visit_ms)
            && let Some(Arrival { product, quantity }) = self.shelf.arrive(goods_ms)
        {
            self.pass(goods_ms.saturating_sub(1), open);
            return Some(self.goods(goods_ms, product, quantity));
        }
        if visit_ms <= until_ms {
            self.pass(visit_ms.saturating_sub(1), open);
            return Some(self.sell(visit_ms));
        }
        self.pass(until_ms, open);
        None
    }

    /// Sets the mean time between visits (see [`ShopModel::new`]). What is left of the wait for the next
    /// customer shrinks or grows with it.
    pub fn set_mean_gap(&mut self, mean_gap_ms: Option<f64>) {
        match (self.mean_gap_ms, mean_gap_ms) {
            (Some(old), Some(new)) => {
                let left = (self.visit_ms.saturating_sub(self.complete_ms)) as f64 + self.visit_part;
                let left = self.rhythm.within(self.complete_ms, left);
                self.mean_gap_ms = mean_gap_ms;
                self.visit_after(self.complete_ms, 0.0, left / old * new);
            }
            (None, Some(_)) => {
                self.mean_gap_ms = mean_gap_ms;
                self.visit_ms = self.complete_ms.saturating_add(1);
                self.visit_part = 0.0;
                self.schedule();
            }
            (_, None) => self.mean_gap_ms = None,
        }
    }

    /// Lets shop time pass up to `to_ms` with nothing happening in it.
    pub fn skip_to(&mut self, to_ms: i64) {
        if to_ms > self.complete_ms {
            self.pass(to_ms, false);
        }
    }

    /// Closes the shop for good: nothing more happens in the millisecond of the last event.
    pub fn finish(&mut self) {
        self.skip_to(self.last_ms);
    }

    /// The time up to which everything has happened, Unix ms: whatever comes next is later.
    pub fn complete_ms(&self) -> i64 {
        self.complete_ms
    }

    /// When something happens next, Unix ms, with the doors open.
    pub fn next_ms(&self) -> i64 {
        match self.mean_gap_ms {
            Some(_) if self.opening.is_empty() => self.visit_ms.min(self.shelf.next_arrival_ms()),
            _ => i64::MIN,
        }
    }

    /// What the mean rate of visits is multiplied with now; `None` where it is as at all times.
    pub fn rhythm_factor(&self) -> Option<f64> {
        self.rhythm.shaped(self.complete_ms)
    }

    /// The names of the campaigns that run now, each once.
    pub fn campaigns(&self) -> Vec<String> {
        let names = self.rhythm.campaigns().running(self.complete_ms).map(|campaign| campaign.name.clone());
        names.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The highest order number given out.
    pub fn last_order_id(&self) -> u64 {
        self.last_order_id
    }

    /// The highest delivery number given out.
    pub fn last_delivery_id(&self) -> u64 {
        self.last_delivery_id
    }

    /// Customers who left with nothing: baskets that nothing was there for.
    pub fn lost_sales(&self) -> u64 {
        self.lost_sales
    }

    /// How many times goods were ordered.
    pub fn reorders(&self) -> u64 {
        self.reorders
    }

    /// What is there and on its way.
    pub fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    fn sell(&mut self, at_ms: i64) -> Event {
        let order_id = self.last_order_id.saturating_add(1);
        if at_ms >= self.choice_until_ms {
            self.choice_until_ms = self.rhythm.campaigns().unchanged_until(at_ms);
            self.visits.set_factors(&self.rhythm.campaigns().factors(at_ms));
            self.visit = self.visits.visit(order_id, self.attempt);
        }
        let visit = self.visit;
        let mut sale = Sale {
            order_id,
            at_ms,
            customer_id: visit.customer_id,
            lines: [Wish::default(); MOST_LINES],
            count: 0,
        };
        for wish in visit.wishes() {
            let quantity = self.shelf.take(wish.product, wish.quantity);
            self.reorder(wish.product, at_ms);
            if let (1.., Some(line)) = (quantity, sale.lines.get_mut(sale.count)) {
                *line = Wish { product: wish.product, quantity };
                sale.count += 1;
            }
        }
        let sold = sale.count > 0;
        if sold {
            self.last_ms = at_ms;
            self.last_order_id = order_id;
            self.attempt = 0;
        } else {
            self.lost_sales = self.lost_sales.saturating_add(1);
            self.attempt = self.attempt.saturating_add(1);
        }
        self.visit = self.visits.visit(self.last_order_id.saturating_add(1), self.attempt);
        self.schedule();
        if sold { Event::Sale(sale) } else { Event::Missed }
    }

    fn goods(&mut self, at_ms: i64, product: usize, quantity: i64) -> Event {
        self.last_ms = at_ms;
        self.last_delivery_id = self.last_delivery_id.saturating_add(1);
        Event::Goods(Goods { delivery_id: self.last_delivery_id, at_ms, product, quantity })
    }

    fn reorder(&mut self, product: usize, now_ms: i64) {
        self.reorders += u64::from(self.shelf.reorder(product, now_ms));
    }

    /// Lets time pass; behind closed doors customers come as much later.
    fn pass(&mut self, to_ms: i64, open: bool) {
        if !open {
            self.visit_ms = self.visit_ms.saturating_add(to_ms.saturating_sub(self.complete_ms));
        }
        self.complete_ms = to_ms;
    }

    /// Sets the time of the next visit from that of the last one.
    fn schedule(&mut self) {
        if let Some(mean) = self.mean_gap_ms {
            self.visit_after(self.visit_ms, self.visit_part, self.visit.gap * mean);
        }
    }

    fn visit_after(&mut self, ms: i64, part: f64, wait_ms: f64) {
        (self.visit_ms, self.visit_part) = self.rhythm.after(ms, part, wait_ms);
    }
}

#[cfg(test)]
mod tests;
