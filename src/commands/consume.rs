//! `consume`: the consumers alone.

use std::sync::Arc;

use tokio::{runtime::Handle, sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{Failure, PATIENCE, Setting, interrupted, print, status};
use crate::{
    cli::{ConsumeArgs, ViewArg},
    clock::Clock,
    dashboard::snapshot::Weight,
    engine::{Env, log_reader::LogReader, publisher::Publisher, until::Until},
    handling::Parameters,
    runtime::{
        consumers::{self, Tools},
        link::Link,
        place::{ConsumersLock, Place},
        stage::Stage,
    },
    shop::Catalog,
    store::Stores,
    stream::{StreamError, ends::EndWatch, topics},
};

/// Runs consumers until told to stop, or up to the end.
pub(super) async fn run(setting: Setting, args: ConsumeArgs) -> Result<(), Failure> {
    let stop = interrupted()?;
    let Some(link) = super::opened(&setting, &stop).await? else { return ended_early(&args) };
    let worked = match locked(&setting) {
        Ok(lock) => {
            let worked = work(&setting, &link, &args, &stop).await;
            drop(lock);
            worked
        }
        Err(failure) => Err(failure),
    };
    link.close().await;
    worked
}

fn locked(setting: &Setting) -> Result<ConsumersLock, Failure> {
    let lock = setting.place.lock_consumers()?;
    setting.place.keep_zone(setting.zone.0)?;
    setting.log()?;
    Ok(lock)
}

async fn work(
    setting: &Setting,
    link: &Link,
    args: &ConsumeArgs,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    match stop.run_until_cancelled(topics::ensure(&link.session, PATIENCE)).await {
        Some(made) => made?,
        None => return ended_early(args),
    };
    let mut stage = Stage::open(link, setting.zone, Clock::default())?;
    let mut runs = Stage::part_of(&stage);
    let until = args.until_end.then(|| Arc::new(Until::default()));
    let parameters = super::parameters(&args.handling, args.seed);
    let tools = Workshop::of(setting).tools(&runs, parameters, until.clone())?;
    let views = if args.views.is_empty() { &consumers::ALL[..] } else { &args.views };
    // They join their groups while it is found out what the time is, and where the end.
    consumers::start(&mut runs, &tools, views);
    let begun = stop.run_until_cancelled(begin(&mut stage, &tools.env, views)).await;
    let anything = match begun {
        Some(Ok(anything)) => anything,
        Some(Err(failure)) => {
            runs.close().await;
            stage.close().await;
            return Err(failure);
        }
        None => true,
    };
    if anything {
        tokio::select! {
            () = stop.cancelled() => {}
            () = runs.finished() => {}
        }
    }
    runs.close().await;
    farewell(&tools).await?;
    let figures = stage.figures(&setting.catalog);
    stage.close().await;
    if until.is_none() || stop.is_cancelled() {
        return ended_early(args);
    }
    print(&if args.json {
        status::json(&figures, setting.zone)
    } else {
        status::text(&figures, setting.zone)
    })
}

/// Told to stop: an error where there was an end to come to.
fn ended_early(args: &ConsumeArgs) -> Result<(), Failure> {
    if args.until_end {
        return Err(Failure::Other(
            "interrupted before the end was reached: run it again to go on".to_owned(),
        ));
    }
    Ok(())
}

/// Where the consumers of a process work.
pub(super) struct Workshop {
    place: Place,
    catalog: Arc<Catalog>,
}

impl Workshop {
    /// The folder and the products of the setting.
    pub(super) fn of(setting: &Setting) -> Self {
        Self { place: setting.place.clone(), catalog: Arc::clone(&setting.catalog) }
    }

    /// What the consumers on a stage work with.
    pub(super) fn tools(
        &self,
        stage: &Stage,
        parameters: Parameters,
        until: Option<Arc<Until>>,
    ) -> Result<Tools, Failure> {
        let (stores, told) = Stores::open(&self.place.state())?;
        if let Some(text) = told {
            stage.model.say(stage.clock.now().unwrap_or_default(), Weight::Warning, text.into());
        }
        let env = Env {
            beside: Handle::current(),
            session: stage.session.clone(),
            reader: LogReader::default(),
            model: Arc::clone(&stage.model),
            clock: stage.clock.clone(),
            zone: stage.zone,
            publisher: Arc::new(Publisher::new(&stage.session)?),
            instance: self.place.instance()?.into(),
            until,
            begin: watch::Sender::new(false),
            stop: stage.stop.clone(),
        };
        Ok(Tools {
            env,
            stores: Arc::new(stores),
            out: self.place.out().to_owned(),
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

/// Waits until shop time is known, fixes it and the ends of the logs where the run has an end, and lets the consumers
/// begin. Whether there is anything to do: where nothing has happened in the shop yet, it may open at any time, also in
/// the past, so no day is over.
async fn begin(stage: &mut Stage, env: &Env, views: &[ViewArg]) -> Result<bool, Failure> {
    if let Some(until) = &env.until {
        let session = stage.session.clone();
        let watch = tokio::task::spawn_blocking(move || EndWatch::new(&session));
        stage.known(PATIENCE).await;
        let known = stage.clock.now();
        let ends = blocking(watch).await?;
        let ends = blocking(tokio::task::spawn_blocking(move || ends.look_when_settled())).await?;
        if known.is_none() && ends.values().all(|end| *end == 0) {
            return Ok(false);
        }
        let shop_second = known.unwrap_or_else(|| chrono::Utc::now().timestamp());
        if !views.contains(&ViewArg::Handling) {
            until.handled_ends.send_replace(Some(ends.clone()));
        }
        until.fix(shop_second, ends);
        stage.clock.fix(shop_second);
    } else {
        stage.known(PATIENCE).await;
    }
    env.begin.send_replace(true);
    Ok(true)
}

/// What a task that blocks has found.
async fn blocking<T>(task: JoinHandle<Result<T, StreamError>>) -> Result<T, Failure> {
    match task.await {
        Ok(found) => Ok(found?),
        Err(error) => Err(Failure::Other(error.to_string())),
    }
}
