//! `consume`: the consumers alone.

use std::{sync::Arc, time::Duration};

use tokio::{runtime::Handle, sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{Failure, Setting, counted, interrupted, print, progress, status};
use crate::{
    cli::ConsumeArgs,
    clock::Clock,
    consumer::Rule,
    consumers::Name,
    engine::{Env, order_ids::OrderIds, publisher::Publisher, shared_reader::LogReader, until::Until},
    handling::Parameters,
    logging,
    messages::{Lang, Severity},
    runtime::{
        chaos::switches::Switches,
        consumers::{self, Tools},
        kafka::{Kafka, Want},
        out_dir::{ConsumersLock, OutDir},
        services::{self, Services},
    },
    shop::{Catalog, number_format::thousands},
    store::Stores,
    stream::{Session, StreamError, Topic, ends::EndWatch, retry::FAILOVER, topics},
    views::shop_figures::Audit,
};

/// Runs the consumers until they are stopped, or up to the end.
pub(super) async fn run(setting: Setting, args: ConsumeArgs) -> Result<(), Failure> {
    let stop = interrupted()?;
    // With --until-end and without any order there is nothing to do, and no topic is created.
    let want = if args.until_end { Want::Data } else { Want::Answer };
    let Some(kafka) = super::opened(&setting, want, &stop).await? else { return ended_early(&args) };
    let worked = match locked(&setting) {
        Ok(lock) => {
            let worked = work(&setting, &kafka, &args, &stop).await;
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
    setting.out_dir.check_zone(setting.zone.0)?;
    setting.log()?;
    logging::speak();
    Ok(lock)
}

async fn work(
    setting: &Setting,
    kafka: &Kafka,
    args: &ConsumeArgs,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    let topics = async {
        if args.until_end {
            topics::exist(&kafka.session, Topic::Orders, FAILOVER).await?;
        }
        topics::ensure(&kafka.session, FAILOVER).await
    };
    match stop.run_until_cancelled(topics).await {
        Some(made) => made?,
        None => return ended_early(args),
    };
    let parameters = super::parameters(&args.handling, args.seed);
    let views = if args.views.is_empty() { &Name::ALL[..] } else { &args.views };
    let ours = consumers::agreement(setting.zone, &parameters, views);
    let agreeing = super::agree_for(&setting.out_dir, &kafka.session, setting.zone, ours);
    match stop.run_until_cancelled(agreeing).await {
        Some(agreed) => agreed?,
        None => return ended_early(args),
    }
    let mut services = Services::open(kafka, setting.zone, Clock::default())?;
    let mut runs = Services::part_of(&services);
    let until = args.until_end.then(|| Arc::new(Until::default()));
    let tools = Workshop::of(setting, args.lang).tools(&runs, parameters, until.clone())?;
    // They join their groups while shop time and the end offsets are determined.
    consumers::start(&mut runs, &tools, views);
    let over = CancellationToken::new();
    // Also on an early return.
    let _over = over.clone().drop_guard();
    let line = tokio::spawn(progress::show(so_far(&services, &setting.catalog), over.clone()));
    let begun = stop.run_until_cancelled(begin(&mut services, &tools.env, views, args.ids.ids)).await;
    let anything = match begun {
        Some(Ok(anything)) => anything,
        Some(Err(failure)) => {
            runs.close().await;
            services.close().await;
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
    close(&tools).await?;
    let figures = services.figures(&setting.catalog);
    over.cancel();
    // The progress line is cosmetic: its result is ignored.
    let _ = line.await;
    services.close().await;
    super::not_refused(&tools.env.model)?;
    if until.is_none() || stop.is_cancelled() {
        return ended_early(args);
    }
    print(&if args.json {
        status::json(&figures, setting.zone)
    } else {
        status::text(&figures, setting.zone)
    })
}

/// What is said on a terminal meanwhile: `1 204 orders, 1 180 handled, lag 12 records, shop time 2026-11-20 14:03:07`.
fn so_far(services: &Services, catalog: &Arc<Catalog>) -> impl Fn() -> String + use<> {
    let (model, clock, zone) = (Arc::clone(&services.model), services.clock.clone(), services.zone);
    let catalog = Arc::clone(catalog);
    move || {
        let figures = services::figures(&model, &clock, &catalog);
        format!(
            "{}, {} handled, lag {}, shop time {}",
            counted(figures.produced, "order"),
            thousands(figures.handled.total),
            counted(Audit::of(&figures).behind, "record"),
            zone.at(figures.shop_second).format("%Y-%m-%d %H:%M:%S")
        )
    }
}

/// After an interrupt: an error if the run has an end.
fn ended_early(args: &ConsumeArgs) -> Result<(), Failure> {
    if args.until_end {
        return Err(Failure::Other(
            "interrupted before the end was reached: run it again to go on".to_owned(),
        ));
    }
    Ok(())
}

/// The consumers' folder and products.
pub(super) struct Workshop {
    out_dir: OutDir,
    catalog: Arc<Catalog>,
    /// The language of mails and reports.
    lang: Lang,
    /// Injects faults into its consumers.
    pub(super) switches: Switches,
}

impl Workshop {
    /// The folder and the products of the setting; mails and reports in a language.
    pub(super) fn of(setting: &Setting, lang: Lang) -> Self {
        Self {
            out_dir: setting.out_dir.clone(),
            catalog: Arc::clone(&setting.catalog),
            lang,
            switches: Switches::default(),
        }
    }

    /// Creates what the consumers need.
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
            process: format!("{:016x}", rand::random::<u64>()).into(),
            ids: Arc::new(OrderIds::new(self.out_dir.state().join("ids"))),
            until,
            begin: watch::Sender::new(false),
            stop: services.stop.clone(),
        };
        Ok(Tools {
            env,
            stores: Arc::new(stores),
            out: self.out_dir.path().to_owned(),
            catalog: Arc::clone(&self.catalog),
            lang: self.lang,
            parameters,
            switches: self.switches.clone(),
        })
    }
}

/// Sends the last states and flushes the checkpoints.
pub(super) async fn close(tools: &Tools) -> Result<(), Failure> {
    let tools = tools.clone();
    let done = tokio::task::spawn_blocking(move || {
        tools.env.publisher.flush(std::time::Duration::from_millis(500));
        if let Err(error) = tools.env.ids.save() {
            tracing::warn!("the order ids could not be saved, and are read again at the next start: {error}");
        }
        tools.stores.flush()
    });
    match done.await {
        Ok(flushed) => Ok(flushed?),
        Err(error) => Err(Failure::Other(error.to_string())),
    }
}

/// Waits until shop time is known, fixes it and the end offsets if the run has an end, and starts the consumers.
/// `false` if nothing has happened in the shop yet: it may still open in the past, so no day is over.
async fn begin(
    services: &mut Services,
    env: &Env,
    views: &[Name],
    ids: Option<Rule>,
) -> Result<bool, Failure> {
    let session = services.session.clone();
    let watch = env.until.is_some().then(|| tokio::task::spawn_blocking(move || EndWatch::new(&session)));
    if !services.known(FAILOVER).await && !services.clock.has_heard() {
        let session = services.session.clone();
        let untold = blocking(tokio::task::spawn_blocking(move || Ok(no_time(&session)))).await?;
        if env.until.is_some() {
            return Err(untold.into());
        }
        // Before the time is known, nothing is handled and no day closed.
        services.model.say(0, Severity::Warning, untold.to_string().into());
    }
    if let (Some(until), Some(watch)) = (&env.until, watch) {
        let known = services.clock.now();
        let ends = blocking(watch).await?;
        let ends = blocking(tokio::task::spawn_blocking(move || ends.look_when_settled())).await?;
        if known.is_none() && ends.values().all(|end| *end == 0) {
            return Ok(false);
        }
        let shop_second = known.unwrap_or_else(|| chrono::Utc::now().timestamp());
        if !views.contains(&Name::Handling) {
            until.handled_ends.send_replace(Some(ends.clone()));
        }
        until.fix(shop_second, ends);
        services.clock.fix(shop_second);
    }
    decide_ids(env, ids)?;
    env.begin.send_replace(true);
    Ok(true)
}

/// Why the pulse cannot be read. Blocks briefly.
fn no_time(session: &Session) -> StreamError {
    let topic = session.topic(Topic::Pulse);
    let asked = session.watermarks(&topic, 0, Duration::from_secs(1));
    let reason = asked.map_or_else(|error| error.to_string(), |_| "it does not come to its end".to_owned());
    StreamError::NoTime { topic, reason }
}

/// Chooses the rule for duplicates: the one that is `asked` for, or else the shop's. Call it once all published states
/// are known. Figures by another rule are not continued: handled orders and mails cannot be taken back, and orders that
/// were skipped would be handled late.
pub(super) fn decide_ids(env: &Env, asked: Option<Rule>) -> Result<(), Failure> {
    let states = env.model.rules();
    let other = states.iter().find(|(kept, _)| asked.is_some_and(|asked| asked != *kept));
    let kept = other.or(states.first()).copied();
    match (asked, kept) {
        (Some(asked), Some((kept, view))) if asked != kept => {
            return Err(Failure::Other(format!(
                "{view} goes by --ids {kept} in this shop, not by {asked}: give --ids {kept}, or begin a shop of its own \
                 with --prefix and --out"
            )));
        }
        (None, Some((kept, _))) if kept != Rule::default() => {
            let text = format!("Duplicates are told by --ids {kept}, as this shop was begun.");
            env.model.say(env.clock.now().unwrap_or_default(), Severity::Info, text.into());
        }
        _ => {}
    }
    env.ids.set_rule(asked.or(kept.map(|(kept, _)| kept)).unwrap_or_default());
    Ok(())
}

/// The result of a blocking task.
async fn blocking<T>(task: JoinHandle<Result<T, StreamError>>) -> Result<T, Failure> {
    match task.await {
        Ok(found) => Ok(found?),
        Err(error) => Err(Failure::Other(error.to_string())),
    }
}
