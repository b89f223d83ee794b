//! The loop on a test backend with scripted events.

use std::{io, sync::Arc, time::Duration};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

use super::stage::{Stage, on_overview, start, start_with};
use crate::{
    dashboard::{Exit, Request, ScreenError, fixture, run::Input},
    messages::Sentence,
};

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
    stage.send(Event::Key(key));
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
    later.messages.last_mut().unwrap().sentence = Sentence::Text("Something new".to_owned());
    stage.shop.send(Arc::new(later)).unwrap();
    stage.press('?');
    stage.see(|picture| picture.contains("Keys")).await;
    assert!(!stage.pictures.borrow().last().unwrap().contains("Something new"));
    stage.press('?');
    stage.press('f');
    stage.see(|picture| picture.contains("Something new") && !picture.contains("frozen")).await;
}

#[tokio::test]
async fn nothing_is_drawn_while_nothing_changes() {
    let mut stage = start();
    stage.see(|_| true).await;
    let begun = tokio::time::Instant::now();
    // Several times the shortest time between two frames.
    while begun.elapsed() < Duration::from_millis(200) {
        stage.shop.send(Arc::new(fixture::afternoon())).unwrap();
        tokio::task::yield_now().await;
    }
    stage.press('x');
    // This key has an effect, and comes after all that had none.
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
async fn it_ends_when_told_when_the_terminal_fails_and_when_the_shop_is_gone() {
    let stage = start();
    stage.stop.cancel();
    assert_eq!(stage.end().await.unwrap(), Exit::Stopped);

    let stage = start();
    stage.inputs.send(Input::Terminal(Err(io::ErrorKind::BrokenPipe.into()))).unwrap();
    assert!(matches!(stage.end().await, Err(ScreenError::Io(_))));

    let Stage { inputs, shop, requests, pictures, takes, terminal, stop, done } = start();
    drop(shop);
    assert_eq!(done.await.unwrap().unwrap(), Exit::Stopped);
    drop((inputs, requests, pictures, takes, terminal, stop));
}

#[tokio::test]
async fn a_slow_terminal_gets_fewer_pictures_and_the_newest_and_keys_are_obeyed_all_the_while() {
    let mut stage = start();
    stage.see(|_| true).await;
    stage.takes.send(false).unwrap();
    // This frame is started, and then the terminal takes no more.
    stage.press('2');
    stage.see(|picture| !on_overview(picture)).await;
    let begun = stage.pictures.borrow().len();
    let mut shop = fixture::afternoon();
    for orders in 0..50 {
        shop.figures.orders_today = orders;
        stage.shop.send(Arc::new(shop.clone())).unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    stage.press(' ');
    assert_eq!(stage.asked().await, Request::Pause, "keys wait for the terminal");
    stage.press('1');
    stage.press('+');
    assert_eq!(stage.asked().await, Request::Rate(10.0));
    assert_eq!(stage.pictures.borrow().len(), begun);

    stage.takes.send(true).unwrap();
    stage.see(|picture| on_overview(picture) && picture.contains("PAUSED")).await;
    assert!(stage.pictures.borrow().len() <= begun + 2, "pictures were kept for later");
}

#[tokio::test]
async fn a_key_is_seen_within_fifty_milliseconds_while_pictures_flow() {
    let mut stage = start();
    stage.see(|_| true).await;
    let shop = stage.shop.clone();
    let flood = tokio::spawn(async move {
        let mut picture = fixture::afternoon();
        loop {
            picture.figures.orders_today += 1;
            let _ = shop.send(Arc::new(picture.clone()));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let mut took = Vec::new();
    for (key, overview) in [('3', false), ('1', true)].repeat(6) {
        let begun = std::time::Instant::now();
        stage.press(key);
        stage.see(|picture| on_overview(picture) == overview).await;
        took.push(begun.elapsed());
    }
    flood.abort();
    took.sort();
    // The median, since other processes may use this machine.
    assert!(took[took.len() / 2] < Duration::from_millis(150), "{took:?}");
}

#[tokio::test]
async fn the_shell_gets_its_terminal_and_gives_it_back() {
    let mut stage = start();
    stage.see(|_| true).await;
    stage.send(Event::Key(KeyEvent::new(KeyCode::Char('z'), KeyModifiers::CONTROL)));
    assert_eq!(stage.did().await, "ask");
    stage.inputs.send(Input::Stop).unwrap();
    assert_eq!(stage.did().await, "stop");
    let before = stage.pictures.borrow().len();
    stage.inputs.send(Input::Continue).unwrap();
    assert_eq!(stage.did().await, "resume");
    assert_eq!(stage.did().await, "forget");
    let more = stage.pictures.wait_for(|pictures| pictures.len() > before);
    drop(tokio::time::timeout(Duration::from_secs(10), more).await.expect("it was not drawn again").unwrap());
}

#[tokio::test]
async fn without_a_shell_it_says_why_it_stays() {
    let mut stage = start_with(false, false);
    stage.send(Event::Key(KeyEvent::new(KeyCode::Char('z'), KeyModifiers::CONTROL)));
    stage.see(|picture| picture.contains("no shell")).await;
}

#[tokio::test]
async fn another_size_is_drawn_whole() {
    let mut stage = start();
    stage.see(|_| true).await;
    stage.send(Event::Resize(120, 30));
    assert_eq!(stage.did().await, "forget");
}

#[tokio::test]
async fn what_is_saved_is_what_is_seen() {
    let mut stage = start();
    stage.press('3');
    stage.see(|picture| !on_overview(picture)).await;
    stage.press('s');
    let Request::Save(saved, figures) = stage.asked().await else { panic!("something else was asked") };
    assert_eq!(saved.text.trim_end(), stage.last().trim_end());
    assert_eq!(*figures, fixture::afternoon().figures);

    // While frozen, frame and figures are of the same moment.
    stage.press('f');
    stage.see(|picture| picture.contains("frozen")).await;
    stage.shop.send(Arc::new(fixture::at(fixture::AFTERNOON + 60))).unwrap();
    stage.press('1');
    stage.see(on_overview).await;
    stage.press('s');
    let Request::Save(_, figures) = stage.asked().await else { panic!("something else was asked") };
    assert_eq!(*figures, fixture::afternoon().figures);
}

#[tokio::test]
async fn a_pasted_sentence_does_not_close_the_shop() {
    let mut stage = start();
    stage.see(|_| true).await;
    stage.send(Event::Paste("quit 7 times".to_owned()));
    stage.press('3');
    stage.see(|picture| !on_overview(picture)).await;
    stage.press('/');
    stage.send(Event::Paste("tekanna".to_owned()));
    stage.see(|picture| picture.contains("/ tekanna")).await;
    stage.key(KeyCode::Enter);
    stage.press('q');
    assert_eq!(stage.asked().await, Request::Quit);
}

#[tokio::test]
async fn the_mouse_reaches_what_is_seen_under_it() {
    let mut stage = start();
    stage.see(|_| true).await;
    let find = |picture: &str, what: &str| {
        let (row, line) = picture.lines().enumerate().find(|(_, line)| line.contains(what)).unwrap();
        let column = line[..line.find(what).unwrap()].chars().count();
        (u16::try_from(column).unwrap(), u16::try_from(row).unwrap())
    };
    let (column, row) = find(&stage.last(), "3 Stock");
    stage.click(column + 3, row);
    stage.see(|picture| !on_overview(picture)).await;
    let (column, row) = find(&stage.last(), "1 Overview");
    stage.click(column, row);
    stage.see(on_overview).await;

    // The first click focuses a panel, the second enlarges it, the third restores the page.
    let (column, row) = find(&stage.last(), "Handled orders");
    stage.click(column, row);
    stage.see(|picture| picture.contains("━━━━")).await;
    stage.click(column, row);
    stage.see(|picture| !on_overview(picture) && picture.contains("Handled orders")).await;
    let (column, row) = find(&stage.last(), "Handled orders");
    stage.click(column, row);
    stage.see(on_overview).await;
}

#[tokio::test]
async fn a_talk_counts_its_seconds() {
    let mut stage = start_with(true, true);
    stage.see(|picture| picture.contains("10:00")).await;
    stage.see(|picture| picture.contains("9:58")).await;
}
