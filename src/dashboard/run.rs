//! The event loop: waits for a key, a snapshot or the end, and redraws after a change.
//!
//! It runs on its own thread, so that keys are handled and frames drawn however busy the shop is.

use std::{any::Any, io, panic::AssertUnwindSafe, path::PathBuf, sync::Arc, time::Duration};

use crossterm::event::{Event, EventStream, MouseButton, MouseEvent, MouseEventKind};
use futures::{FutureExt, Stream, StreamExt, future::poll_immediate, stream};
use ratatui::{buffer::Buffer, layout::Rect};
use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    action::{Action, Command, Effect, Request},
    app::App,
    keymap,
    marks::Marker,
    screenshot::Picture,
    snapshot::Snapshot,
    terminal::{Screen, ScreenError, Surface},
    theme::ThemeName,
    view::{self, Look},
};
use crate::{dashboard::ui_state::Notice, messages::Lang};

/// The shortest time between two frames, wall time: 30 a second.
const FRAME: Duration = Duration::from_millis(33);

/// The options of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScreenOptions {
    /// Its language.
    pub lang: Lang,
    /// Its colours; see [`ThemeName::choose`].
    pub theme: ThemeName,
    /// The characters of charts.
    pub marker: Marker,
    /// Whether the mouse is captured.
    pub mouse: bool,
    /// Whether it is for a talk.
    pub present: bool,
    /// The talk's elapsed time, if it is resumed.
    pub talked: Option<Duration>,
    /// The past moment to show first: shop time, Unix seconds.
    pub at: Option<i64>,
    /// The file for stray output of others to the terminal.
    pub log: PathBuf,
}

/// Why the dashboard ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The user quit.
    Quit,
    /// The program stopped it, or has dropped the snapshot channel.
    Stopped,
    /// SIGINT, SIGTERM, SIGHUP or SIGQUIT.
    Signal,
}

/// An input other than a snapshot.
#[derive(Debug)]
pub enum Input {
    /// A key, mouse or resize event.
    Terminal(io::Result<Event>),
    /// SIGTSTP: suspend.
    Stop,
    /// SIGCONT: resumed.
    Continue,
}

/// Enters the screen, draws `snapshots` until the end, calls `leaving`, and restores the terminal.
///
/// It sends the user's wishes to `requests` and waits only for keys, snapshots, signals and `stop`.
pub async fn run(
    options: ScreenOptions,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    requests: mpsc::UnboundedSender<Request>,
    stop: CancellationToken,
    leaving: impl FnOnce() + Send + 'static,
) -> Result<Exit, ScreenError> {
    let (done, ended) = oneshot::channel();
    std::thread::Builder::new().name("screen".to_owned()).spawn(move || {
        let exit = runtime::Builder::new_current_thread().enable_all().build().map_err(ScreenError::from);
        let exit = exit
            .and_then(|runtime| runtime.block_on(on_screen(&options, snapshots, &requests, &stop, leaving)));
        // Fails if nobody waits any more, which is fine.
        let _ = done.send(exit);
    })?;
    ended.await.unwrap_or_else(|_| Err(ScreenError::Failed("its thread is gone".to_owned())))
}

async fn on_screen(
    options: &ScreenOptions,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    requests: &mpsc::UnboundedSender<Request>,
    stop: &CancellationToken,
    leaving: impl FnOnce(),
) -> Result<Exit, ScreenError> {
    let told_to_end = told_to_end()?;
    let suspend = signals(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()), || Input::Stop)?;
    let proceed = signals(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()), || Input::Continue)?;
    let look = Look::new(options.theme, options.lang, options.marker);
    let mut screen = Screen::enter(options.mouse, &options.log)?;
    let first = Arc::clone(&snapshots.borrow());
    let mut app =
        if options.present { App::for_a_talk(first, now(), options.talked) } else { App::new(first, now()) };
    if let Some(moment) = options.at {
        // Fails if nobody listens, which is fine.
        let _ = requests.send(app.go_to(moment));
    }
    let events = EventStream::new()
        .map(Input::Terminal)
        .chain(stream::iter([Input::Terminal(Err(io::ErrorKind::UnexpectedEof.into()))]));
    let inputs = stream::select(stream::select(suspend, proceed), events);
    let shown = async {
        tokio::select! {
            biased;
            () = told_to_end => Ok(Exit::Signal),
            exit = drive(&mut screen, inputs, app, look, snapshots, requests, stop) => exit,
        }
    };
    // A panic is caught here, so that the terminal is restored anyway.
    let exit = AssertUnwindSafe(shown).catch_unwind().await;
    leaving();
    exit.unwrap_or_else(|panic| Err(ScreenError::Failed(said(&*panic))))
}

/// Waits for SIGINT, SIGTERM, SIGHUP or SIGQUIT; installs the handlers at once.
pub(super) fn told_to_end() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut quit = signal(SignalKind::quit())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
            _ = quit.recv() => {}
        }
    })
}

fn signals(kind: SignalKind, input: fn() -> Input) -> io::Result<impl Stream<Item = Input> + Unpin> {
    let next = move |mut signals: tokio::signal::unix::Signal| async move {
        signals.recv().await.map(|()| (input(), signals))
    };
    Ok(Box::pin(stream::unfold(signal(kind)?, next)))
}

/// The message of a panic.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "it does not say why".to_owned())
}

/// The loop itself, on any surface and input stream; it ends with the stream.
pub async fn drive<S, I>(
    surface: &mut S,
    mut inputs: I,
    mut app: App,
    look: Look,
    mut snapshots: watch::Receiver<Arc<Snapshot>>,
    requests: &mpsc::UnboundedSender<Request>,
    stop: &CancellationToken,
) -> Result<Exit, ScreenError>
where
    S: Surface,
    I: Stream<Item = Input> + Unpin,
{
    let mut changed = false;
    let mut next_frame = Instant::now();

    loop {
        changed |= app.take_changed();
        if app.take_talk_began() {
            let _ = requests.send(Request::TalkBegan);
        }
        let ready = surface.is_ready();
        if changed && ready && Instant::now() >= next_frame {
            let mut picture = blank(surface)?;
            let targets = view::draw(&mut picture, app.picture(), app.ui(), &look);
            app.drawn(targets);
            surface.show(picture)?;
            changed = false;
            next_frame = Instant::now() + FRAME;
            continue;
        }
        let wake = if changed && ready { Some(next_frame) } else { app.wakes_at().map(Instant::from_std) };

        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(Exit::Stopped),
            input = inputs.next() => {
                // All pending input is handled before the next frame.
                let mut next = Some(input);
                while let Some(input) = next {
                    let Some(input) = input else { return Ok(Exit::Stopped) };
                    let exit = obey(input, &mut app, surface, &look, requests)?;
                    if let Some(exit) = exit {
                        return Ok(exit);
                    }
                    // Polled with this task's waker: crossterm wakes only the first waker that found nothing.
                    next = poll_immediate(inputs.next()).await;
                }
            }
            written = surface.ready(), if !ready => written?,
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

/// Handles an input; an [`Exit`] ends the loop.
fn obey<S: Surface>(
    input: Input,
    app: &mut App,
    surface: &mut S,
    look: &Look,
    requests: &mpsc::UnboundedSender<Request>,
) -> Result<Option<Exit>, ScreenError> {
    let action = match input {
        Input::Terminal(event) => action(&event?, app),
        Input::Stop => {
            surface.stop()?;
            None
        }
        Input::Continue => {
            surface.resume()?;
            Some(Action::Redraw)
        }
    };
    if matches!(action, Some(Action::Redraw)) {
        surface.forget();
    }
    let request = match action.and_then(|action| app.update(action, now())) {
        None => return Ok(None),
        Some(Effect::Ask(request)) => request,
        Some(Effect::Save) => {
            let mut picture = blank(surface)?;
            view::draw(&mut picture, app.picture(), app.ui(), look);
            Request::Save(Picture::of(&picture), Box::new(app.picture().figures.clone()))
        }
        Some(Effect::Suspend) => {
            if !surface.ask_to_stop()? {
                app.notice(Notice::NoShell, now());
            }
            return Ok(None);
        }
        Some(Effect::Quit) => {
            let _ = requests.send(Request::Quit);
            return Ok(Some(Exit::Quit));
        }
    };
    // Fails if nobody listens, which is fine.
    let _ = requests.send(request);
    Ok(None)
}

/// An empty buffer of the surface's size.
fn blank(surface: &impl Surface) -> Result<Buffer, ScreenError> {
    let size = surface.size()?;
    Ok(Buffer::empty(Rect::new(0, 0, size.width, size.height)))
}

/// The action of a terminal event, if any.
fn action(event: &Event, app: &App) -> Option<Action> {
    match event {
        Event::Key(key) => keymap::command(key, app.ui()).map(Action::Command),
        Event::Paste(text) => Some(Action::Paste(text.clone())),
        Event::Mouse(mouse) => pointed(*mouse, app).map(Action::Command),
        Event::Resize(..) | Event::FocusGained => Some(Action::Redraw),
        Event::FocusLost => None,
    }
}

fn pointed(mouse: MouseEvent, app: &App) -> Option<Command> {
    match mouse.kind {
        MouseEventKind::Down(MouseButton::Left) => {
            app.targets().at(mouse.column, mouse.row).map(Command::Point)
        }
        MouseEventKind::ScrollUp => Some(Command::Up),
        MouseEventKind::ScrollDown => Some(Command::Down),
        _ => None,
    }
}

fn now() -> std::time::Instant {
    std::time::Instant::now()
}
