//! Checks of all that a simulator writes, whatever its options.

use std::collections::BTreeMap;

use super::{Differences, Oracle, record::Order};

/// Domains that RFC 2606 keeps for examples.
const EXAMPLE_DOMAINS: [&str; 6] =
    ["example.com", "example.net", "example.org", ".example", ".test", ".invalid"];

impl Oracle {
    /// Everything that is wrong with the orders and deliveries of a simulator; empty when nothing is.
    pub fn check_sales(&self) -> Vec<String> {
        let mut found = Differences::default();
        let mut orders: Vec<&Order> = self.orders.iter().collect();
        orders.sort_by_key(|order| order.id);

        found.same("records that are no valid orders", &0, &self.invalid.len());
        found.same("orders with an id that was there already", &0, &self.duplicates);
        found.some(
            orders.iter().zip(1_u64..).filter(|(order, id)| order.id != *id).take(1).map(|(order, id)| {
                format!("order {id} is missing: order {} is where it should be", order.id)
            }),
        );
        found.some(orders.windows(2).filter(|pair| pair[1].at < pair[0].at).map(|pair| {
            format!(
                "order {} of {} comes after order {} of {}",
                pair[1].id, pair[1].at, pair[0].id, pair[0].at
            )
        }));
        found.some(orders.iter().flat_map(|order| self.wrong_with(order)));
        self.check_shelf(&mut found);
        found.into_sentences()
    }

    fn wrong_with(&self, order: &Order) -> Vec<String> {
        let mut wrong = Vec::new();
        let id = order.id;
        if order.key.as_deref() != Some(id.to_string().as_bytes()) {
            wrong.push(format!("order {id} has the key {:?}", order.key));
        }
        if !(1..=5).contains(&order.lines.len()) {
            wrong.push(format!("order {id} has {} lines", order.lines.len()));
        }
        let email = &order.customer.email;
        if !email.contains('@') || !EXAMPLE_DOMAINS.iter().any(|domain| email.ends_with(domain)) {
            wrong.push(format!("order {id}: {email} may be somebody's address"));
        }
        let local = order.at.with_timezone(&self.tz).fixed_offset();
        if local.offset() != order.at.offset() {
            wrong.push(format!("order {id}: {} has another offset than {} then", order.at, self.tz));
        }
        for line in &order.lines {
            match self.catalogue.products.get(&line.product_id) {
                Some(product) if product.name == line.name && product.price_ore == line.unit_price_ore => {}
                other => wrong.push(format!("order {id}: {line:?} where the catalogue has {other:?}")),
            }
        }
        wrong
    }

    /// No product is ever below zero if deliveries and sales are sorted by time, a delivery first within a millisecond.
    /// Every product starts with a delivery of its opening stock.
    fn check_shelf(&self, found: &mut Differences) {
        let mut opening: BTreeMap<u64, i64> = BTreeMap::new();
        let mut moves = Vec::new();
        for delivery in &self.deliveries {
            opening.entry(delivery.product_id).or_insert(delivery.quantity);
            moves.push((delivery.at.timestamp_millis(), 0, delivery.product_id, delivery.quantity));
        }
        for order in &self.orders {
            for line in &order.lines {
                moves.push((order.at.timestamp_millis(), order.id, line.product_id, -line.quantity));
            }
        }
        for (id, product) in &self.catalogue.products {
            found.same(
                &format!("the opening stock of product {id}"),
                &(product.opening_stock > 0).then_some(product.opening_stock),
                &opening.get(id).copied().filter(|_| product.opening_stock > 0),
            );
        }
        moves.sort_unstable();
        let mut balances: BTreeMap<u64, i64> = BTreeMap::new();
        let oversold: Vec<_> = moves
            .into_iter()
            .filter_map(|(_, order, product, quantity)| {
                let balance = balances.entry(product).or_default();
                *balance += quantity;
                (*balance < 0).then(|| format!("order {order} leaves product {product} at {balance}"))
            })
            .collect();
        found.some(oversold);
    }

    /// How many orders each partition has.
    pub fn orders_by_partition(&self) -> BTreeMap<i32, usize> {
        let mut counts = BTreeMap::new();
        for order in &self.orders {
            *counts.entry(order.partition).or_default() += 1;
        }
        counts
    }
}
