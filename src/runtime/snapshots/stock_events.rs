//! What presenters like to be told of goods: sold out, ordered, arrived.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use crate::{
    messages::{Sentence, Severity},
    shop::Pulse,
    views::shop_figures::{ShopFigures, StockLine},
};

/// Between two messages of one kind, wall time: goods come and go all the time, and other messages are to stay in sight.
const APART: Duration = Duration::from_secs(8);
/// A shelf counts as empty when it stays so, wall time: sales and deliveries are read from two logs.
const STAYS: Duration = Duration::from_millis(600);

/// Products with the same pending message, with pieces.
#[derive(Debug, Default)]
struct Bundle {
    told: Option<Instant>,
    /// Since when the first of them waits.
    since: Option<Instant>,
    waiting: Vec<(u64, i64)>,
}

impl Bundle {
    fn add(&mut self, product_id: u64, pieces: i64, now: Instant) {
        self.since.get_or_insert(now);
        match self.waiting.iter_mut().find(|(id, _)| *id == product_id) {
            Some((_, sum)) => *sum = sum.saturating_add(pieces),
            None => self.waiting.push((product_id, pieces)),
        }
    }

    /// The report due at `now`: first product, its pieces, other products.
    fn due(&mut self, now: Instant, stays: Duration) -> Option<(u64, i64, usize)> {
        let passed = |since: Instant| now.saturating_duration_since(since);
        if self.told.is_some_and(|told| passed(told) < APART) || passed(self.since?) < stays {
            return None;
        }
        self.since = None;
        let mut waiting = std::mem::take(&mut self.waiting).into_iter();
        let (product_id, pieces) = waiting.next()?;
        self.told = Some(now);
        Some((product_id, pieces, waiting.len()))
    }
}

/// Compares each picture's shelves with those of the last.
#[derive(Debug, Default)]
pub(super) struct StockEvents {
    /// Deliveries and balance of each product; `None` before the first look.
    shelves: Option<HashMap<u64, (i64, i64)>>,
    /// Deliveries on their way: product and time, ms.
    under_way: Option<HashSet<(u64, i64)>>,
    sold_out: Bundle,
    reordered: Bundle,
    arrived: Bundle,
}

impl StockEvents {
    /// What there is to tell; while figures are not `live` (a period is filled, consumers catch up) nothing is.
    pub(super) fn take(
        &mut self,
        figures: &ShopFigures,
        pulse: &Pulse,
        live: bool,
        now: Instant,
    ) -> Vec<(Severity, Sentence)> {
        let coming = |id: u64| pulse.under_way.iter().filter(move |way| way.product_id == id);
        let shelves: HashMap<u64, (i64, i64)> =
            figures.stock.iter().map(|line| (line.product_id, (line.delivered, line.balance()))).collect();
        let under_way: HashSet<(u64, i64)> =
            pulse.under_way.iter().map(|way| (way.product_id, way.due.timestamp_millis())).collect();
        if live && let (Some(shelves_before), Some(ways_before)) = (&self.shelves, &self.under_way) {
            for line in &figures.stock {
                let Some((delivered, balance)) = shelves_before.get(&line.product_id) else { continue };
                if line.delivered > *delivered {
                    self.arrived.add(line.product_id, line.delivered - delivered, now);
                }
                if line.balance() <= 0 && *balance > 0 {
                    self.sold_out.add(line.product_id, 0, now);
                }
            }
            // Of a shelf that nothing is known of, not even its name is.
            for way in pulse.under_way.iter().filter(|way| shelves.contains_key(&way.product_id)) {
                if !ways_before.contains(&(way.product_id, way.due.timestamp_millis())) {
                    self.reordered.add(way.product_id, way.quantity, now);
                }
            }
        }
        self.sold_out.waiting.retain(|(id, _)| shelves.get(id).is_some_and(|(_, balance)| *balance <= 0));
        self.shelves = Some(shelves);
        self.under_way = Some(under_way);

        let name = |id: u64| name(&figures.stock, id);
        let mut told = Vec::new();
        if let Some((id, _, others)) = self.sold_out.due(now, STAYS) {
            let under_way = coming(id).map(|way| way.quantity).sum();
            told.push((Severity::Warning, Sentence::SoldOut { product: name(id), under_way, others }));
        }
        if let Some((id, pieces, others)) = self.reordered.due(now, Duration::ZERO) {
            told.push((Severity::Info, Sentence::Reordered { product: name(id), pieces, others }));
        }
        if let Some((id, pieces, others)) = self.arrived.due(now, Duration::ZERO) {
            told.push((Severity::Info, Sentence::Arrived { product: name(id), pieces, others }));
        }
        told
    }
}

fn name(stock: &[StockLine], product_id: u64) -> String {
    let line = stock.iter().find(|line| line.product_id == product_id && !line.name.is_empty());
    line.map_or_else(|| product_id.to_string(), |line| line.name.clone())
}
