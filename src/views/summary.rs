//! All parts put together: the shop's figures at one second.

use std::collections::{BTreeMap, HashMap};

use super::{
    day_totals::DayTotals,
    figures::{HandledFigures, LatestOrder, SLOT_SECONDS, ShopFigures, StockLine},
    part::PartFigures,
};
use crate::shop::Zone;

/// Orders in the merged feed.
const FEED: usize = 60;

/// Merges what all views say of all partitions into the figures at shop second `now`. Lag and reports are
/// not known to the views and stay empty.
pub fn summarize<'a>(parts: impl Iterator<Item = &'a PartFigures>, now: i64, zone: Zone) -> ShopFigures {
    let today = zone.date(now);
    let first_slot = zone.start_of(today).div_euclid(SLOT_SECONDS);
    let slots = slot_index(now, first_slot) + 1;
    let mut figures = ShopFigures {
        shop_second: now,
        today,
        orders_by_slot: vec![0; slots],
        sales_by_slot: vec![0; slots],
        ..ShopFigures::default()
    };
    let mut day = DayTotals::default();
    let mut stock: BTreeMap<u64, StockLine> = BTreeMap::new();
    let mut feed: HashMap<u64, LatestOrder> = HashMap::new();
    for part in parts {
        match part {
            PartFigures::OrdersToday { days, slots } => {
                let count = days.get(&today).copied().unwrap_or(0);
                figures.orders_today = figures.orders_today.saturating_add(count);
                for (slot, count) in slots {
                    if let Some(sum) = figures.orders_by_slot.get_mut(slot_index_of(*slot, first_slot)) {
                        *sum = sum.saturating_add(*count);
                    }
                }
            }
            PartFigures::Sales { days, slots, last_hour_ore } => {
                let sales = days.get(&today).copied().unwrap_or(0);
                figures.sales_today_ore = figures.sales_today_ore.saturating_add(sales);
                figures.sales_last_hour_ore = figures.sales_last_hour_ore.saturating_add(*last_hour_ore);
                for (slot, ore) in slots {
                    if let Some(sum) = figures.sales_by_slot.get_mut(slot_index_of(*slot, first_slot)) {
                        *sum = sum.saturating_add(*ore);
                    }
                }
            }
            // What was said yesterday is of another day.
            PartFigures::DailyReport { date, today: totals } if *date == today => day.merge(totals),
            PartFigures::DailyReport { .. } => {}
            PartFigures::Stock { lines } => {
                for line in lines {
                    merge_line(stock.entry(line.product_id).or_default(), line);
                }
            }
            PartFigures::Handling(resume) => {
                let part = resume.figures;
                let pending = part.accepted.saturating_sub(part.handled);
                figures.produced = figures.produced.saturating_add(part.accepted);
                figures.pending = figures.pending.saturating_add(pending);
                figures.duplicates = figures.duplicates.saturating_add(part.duplicates);
                figures.dead_letters = figures.dead_letters.saturating_add(part.dead_letters);
            }
            PartFigures::Mail { mails, latest } => {
                figures.mails = figures.mails.saturating_add(*mails);
                for order in latest {
                    into_feed(&mut feed, order);
                }
            }
            PartFigures::HandledWindows(part) => merge_windows(&mut figures.handled, part),
            PartFigures::Journal { latest } => {
                for order in latest {
                    into_feed(&mut feed, order);
                }
            }
        }
    }
    figures.products_today = day.products;
    figures.stock = stock.into_values().collect();
    figures.latest = newest(feed.into_values().collect(), FEED);
    figures
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

fn slot_index(now: i64, first_slot: i64) -> usize {
    slot_index_of(now.div_euclid(SLOT_SECONDS), first_slot)
}

fn slot_index_of(slot: i64, first_slot: i64) -> usize {
    usize::try_from(slot.saturating_sub(first_slot)).unwrap_or(usize::MAX - 1).min(1 << 10)
}

fn merge_windows(ours: &mut HandledFigures, theirs: &HandledFigures) {
    let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
    add(&mut ours.total, theirs.total);
    add(&mut ours.last_5_min, theirs.last_5_min);
    add(&mut ours.last_30_min, theirs.last_30_min);
    add(&mut ours.last_1_h, theirs.last_1_h);
    add(&mut ours.last_2_h, theirs.last_2_h);
    for (sum, interval) in ours.intervals.iter_mut().zip(theirs.intervals) {
        add(sum, interval);
    }
    for (date, count) in &theirs.by_day {
        add(ours.by_day.entry(*date).or_default(), *count);
    }
    for (slot, count) in &theirs.by_slot {
        add(ours.by_slot.entry(*slot).or_default(), *count);
    }
    ours.waits.merge(&theirs.waits);
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
