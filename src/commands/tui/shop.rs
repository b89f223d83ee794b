//! The shop behind the screen.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use chrono::Utc;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use super::{
    super::{
        Failure, Setting, agree_for, consume, exists, not_refused, parameters, simulator as simulator_options,
    },
    request_check::refusal,
};
use crate::{
    cli::{BackfillArg, RateArg, SimulatorArgs, TuiArgs},
    consumer::{Part, Rule},
    consumers::{NAMES, Name},
    dashboard::action::Request,
    engine::Ended,
    handling::Parameters,
    messages::{Lang, Sentence, Severity},
    runtime::{
        chaos::switches::Switches,
        consumers, dedicated_thread,
        out_dir::OutDir,
        services::{self, Services},
        supervisor::Supervisor,
    },
    shop::{Catalog, Control},
    simulator::{self, Outcome, Progress, Simulator, SimulatorError, SimulatorOptions},
    stream::{Session, StreamError, control_sender::ControlSender, ends::EndWatch, topics},
    views::shop_figures::ShopFigures,
};

/// Time for Kafka to list the topics and for states to be read, before the screen reports that it does not respond.
const PATIENCE: Duration = Duration::from_secs(10);
/// Time for the consumers to finish once the simulator has stopped.
const COUNTING: Duration = Duration::from_millis(2_500);
/// Time between two checks of the consumers' positions.
const LOOK: Duration = Duration::from_millis(50);

/// What to run.
pub(in crate::commands) struct Plan {
    out_dir: OutDir,
    catalog: Arc<Catalog>,
    workshop: consume::Workshop,
    sell: Option<SimulatorOptions>,
    /// Whether an earlier shop is resumed: then the outcome is reported.
    goes_on: bool,
    parameters: Parameters,
    ids: Option<Rule>,
}

impl Plan {
    /// A shop without a screen that sells in real time.
    pub(in crate::commands) fn headless(setting: &Setting, seed: u64, rate: f64) -> Result<Self, Failure> {
        let args = SimulatorArgs {
            rate: RateArg::PerSecond(rate),
            speed: 1.0,
            rhythm: None,
            start: None,
            take_over: false,
        };
        let options = simulator_options(setting, &args, seed, None, Utc::now().timestamp_millis())?;
        options.check()?;
        Ok(Self {
            out_dir: setting.out_dir.clone(),
            catalog: Arc::clone(&setting.catalog),
            workshop: consume::Workshop::of(setting, Lang::default()),
            sell: Some(options),
            goes_on: false,
            parameters: Parameters { seed, ..Parameters::default() },
            ids: None,
        })
    }

    /// Injects faults into its consumers; `None` if it runs none.
    pub(in crate::commands) fn switches(&self) -> Option<Switches> {
        self.sell.is_some().then(|| self.workshop.switches.clone())
    }

    /// A plan from the flags.
    pub(super) fn new(setting: &Setting, args: &TuiArgs, goes_on: bool) -> Result<Self, Failure> {
        let now = Utc::now().timestamp_millis();
        let mut options = simulator_options(setting, &args.simulator, args.seed, args.backfill, now)?;
        options.then_live = true;
        options.goes_on = goes_on || args.backfill == Some(BackfillArg::Today);
        if args.demo
            && let Some(backfill) = &mut options.backfill
        {
            // The same orders per second of shop time as live.
            backfill.per_second /= args.simulator.speed;
        }
        options.check()?;
        Ok(Self {
            out_dir: setting.out_dir.clone(),
            catalog: Arc::clone(&setting.catalog),
            workshop: consume::Workshop::of(setting, args.lang),
            sell: (!args.watch).then_some(options),
            goes_on,
            parameters: parameters(&args.handling, args.seed),
            ids: args.ids.ids,
        })
    }
}

/// The result of a shop's run.
pub(in crate::commands) struct Ran {
    /// The figures at the start.
    pub(super) before: ShopFigures,
    /// The figures at the end.
    pub(super) after: ShopFigures,
    /// Unread records, which the figures lack.
    pub(super) unread: u64,
}

/// Runs until the user leaves or the services are stopped.
pub(in crate::commands) async fn run(
    mut services: Services,
    plan: Plan,
    mut asked: mpsc::UnboundedReceiver<Request>,
) -> Result<Ran, Failure> {
    let stop = services.stop.clone();
    let (mut before, mut early) = (ShopFigures::default(), VecDeque::new());
    let ran = tokio::select! {
        ran = open(&mut services, &plan, &mut before) => ran,
        // Before the shop is open, only leaving is handled.
        () = stop.cancelled() => Ok(None),
        () = leaving(&mut asked, &mut early) => Ok(None),
    };
    let result = match ran {
        Ok(Some(open)) => Ok(serve(&services, open, &plan, early, &mut asked).await),
        Ok(None) => Ok(0),
        Err(failure) => Err(failure),
    };
    let (model, clock) = (Arc::clone(&services.model), services.clock.clone());
    services.close().await;
    not_refused(&model)?;
    result.map(|unread| Ran { before, after: services::figures(&model, &clock, &plan.catalog), unread })
}

/// Waits until the user leaves; keeps other requests for later.
async fn leaving(asked: &mut mpsc::UnboundedReceiver<Request>, kept: &mut VecDeque<Request>) {
    while let Some(request) = asked.recv().await {
        if request == Request::Quit {
            return;
        }
        kept.push_back(request);
    }
}

/// A shop that is open.
struct Open {
    /// With the options for its restart.
    simulator: Option<(Simulator, SimulatorOptions)>,
    tools: Option<consumers::Tools>,
    asker: ControlSender,
}

/// Creates topics, stores the figures `before`, starts the simulator and the consumers. Waits for a Kafka that is not
/// up yet.
async fn open(
    services: &mut Services,
    plan: &Plan,
    before: &mut ShopFigures,
) -> Result<Option<Open>, Failure> {
    if plan.sell.is_some() {
        while let Err(error) = topics::ensure(&services.session, PATIENCE).await {
            if !error.passes() {
                return Err(error.into());
            }
            services.model.set_connection(false, Some(error.sentence()), Utc::now().timestamp());
        }
        let ours = consumers::agreement(services.zone, &plan.parameters, &Name::ALL);
        agree_for(&plan.out_dir, &services.session, services.zone, ours).await?;
    } else {
        while let Err(error) = exists(&services.session, services.zone).await {
            if let StreamError::Disagrees { .. } | StreamError::Unfit { .. } = error {
                return Err(error.into());
            }
            services.model.set_connection(false, Some(error.sentence()), Utc::now().timestamp());
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
    if plan.sell.is_some() {
        services.model.will_run(NAMES);
    }
    services.follow()?;
    let asker = ControlSender::new(&services.session);
    let Some(options) = &plan.sell else {
        services.known(PATIENCE).await;
        *before = services.figures(&plan.catalog);
        return Ok(Some(Open { simulator: None, tools: None, asker }));
    };
    let tools = plan.workshop.tools(services, plan.parameters, None)?;
    // They join their groups while shop time and the sales are determined.
    consumers::start(services, &tools, &Name::ALL);
    services.known(PATIENCE).await;
    *before = services.figures(&plan.catalog);
    consume::decide_ids(&tools.env, plan.ids)?;
    let ends = if plan.goes_on { ends(&services.session).await } else { None };
    let simulator = match simulator::start(&services.session, options.clone()).await {
        Ok(simulator) => Some((simulator, options.clone().again())),
        Err(SimulatorError::Rival { place, .. }) => {
            services.model.say(
                services.clock.now().unwrap_or_default(),
                Severity::Info,
                Sentence::SoldElsewhere { place },
            );
            None
        }
        Err(error) => return Err(error.into()),
    };
    if let Some((ends, (simulator, _))) = ends.zip(simulator.as_ref()) {
        let orders = simulator.orders_before();
        services.spawn(tell_resumed(services.supervisor(), Arc::clone(&plan.catalog), ends, orders));
    }
    tools.env.begin.send_replace(true);
    Ok(Some(Open { simulator, tools: Some(tools), asker }))
}

/// The current end offsets; `None` if Kafka does not respond.
async fn ends(session: &Session) -> Option<HashMap<Part, i64>> {
    let session = session.clone();
    let looked = tokio::task::spawn_blocking(move || EndWatch::new(&session)?.look()).await;
    looked.ok().and_then(Result::ok)
}

/// Once the consumers have reached `ends`, reports how many records were read again, and whether all `orders` that the
/// simulator found in the log are counted.
async fn tell_resumed(shop: Supervisor, catalog: Arc<Catalog>, ends: HashMap<Part, i64>, orders: u64) {
    let told = async {
        let records = loop {
            if let Some(records) = shop.model.read_up_to(&ends) {
                break records;
            }
            tokio::time::sleep(LOOK).await;
        };
        let figures = services::figures(&shop.model, &shop.clock, &catalog);
        (figures.shop_second, records, orders.saturating_sub(figures.produced))
    };
    if let Some((second, records, lost)) = shop.stop.run_until_cancelled(told).await {
        let severity = if lost == 0 { Severity::Info } else { Severity::Error };
        shop.model.say(second, severity, Sentence::GoesOn { records, lost });
    }
}

/// Runs the simulator. After a panic a new one reads the log again and continues from its end; the user's requests then
/// come by `shop.control`.
async fn sell(
    supervisor: Supervisor,
    session: Session,
    (simulator, again): (Simulator, SimulatorOptions),
    controls: mpsc::Receiver<Control>,
) {
    let mut first = Some((simulator, controls));
    let run = || {
        let (next, supervisor) = (first.take(), &supervisor);
        let starting = simulator::start(&session, again.clone());
        async move {
            let (simulator, controls) = match next {
                Some(ready) => ready,
                None => (starting.await.map_err(|error| error.to_string())?, mpsc::channel(1).1),
            };
            // Progress is read from the pulse.
            let progress = watch::Sender::new(Progress::default());
            let selling = simulator.run(controls, progress, supervisor.stop.clone());
            let sold = dedicated_thread::run("simulator", selling).await;
            let (severity, sentence) = match sold.map_err(|error| error.to_string())? {
                Ok(Outcome::Finished | Outcome::Stopped) => return Ok(Ended::Done),
                Ok(Outcome::Replaced { by }) => (Severity::Warning, Sentence::TakenOver { by }),
                Err(error) => (Severity::Error, Sentence::SimulatorFailed { why: error.to_string() }),
            };
            supervisor.model.say(supervisor.clock.now().unwrap_or_default(), severity, sentence);
            Ok::<_, String>(Ended::Done)
        }
    };
    supervisor.keep("the simulator", run).await;
}

/// Runs the simulator and forwards the user's requests, until the user leaves or the services are stopped. Returns the
/// number of unread records.
async fn serve(
    services: &Services,
    open: Open,
    plan: &Plan,
    mut early: VecDeque<Request>,
    asked: &mut mpsc::UnboundedReceiver<Request>,
) -> u64 {
    let (to_simulator, controls) = mpsc::channel(16);
    let own = open.simulator.is_some();
    let mut asker = open.asker;
    let open_hours = services.stop.child_token();
    let supervisor = Supervisor { stop: open_hours.clone(), ..services.supervisor() };
    let selling = open
        .simulator
        .map(|simulator| tokio::spawn(sell(supervisor, services.session.clone(), simulator, controls)));
    loop {
        let request = tokio::select! {
            biased;
            () = services.stop.cancelled() => break,
            () = std::future::ready(()), if !early.is_empty() => early.pop_front(),
            request = asked.recv() => request,
        };
        let control = match request {
            Some(Request::Pause) => Control::Pause,
            Some(Request::Resume) => Control::Resume,
            Some(Request::Rate(rate)) => Control::Rate { rate },
            Some(request @ (Request::ToMidnight | Request::Rush)) => {
                let pulse = services.clock.pulse();
                if let Some(why) = refusal(&request, pulse.as_ref(), services.zone) {
                    services.model.say(services.clock.now().unwrap_or_default(), Severity::Info, why);
                    continue;
                }
                if request == Request::Rush { Control::Rush } else { Control::ToMidnight }
            }
            // For the request handler.
            Some(
                Request::Follow(_)
                | Request::Open(_)
                | Request::Rewind(_)
                | Request::Save(..)
                | Request::TalkBegan
                | Request::Audit
                | Request::Break(_),
            ) => continue,
            Some(Request::Quit) | None => break,
        };
        // The simulator of this process gets it directly, even without Kafka.
        if !(own && to_simulator.try_send(control).is_ok()) {
            asker.ask(control);
        }
    }
    // Sales have stopped: wait until they are counted.
    open_hours.cancel();
    let mut unread = 0;
    if let Some(selling) = selling {
        // The waits at the end sum up to less than five seconds.
        let patience = Duration::from_secs(2);
        if tokio::time::timeout(patience, selling).await.is_err() {
            tracing::warn!(
                "the simulator did not end in time: orders that Kafka had not acknowledged are lost"
            );
        } else {
            let counted = services.stop.run_until_cancelled(counted(services)).await;
            unread = counted.unwrap_or(0);
        }
    }
    services.stop.cancel();
    if let Some(tools) = open.tools
        && let Err(failure) = consume::close(&tools).await
    {
        tracing::warn!("{failure}");
    }
    tracing::debug!("the shop in {} is closed", plan.out_dir.path().display());
    unread
}

/// Waits, up to a limit, until the consumers reach the current end offsets; returns the number of unread records.
async fn counted(services: &Services) -> u64 {
    let deadline = Instant::now() + COUNTING;
    let Ok(Some(ends)) = tokio::time::timeout_at(deadline, ends(&services.session)).await else { return 0 };
    loop {
        let unread = services.model.behind(&ends);
        if unread == 0 || Instant::now() >= deadline {
            return unread;
        }
        tokio::time::sleep(LOOK).await;
    }
}
