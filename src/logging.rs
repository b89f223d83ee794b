//! The log file, and its newest lines in memory for the screen. Nothing is logged to the screen itself.

use std::{
    collections::VecDeque,
    fmt::{self, Write},
    fs::{self, File, Metadata},
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::Utc;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
};
use tracing_subscriber::{
    EnvFilter, Layer, fmt as text, layer::Context, layer::SubscriberExt, util::SubscriberInitExt,
};

use crate::secrets::{self, Hiding};

/// A larger log is renamed to `shop-sim.log.1`.
const LARGE: u64 = 16 << 20;
/// The most bytes that are buffered before the file is open.
const EARLY: usize = 1 << 20;
/// Lines kept in memory.
const LINES: usize = 500;
/// Bytes of a line that are kept in memory.
const LONG: usize = 2_000;

/// A line of the program's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// A counter that identifies the line.
    pub number: u64,
    /// Wall time, Unix ms.
    pub wall_ms: i64,
    /// The severity.
    pub level: LogLevel,
    /// The module, such as `stream::ends`.
    pub target: String,
    /// What it says.
    pub text: String,
}

/// The severity of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// For debugging.
    Debug,
    /// Good to know.
    Info,
    /// Needs attention.
    Warn,
    /// Something is broken.
    Error,
}

/// The newest lines of this process, which has a single subscriber.
static RECENT: Recent = Recent { lines: Mutex::new(None) };

/// Whether errors go to standard error, too; the same error at most once per [`AGAIN`].
static ALOUD: AtomicBool = AtomicBool::new(false);
const AGAIN: Duration = Duration::from_secs(60);

/// Where lines go.
enum Output {
    /// In memory, until a file is opened: a command that is refused must not create one.
    Early(Vec<u8>),
    File(LogFile),
}

/// A log file that is rotated by size.
struct LogFile {
    path: PathBuf,
    file: File,
    /// The size in bytes at which it is rotated.
    large: u64,
}

impl LogFile {
    fn open(path: &Path, large: u64) -> io::Result<Self> {
        let file = File::options().create(true).append(true).open(path)?;
        Ok(Self { path: path.to_owned(), file, large })
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        // If the rotation fails, the file keeps growing.
        let _ = self.put_aside();
        io::Write::write_all(&mut self.file, lines)
    }

    /// Renames a large file and opens a new one. Other processes share the log: if one of them has renamed it already,
    /// only opens theirs.
    fn put_aside(&mut self) -> io::Result<()> {
        let ours = self.file.metadata()?;
        if ours.len() <= self.large {
            return Ok(());
        }
        let is_ours = |log: Metadata| (log.dev(), log.ino()) == (ours.dev(), ours.ino());
        if fs::metadata(&self.path).is_ok_and(is_ours) {
            fs::rename(&self.path, self.path.with_extension("log.1"))?;
        }
        *self = Self::open(&self.path, self.large)?;
        Ok(())
    }
}

static OUTPUT: Mutex<Output> = Mutex::new(Output::Early(Vec::new()));

struct Lines;

impl io::Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match &mut *OUTPUT.lock().unwrap_or_else(PoisonError::into_inner) {
            Output::Early(lines) if lines.len() < EARLY => lines.extend_from_slice(line),
            Output::Early(_) => {}
            Output::File(log) => log.write(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Starts to collect log lines, the program's own at level `own`, for [`start`] to write.
pub fn listen(own: LevelFilter) {
    // Libraries only log warnings: their lower levels may contain settings. librdkafka reports every attempt to
    // connect, and the end of a partition as an error; its callers log what matters. sled logs a full disk thousands of
    // times a second, but returns that error, too.
    let filter = EnvFilter::new(format!(
        "warn,rdkafka=off,librdkafka=off,sled=off,shop_sim={own},kafka_in_process={own}"
    ));
    // A second start in one process (tests) keeps the first log.
    let _ = tracing_subscriber::registry()
        .with(filter)
        .with(text::layer().with_ansi(false).with_writer(|| Hiding(Lines)))
        .with(&RECENT)
        .with(Aloud::default())
        .try_init();
}

/// Writes the log to `path`, including the lines since [`listen`].
pub fn start(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = LogFile::open(path, LARGE)?;
    let mut output = OUTPUT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Output::Early(lines) = &*output {
        file.write(lines)?;
        *output = Output::File(file);
    }
    Ok(())
}

/// Sends errors to standard error, too: for long-running commands without a screen.
pub fn speak() {
    ALOUD.store(true, Ordering::Relaxed);
}

/// Writes errors to standard error.
#[derive(Default)]
struct Aloud {
    /// The last message and its time.
    last: Mutex<Option<(String, Instant)>>,
}

impl Aloud {
    /// Whether it is not a repetition.
    fn is_news(&self, text: &str, now: Instant) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let same =
            |(said, at): &(String, Instant)| said == text && now.saturating_duration_since(*at) < AGAIN;
        let news = !last.as_ref().is_some_and(same);
        if news {
            *last = Some((text.to_owned(), now));
        }
        news
    }
}

impl<S: Subscriber> Layer<S> for Aloud {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() != Level::ERROR || !ALOUD.load(Ordering::Relaxed) {
            return;
        }
        let mut text = Text(String::new());
        event.record(&mut text);
        let text = secrets::hide(&text.0);
        if self.is_news(&text, Instant::now()) {
            // If standard error is closed, nobody reads it.
            let _ = io::Write::write_all(&mut io::stderr(), format!("shop-sim: {text}\n").as_bytes());
        }
    }
}

/// The newest log lines, oldest first. Cheap: the list is only copied if a line comes while a caller holds it.
pub fn recent() -> Arc<VecDeque<LogLine>> {
    RECENT.lines()
}

/// A ring of lines.
struct Recent {
    lines: Mutex<Option<Arc<VecDeque<LogLine>>>>,
}

impl Recent {
    fn lines(&self) -> Arc<VecDeque<LogLine>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default()
    }

    fn push(&self, line: LogLine) {
        let mut held = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = Arc::make_mut(held.get_or_insert_default());
        let number = lines.back().map_or(0, |last| last.number + 1);
        while lines.len() >= LINES {
            lines.pop_front();
        }
        lines.push_back(LogLine { number, ..line });
    }
}

impl<S: Subscriber> Layer<S> for &'static Recent {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        let metadata = event.metadata();
        let mut text = secrets::hide(&text.0).into_owned();
        if let Some((cut, _)) = text.char_indices().find(|(at, _)| *at >= LONG) {
            text.truncate(cut);
        }
        self.push(LogLine {
            number: 0,
            wall_ms: Utc::now().timestamp_millis(),
            level: level(*metadata.level()),
            target: place(metadata.target()),
            text,
        });
    }
}

/// The part of the program that a module belongs to.
fn place(module: &str) -> String {
    match module.strip_prefix("kafka_in_process") {
        Some(rest) => format!("broker{rest}"),
        None => module.trim_start_matches("shop_sim::").to_owned(),
    }
}

fn level(level: Level) -> LogLevel {
    match level {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warn,
        Level::INFO => LogLevel::Info,
        _ => LogLevel::Debug,
    }
}

/// An event's message, followed by its other fields.
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a String cannot fail.
        let _ = if field.name() == "message" {
            let rest = std::mem::take(&mut self.0);
            write!(self.0, "{value:?}{rest}")
        } else {
            write!(self.0, " {}={value:?}", field.name())
        };
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::registry;

    use super::*;

    #[test]
    fn a_log_that_has_grown_large_is_put_aside_while_it_is_written_by_whom_it_may() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop-sim.log");
        let [mut one, mut other] = [0, 1].map(|_| LogFile::open(&path, 100).unwrap());
        let line = |letter: u8| [vec![letter; 59], vec![b'\n']].concat();
        one.write(&line(b'a')).unwrap();
        other.write(&line(b'b')).unwrap();
        one.write(&line(b'c')).unwrap();
        // The first one has rotated it already: the second continues with the new file.
        other.write(&line(b'd')).unwrap();
        let held = |name: &str| {
            let text = fs::read_to_string(folder.path().join(name)).unwrap();
            text.lines().map(|line| line[..1].to_owned()).collect::<String>()
        };
        assert_eq!((held("shop-sim.log.1"), held("shop-sim.log")), ("ab".to_owned(), "cd".to_owned()));
        one.write(&line(b'e')).unwrap();
        assert_eq!((held("shop-sim.log.1"), held("shop-sim.log")), ("cd".to_owned(), "e".to_owned()));
    }

    static RING: Recent = Recent { lines: Mutex::new(None) };

    #[test]
    fn the_newest_lines_are_kept_with_level_place_and_fields() {
        let subscriber = registry().with(EnvFilter::new("info")).with(&RING);
        tracing::subscriber::with_default(subscriber, || {
            for number in 0..LINES + 7 {
                tracing::info!("line {number}");
            }
            tracing::debug!("not asked for");
            tracing::warn!(target: "shop_sim::stream::ends", size = 3, "slow {}", "disk");
            tracing::info!(target: "kafka_in_process::topics", "made a topic");
            tracing::error!("{}", "å".repeat(LONG));
        });
        let lines = RING.lines();
        assert_eq!(lines.len(), LINES);
        assert_eq!((lines[0].text.as_str(), lines[0].level), ("line 10", LogLevel::Info));
        assert_eq!(lines[0].target, "logging::tests");
        let slow = &lines[LINES - 3];
        assert_eq!((slow.text.as_str(), slow.target.as_str()), ("slow disk size=3", "stream::ends"));
        assert_eq!(slow.level, LogLevel::Warn);
        assert_eq!(lines[LINES - 2].target, "broker::topics");
        assert_eq!(lines[LINES - 1].text, "å".repeat(LONG / 2));
        // A snapshot does not change when lines are added.
        let before = RING.lines();
        RING.push(LogLine { text: "later".to_owned(), ..lines[0].clone() });
        assert_ne!(before.back(), RING.lines().back());
    }
}
