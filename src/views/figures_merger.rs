//! Merges all partial figures into the shop's figures at one second.

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
    shop_figures::{LatestOrder, SLOT_SECONDS, ShopFigures, SlotsOfDay, StockLine},
};
use crate::shop::Zone;

/// Orders in the merged feed.
pub const FEED: usize = 60;

/// The shop's figures, being merged from the figures of every consumer and partition.
#[derive(Debug)]
pub struct Summary {
    /// The figures that are plain sums.
    pub figures: ShopFigures,
    /// The first slots of today and of yesterday.
    first_slots: [i64; 2],
    day: DayTotals,
    stock: BTreeMap<u64, StockLine>,
    feed: HashMap<u64, LatestOrder>,
    others: BTreeMap<&'static str, Box<dyn Other>>,
}

/// Figures of a consumer without a field of its own.
trait Other: Any + fmt::Debug {
    fn value(&self) -> Value;
}

impl<F: Any + fmt::Debug + Serialize> Other for F {
    fn value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

impl Summary {
    /// Empty figures at shop second `now`.
    pub fn new(now: i64, zone: Zone) -> Self {
        let today = zone.date(now);
        let first = |date| zone.start_of(date).div_euclid(SLOT_SECONDS);
        let first_slots = [first(today), first(today.pred_opt().unwrap_or(today))];
        let slots = index(now.div_euclid(SLOT_SECONDS), first_slots[0]) + 1;
        let of_yesterday = index(first_slots[0], first_slots[1]);
        let figures = ShopFigures {
            shop_second: now,
            today,
            orders_by_slot: vec![0; slots],
            sales_by_slot: vec![0; slots],
            yesterday: SlotsOfDay { orders: vec![0; of_yesterday], sales_ore: vec![0; of_yesterday] },
            ..ShopFigures::default()
        };
        Self {
            figures,
            first_slots,
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

    /// The orders of a slot (Unix seconds / 300) of today or yesterday.
    pub fn orders_of(&mut self, slot: i64) -> Option<&mut u64> {
        let (today, yesterday) = (&mut self.figures.orders_by_slot, &mut self.figures.yesterday.orders);
        of_slot(slot, self.first_slots, [today, yesterday])
    }

    /// The sales of a slot (Unix seconds / 300) of today or yesterday, öre.
    pub fn sales_of(&mut self, slot: i64) -> Option<&mut i64> {
        let (today, yesterday) = (&mut self.figures.sales_by_slot, &mut self.figures.yesterday.sales_ore);
        of_slot(slot, self.first_slots, [today, yesterday])
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

    /// Adds figures that are shown as an object under the consumer's name: `merge` adds those of another partition to
    /// the first ones.
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

    /// The merged figures.
    pub fn finish(mut self) -> ShopFigures {
        self.figures.products_today = self.day.products;
        self.figures.stock = self.stock.into_values().collect();
        self.figures.latest = newest(self.feed.into_values().collect(), FEED);
        self.figures.others = self.others.iter().map(|(name, sum)| (*name, sum.value())).collect();
        self.figures
    }
}

/// Merges two partitions' lines of a product.
pub fn merge_line(ours: &mut StockLine, theirs: &StockLine) {
    ours.product_id = theirs.product_id;
    // A partition that sold a piece has an order with its name.
    if theirs.sold > 0 && (ours.sold == 0 || (theirs.named_by, &theirs.name) > (ours.named_by, &ours.name)) {
        ours.name.clone_from(&theirs.name);
        ours.named_by = theirs.named_by;
    }
    ours.delivered = ours.delivered.saturating_add(theirs.delivered);
    ours.sold = ours.sold.saturating_add(theirs.sold);
}

/// A slot of today or yesterday, by where these begin.
fn of_slot<T>(slot: i64, first_slots: [i64; 2], [today, yesterday]: [&mut Vec<T>; 2]) -> Option<&mut T> {
    let (day, first) =
        if slot < first_slots[0] { (yesterday, first_slots[1]) } else { (today, first_slots[0]) };
    day.get_mut(index(slot, first))
}

fn index(slot: i64, first_slot: i64) -> usize {
    usize::try_from(slot.saturating_sub(first_slot)).unwrap_or(usize::MAX - 1).min(1 << 10)
}

/// Keeps a row per order, with its latest stage and the pieces of the sale. Returns whether it changed.
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

/// The `most` rows with the latest changes, newest first.
pub(crate) fn newest(mut rows: Vec<LatestOrder>, most: usize) -> Vec<LatestOrder> {
    let changed = |row: &LatestOrder| row.handled_at.unwrap_or(row.created_at);
    rows.sort_by_key(|row| std::cmp::Reverse((changed(row), row.order_id)));
    rows.truncate(most);
    rows
}
