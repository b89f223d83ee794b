//! Consumer 4: the balance of each product, updated by every sale and every delivery.

use super::{
    Event, Source, View,
    figures::StockLine,
    part::PartFigures,
    table::{Saved, Table},
};
use crate::{shop::Zone, views::day_totals::ProductTotals};

/// What was delivered and what was sold, by product id. A partition of orders knows only sales, one of
/// deliveries only deliveries; merged they give the balance.
#[derive(Debug, Clone, Default)]
pub struct Stock {
    delivered: Table<u64, i64>,
    sold: Table<u64, ProductTotals>,
}

impl Stock {
    /// Every product of this partition, by id.
    pub fn lines(&self) -> Vec<StockLine> {
        let mut lines: Vec<StockLine> = self
            .sold
            .rows()
            .map(|(id, sold)| StockLine {
                product_id: *id,
                name: sold.name.clone(),
                named_by: sold.named_by,
                delivered: 0,
                sold: sold.units,
            })
            .collect();
        for (id, delivered) in self.delivered.rows() {
            match lines.binary_search_by_key(id, |line| line.product_id) {
                Ok(index) => lines[index].delivered = *delivered,
                Err(index) => {
                    let line = StockLine { product_id: *id, delivered: *delivered, ..StockLine::default() };
                    lines.insert(index, line);
                }
            }
        }
        lines
    }
}

impl View for Stock {
    const NAME: &'static str = "stock";
    const SOURCES: &'static [Source] = &[Source::Orders, Source::Deliveries];

    fn apply(&mut self, event: &Event, _: Zone) {
        match event {
            Event::Order(order) => {
                for line in &order.lines {
                    let product = self.sold.row(line.product_id);
                    product.units = product.units.saturating_add(line.quantity);
                    product.rename(order.order_id, &line.name);
                }
            }
            Event::Delivery(delivery) => {
                let delivered = self.delivered.row(delivery.product_id);
                *delivered = delivered.saturating_add(delivery.quantity);
            }
            Event::Handled(_) => {}
        }
    }

    fn figures(&self, _: i64, _: Zone) -> PartFigures {
        PartFigures::Stock { lines: self.lines() }
    }

    fn tables(&mut self) -> Vec<(&'static str, &mut dyn Saved)> {
        vec![("delivered", &mut self.delivered), ("sold", &mut self.sold)]
    }
}
