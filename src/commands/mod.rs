//! One file for each thing that can be done.

mod broker;
mod consume;
mod order;
mod produce;
mod progress;
mod report;
mod status;
mod tui;
mod verify;

use std::{
    io::{self, Write as _},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use crate::{
    cli::{BackfillArg, Cli, Command, Common, HandlingArgs, RateArg, SimulatorArgs},
    handling::Parameters,
    logging,
    read_model::ReadModel,
    runtime::{
        kafka::{self, BootstrapError, Kafka, Want},
        out_dir::{OutDir, OutDirError},
    },
    secrets,
    shop::{Catalog, Zone, money::thousands, product::CatalogError},
    simulator::{Backfill, Pace, Rate, SimulatorError, SimulatorOptions},
    store::StoreError,
    stream::{
        Session, StreamError, Topic,
        agreed_settings::{self, Agreement},
        topics,
    },
};

/// How long topics may take to be made or read.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a command failed; each is one sentence for the person at the keyboard.
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
    /// Standard output takes nothing.
    #[error("the result could not be printed ({0}): send it where there is room")]
    Output(io::Error),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// What every command begins with.
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
            Some(path) => Catalog::load(path)?,
            None => Catalog::builtin(),
        };
        let out_dir = OutDir::new(&common.out);
        Ok(Self { out_dir, zone: Zone(common.tz), catalog: Arc::new(catalog), common })
    }

    /// Begins the log, and with it the folder.
    fn log(&self) -> Result<(), Failure> {
        self.out_dir.make()?;
        let path = self.out_dir.log();
        logging::start(&path).map_err(|error| Failure::Log { path, error })
    }
}

/// Does what was typed.
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
    }
}

/// Where no folder was named and nothing runs in the default one, but a demo does, it is the demo that is meant.
async fn find_demo(command: &Command, common: &mut Common) {
    let looks = match command {
        Command::Tui(args) => args.watch,
        Command::Status(_)
        | Command::Order { .. }
        | Command::Consume(_)
        | Command::Report(_)
        | Command::Verify(_) => true,
        Command::Produce(_) | Command::Broker(_) => false,
    };
    let demo = common.out.join(tui::DEMO);
    if looks
        && common.finds_demo
        && !kafka::is_served(&OutDir::new(&common.out)).await
        && kafka::is_served(&OutDir::new(&demo)).await
    {
        // Where nobody reads it there is nobody to tell.
        let _ = writeln!(
            io::stderr(),
            "shop-sim: this is the demo that runs in {}; --out {} is the shop there",
            demo.display(),
            common.out.display()
        );
        common.out = demo;
    }
}

/// A token that is cancelled by SIGINT, SIGTERM and SIGHUP; a second signal ends the process at once. A signal that
/// whoever started the process lets it ignore, as `nohup` and a shell's background jobs do, stays ignored.
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

/// From here on SIGINT and SIGQUIT, the keys of a terminal, end the process at once. Must run inside a tokio runtime.
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

/// Waits for a signal; for ever for one that is ignored.
async fn received(signal: &mut Option<tokio::signal::unix::Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// The signals that this process ignored when it was started, one a bit from signal 1 on; none where the system does not
/// say so in `/proc`.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// The way to Kafka; `None` when told to stop before it answers.
async fn opened(setting: &Setting, want: Want, stop: &CancellationToken) -> Result<Option<Kafka>, Failure> {
    tokio::select! {
        kafka = Kafka::open(&setting.common, &setting.out_dir, want) => Ok(Some(kafka?)),
        () = stop.cancelled() => Ok(None),
    }
}

/// An error unless others of the shop have the settings of `ours`; what nobody has said yet is said. `instance` is the id of
/// this process in its groups, where it has one.
async fn agree(session: &Session, ours: Agreement, instance: Option<String>) -> Result<(), StreamError> {
    session.aside(move |session| agreed_settings::join(session, &ours, instance.as_deref())).await
}

/// An error unless the shop is there and its days are those of `zone`.
async fn exists(session: &Session, zone: Zone) -> Result<(), StreamError> {
    topics::exist(session, Topic::State, PATIENCE).await?;
    let look = move |session: &Session| match agreed_settings::kept(session)? {
        Some(kept) => Agreement::of(zone).check(&kept),
        None => Ok(()),
    };
    session.aside(look).await
}

/// An error where a process had to end.
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
        // `status | head` has what it wanted: as with other programs that print, a reader that went away is no error.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed.map_err(Failure::Output),
    }
}

/// When orders are handled, from the flags.
fn parameters(args: &HandlingArgs, seed: u64) -> Parameters {
    let every_ms = args.handle_every.unwrap_or(Parameters::default().every_ms);
    Parameters { seed, every_ms, chance_ppm: args.handle_chance }
}

/// What the simulator is told, from the flags. `now_ms` is wall time.
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
        pace,
        count: None,
        backfill,
        then_live: false,
        goes_on: false,
        take_over: args.take_over,
    })
}
