//! The command line.

mod values;

use std::{ffi::OsString, net::SocketAddr, path::PathBuf};

use chrono::{NaiveDate, NaiveDateTime};
use chrono_tz::Tz;
use clap::{
    Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum, error::ErrorKind,
    parser::ValueSource,
};

use tracing::level_filters::LevelFilter;

use crate::{
    chaos::Fault,
    consumer::Rule,
    consumers::Name,
    dashboard::{Marker, ThemeName},
    messages::Lang,
};
pub use values::{BackfillArg, RateArg};
use values::{
    address, backfill, bootstrap, chance_ppm, date, duration_ms, ids, order_id, partitions, prefix, property,
    rate, speed, time, whole, zone,
};

/// Headings in the help of commands that have many options.
const SIMULATOR: &str = "Simulator";
const HANDLING: &str = "Handling";
const SCREEN: &str = "Screen";
const KAFKA: &str = "Kafka";
const GENERAL: &str = "General";

/// The options of `consume` that only some consumers use.
const USED_BY: [(&str, &[Name]); 4] = [
    ("handle_every", &[Name::Handling]),
    ("handle_chance", &[Name::Handling]),
    ("seed", &[Name::Handling]),
    ("lang", &[Name::DailyReport, Name::Mail]),
];

/// Simulates a web shop, streams its orders to Apache Kafka, runs the shop's consumers and shows it all live.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What holds for every command.
    #[command(flatten)]
    pub common: Common,
}

impl Cli {
    /// Parses the arguments; the error prints itself.
    pub fn read(typed: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<Self, clap::Error> {
        let mut parser = Self::command();
        // An empty variable counts as unset, since not every system can unset an exported one.
        if std::env::var_os("SHOP_SIM_BOOTSTRAP").is_some_and(|address| address.is_empty()) {
            parser = parser.mut_arg("bootstrap", |bootstrap| bootstrap.env(None));
        }
        let mut matches = parser.try_get_matches_from_mut(typed)?;
        // The variable's address is for other commands; on the command line it is a mistake. clap has no conflicts
        // between an option and a subcommand.
        let typed =
            |matches: &clap::ArgMatches| matches.value_source("bootstrap") == Some(ValueSource::CommandLine);
        if let Some(("broker", broker)) = matches.subcommand()
            && typed(broker)
        {
            return Err(parser.error(
                ErrorKind::ArgumentConflict,
                "`broker` starts a broker of its own and connects to none: give the address to listen on with \
                 --listen instead of --bootstrap",
            ));
        }
        if let Some(("consume", consume)) = matches.subcommand()
            && let Some(views) = consume.get_many::<Name>("views")
            && let Some((flag, users)) = USED_BY.into_iter().find(|(flag, users)| {
                let is_used = views.clone().any(|view| users.contains(view));
                !is_used && consume.value_source(flag) == Some(ValueSource::CommandLine)
            })
        {
            let users: Vec<String> = users.iter().map(|name| format!("`{}`", name.name())).collect();
            let (plural, remedy) = match users.len() {
                1 => ("", "which is not named: name it too"),
                _ => ("s", "and none of them is named: name one too"),
            };
            let sentence = format!(
                "--{} is for the consumer{plural} {}, {remedy}, or leave the option out",
                flag.replace('_', "-"),
                users.join(", ")
            );
            return Err(parser.error(ErrorKind::ArgumentConflict, sentence));
        }
        let is_default = |name| {
            matches
                .subcommand()
                .is_some_and(|(_, matches)| matches.value_source(name) == Some(ValueSource::DefaultValue))
        };
        let finds_demo = is_default("out");
        let mut cli = Self::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut parser))?;
        cli.common.finds_demo = finds_demo;
        Ok(cli)
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The whole shop live: broker, simulator, consumers and dashboard in one process
    Tui(TuiArgs),
    /// The simulator alone: sells, and streams the orders to Kafka
    Produce(ProduceArgs),
    /// The consumers alone; all of them unless some are named
    Consume(ConsumeArgs),
    /// The built-in broker alone, until interrupted
    Broker(BrokerArgs),
    /// The dashboard's figures, once
    Status(StatusArgs),
    /// One order's journey: sold, handled, mailed
    Order {
        /// The order's id
        #[arg(value_parser = order_id, allow_negative_numbers = true)]
        id: u64,
    },
    /// Prints a daily report; the newest one unless a date is given
    Report(ReportArgs),
    /// Audits: recomputes everything independently from the topics, compares it with state and files, and exits with
    /// status 1 if anything differs
    Verify(VerifyArgs),
    /// Breaks a shop and waits until every figure agrees with the log again: the shop that runs in this folder or at
    /// --bootstrap, by records alone, or else one that it runs itself; exits with status 1 if they do not agree
    Chaos(ChaosArgs),
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Kafka's addresses, HOST:PORT[,…]; without it the built-in broker is used
    #[arg(long, global = true, env = "SHOP_SIM_BOOTSTRAP", value_name = "HOST:PORT", value_parser = bootstrap, help_heading = KAFKA)]
    pub bootstrap: Option<String>,
    /// Prefix of topic and group names
    #[arg(long, global = true, default_value = "shop", value_name = "NAME", value_parser = prefix, help_heading = KAFKA)]
    pub prefix: String,
    /// Partitions for newly created topics
    #[arg(long, global = true, default_value_t = 6, value_name = "N", value_parser = partitions, allow_negative_numbers = true, help_heading = KAFKA)]
    pub partitions: i32,
    /// A librdkafka property, such as security.protocol=ssl; may be given many times
    #[arg(short = 'X', global = true, value_name = "KEY=VALUE", value_parser = property, hide_env_values = true, help_heading = KAFKA)]
    pub properties: Vec<(String, String)>,
    /// Wait for a Kafka that does not answer yet, instead of ending after 10 s
    #[arg(long, global = true, help_heading = KAFKA)]
    pub wait: bool,
    /// Folder for reports, mails, tables, checkpoints and the built-in broker's data
    #[arg(long, global = true, default_value = "out", value_name = "DIR", help_heading = GENERAL)]
    pub out: PathBuf,
    /// Whether the folder is the default: then a running demo may be used.
    #[arg(skip)]
    pub finds_demo: bool,
    /// The shop's time zone
    #[arg(long, global = true, default_value = "Europe/Stockholm", value_name = "ZONE", value_parser = zone, help_heading = GENERAL)]
    pub tz: Tz,
    /// The products on sale (TOML); a range of its own is built in
    #[arg(long, global = true, value_name = "FILE", help_heading = GENERAL)]
    pub products: Option<PathBuf>,
    /// How much goes into the log
    #[arg(long, global = true, default_value = "info", value_name = "LEVEL", help_heading = GENERAL)]
    pub log_level: LogLevel,
}

/// How much goes into the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the names say it")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}

/// How the simulator sells.
#[derive(Debug, Clone, Args)]
pub struct SimulatorArgs {
    /// Orders a second of wall time, or `max`; with --backfill, of shop time
    #[arg(long, default_value = "5", value_name = "N|max", value_parser = rate, allow_negative_numbers = true, help_heading = SIMULATOR)]
    pub rate: RateArg,
    /// How much faster than the wall clock shop time runs
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR", value_parser = speed, allow_negative_numbers = true, help_heading = SIMULATOR)]
    pub speed: f64,
    /// When customers come: at all times alike, or by hour and weekday, with --rate as the mean of a week
    /// [default: flat; shop with --demo]
    #[arg(long, value_enum, help_heading = SIMULATOR)]
    pub rhythm: Option<RhythmArg>,
    /// Shop time to start at, with --speed: "2026-11-20 23:50"
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = SIMULATOR)]
    pub start: Option<NaiveDateTime>,
    /// Stop another simulator that is selling, and go on in its place
    #[arg(long, help_heading = SIMULATOR)]
    pub take_over: bool,
}

/// The rhythm of customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RhythmArg {
    /// At all times alike.
    Flat,
    /// By hour and weekday.
    Shop,
}

/// Which orders are duplicates.
#[derive(Debug, Clone, Copy, Args)]
pub struct IdsArgs {
    /// Which orders are duplicates: those whose id was `seen` in their partition (=DAYS: remembered for so many days),
    /// those that are not `ascending`, or `none` [default: as the shop was begun; seen for a new one]
    #[arg(long, value_name = "RULE", value_parser = ids, allow_hyphen_values = true, help_heading = HANDLING)]
    pub ids: Option<Rule>,
}

/// How orders are handled.
#[derive(Debug, Clone, Args)]
pub struct HandlingArgs {
    /// Shop time between two attempts to handle an order [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = duration_ms, allow_hyphen_values = true, help_heading = HANDLING)]
    pub handle_every: Option<i64>,
    /// Chance of each attempt
    #[arg(long, default_value = "25%", value_name = "PERCENT", value_parser = chance_ppm, allow_hyphen_values = true, help_heading = HANDLING)]
    pub handle_chance: u32,
}

/// `tui`
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct TuiArgs {
    /// How the simulator sells.
    #[command(flatten)]
    pub simulator: SimulatorArgs,
    /// How orders are handled.
    #[command(flatten)]
    pub handling: HandlingArgs,
    /// Which orders are duplicates.
    #[command(flatten)]
    pub ids: IdsArgs,
    /// Seed of the customers, their baskets and the handling
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = whole, allow_negative_numbers = true, help_heading = SIMULATOR)]
    pub seed: u64,
    /// First fill a past period: `today`, or FROM..TO; a date alone is its 00:00
    #[arg(long, value_name = "today|FROM..TO", value_parser = backfill, conflicts_with = "start", help_heading = SIMULATOR)]
    pub backfill: Option<BackfillArg>,
    /// A ten-minute demo in out/demo: accelerated time, a midnight, full windows. A restart after a kill, or after
    /// leaving before its end, resumes it with its talk; ten minutes after its end, or with --fresh, a new demo begins
    #[arg(long, conflicts_with_all = ["backfill", "start", "speed", "watch"])]
    pub demo: bool,
    /// With --demo: start a new one, whatever there is
    #[arg(long, requires = "demo")]
    pub fresh: bool,
    /// Show the shop as it was at this time first; the keys ← → go on from there, n returns to now
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "backfill", help_heading = SCREEN)]
    pub at: Option<NaiveDateTime>,
    /// Only show: no simulator, no consumers
    #[arg(long, conflicts_with_all = ["backfill", "start", "speed", "rate", "rhythm", "take_over", "seed", "handle_every", "handle_chance", "ids"])]
    pub watch: bool,
    /// Language of the screen, of mails and of daily reports
    #[arg(long, default_value_t, value_enum, value_name = "LANG", help_heading = SCREEN)]
    pub lang: Lang,
    /// Colours; `safe` for people who are colour-blind, `basic` for terminals of sixteen colours [default: what the terminal
    /// tells, else dark]
    #[arg(long, value_name = "THEME", help_heading = SCREEN)]
    pub theme: Option<ThemeName>,
    /// What charts are drawn with [default: block; ascii where the locale is not UTF-8]
    #[arg(long, value_enum, value_name = "MARKER", help_heading = SCREEN)]
    pub marker: Option<Marker>,
    /// Give a talk: large figures, what to say, ten minutes on the clock
    #[arg(long, help_heading = SCREEN)]
    pub present: bool,
    /// No screen: a line of text for each event, and the figures every ten seconds
    #[arg(long, conflicts_with_all = ["theme", "marker", "present", "mouse", "at"], help_heading = SCREEN)]
    pub plain: bool,
    /// Enable the mouse (disables text selection)
    #[arg(long, help_heading = SCREEN)]
    pub mouse: bool,
}

/// `produce`
#[derive(Debug, Clone, Args)]
pub struct ProduceArgs {
    /// How the simulator sells.
    #[command(flatten)]
    pub simulator: SimulatorArgs,
    /// Seed of the customers and their baskets
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = whole, allow_negative_numbers = true, help_heading = SIMULATOR)]
    pub seed: u64,
    /// Write a past period as fast as the broker takes it, and exit: `today`, or FROM..TO; a date alone is its 00:00
    #[arg(long, value_name = "today|FROM..TO", value_parser = backfill, conflicts_with_all = ["start", "speed", "count"], help_heading = SIMULATOR)]
    pub backfill: Option<BackfillArg>,
    /// Exit after this many orders
    #[arg(long, value_name = "N", value_parser = whole, allow_negative_numbers = true, help_heading = SIMULATOR)]
    pub count: Option<u64>,
}

/// `consume`
#[derive(Debug, Clone, Args)]
pub struct ConsumeArgs {
    /// Which consumers; all unless some are named
    #[arg(value_name = "VIEW")]
    pub views: Vec<Name>,
    /// How orders are handled.
    #[command(flatten)]
    pub handling: HandlingArgs,
    /// Which orders are duplicates.
    #[command(flatten)]
    pub ids: IdsArgs,
    /// Seed of the handling
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = whole, allow_negative_numbers = true, help_heading = HANDLING)]
    pub seed: u64,
    /// Language of mails and daily reports
    #[arg(long, default_value_t, value_enum, value_name = "LANG")]
    pub lang: Lang,
    /// Process all that is in the log up to now, print the status, and exit
    #[arg(long)]
    pub until_end: bool,
    /// With --until-end: the status as JSON
    #[arg(long, requires = "until_end")]
    pub json: bool,
}

/// `broker`
#[derive(Debug, Clone, Args)]
pub struct BrokerArgs {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:9092", value_name = "ADDRESS", value_parser = address)]
    pub listen: SocketAddr,
    /// Folder of the logs; `kafka` under --out unless given
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// When acknowledged data are synced to the disk
    #[arg(long, value_enum, default_value_t = FsyncArg::System, value_name = "WHEN")]
    pub fsync: FsyncArg,
}

/// When the built-in broker waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FsyncArg {
    /// When the system writes back: a kill loses nothing, a power cut the last seconds
    System,
    /// Before the acknowledgement: a power cut loses nothing
    Always,
}

/// `status`
#[derive(Debug, Clone, Args)]
pub struct StatusArgs {
    /// As JSON, in one line
    #[arg(long)]
    pub json: bool,
    /// As a web page with the day's charts, a single file
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    pub html: Option<PathBuf>,
    /// Language of the web page
    #[arg(long, default_value_t, value_enum, requires = "html", value_name = "LANG")]
    pub lang: Lang,
}

/// `report`
#[derive(Debug, Clone, Args)]
pub struct ReportArgs {
    /// The day, such as 2026-11-20
    #[arg(value_parser = date, allow_negative_numbers = true)]
    pub date: Option<NaiveDate>,
    /// Compute it again from the log
    #[arg(long, requires = "date")]
    pub rebuild: bool,
    /// With --rebuild: its language
    #[arg(long, default_value_t, value_enum, value_name = "LANG", requires = "rebuild")]
    pub lang: Lang,
}

/// `verify`
#[derive(Debug, Clone, Args)]
pub struct VerifyArgs {
    /// The --out folders of the shop's other machines: all are audited together
    #[arg(long, value_name = "DIR", num_args = 1..)]
    pub with: Vec<PathBuf>,
    /// Which orders are duplicates.
    #[command(flatten)]
    pub ids: IdsArgs,
}

/// `chaos`
#[derive(Debug, Clone, Args)]
pub struct ChaosArgs {
    /// Seed of the plan, and of the shop if it runs one
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = whole, allow_negative_numbers = true)]
    pub seed: u64,
    /// The faults, one after another: kill:CONSUMER, freeze:CONSUMER, full-disk:CONSUMER, cut, twice, late, garbage,
    /// hostile [default: each once, in an order drawn from the seed]
    #[arg(long, value_name = "FAULT,…", value_delimiter = ',')]
    pub plan: Vec<Fault>,
}

#[cfg(test)]
mod tests;
