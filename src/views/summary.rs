//! All parts put together: the shop's figures at one second.

use std::{
    any::Any,
    collections::{BTreeMap, HashMap, btree_map::Entry},
    fmt,
};

use chrono::NaiveDate;
use serde::Serialize;
use serde_json::Value;

use super::{
    day_totals::DayTotals,
    figures::{LatestOrder, SLOT_SECONDS, ShopFigures, StockLine},
};
use crate::shop::Zone;

/// Orders in the merged feed.
const FEED: usize = 60;

/// The figures of the shop while they are put together from what every consumer says of every partition.
#[derive(Debug)]
pub struct Summary {
    /// Those that are sums of what each says.
    pub figures: ShopFigures,
    first_slot: i64,
    day: DayTotals,
    stock: BTreeMap<u64, StockLine>,
    feed: HashMap<u64, LatestOrder>,
    others: BTreeMap<&'static str, Box<dyn Other>>,
}

/// Figures of a consumer that the dashboard knows no field for.
trait Other: Any + fmt::Debug {
    fn value(&self) -> Value;
}

impl<F: Any + fmt::Debug + Serialize> Other for F {
    fn value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

impl Summary {
    /// Nothing was said yet of the figures at shop second `now`.
    pub fn new(now: i64, zone: Zone) -> Self {
        let today = zone.date(now);
        let first_slot = zone.start_of(today).div_euclid(SLOT_SECONDS);
        let slots = index(now.div_euclid(SLOT_SECONDS), first_slot) + 1;
        let figures = ShopFigures {
            shop_second: now,
            today,
            orders_by_slot: vec![0; slots],
            sales_by_slot: vec![0; slots],
            ..ShopFigures::default()
        };
        Self {
            figures,
            first_slot,
            day: DayTotals::default(),
            stock: BTreeMap::new(),
            feed: HashMap::new(),
            others: BTreeMap::new(),
        }
    }

    /// The shop's date.
    pub fn today(&self) -> NaiveDate {
        self.figures.today
    }

    /// Where a slot (Unix seconds / 300) is among those of today.
    pub fn slot_index(&self, slot: i64) -> usize {
        index(slot, self.first_slot)
    }

    /// Adds what was sold today.
    pub fn add_day(&mut self, totals: &DayTotals) {
        self.day.merge(totals);
    }

    /// Adds deliveries and sales.
    pub fn add_stock(&mut self, lines: &[StockLine]) {
        for line in lines {
            merge_line(self.stock.entry(line.product_id).or_default(), line);
        }
    }

    /// Adds orders to the feed.
    pub fn add_latest(&mut self, latest: &[LatestOrder]) {
        for order in latest {
            into_feed(&mut self.feed, order);
        }
    }

    /// Adds figures that are shown as they are, as an object under the name of their consumer: `merge` adds those of
    /// another partition to the first ones.
    pub fn other<F: Any + fmt::Debug + Clone + Serialize>(
        &mut self,
        name: &'static str,
        part: &F,
        merge: impl FnOnce(&mut F, &F),
    ) {
        match self.others.entry(name) {
            Entry::Vacant(first) => {
                first.insert(Box::new(part.clone()));
            }
            Entry::Occupied(mut sum) => {
                let sum: &mut dyn Any = &mut **sum.get_mut();
                if let Some(sum) = sum.downcast_mut() {
                    merge(sum, part);
                }
            }
        }
    }

    /// The figures when all is said.
    pub fn finish(mut self) -> ShopFigures {
        self.figures.products_today = self.day.products;
        self.figures.stock = self.stock.into_values().collect();
        self.figures.latest = newest(self.feed.into_values().collect(), FEED);
        self.figures.others = self.others.iter().map(|(name, sum)| (*name, sum.value())).collect();
        self.figures
    }
}

/// Lines of one product from two partitions.
pub fn merge_line(ours: &mut StockLine, theirs: &StockLine) {
    ours.product_id = theirs.product_id;
    // Whoever has sold a piece has read an order that names it.
    if theirs.sold > 0 && (ours.sold == 0 || (theirs.named_by, &theirs.name) > (ours.named_by, &ours.name)) {
        ours.name.clone_from(&theirs.name);
        ours.named_by = theirs.named_by;
    }
    ours.delivered = ours.delivered.saturating_add(theirs.delivered);
    ours.sold = ours.sold.saturating_add(theirs.sold);
}

fn index(slot: i64, first_slot: i64) -> usize {
    usize::try_from(slot.saturating_sub(first_slot)).unwrap_or(usize::MAX - 1).min(1 << 10)
}

/// One row an order: the stage that is furthest, the pieces that the sale told. Whether that was news.
pub(crate) fn into_feed(feed: &mut HashMap<u64, LatestOrder>, order: &LatestOrder) -> bool {
    let Some(row) = feed.get_mut(&order.order_id) else {
        feed.insert(order.order_id, order.clone());
        return true;
    };
    let news = order.stage > row.stage || order.pieces > row.pieces;
    row.pieces = row.pieces.max(order.pieces);
    if order.stage > row.stage {
        row.stage = order.stage;
        row.handled_at = order.handled_at;
    }
    news
}

/// The `most` rows whose last change is the newest, newest first.
pub(crate) fn newest(mut rows: Vec<LatestOrder>, most: usize) -> Vec<LatestOrder> {
    let changed = |row: &LatestOrder| row.handled_at.unwrap_or(row.created_at);
    rows.sort_by_key(|row| std::cmp::Reverse((changed(row), row.order_id)));
    rows.truncate(most);
    rows
}
