//! The records in the order of their shop time, in compact form: some 150 bytes for a handled order.

use std::{collections::HashSet, hash::Hash, sync::Arc};

use chrono::{DateTime, FixedOffset};
use compact_str::CompactString;

use super::replayed_views::Counts;
use crate::{
    shop::{Customer, Delivery, Handled, Line, Order},
    views::{
        Event,
        shop_figures::{LatestOrder, Stage, feed_name},
    },
};

/// What a record says.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// Something that happened in the shop.
    Event(Event),
    /// A record of the orders without effect, with the second of the order before it.
    Uncounted(Uncounted, i64),
}

/// Why a record of the orders has no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uncounted {
    /// Its id was known.
    Duplicate,
    /// It is no valid order.
    DeadLetter,
}

/// An order.
#[derive(Debug)]
struct Sale {
    order_id: u64,
    created_at: DateTime<FixedOffset>,
    customer: Arc<Customer>,
    lines: Box<[Sold]>,
    total_ore: i64,
}

/// A line of an order.
#[derive(Debug)]
struct Sold {
    goods: Arc<Goods>,
    quantity: i64,
}

/// A product as it was sold.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Goods {
    product_id: u64,
    name: CompactString,
    unit_price_ore: i64,
}

/// An order that was handled.
#[derive(Debug)]
struct Done {
    order_id: u64,
    created_at: DateTime<FixedOffset>,
    handled_at: DateTime<FixedOffset>,
    customer: Arc<Customer>,
    total_ore: i64,
}

/// What is often the same, kept once.
#[derive(Debug)]
struct Shared<T>(HashSet<Arc<T>>);

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(HashSet::new())
    }
}

impl<T: Eq + Hash> Shared<T> {
    fn of(&mut self, value: T) -> Arc<T> {
        if let Some(there) = self.0.get(&value) {
            return Arc::clone(there);
        }
        let value = Arc::new(value);
        self.0.insert(Arc::clone(&value));
        value
    }
}

/// All records.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    sales: Vec<Sale>,
    done: Vec<Done>,
    deliveries: Vec<Delivery>,
    uncounted: Vec<(i64, Uncounted)>,
    customers: Shared<Customer>,
    goods: Shared<Goods>,
    /// The earliest second of unsorted records.
    unsorted_from: Option<i64>,
}

impl Sale {
    fn second(&self) -> i64 {
        self.created_at.timestamp()
    }

    fn event(&self) -> Event {
        let line = |sold: &Sold| Line {
            product_id: sold.goods.product_id,
            name: sold.goods.name.clone(),
            quantity: sold.quantity,
            unit_price_ore: sold.goods.unit_price_ore,
        };
        Event::Order(Order {
            order_id: self.order_id,
            created_at: self.created_at,
            customer: Customer::clone(&self.customer),
            lines: self.lines.iter().map(line).collect(),
            total_ore: self.total_ore,
        })
    }

    fn pieces(&self) -> i64 {
        self.lines.iter().fold(0, |sum: i64, line| sum.saturating_add(line.quantity))
    }
}

impl Done {
    fn second(&self) -> i64 {
        self.handled_at.timestamp()
    }

    fn event(&self) -> Event {
        Event::Handled(Handled {
            order_id: self.order_id,
            created_at: self.created_at,
            handled_at: self.handled_at,
            customer: Customer::clone(&self.customer),
            total_ore: self.total_ore,
            // For the mail's text alone, of which no figure is made.
            lines: Vec::new(),
        })
    }
}

fn at(delivery: &Delivery) -> i64 {
    delivery.at.timestamp()
}

/// Those of a list in order with `after` < second ≤ `until`.
fn within<T>(list: &[T], second: impl Fn(&T) -> i64, after: i64, until: i64) -> &[T] {
    let place = |moment| list.partition_point(|one| second(one) <= moment);
    list.get(place(after)..place(until)).unwrap_or_default()
}

impl Timeline {
    pub(super) fn add(&mut self, fact: Fact) {
        let second = match fact {
            Fact::Uncounted(why, second) => {
                self.uncounted.push((second, why));
                second
            }
            Fact::Event(Event::Order(order)) => {
                let lines = order.lines.into_iter().map(|line| {
                    let Line { product_id, name, quantity, unit_price_ore } = line;
                    Sold { goods: self.goods.of(Goods { product_id, name, unit_price_ore }), quantity }
                });
                self.sales.push(Sale {
                    order_id: order.order_id,
                    created_at: order.created_at,
                    lines: lines.collect(),
                    customer: self.customers.of(order.customer),
                    total_ore: order.total_ore,
                });
                order.created_at.timestamp()
            }
            Fact::Event(Event::Handled(handled)) => {
                self.done.push(Done {
                    order_id: handled.order_id,
                    created_at: handled.created_at,
                    handled_at: handled.handled_at,
                    customer: self.customers.of(handled.customer),
                    total_ore: handled.total_ore,
                });
                handled.handled_at.timestamp()
            }
            Fact::Event(Event::Delivery(delivery)) => {
                let second = at(&delivery);
                self.deliveries.push(delivery);
                second
            }
        };
        self.unsorted_from = Some(self.unsorted_from.map_or(second, |from| from.min(second)));
    }

    /// The earliest second of what was added since it was last sorted.
    pub(super) fn unsorted_from(&self) -> Option<i64> {
        self.unsorted_from
    }

    /// Brings everything in order; says from which second on something was added.
    pub(super) fn sort(&mut self) -> Option<i64> {
        let from = self.unsorted_from.take()?;
        // New records are mostly the newest: then sorting is one pass.
        self.sales.sort_by_key(|sale| (sale.created_at, sale.order_id));
        self.done.sort_by_key(|done| (done.handled_at, done.order_id));
        self.deliveries.sort_by_key(|delivery| delivery.at);
        self.uncounted.sort_by_key(|(second, _)| *second);
        Some(from)
    }

    /// How many records there are that a view reads.
    pub(super) fn len(&self) -> usize {
        self.sales.len() + self.done.len() + self.deliveries.len()
    }

    /// How many of them there are up to a moment.
    pub(super) fn count(&self, moment: i64) -> u64 {
        let sales = within(&self.sales, Sale::second, i64::MIN, moment).len();
        let done = within(&self.done, Done::second, i64::MIN, moment).len();
        (sales + done + within(&self.deliveries, at, i64::MIN, moment).len()) as u64
    }

    /// The second of the first order or delivery.
    pub(super) fn first(&self) -> Option<i64> {
        let (sale, delivery) = (self.sales.first().map(Sale::second), self.deliveries.first().map(at));
        sale.into_iter().chain(delivery).min()
    }

    /// The second up to which there are so many orders, or so many handled ones, `after` another; `None` where there are
    /// fewer.
    pub(super) fn further(&self, after: i64, count: usize) -> Option<i64> {
        let last = count.saturating_sub(1);
        let sale = within(&self.sales, Sale::second, after, i64::MAX).get(last).map(Sale::second);
        let done = within(&self.done, Done::second, after, i64::MAX).get(last).map(Done::second);
        sale.into_iter().chain(done).min()
    }

    /// Hands everything with `after` < second ≤ `until` to `each`.
    pub(super) fn between(&self, after: i64, until: i64, mut each: impl FnMut(Event)) {
        for sale in within(&self.sales, Sale::second, after, until) {
            each(sale.event());
        }
        for done in within(&self.done, Done::second, after, until) {
            each(done.event());
        }
        for delivery in within(&self.deliveries, at, after, until) {
            each(Event::Delivery(delivery.clone()));
        }
    }

    /// What was counted up to a moment.
    pub(super) fn counts(&self, moment: i64) -> Counts {
        let uncounted = |why| {
            let all = within(&self.uncounted, |(second, _)| *second, i64::MIN, moment).iter();
            all.filter(|(_, reason)| *reason == why).count() as u64
        };
        Counts {
            orders: within(&self.sales, Sale::second, i64::MIN, moment).len() as u64,
            handled: within(&self.done, Done::second, i64::MIN, moment).len() as u64,
            duplicates: uncounted(Uncounted::Duplicate),
            dead_letters: uncounted(Uncounted::DeadLetter),
        }
    }

    /// The last orders that were sold up to a moment.
    pub(super) fn last_sold(&self, moment: i64, most: usize) -> impl Iterator<Item = LatestOrder> {
        let sold = within(&self.sales, Sale::second, i64::MIN, moment);
        sold.iter().rev().take(most).map(|sale| LatestOrder {
            order_id: sale.order_id,
            created_at: sale.created_at,
            customer: feed_name(&sale.customer.name),
            pieces: sale.pieces(),
            total_ore: sale.total_ore,
            stage: Stage::Sold,
            handled_at: None,
        })
    }

    /// The last orders that were handled up to a moment.
    pub(super) fn last_handled(&self, moment: i64, most: usize) -> impl Iterator<Item = LatestOrder> {
        let handled = within(&self.done, Done::second, i64::MIN, moment);
        handled.iter().rev().take(most).map(|done| LatestOrder {
            order_id: done.order_id,
            created_at: done.created_at,
            customer: feed_name(&done.customer.name),
            pieces: self.sale_of(done).map_or(0, Sale::pieces),
            total_ore: done.total_ore,
            stage: Stage::Mailed,
            handled_at: Some(done.handled_at),
        })
    }

    /// The order that was handled.
    fn sale_of(&self, done: &Done) -> Option<&Sale> {
        let key = (done.created_at, done.order_id);
        let place = self.sales.binary_search_by_key(&key, |sale| (sale.created_at, sale.order_id));
        self.sales.get(place.ok()?)
    }
}
