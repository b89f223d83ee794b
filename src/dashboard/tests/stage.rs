//! A running dashboard on a test surface, with all its channels.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use futures::{Stream, StreamExt};
use ratatui::{buffer::Buffer, layout::Size};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{App, plain_look, text};
use crate::dashboard::{
    Exit, Request, ScreenError, Snapshot, fixture,
    run::{Input, drive},
    terminal::Surface,
};

/// A surface that keeps its frames.
struct Cells {
    pictures: watch::Sender<Vec<String>>,
    /// Whether frames are taken at once.
    takes: watch::Receiver<bool>,
    waiting: bool,
    /// Calls that affect the terminal.
    done: mpsc::UnboundedSender<&'static str>,
    has_shell: bool,
}

impl Surface for Cells {
    fn size(&self) -> Result<Size, ScreenError> {
        Ok(Size::new(120, 30))
    }

    fn show(&mut self, picture: Buffer) -> Result<(), ScreenError> {
        assert!(self.is_ready(), "a picture came before the last one was taken");
        self.waiting = !*self.takes.borrow();
        self.pictures.send_modify(|pictures| pictures.push(text(&picture)));
        Ok(())
    }

    fn is_ready(&self) -> bool {
        !self.waiting
    }

    async fn ready(&mut self) -> Result<(), ScreenError> {
        self.takes.wait_for(|takes| *takes).await.unwrap();
        self.waiting = false;
        Ok(())
    }

    fn forget(&mut self) {
        let _ = self.done.send("forget");
    }

    fn ask_to_stop(&mut self) -> Result<bool, ScreenError> {
        let _ = self.done.send("ask");
        Ok(self.has_shell)
    }

    fn stop(&mut self) -> Result<(), ScreenError> {
        let _ = self.done.send("stop");
        Ok(())
    }

    fn resume(&mut self) -> Result<(), ScreenError> {
        let _ = self.done.send("resume");
        Ok(())
    }
}

/// A running dashboard and all its channels.
pub(super) struct Stage {
    pub(super) inputs: mpsc::UnboundedSender<Input>,
    pub(super) shop: watch::Sender<Arc<Snapshot>>,
    pub(super) requests: mpsc::UnboundedReceiver<Request>,
    pub(super) pictures: watch::Receiver<Vec<String>>,
    pub(super) takes: watch::Sender<bool>,
    pub(super) terminal: mpsc::UnboundedReceiver<&'static str>,
    pub(super) stop: CancellationToken,
    pub(super) done: tokio::task::JoinHandle<Result<Exit, ScreenError>>,
}

/// Scripted input. As in crossterm's stream, only the first waker that found nothing is woken.
struct Typed {
    from: mpsc::UnboundedReceiver<Input>,
    first: Option<Waker>,
}

impl Stream for Typed {
    type Item = Input;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Input>> {
        let first = self.first.get_or_insert_with(|| context.waker().clone()).clone();
        let polled = self.from.poll_recv(&mut Context::from_waker(&first));
        if polled.is_ready() {
            self.first = None;
        }
        polled
    }
}

pub(super) fn start() -> Stage {
    start_with(true, false)
}

pub(super) fn start_with(has_shell: bool, present: bool) -> Stage {
    let (keys, typed) = mpsc::unbounded_channel();
    let first = Arc::new(fixture::afternoon());
    let now = std::time::Instant::now();
    let app = if present { App::for_a_talk(first.clone(), now, None) } else { App::new(first.clone(), now) };
    let (shop, snapshots) = watch::channel(first);
    let (asks, requests) = mpsc::unbounded_channel();
    let (shown, pictures) = watch::channel(Vec::new());
    let (takes, taking) = watch::channel(true);
    let (did, terminal) = mpsc::unbounded_channel();
    let end = CancellationToken::new();
    let mut screen = Cells { pictures: shown, takes: taking, waiting: false, done: did, has_shell };
    let ended = end.clone();
    let done = tokio::spawn(async move {
        drive(
            &mut screen,
            Typed { from: typed, first: None }.fuse(),
            app,
            plain_look(),
            snapshots,
            &asks,
            &ended,
        )
        .await
    });
    Stage { inputs: keys, shop, requests, pictures, takes, terminal, stop: end, done }
}

/// Whether the whole overview is shown: no other page has messages.
pub(super) fn on_overview(picture: &str) -> bool {
    picture.contains("Messages ─")
}

impl Stage {
    pub(super) fn send(&self, event: Event) {
        self.inputs.send(Input::Terminal(Ok(event))).unwrap();
    }

    pub(super) fn press(&self, character: char) {
        self.key(KeyCode::Char(character));
    }

    pub(super) fn key(&self, code: KeyCode) {
        self.send(Event::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    }

    pub(super) fn click(&self, column: u16, row: u16) {
        let kind = MouseEventKind::Down(MouseButton::Left);
        self.send(Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
    }

    pub(super) fn last(&self) -> String {
        self.pictures.borrow().last().cloned().unwrap_or_default()
    }

    pub(super) async fn did(&mut self) -> &'static str {
        let done = tokio::time::timeout(Duration::from_secs(10), self.terminal.recv()).await;
        done.expect("nothing was done to the terminal").unwrap()
    }

    /// Waits for a frame that satisfies `wanted`.
    pub(super) async fn see(&mut self, wanted: impl Fn(&str) -> bool) {
        let seen = self.pictures.wait_for(|pictures| pictures.last().is_some_and(|picture| wanted(picture)));
        drop(
            tokio::time::timeout(Duration::from_secs(10), seen)
                .await
                .expect("the picture never came")
                .unwrap(),
        );
    }

    pub(super) async fn end(self) -> Result<Exit, ScreenError> {
        tokio::time::timeout(Duration::from_secs(10), self.done).await.expect("the loop never ended").unwrap()
    }

    pub(super) async fn asked(&mut self) -> Request {
        tokio::time::timeout(Duration::from_secs(10), self.requests.recv())
            .await
            .expect("nothing was asked")
            .unwrap()
    }
}
