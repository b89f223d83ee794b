//! `consume`: the consumers alone.

use std::sync::Arc;

use tokio::{runtime::Handle, sync::watch};
use tokio_util::sync::CancellationToken;

use super::{Failure, PATIENCE, Setting, interrupted, print, status};
use crate::{
    cli::ConsumeArgs,
    clock::Clock,
    consumers::Name,
    engine::{Env, log_reader::LogReader, publisher::Publisher, until::Until},
    handling::Parameters,
    messages::Severity,
    runtime::{
        consumers::{self, Tools},
        kafka::Kafka,
        out_dir::{ConsumersLock, OutDir},
        services::Services,
    },
    shop::Catalog,
    store::Stores,
    stream::{Session, ends::EndWatch, topics},
    views::figures::ShopFigures,
};

/// What there is to do.
enum Prepared {
    /// The consumers, up to the end where there is one.
    Work(Services, Option<Arc<Until>>),
    /// Nothing: the end is the beginning.
    Nothing(Box<ShopFigures>),
}

/// Runs consumers until told to stop, or up to the end.
pub(super) async fn run(setting: Setting, args: ConsumeArgs) -> Result<(), Failure> {
    let stop = interrupted()?;
    let early = || if args.until_end { Err(interrupted_early()) } else { Ok(()) };
    let Some(kafka) = super::opened(&setting, &stop).await? else { return early() };
    let worked = match locked(&setting) {
        Ok(lock) => {
            let worked = match stop.run_until_cancelled(prepare(&setting, &kafka, &args)).await {
                Some(Ok(Prepared::Work(services, until))) => {
                    work(&setting, services, until, &args, &stop).await
                }
                Some(Ok(Prepared::Nothing(figures))) => tell(&setting, &args, &figures),
                Some(Err(failure)) => Err(failure),
                None => early(),
            };
            drop(lock);
            worked
        }
        Err(failure) => Err(failure),
    };
    kafka.close().await;
    worked
}

fn locked(setting: &Setting) -> Result<ConsumersLock, Failure> {
    let lock = setting.out_dir.lock_consumers()?;
    setting.out_dir.keep_zone(setting.zone.0)?;
    setting.log()?;
    Ok(lock)
}

/// Services that know all, and the end of the run where it has one.
async fn prepare(setting: &Setting, kafka: &Kafka, args: &ConsumeArgs) -> Result<Prepared, Failure> {
    topics::ensure(&kafka.session, PATIENCE).await?;
    let mut until = None;
    if args.until_end {
        let Some(end) = end(setting, kafka, &args.views).await? else {
            let figures = Services::new(kafka, setting.zone, Clock::default()).figures(&setting.catalog);
            return Ok(Prepared::Nothing(Box::new(figures)));
        };
        until = Some(Arc::new(end));
    }
    let clock = until.as_ref().map_or_else(Clock::default, |until| Clock::fixed(until.shop_second));
    let mut services = Services::open(kafka, setting.zone, clock)?;
    services.known(PATIENCE).await;
    Ok(Prepared::Work(services, until))
}

fn tell(setting: &Setting, args: &ConsumeArgs, figures: &ShopFigures) -> Result<(), Failure> {
    print(&if args.json { status::json(figures, setting.zone) } else { status::text(figures, setting.zone) })
}

async fn work(
    setting: &Setting,
    services: Services,
    until: Option<Arc<Until>>,
    args: &ConsumeArgs,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    let mut runs = Services::part_of(&services);
    let parameters = super::parameters(&args.handling, args.seed);
    let tools = Workshop::of(setting).tools(&runs, parameters, until.clone())?;
    let views = if args.views.is_empty() { &Name::ALL[..] } else { &args.views };
    consumers::start(&mut runs, &tools, views);
    tokio::select! {
        () = stop.cancelled() => {}
        () = runs.finished() => {}
    }
    let finished = until.is_some() && !stop.is_cancelled();
    runs.close().await;
    farewell(&tools).await?;
    let figures = services.figures(&setting.catalog);
    services.close().await;
    if !finished {
        return if until.is_some() { Err(interrupted_early()) } else { Ok(()) };
    }
    tell(setting, args, &figures)
}

fn interrupted_early() -> Failure {
    Failure::Other("interrupted before the end was reached: run it again to go on".to_owned())
}

/// Where the consumers of a process work.
pub(super) struct Workshop {
    out_dir: OutDir,
    catalog: Arc<Catalog>,
}

impl Workshop {
    /// The folder and the products of the setting.
    pub(super) fn of(setting: &Setting) -> Self {
        Self { out_dir: setting.out_dir.clone(), catalog: Arc::clone(&setting.catalog) }
    }

    /// What the consumers work with.
    pub(super) fn tools(
        &self,
        services: &Services,
        parameters: Parameters,
        until: Option<Arc<Until>>,
    ) -> Result<Tools, Failure> {
        let (stores, told) = Stores::open(&self.out_dir.state())?;
        if let Some(text) = told {
            services.model.say(services.clock.now().unwrap_or_default(), Severity::Warning, text.into());
        }
        let env = Env {
            beside: Handle::current(),
            session: services.session.clone(),
            reader: LogReader::default(),
            model: Arc::clone(&services.model),
            clock: services.clock.clone(),
            zone: services.zone,
            publisher: Arc::new(Publisher::new(&services.session)?),
            instance: self.out_dir.instance()?.into(),
            until,
            stop: services.stop.clone(),
        };
        Ok(Tools {
            env,
            stores: Arc::new(stores),
            out: self.out_dir.path().to_owned(),
            catalog: Arc::clone(&self.catalog),
            parameters,
        })
    }
}

/// The last states go out and the checkpoints to disk.
pub(super) async fn farewell(tools: &Tools) -> Result<(), Failure> {
    let tools = tools.clone();
    let done = tokio::task::spawn_blocking(move || {
        tools.env.publisher.flush(std::time::Duration::from_millis(500));
        tools.stores.flush()
    });
    match done.await {
        Ok(flushed) => Ok(flushed?),
        Err(error) => Err(Failure::Other(error.to_string())),
    }
}

/// Fixes shop time T and the ends of the logs.
///
/// `None` where nothing has happened in the shop yet: it may open at any time, also in the past, so no day is over.
async fn end(setting: &Setting, kafka: &Kafka, views: &[Name]) -> Result<Option<Until>, Failure> {
    let mut services = Services::open(kafka, setting.zone, Clock::default())?;
    services.known(PATIENCE).await;
    let known = services.clock.now();
    services.close().await;
    let ends = look(&kafka.session).await?;
    if known.is_none() && ends.values().all(|end| *end == 0) {
        return Ok(None);
    }
    let shop_second = known.unwrap_or_else(|| chrono::Utc::now().timestamp());
    let handling = views.is_empty() || views.contains(&Name::Handling);
    let handled_ends = watch::Sender::new((!handling).then(|| ends.clone()));
    Ok(Some(Until { shop_second, ends, handled_ends }))
}

async fn look(session: &Session) -> Result<std::collections::HashMap<crate::consumer::Part, i64>, Failure> {
    let session = session.clone();
    match tokio::task::spawn_blocking(move || EndWatch::new(&session)?.look_when_settled()).await {
        Ok(ends) => Ok(ends?),
        Err(error) => Err(Failure::Other(error.to_string())),
    }
}
