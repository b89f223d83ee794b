//! Consumer 4: the balance of each product, updated by every sale and delivery; `stock.txt`, and in the checkpoint a
//! key per product.

use std::{collections::BTreeMap, io};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Consumer, Contribution, FileSetting, Recount};
use crate::{
    consumer::Output,
    shop::{Catalog, Product, Pulse, Zone},
    sinks::{
        files::Files,
        stock_table::{self, Row},
    },
    store::Batch,
    views::{
        Event, Source, View,
        day_totals::ProductTotals,
        figures_merger::{Summary, merge_line},
        shop_figures::StockLine,
        table::{Saved, Table},
    },
};

/// Deliveries and sales by product id. A partition of orders only has sales, one of deliveries only deliveries; merged
/// they give the balance.
#[derive(Debug, Clone, Default)]
pub struct Stock {
    delivered: Table<u64, i64>,
    sold: Table<u64, ProductTotals>,
    /// Unix second of each product's newest sale or delivery. Checkpoints of earlier versions do not have it.
    newest: Table<u64, Option<i64>>,
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

    /// Unix second of a product's newest sale or delivery, if it is known.
    fn newest(&self, id: u64) -> Option<i64> {
        self.newest.get(id).copied().flatten()
    }

    fn note(&mut self, id: u64, second: i64) {
        let newest = self.newest.row(id);
        *newest = Some(second).max(*newest);
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
                    self.note(line.product_id, order.second());
                }
            }
            Event::Delivery(delivery) => {
                let delivered = self.delivered.row(delivery.product_id);
                *delivered = delivered.saturating_add(delivery.quantity);
                self.note(delivery.product_id, delivery.at.timestamp());
            }
            Event::Handled(_) => {}
        }
    }

    fn figures(&self, _: i64, _: Zone) -> Figures {
        Figures { lines: self.lines() }
    }

    fn tables(&mut self) -> Vec<(&'static str, &mut dyn Saved)> {
        vec![("delivered", &mut self.delivered), ("sold", &mut self.sold), ("newest", &mut self.newest)]
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

    fn files(setting: &FileSetting<'_>) -> StockFiles {
        StockFiles::new(setting.zone, setting.catalog)
    }
}

/// The stock table.
#[derive(Debug)]
pub struct StockFiles {
    zone: Zone,
    /// Names of products that no order has named yet, and reorder points.
    products: BTreeMap<u64, (String, i64)>,
    balances: BTreeMap<u64, i64>,
    /// Pieces of reorders that are on their way; `None` without a pulse of a simulator.
    under_way: Option<BTreeMap<u64, i64>>,
    text: Vec<u8>,
    due: bool,
}

impl StockFiles {
    /// Times are those of `zone`; products that no order has named yet are called as in `catalog`, which has the reorder
    /// points too.
    pub fn new(zone: Zone, catalog: &Catalog) -> Self {
        let known = |product: &Product| (product.id, (product.name.clone(), product.reorder_point));
        Self {
            zone,
            products: catalog.products.iter().map(known).collect(),
            balances: BTreeMap::new(),
            under_way: None,
            text: Vec::new(),
            due: false,
        }
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

    fn hear(&mut self, pulse: &Pulse) -> bool {
        let mut under_way = BTreeMap::new();
        for reorder in &pulse.under_way {
            let pieces: &mut i64 = under_way.entry(reorder.product_id).or_default();
            *pieces = pieces.saturating_add(reorder.quantity);
        }
        let is_new = self.under_way.as_ref() != Some(&under_way);
        self.under_way = Some(under_way);
        is_new
    }

    fn settle(&mut self, parts: &[&Stock], _: Option<NaiveDate>, rows: &mut Batch) {
        let mut lines: BTreeMap<u64, StockLine> = BTreeMap::new();
        // A product's time is known if every partition with the product knows its own.
        let mut times: BTreeMap<u64, Option<i64>> = BTreeMap::new();
        for (view, line) in
            parts.iter().flat_map(|view| view.lines().into_iter().map(move |line| (view, line)))
        {
            merge_line(lines.entry(line.product_id).or_default(), &line);
            let newest = view.newest(line.product_id);
            let both =
                |time: &mut Option<i64>| *time = time.zip(newest).map(|(time, newest)| time.max(newest));
            times.entry(line.product_id).and_modify(both).or_insert(newest);
        }
        let mut lines: Vec<StockLine> = lines.into_values().collect();
        for line in &mut lines {
            if let Some((name, _)) = self.products.get(&line.product_id).filter(|_| line.name.is_empty()) {
                line.name.clone_from(name);
            }
            let balance = line.balance();
            if self.balances.insert(line.product_id, balance) != Some(balance) {
                rows.insert(format!("balance/{}", line.product_id), Some(balance.to_string().into_bytes()));
            }
        }
        let rows = lines.iter().map(|line| Row {
            line,
            reorder_point: self.products.get(&line.product_id).map(|(_, point)| *point),
            under_way: self
                .under_way
                .as_ref()
                .map(|under_way| under_way.get(&line.product_id).copied().unwrap_or(0)),
            as_of: times.get(&line.product_id).copied().flatten().map(|second| self.zone.at(second)),
        });
        let text = stock_table::text(rows);
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
