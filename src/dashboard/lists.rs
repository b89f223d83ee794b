//! What stands in the lists of the pages: filtered, sorted, the same for the drawing and for the keys.

use std::{cmp::Ordering, collections::HashMap};

use super::{
    page::Page,
    snapshot::{ShelfPlan, Snapshot},
};
use crate::{
    dashboard::ui::{StockSort, Ui},
    logging::LogLine,
    shop::Zone,
    views::figures::{LatestOrder, ReportNote, ShopFigures, StockLine},
};

/// Seconds of a day without a change of the clock.
const DAY: f64 = 86_400.0;
/// Before that, the pace of a day that has just begun says nothing; seconds.
const PACE_FROM: i64 = 3600;

/// A product's line with what is planned for it.
#[derive(Debug, Clone, Copy)]
pub struct Shelf<'a> {
    /// Deliveries and sales.
    pub line: &'a StockLine,
    /// What the products file says, where it knows the product.
    pub plan: Option<&'a ShelfPlan>,
    /// Pieces sold since 00:00.
    pub sold_today: i64,
    /// Days until it is empty at today's pace; `None` where nothing was sold today or nothing is left.
    pub days_left: Option<f64>,
}

impl Shelf<'_> {
    /// Pieces on the shelf.
    pub fn balance(&self) -> i64 {
        self.line.balance()
    }

    /// Whether it is time for a delivery.
    pub fn is_low(&self) -> bool {
        self.plan.is_some_and(|plan| self.balance() <= plan.reorder_point)
    }

    /// How full, from nothing to 1.
    pub fn fill(&self) -> f64 {
        let full = self.plan.map_or(0, |plan| plan.full).max(self.balance()).max(1);
        (self.balance().max(0) as f64 / full as f64).clamp(0.0, 1.0)
    }

    /// Sold out before low before the rest, and the emptier first.
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

/// The stock table of its page.
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

/// The order feed of its page, newest first.
pub fn orders<'a>(shop: &'a Snapshot, ui: &Ui) -> Vec<&'a LatestOrder> {
    let filter = Filter::of(ui, Page::Orders);
    let takes = |order: &&LatestOrder| {
        filter.takes(&order.customer) || filter.is_number() && filter.takes(&order.order_id.to_string())
    };
    shop.feed.iter().filter(takes).collect()
}

/// Which line of [`orders`] is chosen.
pub fn chosen_order(orders: &[&LatestOrder], ui: &Ui) -> usize {
    let place = |id| orders.iter().position(|order| order.order_id == id);
    ui.chosen_order.and_then(place).unwrap_or(0)
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

/// How many lines the list of a page has.
pub fn length(shop: &Snapshot, ui: &Ui, page: Page) -> usize {
    match page {
        Page::Stock => stock(shop, ui).len(),
        Page::Orders => orders(shop, ui).len(),
        Page::Reports => shop.figures.reports.len(),
        Page::Kafka => shop.groups.len(),
        Page::Log => log(shop, ui).len(),
        Page::Overview | Page::Sales | Page::Handling => 0,
    }
}

/// What was typed, without regard to upper and lower case.
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
