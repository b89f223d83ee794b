//! The loop: waits for a key, a picture or the end, and draws when something changed.

use std::{io, sync::Arc, time::Duration};

use crossterm::event::{Event, EventStream};
use futures::{FutureExt, Stream, StreamExt};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    action::{Action, Request},
    app::App,
    keymap,
    lang::Lang,
    marks::Marker,
    snapshot::Snapshot,
    terminal::{Screen, ScreenError, Surface},
    theme::ThemeName,
    view::{self, Look},
};

/// Between two pictures, wall time: at most 30 a second.
const FRAME: Duration = Duration::from_millis(33);

/// How the screen is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScreenOptions {
    /// Its language.
    pub lang: Lang,
    /// Its colours; see [`ThemeName::choose`].
    pub theme: ThemeName,
    /// What charts are drawn with.
    pub marker: Marker,
    /// Whether the mouse is captured.
    pub mouse: bool,
}

/// Why the dashboard ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The person asked for it.
    Quit,
    /// The program around it asked for it, or makes no pictures any more.
    Stopped,
    /// SIGINT, SIGTERM or SIGHUP.
    Signal,
}

/// Takes the terminal, draws `snapshots` until the end, and gives the terminal back.
///
/// It sends what the person asks for to `requests` and waits for nothing but keys, pictures, signals and
/// `stop`. Must run inside a tokio runtime.
pub async fn run(
    options: ScreenOptions,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    requests: mpsc::UnboundedSender<Request>,
    stop: CancellationToken,
) -> Result<Exit, ScreenError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let look = Look::new(options.theme, options.lang, options.marker);
    let mut screen = Screen::enter(options.mouse)?;
    tokio::select! {
        biased;
        _ = terminate.recv() => Ok(Exit::Signal),
        _ = interrupt.recv() => Ok(Exit::Signal),
        _ = hangup.recv() => Ok(Exit::Signal),
        exit = drive(&mut screen, EventStream::new(), look, snapshots, &requests, &stop) => exit,
    }
}

/// The loop itself, on any surface and with any source of terminal events.
pub async fn drive<S, E>(
    surface: &mut S,
    mut events: E,
    look: Look,
    mut snapshots: watch::Receiver<Arc<Snapshot>>,
    requests: &mpsc::UnboundedSender<Request>,
    stop: &CancellationToken,
) -> Result<Exit, ScreenError>
where
    S: Surface,
    E: Stream<Item = io::Result<Event>> + Unpin,
{
    let lost = surface.lost();
    let first = Arc::clone(&snapshots.borrow_and_update());
    let mut app = App::new(first, now());
    let mut changed = false;
    let mut next_frame = Instant::now();

    loop {
        changed |= app.take_changed();
        if changed && Instant::now() >= next_frame {
            surface.paint(|frame| view::draw(frame, app.picture(), app.ui(), &look))?;
            changed = false;
            next_frame = Instant::now() + FRAME;
        }
        let wake = if changed { Some(next_frame) } else { app.wakes_at().map(Instant::from_std) };

        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(Exit::Stopped),
            () = lost.cancelled() => return Err(ScreenError::Failed),
            event = events.next() => {
                // All that was typed counts before the next picture.
                let mut next = Some(event);
                while let Some(event) = next {
                    let Some(event) = event else { return Ok(Exit::Stopped) };
                    match action(&event?).and_then(|action| app.update(action, now())) {
                        Some(Request::Quit) => {
                            let _ = requests.send(Request::Quit);
                            return Ok(Exit::Quit);
                        }
                        // Where nobody listens there is nobody to tell.
                        Some(request) => drop(requests.send(request)),
                        None => {}
                    }
                    next = events.next().now_or_never();
                }
            }
            news = snapshots.changed() => {
                if news.is_err() {
                    return Ok(Exit::Stopped);
                }
                let picture = Arc::clone(&snapshots.borrow_and_update());
                app.update(Action::Picture(picture), now());
            }
            () = sleep_until(wake.unwrap_or(next_frame)), if wake.is_some() => {
                app.update(Action::Wake, now());
            }
        }
    }
}

/// What a terminal event is to the dashboard, if anything.
fn action(event: &Event) -> Option<Action> {
    match event {
        Event::Key(key) => keymap::command(key).map(Action::Command),
        Event::Resize(..) | Event::FocusGained => Some(Action::Redraw),
        _ => None,
    }
}

fn now() -> std::time::Instant {
    std::time::Instant::now()
}
