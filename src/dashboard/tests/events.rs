//! The loop on a test backend with scripted events.

use std::{io, sync::Arc, time::Duration};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use futures::{Stream, StreamExt, stream};
use ratatui::{Frame, Terminal, backend::TestBackend};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{plain_look, text};
use crate::dashboard::{
    Exit, Request, ScreenError, Snapshot, fixture, run::drive, snapshot::Said, terminal::Surface,
};

/// A screen of cells that counts its pictures.
struct Cells {
    terminal: Terminal<TestBackend>,
    pictures: watch::Sender<Vec<String>>,
    lost: CancellationToken,
}

impl Surface for Cells {
    fn paint(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> Result<(), ScreenError> {
        self.terminal.draw(draw).unwrap();
        let shown = text(self.terminal.backend().buffer());
        self.pictures.send_modify(|pictures| pictures.push(shown));
        Ok(())
    }

    fn lost(&self) -> CancellationToken {
        self.lost.clone()
    }
}

/// A running dashboard and all the ends of it.
struct Stage {
    keys: mpsc::UnboundedSender<io::Result<Event>>,
    shop: watch::Sender<Arc<Snapshot>>,
    requests: mpsc::UnboundedReceiver<Request>,
    pictures: watch::Receiver<Vec<String>>,
    stop: CancellationToken,
    lost: CancellationToken,
    done: tokio::task::JoinHandle<Result<Exit, ScreenError>>,
}

fn events(
    from: mpsc::UnboundedReceiver<io::Result<Event>>,
) -> impl Stream<Item = io::Result<Event>> + Unpin + Send {
    Box::pin(stream::unfold(from, |mut from| async move { from.recv().await.map(|event| (event, from)) }))
}

fn start() -> Stage {
    let (keys, typed) = mpsc::unbounded_channel();
    let (shop, snapshots) = watch::channel(Arc::new(fixture::afternoon()));
    let (asks, requests) = mpsc::unbounded_channel();
    let (shown, pictures) = watch::channel(Vec::new());
    let [end, lost] = [(); 2].map(|()| CancellationToken::new());
    let mut screen = Cells {
        terminal: Terminal::new(TestBackend::new(120, 30)).unwrap(),
        pictures: shown,
        lost: lost.clone(),
    };
    let ended = end.clone();
    let done = tokio::spawn(async move {
        drive(&mut screen, events(typed).fuse(), plain_look(), snapshots, &asks, &ended).await
    });
    Stage { keys, shop, requests, pictures, stop: end, lost, done }
}

impl Stage {
    fn press(&self, character: char) {
        let key = KeyEvent::new(KeyCode::Char(character), KeyModifiers::NONE);
        self.keys.send(Ok(Event::Key(key))).unwrap();
    }

    /// Waits for a picture that `wanted` holds for.
    async fn see(&mut self, wanted: impl Fn(&str) -> bool) {
        let seen = self.pictures.wait_for(|pictures| pictures.last().is_some_and(|picture| wanted(picture)));
        drop(
            tokio::time::timeout(Duration::from_secs(10), seen)
                .await
                .expect("the picture never came")
                .unwrap(),
        );
    }

    async fn end(self) -> Result<Exit, ScreenError> {
        tokio::time::timeout(Duration::from_secs(10), self.done).await.expect("the loop never ended").unwrap()
    }

    async fn asked(&mut self) -> Request {
        tokio::time::timeout(Duration::from_secs(10), self.requests.recv())
            .await
            .expect("nothing was asked")
            .unwrap()
    }
}

#[tokio::test]
async fn the_first_picture_comes_at_once_and_q_ends_it() {
    let mut stage = start();
    stage.see(|picture| picture.contains("Orders since midnight")).await;
    stage.press('q');
    assert_eq!(stage.asked().await, Request::Quit);
    assert_eq!(stage.end().await.unwrap(), Exit::Quit);
}

#[tokio::test]
async fn control_c_in_the_terminal_ends_it_too() {
    let stage = start();
    let key = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    stage.keys.send(Ok(Event::Key(key))).unwrap();
    assert_eq!(stage.end().await.unwrap(), Exit::Quit);
}

#[tokio::test]
async fn keys_become_requests() {
    let mut stage = start();
    for key in [' ', '+', '+', '-', '-', '-', '-'] {
        stage.press(key);
    }
    assert_eq!(stage.asked().await, Request::Pause);
    for rate in [10.0, 20.0, 10.0, 5.0, 2.0, 1.0] {
        assert_eq!(stage.asked().await, Request::Rate(rate));
    }
}

#[tokio::test]
async fn a_new_picture_is_drawn_and_a_frozen_one_stays() {
    let mut stage = start();
    stage.see(|picture| picture.contains("14:02:02")).await;
    stage.press('f');
    stage.see(|picture| picture.contains("frozen")).await;
    let mut later = fixture::afternoon();
    later.messages.last_mut().unwrap().said = Said::Text("Something new".to_owned());
    stage.shop.send(Arc::new(later)).unwrap();
    stage.press('?');
    stage.see(|picture| picture.contains("Keys")).await;
    assert!(!stage.pictures.borrow().last().unwrap().contains("Something new"));
    stage.press('f');
    stage.see(|picture| picture.contains("Something new") && !picture.contains("frozen")).await;
}

#[tokio::test]
async fn nothing_is_drawn_while_nothing_changes() {
    let mut stage = start();
    stage.see(|_| true).await;
    let begun = tokio::time::Instant::now();
    // Several times as long as a picture has to wait for the one before.
    while begun.elapsed() < Duration::from_millis(200) {
        stage.shop.send(Arc::new(fixture::afternoon())).unwrap();
        tokio::task::yield_now().await;
    }
    stage.press('x');
    // A key that changes something comes after all that did not.
    stage.press('?');
    stage.see(|picture| picture.contains("Keys")).await;
    assert_eq!(stage.pictures.borrow().len(), 2);
}

#[tokio::test]
async fn a_flood_of_pictures_is_drawn_at_most_thirty_times_a_second() {
    let mut stage = start();
    stage.see(|_| true).await;
    let begun = tokio::time::Instant::now();
    let mut shop = fixture::afternoon();
    while begun.elapsed() < Duration::from_millis(500) {
        shop.figures.orders_today += 1;
        stage.shop.send(Arc::new(shop.clone())).unwrap();
        tokio::task::yield_now().await;
    }
    let most = begun.elapsed().as_millis() / 33 + 2;
    assert!(stage.pictures.borrow().len() as u128 <= most, "{} pictures", stage.pictures.borrow().len());
    assert!(stage.pictures.borrow().len() >= 2, "the flood starved the screen");
}

#[tokio::test]
async fn it_ends_when_told_when_the_screen_is_lost_and_when_the_shop_is_gone() {
    let stage = start();
    stage.stop.cancel();
    assert_eq!(stage.end().await.unwrap(), Exit::Stopped);

    let stage = start();
    stage.lost.cancel();
    assert!(matches!(stage.end().await, Err(ScreenError::Failed)));

    let stage = start();
    stage.keys.send(Err(io::ErrorKind::BrokenPipe.into())).unwrap();
    assert!(matches!(stage.end().await, Err(ScreenError::Io(_))));

    let Stage { keys, shop, requests, pictures, stop, lost, done } = start();
    drop(shop);
    assert_eq!(done.await.unwrap().unwrap(), Exit::Stopped);
    drop((keys, requests, pictures, stop, lost));
}
