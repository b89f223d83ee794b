//! The log file. Nothing is logged to the screen.

use std::{fs::File, io, path::Path, sync::Mutex};

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{cli::LogLevel, stream::secrets::Hiding};

/// A log that grows beyond this is put aside as `shop-sim.log.1` at the next start.
const LARGE: u64 = 16 << 20;

/// Writes the log to `path` from here on.
pub fn start(path: &Path, level: LogLevel) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    if std::fs::metadata(path).is_ok_and(|log| log.len() > LARGE) {
        std::fs::rename(path, path.with_extension("log.1"))?;
    }
    let file = File::options().create(true).append(true).open(path)?;
    let own = match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    };
    // Libraries speak up only when something is wrong: what they tell at lower levels may hold settings.
    // librdkafka tells of every attempt to connect, and calls the end of a partition an error; what matters of it,
    // its callers tell.
    let filter = EnvFilter::new(format!("warn,rdkafka=off,librdkafka=off,shop_sim={own}"));
    // A second start in one process (tests) keeps the first log.
    let _ = tracing_subscriber::registry()
        .with(filter)
        .with(fmt::layer().with_ansi(false).with_writer(Mutex::new(Hiding(file))))
        .try_init();
    Ok(())
}
