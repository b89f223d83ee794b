//! The sums of one day.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::shop::Order;

/// The sales of one day. Amounts are not negative, so saturating sums are the same however orders are partitioned.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DayTotals {
    /// Number of orders.
    pub orders: u64,
    /// Sales in öre.
    pub sales_ore: i64,
    /// Each product that was sold, by id.
    pub products: BTreeMap<u64, ProductTotals>,
}

/// One product's day.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProductTotals {
    /// Its name in the order with the highest id.
    pub name: String,
    /// That order's id.
    pub named_by: u64,
    /// Pieces sold.
    pub units: i64,
    /// Its sales, öre.
    #[serde(default)]
    pub sales_ore: i64,
}

impl ProductTotals {
    /// Takes the name from the order with the higher id; with equal ids, the name that sorts last.
    pub fn rename(&mut self, named_by: u64, name: &str) {
        if (named_by, name) > (self.named_by, &self.name) {
            self.named_by = named_by;
            name.clone_into(&mut self.name);
        }
    }
}

impl DayTotals {
    /// Adds one order.
    pub fn add(&mut self, order: &Order) {
        self.orders += 1;
        self.sales_ore = self.sales_ore.saturating_add(order.total_ore);
        for line in &order.lines {
            let product = self.products.entry(line.product_id).or_default();
            product.units = product.units.saturating_add(line.quantity);
            let total_ore = line.total_ore().unwrap_or(i64::MAX);
            product.sales_ore = product.sales_ore.saturating_add(total_ore);
            product.rename(order.order_id, &line.name);
        }
    }

    /// Adds the totals of another partition.
    pub fn merge(&mut self, other: &Self) {
        self.orders += other.orders;
        self.sales_ore = self.sales_ore.saturating_add(other.sales_ore);
        for (id, theirs) in &other.products {
            let ours = self.products.entry(*id).or_default();
            // A partition that sold a piece has an order with its name.
            if ours.units == 0 || (theirs.named_by, &theirs.name) > (ours.named_by, &ours.name) {
                ours.name.clone_from(&theirs.name);
                ours.named_by = theirs.named_by;
            }
            ours.units = ours.units.saturating_add(theirs.units);
            ours.sales_ore = ours.sales_ore.saturating_add(theirs.sales_ore);
        }
    }
}
