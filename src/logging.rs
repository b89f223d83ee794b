//! The log file, and its newest lines in memory for the screen. Nothing is logged to the screen itself.

use std::{
    collections::VecDeque,
    fmt::{self, Write},
    fs::File,
    io,
    path::Path,
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

/// A log that grows beyond this is put aside as `shop-sim.log.1` at the next start.
const LARGE: u64 = 16 << 20;
/// What is told before there is a file is kept up to here.
const EARLY: usize = 1 << 20;
/// Lines kept in memory.
const LINES: usize = 500;
/// Bytes of a line that are kept in memory.
const LONG: usize = 2_000;

/// A line of the program's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Wall time, Unix ms.
    pub wall_ms: i64,
    /// How grave it is.
    pub level: LogLevel,
    /// The part of the program, as `stream::ends`.
    pub target: String,
    /// What it says.
    pub text: String,
}

/// How grave a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// For those who look for a fault.
    Debug,
    /// Good to know.
    Info,
    /// Something needs a look.
    Warn,
    /// Something is broken.
    Error,
}

/// The lines of this process: there is one log for all of it, as there is one subscriber.
static RECENT: Recent = Recent { lines: Mutex::new(None) };

/// Errors go to standard error too, once somebody asked for it; the same one again after this time at the earliest.
static ALOUD: AtomicBool = AtomicBool::new(false);
const AGAIN: Duration = Duration::from_secs(60);

/// Where lines go.
enum Output {
    /// To memory, until it is clear that there will be a log: a command that is refused leaves no trace.
    Early(Vec<u8>),
    File(File),
}

static OUTPUT: Mutex<Output> = Mutex::new(Output::Early(Vec::new()));

struct Lines;

impl io::Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match &mut *OUTPUT.lock().unwrap_or_else(PoisonError::into_inner) {
            Output::Early(lines) if lines.len() < EARLY => lines.extend_from_slice(line),
            Output::Early(_) => {}
            Output::File(file) => io::Write::write_all(file, line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes note of what is told from here on, by the program itself at the level `own`, for [`start`] to write.
pub fn listen(own: LevelFilter) {
    // Libraries speak up only when something is wrong: what they tell at lower levels may hold settings.
    // librdkafka tells of every attempt to connect, and calls the end of a partition an error; what matters of it,
    // its callers tell. sled tells of a full disk thousands of times a second; what it tells, it returns as well.
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

/// Writes the log to `path`, with what was told since [`listen`].
pub fn start(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    if std::fs::metadata(path).is_ok_and(|log| log.len() > LARGE) {
        std::fs::rename(path, path.with_extension("log.1"))?;
    }
    let mut file = File::options().create(true).append(true).open(path)?;
    let mut output = OUTPUT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Output::Early(lines) = &*output {
        io::Write::write_all(&mut file, lines)?;
        *output = Output::File(file);
    }
    Ok(())
}

/// From here on errors go to standard error too: for commands that run on and have no screen.
pub fn speak() {
    ALOUD.store(true, Ordering::Relaxed);
}

/// Says errors on standard error.
#[derive(Default)]
struct Aloud {
    /// What was said last, and when.
    last: Mutex<Option<(String, Instant)>>,
}

impl Aloud {
    /// Whether it is to be said now.
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
            // Where standard error is gone nobody reads it.
            let _ = io::Write::write_all(&mut io::stderr(), format!("shop-sim: {text}\n").as_bytes());
        }
    }
}

/// The newest lines of the log, oldest first. Cheap: a copy is only made for a line that comes while this one is
/// still held.
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
        while lines.len() >= LINES {
            lines.pop_front();
        }
        lines.push_back(line);
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

/// An event's sentence, and behind it what else it carries.
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
        // Who looks sees what was there when he looked.
        let before = RING.lines();
        RING.push(LogLine { text: "later".to_owned(), ..lines[0].clone() });
        assert_ne!(before.back(), RING.lines().back());
    }
}
