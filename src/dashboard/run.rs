//! The loop: waits for a key, a picture or the end, and draws when something changed.
//!
//! It has a thread of its own, so that a key is obeyed and a picture drawn however busy the shop is.

use std::{
    any::Any,
    io,
    panic::{self, AssertUnwindSafe},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use crossterm::event::{Event, EventStream, MouseButton, MouseEvent, MouseEventKind};
use futures::{Stream, StreamExt, future::poll_immediate, stream};
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
    picture::Picture,
    snapshot::Snapshot,
    terminal::{Screen, ScreenError, Surface},
    theme::ThemeName,
    view::{self, Look},
};
use crate::{dashboard::ui::Notice, messages::Lang};

/// Between two pictures, wall time: at most 30 a second.
const FRAME: Duration = Duration::from_millis(33);

/// How the screen is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScreenOptions {
    /// Its language.
    pub lang: Lang,
    /// Its colours; see [`ThemeName::choose`].
    pub theme: ThemeName,
    /// What charts are drawn with.
    pub marker: Marker,
    /// Whether the mouse is captured.
    pub mouse: bool,
    /// Whether a talk is given.
    pub present: bool,
    /// How long it has been going on already, where it goes on.
    pub talked: Option<Duration>,
    /// Where that goes which others would print on the screen.
    pub log: PathBuf,
}

/// Why the dashboard ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The person asked for it.
    Quit,
    /// The program around it asked for it, or makes no pictures any more.
    Stopped,
    /// SIGINT, SIGTERM, SIGHUP or SIGQUIT.
    Signal,
}

/// What comes from outside, apart from pictures.
#[derive(Debug)]
pub enum Input {
    /// Keys, the mouse, another size.
    Terminal(io::Result<Event>),
    /// SIGTSTP: the shell wants its terminal back.
    Stop,
    /// SIGCONT: the shell calls again.
    Continue,
}

/// Takes the terminal, draws `snapshots` until the end, and gives the terminal back.
///
/// It sends what the person asks for to `requests` and waits for nothing but keys, pictures, signals and `stop`.
pub async fn run(
    options: ScreenOptions,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    requests: mpsc::UnboundedSender<Request>,
    stop: CancellationToken,
) -> Result<Exit, ScreenError> {
    let (done, ended) = oneshot::channel();
    std::thread::Builder::new().name("screen".to_owned()).spawn(move || {
        // A panic unwinds to here, and restores the terminal on its way.
        let exit = panic::catch_unwind(AssertUnwindSafe(|| {
            let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(on_screen(&options, snapshots, &requests, &stop))
        }));
        // Where nobody waits any more there is nobody to tell.
        let _ = done.send(exit.unwrap_or_else(|panic| Err(ScreenError::Failed(said(&*panic)))));
    })?;
    ended.await.unwrap_or_else(|_| Err(ScreenError::Failed("its thread is gone".to_owned())))
}

async fn on_screen(
    options: &ScreenOptions,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    requests: &mpsc::UnboundedSender<Request>,
    stop: &CancellationToken,
) -> Result<Exit, ScreenError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut quit = signal(SignalKind::quit())?;
    let suspend = signals(SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw()), || Input::Stop)?;
    let proceed = signals(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()), || Input::Continue)?;
    let look = Look::new(options.theme, options.lang, options.marker);
    let mut screen = Screen::enter(options.mouse, &options.log)?;
    let first = Arc::clone(&snapshots.borrow());
    let app =
        if options.present { App::for_a_talk(first, now(), options.talked) } else { App::new(first, now()) };
    let events = EventStream::new()
        .map(Input::Terminal)
        .chain(stream::iter([Input::Terminal(Err(io::ErrorKind::UnexpectedEof.into()))]));
    let inputs = stream::select(stream::select(suspend, proceed), events);
    tokio::select! {
        biased;
        _ = terminate.recv() => Ok(Exit::Signal),
        _ = interrupt.recv() => Ok(Exit::Signal),
        _ = hangup.recv() => Ok(Exit::Signal),
        _ = quit.recv() => Ok(Exit::Signal),
        exit = drive(&mut screen, inputs, app, look, snapshots, requests, stop) => exit,
    }
}

fn signals(kind: SignalKind, input: fn() -> Input) -> io::Result<impl Stream<Item = Input> + Unpin> {
    let next = move |mut signals: tokio::signal::unix::Signal| async move {
        signals.recv().await.map(|()| (input(), signals))
    };
    Ok(Box::pin(stream::unfold(signal(kind)?, next)))
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "it does not say why".to_owned())
}

/// The loop itself, on any surface and with any source of input; it ends where the input does.
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
                // All that was typed counts before the next picture.
                let mut next = Some(input);
                while let Some(input) = next {
                    let Some(input) = input else { return Ok(Exit::Stopped) };
                    let exit = obey(input, &mut app, surface, &look, requests)?;
                    if let Some(exit) = exit {
                        return Ok(exit);
                    }
                    // Asked in this task's own name: crossterm wakes whoever asked first when nothing was there.
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

/// Does what an input means; an [`Exit`] is the end.
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
    // Where nobody listens there is nobody to tell.
    let _ = requests.send(request);
    Ok(None)
}

/// An empty picture as large as the surface.
fn blank(surface: &impl Surface) -> Result<Buffer, ScreenError> {
    let size = surface.size()?;
    Ok(Buffer::empty(Rect::new(0, 0, size.width, size.height)))
}

/// What a terminal event is to the dashboard, if anything.
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
