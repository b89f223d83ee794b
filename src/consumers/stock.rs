//! Consumer 4: the balance of each product, updated by every sale and every delivery; `stock.txt`, and in the checkpoint
//! the balance of each product under a key of its own.

use std::{collections::BTreeMap, io};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Consumer, Contribution, Recount};
use crate::{
    consumer::Output,
    shop::{Catalog, Zone},
    sinks::{files::Files, stock_table},
    store::Batch,
    views::{
        Event, Source, View,
        day_totals::ProductTotals,
        figures::StockLine,
        summary::{Summary, merge_line},
        table::{Saved, Table},
    },
};

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
    const HAS_WINDOWS: bool = false;
    type Figures = Figures;

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

    fn figures(&self, _: i64, _: Zone) -> Figures {
        Figures { lines: self.lines() }
    }

    fn tables(&mut self) -> Vec<(&'static str, &mut dyn Saved)> {
        vec![("delivered", &mut self.delivered), ("sold", &mut self.sold)]
    }
}

/// Deliveries and sales of each product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// By product id.
    pub lines: Vec<StockLine>,
}

impl Contribution for Figures {
    fn add_to(&self, shop: &mut Summary) {
        shop.add_stock(&self.lines);
    }

    fn recount(&self) -> Recount<'_> {
        Recount::Stock(self)
    }
}

impl Consumer for Stock {
    type Files = StockFiles;

    fn files(_: Zone, catalog: &Catalog) -> StockFiles {
        StockFiles::new(catalog)
    }
}

/// The stock table.
#[derive(Debug, Default)]
pub struct StockFiles {
    /// Names of products that no order has named yet.
    names: BTreeMap<u64, String>,
    balances: BTreeMap<u64, i64>,
    text: Vec<u8>,
    due: bool,
}

impl StockFiles {
    /// Products that no order has named yet are called as in `catalog`.
    pub fn new(catalog: &Catalog) -> Self {
        let names = catalog.products.iter().map(|product| (product.id, product.name.clone())).collect();
        Self { names, ..Self::default() }
    }
}

impl Output<Stock> for StockFiles {
    fn single_files(&self) -> &'static [&'static str] {
        &[stock_table::FILE]
    }

    fn reset(&mut self) {
        self.balances.clear();
        self.text.clear();
        self.due = false;
    }

    fn rewrite(&mut self) {
        self.text.clear();
    }

    fn settle(&mut self, parts: &[&Stock], _: Option<NaiveDate>, rows: &mut Batch) {
        let mut lines: BTreeMap<u64, StockLine> = BTreeMap::new();
        for line in parts.iter().flat_map(|view| view.lines()) {
            merge_line(lines.entry(line.product_id).or_default(), &line);
        }
        let mut lines: Vec<StockLine> = lines.into_values().collect();
        for line in &mut lines {
            if let Some(name) = self.names.get(&line.product_id).filter(|_| line.name.is_empty()) {
                line.name.clone_from(name);
            }
            let balance = line.balance();
            if self.balances.insert(line.product_id, balance) != Some(balance) {
                rows.insert(format!("balance/{}", line.product_id), Some(balance.to_string().into_bytes()));
            }
        }
        let text = stock_table::text(&lines);
        if text != self.text && !lines.is_empty() {
            self.text = text;
            self.due = true;
        }
    }

    fn publish(&mut self, files: &mut dyn Files) -> io::Result<bool> {
        if self.due {
            files.replace(stock_table::FILE, &self.text)?;
            self.due = false;
        }
        Ok(false)
    }
}
