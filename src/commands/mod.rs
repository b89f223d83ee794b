//! The commands, one file each.

mod broker;
mod chaos;
mod consume;
mod order;
mod produce;
mod progress;
mod report;
mod status;
mod tui;
mod verify;

use std::{
    fs,
    io::{self, Write as _},
    path::PathBuf,
    sync::Arc,
};

use tokio_util::sync::CancellationToken;

use crate::{
    cli::{BackfillArg, Cli, Command, Common, HandlingArgs, RateArg, RhythmArg, SimulatorArgs},
    handling::Parameters,
    logging,
    read_model::ReadModel,
    runtime::{
        kafka::{self, BootstrapError, Kafka, Want},
        out_dir::{OutDir, OutDirError},
    },
    secrets,
    shop::{Catalog, Zone, number_format::thousands, product::CatalogError},
    simulator::{Backfill, Pace, Rate, Rhythm, SimulatorError, SimulatorOptions},
    store::StoreError,
    stream::{
        Session, StreamError, Topic,
        agreed_settings::{self, Agreement},
        retry::FAILOVER,
        topics,
    },
};

/// Why a command failed: one sentence for the user.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each passes on the error it names")]
pub enum Failure {
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    #[error(transparent)]
    OutDir(#[from] OutDirError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Stream(#[from] StreamError),
    #[error(transparent)]
    Simulator(#[from] SimulatorError),
    #[error(transparent)]
    Screen(#[from] crate::dashboard::terminal::ScreenError),
    #[error(transparent)]
    Broker(#[from] kafka_in_process::BrokerError),
    /// The log file cannot be written.
    #[error("the log {} cannot be written ({error}): give another folder with --out", path.display())]
    Log { path: PathBuf, error: io::Error },
    /// Standard output cannot be written.
    #[error("the result could not be printed ({0}): send it where there is room")]
    Output(io::Error),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// The common setup of all commands.
pub(crate) struct Setting {
    common: Common,
    out_dir: OutDir,
    zone: Zone,
    catalog: Arc<Catalog>,
}

impl Setting {
    fn new(common: Common) -> Result<Self, Failure> {
        secrets::keep(&common.properties);
        let catalog = match &common.products {
            Some(path) => {
                let text = fs::read_to_string(path)
                    .map_err(|source| CatalogError::Unreadable { file: path.clone(), source })?;
                Catalog::parse(&text, path)?
            }
            None => Catalog::builtin(),
        };
        let out_dir = OutDir::new(&common.out);
        Ok(Self { out_dir, zone: Zone(common.tz), catalog: Arc::new(catalog), common })
    }

    /// Creates the folder and starts the log file.
    fn log(&self) -> Result<(), Failure> {
        self.out_dir.make()?;
        let path = self.out_dir.log();
        logging::start(&path).map_err(|error| Failure::Log { path, error })
    }
}

/// Runs a command.
pub async fn run(cli: Cli) -> Result<(), Failure> {
    logging::listen(cli.common.log_level.into());
    let Cli { command, mut common } = cli;
    find_demo(&command, &mut common).await;
    let setting = Setting::new(common)?;
    match command {
        Command::Tui(args) => tui::run(setting, args).await,
        Command::Produce(args) => produce::run(setting, args).await,
        Command::Consume(args) => consume::run(setting, args).await,
        Command::Broker(args) => broker::run(setting, args).await,
        Command::Status(args) => status::run(setting, &args).await,
        Command::Order { id } => order::run(setting, id).await,
        Command::Report(args) => report::run(setting, &args).await,
        Command::Verify(args) => verify::run(setting, args).await,
        Command::Chaos(args) => chaos::run(setting, args).await,
    }
}

/// Without `--out`, uses the folder of a demo if only that runs, and its topics if it is on a Kafka cluster: with the
/// given `--bootstrap`, or without any.
async fn find_demo(command: &Command, common: &mut Common) {
    let looks = match command {
        Command::Tui(args) => args.watch,
        Command::Status(_)
        | Command::Order { .. }
        | Command::Consume(_)
        | Command::Report(_)
        | Command::Verify(_)
        | Command::Chaos(_) => true,
        Command::Produce(_) | Command::Broker(_) => false,
    };
    if !looks || !common.finds_demo {
        return;
    }
    let demo = common.out.join(tui::DEMO);
    let (shop, of_demo) = (OutDir::new(&common.out), OutDir::new(&demo));
    let built_in = common.bootstrap.is_none();
    if built_in && kafka::is_served(&shop).await {
        return;
    }
    let on_cluster = tui::on_cluster(&of_demo, &common.prefix)
        .filter(|(cluster, _)| common.bootstrap.as_ref().is_none_or(|given| given == cluster))
        .filter(|_| of_demo.consumers_run() && !shop.consumers_run());
    if on_cluster.is_none() && !(built_in && kafka::is_served(&of_demo).await) {
        return;
    }
    // If stderr is closed, nobody reads it.
    let _ = writeln!(
        io::stderr(),
        "shop-sim: this is the demo that runs in {}; --out {} is the shop there",
        demo.display(),
        common.out.display()
    );
    common.out = demo;
    if let Some((cluster, topics)) = on_cluster {
        common.bootstrap = Some(cluster);
        common.prefix = topics;
    }
}

/// A token that is cancelled by SIGINT, SIGTERM and SIGHUP; a second signal ends the process at once. Signals that were
/// ignored at the start, as by `nohup` and for background jobs of a shell, stay ignored.
pub(crate) fn interrupted() -> Result<CancellationToken, Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let stop = CancellationToken::new();
    let ignored = ignored_signals();
    let listen = |kind: SignalKind| match ignored & 1 << (kind.as_raw_value() - 1) {
        0 => signal(kind)
            .map(Some)
            .map_err(|error| Failure::Other(format!("signals cannot be received ({error})"))),
        _ => Ok(None),
    };
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hangup = listen(SignalKind::hangup())?;
    let told = stop.clone();
    tokio::spawn(async move {
        for _ in 0..2 {
            tokio::select! {
                () = received(&mut interrupt) => {}
                () = received(&mut terminate) => {}
                () = received(&mut hangup) => {}
            }
            if told.is_cancelled() {
                std::process::exit(1);
            }
            told.cancel();
        }
    });
    Ok(stop)
}

/// From now on SIGINT and SIGQUIT, which terminal keys send, end the process at once. Needs a tokio runtime.
fn end_at_once_when_interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    for kind in [SignalKind::interrupt(), SignalKind::quit()] {
        if let Ok(mut told) = signal(kind) {
            tokio::spawn(async move {
                if told.recv().await.is_some() {
                    std::process::exit(1);
                }
            });
        }
    }
}

/// Waits for a signal; never returns for an ignored one.
async fn received(signal: &mut Option<tokio::signal::unix::Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// The signals that were ignored when this process started, as a bit mask from signal 1 on; 0 if `/proc` does not list
/// them.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// Opens the connection to Kafka; `None` if interrupted before it responds.
async fn opened(setting: &Setting, want: Want, stop: &CancellationToken) -> Result<Option<Kafka>, Failure> {
    tokio::select! {
        kafka = Kafka::open(&setting.common, &setting.out_dir, want) => Ok(Some(kafka?)),
        () = stop.cancelled() => Ok(None),
    }
}

/// Checks that the shop's settings equal `ours`, and stores those that are missing.
async fn agree(session: &Session, ours: Agreement, instance: Option<String>) -> Result<(), StreamError> {
    session.aside(move |session| agreed_settings::join(session, &ours, instance.as_deref())).await
}

/// The same for the consumers of a folder, which is bound to the zone only then: a process that is refused leaves it as it
/// was.
async fn agree_for(out_dir: &OutDir, session: &Session, zone: Zone, ours: Agreement) -> Result<(), Failure> {
    agree(session, ours, Some(out_dir.instance()?)).await?;
    Ok(out_dir.keep_zone(zone.0)?)
}

/// An error unless the shop exists, in the time zone `zone`.
async fn exists(session: &Session, zone: Zone) -> Result<(), StreamError> {
    topics::exist(session, Topic::State, FAILOVER).await?;
    let look = move |session: &Session| match agreed_settings::kept(session)? {
        Some(kept) => Agreement::of(zone).check(&kept),
        None => Ok(()),
    };
    session.aside(look).await
}

/// An error if the process was refused.
fn not_refused(model: &ReadModel) -> Result<(), Failure> {
    match model.refused() {
        Some(why) => Err(Failure::Other(why.to_string().trim_end_matches('.').to_owned())),
        None => Ok(()),
    }
}

/// `1 order`, `1 204 orders`.
fn counted(count: u64, what: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {what}{ending}", thousands(count))
}

/// Prints a line on stdout.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        // `status | head`: as in other programs, a closed pipe is not an error.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed.map_err(Failure::Output),
    }
}

/// The parameters of handling, from the flags.
fn parameters(args: &HandlingArgs, seed: u64) -> Parameters {
    let every_ms = args.handle_every.unwrap_or(Parameters::default().every_ms);
    Parameters { seed, every_ms, chance_ppm: args.handle_chance }
}

/// The simulator's options, from the flags. `now_ms` is wall time.
fn simulator(
    setting: &Setting,
    args: &SimulatorArgs,
    seed: u64,
    backfill: Option<BackfillArg>,
    now_ms: i64,
) -> Result<SimulatorOptions, Failure> {
    let zone = setting.zone;
    let rate = match args.rate {
        RateArg::Max => Rate::Max,
        RateArg::PerSecond(rate) => Rate::PerSecond(rate),
    };
    let accelerated = args.start.is_some() || (args.speed - 1.0).abs() > f64::EPSILON;
    let pace = if accelerated {
        Pace::Accelerated { speed: args.speed, start: args.start.map(|start| zone.resolve(start)) }
    } else {
        Pace::Real
    };
    let period = backfill.map(|backfill| match backfill {
        BackfillArg::Today => {
            let midnight = zone.start_of(zone.date(now_ms.div_euclid(1000)));
            (midnight.saturating_mul(1000), now_ms)
        }
        BackfillArg::Period(from, to) => (zone.resolve(from), zone.resolve(to)),
    });
    let backfill = match (period, rate.per_second()) {
        (None, _) => None,
        (Some((from_ms, to_ms)), Some(per_second)) => Some(Backfill { from_ms, to_ms, per_second }),
        (Some(_), None) => {
            return Err(Failure::Other(
                "--backfill needs a rate in orders a second of shop time: give a number with --rate"
                    .to_owned(),
            ));
        }
    };
    Ok(SimulatorOptions {
        catalog: (*setting.catalog).clone(),
        zone,
        rate,
        seed,
        rhythm: match args.rhythm {
            Some(RhythmArg::Shop) => Rhythm::shop(zone),
            Some(RhythmArg::Flat) | None => Rhythm::flat(),
        },
        pace,
        count: None,
        backfill,
        then_live: false,
        goes_on: false,
        take_over: args.take_over,
    })
}
