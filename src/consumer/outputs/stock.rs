//! `stock.txt`, and in the checkpoint the balance of each product under a key of its own.

use std::{collections::BTreeMap, io};

use chrono::NaiveDate;

use crate::{
    consumer::output::Output,
    shop::Catalog,
    sinks::{files::Files, stock_table},
    store::Batch,
    views::{Stock, figures::StockLine, summary::merge_line},
};

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
