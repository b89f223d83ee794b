//! The content of the pages' lists, filtered and sorted: shared by drawing and key handling.

use std::{cmp::Ordering, collections::HashMap};

use chrono::NaiveDate;

use super::{
    page::Page,
    snapshot::{ShelfPlan, Snapshot},
};
use crate::{
    chaos::Kind,
    dashboard::ui_state::{StockSort, Ui},
    logging::LogLine,
    shop::Zone,
    views::shop_figures::{LatestOrder, ReportNote, ShopFigures, StockLine},
};

/// Seconds of a day without a clock change.
const DAY: f64 = 86_400.0;
/// The shortest time to take a day's pace from, seconds: earlier it means little.
const PACE_FROM: i64 = 3600;

/// A product's stock and its plan.
#[derive(Debug, Clone, Copy)]
pub struct Shelf<'a> {
    /// Deliveries and sales.
    pub line: &'a StockLine,
    /// The plan of the products file, if it lists the product.
    pub plan: Option<&'a ShelfPlan>,
    /// Pieces sold since 00:00.
    pub sold_today: i64,
    /// Days until sold out at today's pace; `None` if none were sold today, or none are left.
    pub days_left: Option<f64>,
}

impl Shelf<'_> {
    /// Pieces on the shelf.
    pub fn balance(&self) -> i64 {
        self.line.balance()
    }

    /// Whether a delivery is due.
    pub fn is_low(&self) -> bool {
        self.plan.is_some_and(|plan| self.balance() <= plan.reorder_point)
    }

    /// How full, from 0 to 1.
    pub fn fill(&self) -> f64 {
        self.share(self.balance())
    }

    /// How full it is at the reorder point, from 0 to 1.
    pub fn reorder_fill(&self) -> Option<f64> {
        self.plan.map(|plan| self.share(plan.reorder_point))
    }

    fn share(&self, pieces: i64) -> f64 {
        let full = self.plan.map_or(0, |plan| plan.full).max(self.balance()).max(1);
        (pieces.max(0) as f64 / full as f64).clamp(0.0, 1.0)
    }

    /// Sold out first, then low, then the rest; each by ascending fill.
    pub fn need(&self, other: &Self) -> Ordering {
        let rank = |shelf: &Self| (shelf.balance() > 0, !shelf.is_low());
        rank(self).cmp(&rank(other)).then(self.fill().total_cmp(&other.fill()))
    }
}

/// Every shelf, by product id.
pub fn shelves<'a>(figures: &'a ShopFigures, plans: &'a [ShelfPlan], zone: Zone) -> Vec<Shelf<'a>> {
    let plans: HashMap<u64, &ShelfPlan> = plans.iter().map(|plan| (plan.product_id, plan)).collect();
    let open = figures.shop_second.saturating_sub(zone.start_of(figures.today)).max(PACE_FROM);
    let shelf = |line: &StockLine| {
        let sold_today = figures.products_today.get(&line.product_id).map_or(0, |sold| sold.units);
        let a_day = sold_today as f64 / open as f64 * DAY;
        let days_left = (sold_today > 0 && line.balance() > 0).then(|| line.balance() as f64 / a_day);
        (sold_today, days_left)
    };
    let with_plan = |line| {
        let (sold_today, days_left) = shelf(line);
        Shelf { line, plan: plans.get(&line.product_id).copied(), sold_today, days_left }
    };
    figures.stock.iter().map(with_plan).collect()
}

/// The rows of the stock page.
pub fn stock<'a>(shop: &'a Snapshot, ui: &Ui) -> Vec<Shelf<'a>> {
    let mut shelves = shelves(&shop.figures, &shop.shelf, shop.zone);
    let filter = Filter::of(ui, Page::Stock);
    shelves.retain(|shelf| {
        filter.takes(&shelf.line.name) || shelf.plan.is_some_and(|plan| filter.takes(&plan.category))
    });
    match ui.sort {
        StockSort::Need => shelves.sort_by(Shelf::need),
        StockSort::Name => shelves.sort_by_cached_key(|shelf| shelf.line.name.to_lowercase()),
        StockSort::Balance => shelves.sort_by_key(Shelf::balance),
        StockSort::Sold => shelves.sort_by_key(|shelf| std::cmp::Reverse(shelf.sold_today)),
        StockSort::DaysLeft => {
            let left = |shelf: &Shelf<'_>| match shelf.days_left {
                Some(days) => days,
                None if shelf.balance() <= 0 => 0.0,
                None => f64::INFINITY,
            };
            shelves.sort_by(|one, other| left(one).total_cmp(&left(other)));
        }
    }
    shelves
}

/// The rows of the orders page, newest first.
pub fn orders<'a>(shop: &'a Snapshot, ui: &Ui) -> Vec<&'a LatestOrder> {
    let filter = Filter::of(ui, Page::Orders);
    let takes = |order: &&LatestOrder| {
        filter.takes(&order.customer) || filter.is_number() && filter.takes(&order.order_id.to_string())
    };
    shop.feed.iter().filter(takes).collect()
}

/// The closed days, newest first.
pub fn reports(shop: &Snapshot) -> Vec<&ReportNote> {
    shop.figures.reports.iter().rev().collect()
}

/// The lines of the log, newest first.
pub fn log<'a>(shop: &'a Snapshot, ui: &Ui) -> Vec<&'a LogLine> {
    let filter = Filter::of(ui, Page::Log);
    shop.log.iter().rev().filter(|line| filter.takes(&line.text) || filter.takes(&line.target)).collect()
}

/// A key for each line of a page's list, in its order: it stays the same when the line moves.
pub fn keys(shop: &Snapshot, ui: &Ui, page: Page) -> Vec<u64> {
    match page {
        Page::Stock => stock(shop, ui).iter().map(|shelf| shelf.line.product_id).collect(),
        Page::Orders => orders(shop, ui).iter().map(|order| order.order_id).collect(),
        Page::Reports => reports(shop).iter().map(|note| day_number(note.date)).collect(),
        // Their order is fixed.
        Page::Kafka => (0..).take(shop.groups.len()).collect(),
        Page::Faults => (0..).take(Kind::ALL.len()).collect(),
        Page::Log => log(shop, ui).iter().map(|line| line.number).collect(),
        Page::Overview | Page::Sales | Page::Handling => Vec::new(),
    }
}

/// Days since the beginning of the calendar.
fn day_number(date: NaiveDate) -> u64 {
    date.signed_duration_since(NaiveDate::MIN).num_days().unsigned_abs()
}

/// The index of the selected line in a page's list; 0 if the list is empty.
pub fn chosen(shop: &Snapshot, ui: &Ui, page: Page) -> usize {
    let Some(choice) = ui.chosen.get(page.index()).copied().flatten() else { return 0 };
    let keys = keys(shop, ui, page);
    let found = keys.iter().position(|key| *key == choice.key);
    found.unwrap_or_else(|| choice.place.min(keys.len().saturating_sub(1)))
}

/// A case-insensitive filter.
struct Filter(String);

impl Filter {
    fn of(ui: &Ui, page: Page) -> Self {
        Self(ui.filters.get(page.index()).map(|filter| filter.to_lowercase()).unwrap_or_default())
    }

    fn takes(&self, text: &str) -> bool {
        self.0.is_empty() || text.to_lowercase().contains(&self.0)
    }

    fn is_number(&self) -> bool {
        !self.0.is_empty() && self.0.chars().all(|c| c.is_ascii_digit())
    }
}
