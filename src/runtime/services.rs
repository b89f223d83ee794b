//! The read model, the clock, and the tasks that update them, for all commands that need figures.

use std::{fmt::Display, future::Future, sync::Arc, time::Duration};

use chrono::Utc;
use futures::FutureExt;
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{kafka::Kafka, supervisor::Supervisor};
use crate::{
    clock::Clock,
    engine::Ended,
    read_model::ReadModel,
    shop::{Catalog, Zone},
    stream::{Session, StreamError, ends, pulse_and_state_reader::PulseAndStateReader},
    views::shop_figures::ShopFigures,
};

/// How long tasks may take to end: a consumer commits, hands over and leaves its group.
const FAREWELL: Duration = Duration::from_millis(2_500);

/// The read model of a process and its tasks.
pub struct Services {
    /// How to reach Kafka.
    pub session: Session,
    /// The read model.
    pub model: Arc<ReadModel>,
    /// Shop time.
    pub clock: Clock,
    /// The shop's zone.
    pub zone: Zone,
    /// Tells all tasks to end.
    pub stop: CancellationToken,
    tasks: JoinSet<()>,
    /// Tasks that were started by [`Services::serve`].
    background: JoinSet<()>,
    followed: watch::Sender<bool>,
}

impl Services {
    /// Services without any task yet.
    pub fn new(kafka: &Kafka, zone: Zone, clock: Clock) -> Self {
        Self {
            session: kafka.session.clone(),
            model: Arc::new(ReadModel::new(zone, kafka.shown())),
            clock,
            zone,
            stop: CancellationToken::new(),
            tasks: JoinSet::new(),
            background: JoinSet::new(),
            followed: watch::Sender::new(false),
        }
    }

    /// Services that follow the pulse, the published states and the ends of the logs. The topics must be there.
    pub fn open(kafka: &Kafka, zone: Zone, clock: Clock) -> Result<Self, StreamError> {
        let mut services = Self::new(kafka, zone, clock);
        services.follow()?;
        Ok(services)
    }

    /// Begins to follow the pulse, the published states and the ends of the logs. The topics must be there.
    pub fn follow(&mut self) -> Result<(), StreamError> {
        let follower = {
            let (session, model, clock) = (self.session.clone(), Arc::clone(&self.model), self.clock.clone());
            let ready = self.followed.clone();
            move || PulseAndStateReader::new(&session, Arc::clone(&model), clock.clone(), ready.clone())
        };
        // The first attempt returns an error for invalid settings.
        let mut first = Some(follower()?);
        let stop = self.stop.clone();
        self.keep("the follower of the published figures", move || {
            let (next, stop) = (first.take().map_or_else(&follower, Ok), stop.clone());
            async move {
                next?.run(stop).await;
                Ok::<_, StreamError>(Ended::Done)
            }
        });
        let (session, model, clock) = (self.session.clone(), Arc::clone(&self.model), self.clock.clone());
        let stop = self.stop.clone();
        self.keep("the watch on the ends of the logs", move || {
            let watching = ends::run(session.clone(), Arc::clone(&model), clock.clone(), stop.clone());
            watching.map(|()| Ok::<_, StreamError>(Ended::Done))
        });
        Ok(())
    }

    /// Restarts tasks that fail.
    pub fn supervisor(&self) -> Supervisor {
        Supervisor { model: Arc::clone(&self.model), clock: self.clock.clone(), stop: self.stop.clone() }
    }

    /// Runs a task until the services close; one that fails or panics is told of and started again.
    pub fn keep<R, E>(&mut self, name: &'static str, run: impl FnMut() -> R + Send + 'static)
    where
        R: Future<Output = Result<Ended, E>> + Send + 'static,
        E: Display + Send + 'static,
    {
        let supervisor = self.supervisor();
        self.tasks.spawn(async move { supervisor.keep(name, run).await });
    }

    /// A part of these services whose tasks can be waited for, and ended, on their own.
    pub fn part_of(whole: &Self) -> Self {
        Self {
            session: whole.session.clone(),
            model: Arc::clone(&whole.model),
            clock: whole.clock.clone(),
            zone: whole.zone,
            stop: whole.stop.child_token(),
            tasks: JoinSet::new(),
            background: JoinSet::new(),
            followed: whole.followed.clone(),
        }
    }

    /// Turns true when everything published before is known.
    pub fn ready(&self) -> watch::Receiver<bool> {
        self.followed.subscribe()
    }

    /// Waits until everything published before is known, for at most `patience`; `false` when it is not.
    pub async fn known(&mut self, patience: Duration) -> bool {
        let all = async {
            let followed = self.followed.subscribe().wait_for(|ready| *ready).await.is_ok();
            while self.model.ends().by_part.is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            followed
        };
        tokio::time::timeout(patience, all).await.unwrap_or(false)
    }

    /// Runs a task until the services close.
    pub fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Runs a task that serves others until the services close: [`Services::finished`] does not wait for it.
    pub fn serve(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.background.spawn(task);
    }

    /// Waits until every task has ended by itself.
    pub async fn finished(&mut self) {
        ended(&mut self.tasks).await;
    }

    /// The figures at the shop's time; products that no order has named are called as in `catalog`.
    pub fn figures(&self, catalog: &Catalog) -> ShopFigures {
        figures(&self.model, &self.clock, catalog)
    }

    /// Tells all tasks to end and waits for them, for a bounded time.
    pub async fn close(mut self) {
        self.stop.cancel();
        let all = async {
            ended(&mut self.tasks).await;
            ended(&mut self.background).await;
        };
        if tokio::time::timeout(FAREWELL, all).await.is_err() {
            tracing::warn!("some tasks did not end in time and were left behind");
        }
    }
}

async fn ended(tasks: &mut JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!("a task failed: {error}");
        }
    }
}

/// The figures at the shop's time; wall time where nothing has happened yet.
pub fn figures(model: &ReadModel, clock: &Clock, catalog: &Catalog) -> ShopFigures {
    let mut figures = model.figures(clock.now().unwrap_or_else(|| Utc::now().timestamp()));
    name_products(&mut figures, catalog);
    figures
}

/// Calls products that no order has named as in `catalog`.
pub fn name_products(figures: &mut ShopFigures, catalog: &Catalog) {
    for line in figures.stock.iter_mut().filter(|line| line.name.is_empty()) {
        if let Some(product) = catalog.products.iter().find(|product| product.id == line.product_id) {
            line.name.clone_from(&product.name);
        }
    }
}
