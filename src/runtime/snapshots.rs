//! Makes the pictures that the dashboard draws.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use super::stage;
use crate::{
    dashboard::snapshot::{Said, ShelfPlan, Snapshot},
    shop::{Catalog, Zone},
    stream::{board::Board, clock::Clock},
    views::{Source, figures::ShopFigures},
};

/// Between two pictures.
const TICK: Duration = Duration::from_millis(200);
/// Over how long the rate of orders is measured.
const SPAN: Duration = Duration::from_secs(5);

/// Where pictures come from.
pub struct Painter {
    board: Arc<Board>,
    clock: Clock,
    zone: Zone,
    catalog: Arc<Catalog>,
    /// When the log of orders had which length.
    ends: VecDeque<(Instant, i64)>,
    /// Since when produced, handled and mailed orders have been these.
    still: (Instant, [u64; 3]),
}

impl Painter {
    /// A painter of what is on `board`.
    pub fn new(board: Arc<Board>, clock: Clock, zone: Zone, catalog: Arc<Catalog>) -> Self {
        Self { board, clock, zone, catalog, ends: VecDeque::new(), still: (Instant::now(), [0; 3]) }
    }

    /// The shop as it is now.
    pub fn paint(&mut self) -> Snapshot {
        let figures = stage::figures(&self.board, &self.clock, &self.catalog);
        let pulse = self.clock.pulse();
        let under_way = |id: u64| {
            pulse
                .iter()
                .flat_map(|pulse| &pulse.under_way)
                .filter(|way| way.product_id == id)
                .map(|way| way.quantity)
                .sum()
        };
        let shelf = self
            .catalog
            .products
            .iter()
            .map(|product| ShelfPlan {
                product_id: product.id,
                reorder_point: product.reorder_point,
                full: product
                    .opening_stock
                    .max(product.reorder_point.saturating_add(product.reorder_quantity)),
                under_way: under_way(product.id),
                next_delivery: None,
                category: product.category.clone(),
                price_ore: product.price_ore,
            })
            .collect();
        Snapshot {
            alarms: self.alarms(&figures),
            zone: self.zone,
            speed: pulse.as_ref().map_or(1.0, |pulse| pulse.speed),
            simulator: pulse.as_ref().map(|pulse| pulse.state),
            target_rate: pulse.as_ref().and_then(|pulse| pulse.rate),
            orders_per_second: self.rate(),
            link: self.board.link(),
            handled_today: None,
            lost_sales: pulse.as_ref().map_or(0, |pulse| pulse.lost_sales),
            shelf,
            groups: self.board.groups(),
            messages: self.board.messages(),
            cluster: Arc::default(),
            feed: Arc::new(figures.latest.clone()),
            followed: None,
            opened: None,
            log: Arc::default(),
            figures,
        }
    }

    /// Orders a second of wall time, by the growth of the log.
    fn rate(&mut self) -> f64 {
        let by_part = self.board.ends().by_part;
        if by_part.is_empty() {
            return 0.0;
        }
        let end: i64 =
            by_part.iter().filter(|(part, _)| part.source == Source::Orders).map(|(_, end)| end).sum();
        let now = Instant::now();
        if self.ends.back().is_none_or(|(_, last)| *last != end) {
            self.ends.push_back((now, end));
        }
        while self.ends.get(1).is_some_and(|(then, _)| now - *then >= SPAN) {
            self.ends.pop_front();
        }
        match self.ends.front() {
            Some((then, first)) if now - *then >= Duration::from_millis(500) && end > *first => {
                (end - first) as f64 / (now - *then).as_secs_f64()
            }
            _ => 0.0,
        }
    }

    /// Sends a picture whenever it differs from the last, until told to stop.
    pub async fn run(mut self, to: watch::Sender<Arc<Snapshot>>, stop: CancellationToken) {
        loop {
            let picture = self.paint();
            to.send_if_modified(|last| {
                let news = **last != picture;
                if news {
                    *last = Arc::new(picture);
                }
                news
            });
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(TICK) => {}
            }
        }
    }

    /// Balances that cannot be, and sums that do not add up. While orders flow, one consumer is always a moment
    /// behind another, so sums are compared when all logs are worked off and nothing has moved for a while.
    fn alarms(&mut self, figures: &ShopFigures) -> Vec<Said> {
        let mut alarms: Vec<Said> = figures
            .stock
            .iter()
            .filter(|line| line.balance() < 0)
            .map(|line| Said::BalanceBelowZero { product: line.name.clone(), others: 0 })
            .collect();
        let (produced, handled, mails) = (figures.produced, figures.handled.total, figures.mails);
        let sums = [produced, handled, mails];
        if self.still.1 != sums {
            self.still = (Instant::now(), sums);
        }
        if self.still.0.elapsed() < SPAN || figures.lag.values().any(|lag| *lag > 0) {
            return alarms;
        }
        if produced != figures.pending + handled {
            let pending = figures.pending;
            alarms.push(Said::OrdersDiffer { produced, pending, handled });
        }
        if mails != handled {
            alarms.push(Said::MailsDiffer { handled, mails });
        }
        alarms
    }
}
