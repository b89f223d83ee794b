//! Makes the pictures that the dashboard draws.

mod consistency_alarms;
mod feed;
mod groups;
mod news;
mod rate;
mod steady_sums;
mod stock_events;
mod throttle;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use self::consistency_alarms::below_zero;
use self::{
    consistency_alarms::Alarms, feed::Feed, groups::Groups, news::News, rate::Rate, steady_sums::SteadySums,
};
use super::services;
use crate::{
    chaos::LiveAudit,
    clock::Clock,
    dashboard::snapshot::{OpenedReport, Rewound, ShelfPlan, Snapshot},
    engine::Ticker,
    logging,
    read_model::{Agreed, Cluster, ReadModel, TopicState},
    shop::{Catalog, Product, Pulse, Zone, pulse::RunState},
    stream::order_search::TrackedOrder,
    views::{Source, shop_figures::ShopFigures},
};

/// The least wall time from a snapshot to the change that causes the next one.
const APART: Duration = Duration::from_millis(85);
/// How long a change waits for others, wall time: an order is told by six consumers.
const GATHERING: Duration = Duration::from_millis(10);

/// What a person asked for beside the figures.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The order that is followed.
    pub followed: watch::Receiver<Option<TrackedOrder>>,
    /// The report that is read.
    pub opened: watch::Receiver<Option<OpenedReport>>,
    /// The moment that was gone back to.
    pub rewound: watch::Receiver<Option<Arc<Rewound>>>,
    /// The faults, and the audit beside them.
    pub live_audit: watch::Receiver<Arc<LiveAudit>>,
}

/// Makes the snapshots.
pub struct Painter {
    model: Arc<ReadModel>,
    clock: Clock,
    zone: Zone,
    catalog: Arc<Catalog>,
    asked: Asked,
    rate: Rate,
    feed: Feed,
    groups: Groups,
    news: News,
    alarms: Alarms,
    steady_sums: SteadySums,
}

impl Painter {
    /// A painter of what is on `model`.
    pub fn new(model: Arc<ReadModel>, clock: Clock, zone: Zone, catalog: Arc<Catalog>, asked: Asked) -> Self {
        Self {
            model,
            clock,
            zone,
            catalog,
            asked,
            rate: Rate::default(),
            feed: Feed::default(),
            groups: Groups::default(),
            news: News::default(),
            alarms: Alarms::new(Instant::now()),
            steady_sums: SteadySums::default(),
        }
    }

    /// The shop as it is now. What is news since the last picture becomes a message.
    pub fn paint(&mut self) -> Snapshot {
        let now = Instant::now();
        let connection = self.model.connection();
        let (figures, agreed) = self.figures();
        let told = self.clock.pulse();
        let ends = self.model.ends().by_part;
        let audit = self.steady_sums.steady(&figures, agreed, &ends, now, |ends| self.model.behind(ends));
        let age = |view: &str| self.steady_sums.lag_seconds(now, |ends| self.model.behind_of(view, ends));
        let groups = self.groups.take(now, self.model.readings(), connection.up, age);
        self.model.each_part(|part| self.feed.take(part));
        let orders_per_second = if connection.up {
            self.rate.take(now, told.as_ref(), self.orders_end())
        } else {
            // After an outage the rate is measured anew.
            self.rate = Rate::default();
            0.0
        };
        // A silent simulator has stopped.
        let stopped = |pulse: &Pulse| Pulse { state: RunState::Stopped, ..pulse.clone() };
        let pulse = if self.rate.is_silent(now) { told.as_ref().map(stopped) } else { told.clone() };
        for (severity, sentence) in self.news.take(&figures, pulse.as_ref(), &groups, orders_per_second, now)
        {
            self.model.say(figures.shop_second, severity, sentence);
        }
        Snapshot {
            is_past: false,
            rewound: self.asked.rewound.borrow_and_update().clone(),
            alarms: self.alarms.of(&figures, told.as_ref(), now),
            audit,
            zone: self.zone,
            speed: pulse.as_ref().map_or(1.0, |pulse| pulse.speed),
            simulator: pulse.as_ref().map(|pulse| pulse.state),
            target_rate: pulse.as_ref().and_then(|pulse| pulse.rate),
            rhythm: pulse.as_ref().and_then(|pulse| pulse.rhythm),
            campaigns: pulse.as_ref().map_or_else(Vec::new, |pulse| pulse.campaigns.clone()),
            rush: pulse.as_ref().filter(|pulse| pulse.rush).map(|pulse| pulse.rush_seconds.unwrap_or(0)),
            orders_per_second,
            cluster: cluster(self.model.cluster(), connection.up),
            connection,
            handled_today: Some(figures.handled.by_day.get(&figures.today).copied().unwrap_or(0)),
            lost_sales: pulse.as_ref().map_or(0, |pulse| pulse.lost_sales),
            shelf: shelves(&self.catalog, pulse.as_ref()),
            groups,
            messages: self.model.messages(),
            feed: self.feed.shown(),
            followed: self.asked.followed.borrow_and_update().clone(),
            opened: self.asked.opened.borrow_and_update().clone(),
            live_audit: Arc::clone(&self.asked.live_audit.borrow_and_update()).at(now),
            log: logging::recent(),
            figures,
        }
    }

    /// The figures, and what consumers agree on in them.
    fn figures(&self) -> (ShopFigures, Agreed) {
        let before = self.model.changes();
        let figures = services::figures(&self.model, &self.clock, &self.catalog);
        let agreed = self.model.agreed();
        let still = self.model.changes() == before;
        (figures, Agreed { on_orders: agreed.on_orders && still, ..agreed })
    }

    /// How far the log of the orders goes, where it was looked at.
    fn orders_end(&self) -> Option<i64> {
        let by_part = self.model.ends().by_part;
        let orders = by_part.iter().filter(|(part, _)| part.source == Source::Orders);
        (!by_part.is_empty()).then(|| orders.map(|(_, end)| end).sum())
    }

    /// Sends a picture whenever it differs from the last, until told to stop: when something changes, and at the turn of
    /// each second, when clock, rates and windows move.
    pub async fn run(mut self, to: watch::Sender<Arc<Snapshot>>, stop: CancellationToken) {
        self.model.watch();
        let (model, mut pulses) = (Arc::clone(&self.model), self.clock.pulses());
        let mut ticker = Ticker::new(false);
        loop {
            let picture = self.paint();
            to.send_if_modified(|last| {
                let news = **last != picture;
                if news {
                    *last = Arc::new(picture);
                }
                news
            });
            ticker.rest();
            let Asked { followed, opened, rewound, live_audit } = &mut self.asked;
            let changed = async {
                // A closed channel never matches `Ok(())`.
                tokio::time::sleep(APART).await;
                tokio::select! {
                    () = model.changed() => {}
                    () = silence(&model) => {}
                    () = ticker.tick() => {}
                    Ok(()) = pulses.changed() => {}
                    Ok(()) = followed.changed() => {}
                    Ok(()) = opened.changed() => {}
                    Ok(()) = rewound.changed() => {}
                    Ok(()) = live_audit.changed() => {}
                }
                tokio::time::sleep(GATHERING).await;
            };
            if stop.run_until_cancelled(changed).await.is_none() {
                return;
            }
        }
    }
}

/// Waits until the next silent process counts as gone.
async fn silence(model: &ReadModel) {
    match model.next_silence() {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

/// The cluster as last seen; with Kafka away nothing is written.
fn cluster(seen: Arc<Cluster>, up: bool) -> Arc<Cluster> {
    if up {
        return seen;
    }
    let topics = seen.topics.iter().map(|topic| TopicState { rate: 0.0, ..topic.clone() });
    Arc::new(Cluster { topics: topics.collect(), brokers: seen.brokers.clone() })
}

/// What is planned for every product, and what the last pulse says is on its way.
pub fn shelves(catalog: &Catalog, pulse: Option<&Pulse>) -> Vec<ShelfPlan> {
    catalog.products.iter().map(|product| shelf(product, pulse)).collect()
}

/// What is planned for a product, and what the last pulse says is on its way.
fn shelf(product: &Product, pulse: Option<&Pulse>) -> ShelfPlan {
    let ways = pulse.iter().flat_map(|pulse| &pulse.under_way).filter(|way| way.product_id == product.id);
    ShelfPlan {
        product_id: product.id,
        reorder_point: product.reorder_point,
        full: product.opening_stock.max(product.reorder_point.saturating_add(product.reorder_quantity)),
        under_way: ways.clone().fold(0, |sum: i64, way| sum.saturating_add(way.quantity)),
        next_delivery: ways.map(|way| way.due.timestamp()).min(),
        category: product.category.clone(),
        price_ore: product.price_ore,
    }
}
