//! The shop without a screen: a line of text for each event, and the figures every ten seconds.

use std::{
    io::{self, Write as _},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval_at},
};
use tokio_util::sync::CancellationToken;

use super::{Exit, run::told_to_end, snapshot::Snapshot, terminal::ScreenError, view::plain};
use crate::messages::Lang;

/// Wall time between two lines with figures.
const APART: Duration = Duration::from_secs(10);
/// Before the first one.
const FIRST: Duration = Duration::from_secs(2);

/// Prints lines on standard output until the end.
///
/// # Errors
///
/// If standard output cannot be written.
pub async fn run(
    lang: Lang,
    mut snapshots: watch::Receiver<Arc<Snapshot>>,
    stop: CancellationToken,
) -> Result<Exit, ScreenError> {
    let words = lang.words();
    let mut told_to_end = pin!(told_to_end()?);
    let mut figures = interval_at(Instant::now() + FIRST, APART);
    figures.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told = plain::Told::default();
    loop {
        let lines = tokio::select! {
            biased;
            () = &mut told_to_end => return Ok(Exit::Signal),
            () = stop.cancelled() => return Ok(Exit::Stopped),
            _ = figures.tick() => vec![plain::figures(words, &snapshots.borrow())],
            changed = snapshots.changed() => match changed {
                Ok(()) => told.news(words, &snapshots.borrow_and_update()),
                Err(_) => return Ok(Exit::Stopped),
            },
        };
        let mut out = io::stdout().lock();
        for line in lines {
            // The reader has closed the pipe: a normal end.
            if let Err(error) = writeln!(out, "{line}") {
                let gone = error.kind() == io::ErrorKind::BrokenPipe;
                return if gone { Ok(Exit::Quit) } else { Err(error.into()) };
            }
        }
        out.flush()?;
    }
}
