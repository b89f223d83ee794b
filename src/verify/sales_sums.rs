//! Sums over orders, as reports and the stock table tell them.

use std::collections::BTreeMap;

use crate::shop::{Delivery, Order};

/// A name and the highest id of an order that gave it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    by: u64,
    pub(super) text: String,
}

impl Name {
    /// The name of the newer order counts; of those with one id, in whatever order they come, the name that sorts last.
    fn take(&mut self, order_id: u64, text: &str) {
        if (order_id, text) > (self.by, &self.text) {
            self.by = order_id;
            text.clone_into(&mut self.text);
        }
    }
}

/// What was sold of a product, and delivered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Product {
    pub(super) sold: i128,
    pub(super) delivered: i128,
    /// What the pieces sold brought in, öre.
    pub(super) sales_ore: i128,
    pub(super) name: Name,
    /// Unix second of the newest sale or delivery.
    pub(super) newest: Option<i64>,
}

/// Orders, sales and products of a day, or of all days.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) orders: u64,
    /// The totals that the orders state.
    pub(super) sales_ore: i128,
    /// Quantity times price over all lines.
    pub(super) lines_ore: i128,
    pub(super) products: BTreeMap<u64, Product>,
}

impl Sums {
    pub(super) fn add(&mut self, order: &Order) {
        self.orders += 1;
        self.sales_ore += i128::from(order.total_ore);
        for line in &order.lines {
            let ore = i128::from(line.quantity) * i128::from(line.unit_price_ore);
            self.lines_ore += ore;
            let product = self.products.entry(line.product_id).or_default();
            product.sales_ore += ore;
            product.sold += i128::from(line.quantity);
            product.name.take(order.order_id, &line.name);
            product.newest = product.newest.max(Some(order.second()));
        }
    }

    pub(super) fn deliver(&mut self, delivery: &Delivery) {
        let product = self.products.entry(delivery.product_id).or_default();
        product.delivered += i128::from(delivery.quantity);
        product.newest = product.newest.max(Some(delivery.at.timestamp()));
    }

    /// Adds what another partition has.
    pub(super) fn merge(&mut self, other: &Self) {
        self.orders += other.orders;
        self.sales_ore += other.sales_ore;
        self.lines_ore += other.lines_ore;
        for (id, theirs) in &other.products {
            let ours = self.products.entry(*id).or_default();
            ours.sold += theirs.sold;
            ours.delivered += theirs.delivered;
            ours.sales_ore += theirs.sales_ore;
            ours.newest = ours.newest.max(theirs.newest);
            if theirs.name > ours.name {
                ours.name.clone_from(&theirs.name);
            }
        }
    }
}

/// Sums in figures and files stop at the ends of an `i64`.
pub(super) fn fitting(sum: i128) -> i64 {
    i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX })
}
