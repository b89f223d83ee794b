//! Past moments: how to go there and back, and what is shown of them.

use std::{sync::Arc, time::Instant};

use super::{App, Look, Marker, Snapshot, ThemeName, cells, state::press, text};
use crate::{
    dashboard::{
        Request,
        action::{Action, Command, Effect},
        fixture::{self, AFTERNOON},
        page::Page,
        snapshot::{Answer, Progress, Rewound, Step},
        ui_state::Notice,
    },
    messages::{Lang, Sentence},
    stream::order_search::{OrderStatus, TrackedOrder},
    views::shop_figures::Stage,
};

/// The shop at a past second, as rebuilt from its logs.
fn past(second: i64) -> Snapshot {
    let shop = fixture::at(second);
    Snapshot {
        is_past: true,
        speed: 1.0,
        simulator: None,
        target_rate: None,
        lost_sales: 0,
        groups: Vec::new(),
        messages: Vec::new(),
        cluster: Arc::default(),
        log: Arc::default(),
        ..shop
    }
}

/// The present snapshot, with a response.
fn answer(asked: i64, shop: Result<Snapshot, Sentence>) -> Action {
    let answer = shop.map_or_else(Answer::No, |shop| Answer::Shop(Arc::new(shop)));
    tell(asked, answer)
}

fn tell(asked: i64, answer: Answer) -> Action {
    let rewound = Some(Arc::new(Rewound { asked, answer }));
    Action::Picture(Arc::new(Snapshot { rewound, ..fixture::afternoon() }))
}

fn app() -> (App, Instant) {
    let now = Instant::now();
    (App::new(Arc::new(fixture::afternoon()), now), now)
}

#[test]
fn steps_go_back_from_what_is_shown_and_on_to_now() {
    let (mut app, now) = app();
    let back = AFTERNOON - 60;
    assert_eq!(press(&mut app, Command::Rewind(60), now), None, "now is the newest");
    assert_eq!(press(&mut app, Command::Rewind(-60), now), Some(Request::Rewind(Some(back))));
    assert!(!app.picture().is_past, "there is no answer yet");
    app.update(answer(back - 1, Ok(past(back - 1))), now);
    assert!(!app.picture().is_past, "that was not asked for");
    app.update(answer(back, Ok(past(back))), now);
    assert_eq!((app.picture().is_past, app.picture().figures.shop_second), (true, back));
    // The shop goes on; the screen must not show it.
    app.update(answer(back, Ok(past(back))), now);
    assert_eq!(app.picture().figures.shop_second, back);
    let hour = Some(Request::Rewind(Some(back - 3600)));
    assert_eq!(press(&mut app, Command::Rewind(-3600), now), hour);
    assert_eq!(app.picture().figures.shop_second, back, "until it is answered");
    assert_eq!(press(&mut app, Command::Rewind(3600), now), Some(Request::Rewind(Some(back))));
    assert_eq!(press(&mut app, Command::Rewind(60), now), Some(Request::Rewind(None)));
    assert!(!app.picture().is_past);
    // The keys for now and back return, too.
    for command in [Command::Now, Command::Back] {
        press(&mut app, Command::Rewind(-60), now);
        assert_eq!(press(&mut app, command, now), Some(Request::Rewind(None)));
        assert_eq!(press(&mut app, Command::Now, now), None);
    }
}

#[test]
fn where_there_is_no_moment_it_stays_where_it_was_and_says_why() {
    let (mut app, now) = app();
    let (first, why) = (AFTERNOON - 3600, Sentence::NothingBefore { first: "08:00".to_owned() });
    press(&mut app, Command::Rewind(-3600), now);
    app.update(answer(first, Ok(past(first))), now);
    press(&mut app, Command::Rewind(-60), now);
    app.update(answer(first - 60, Err(why.clone())), now);
    assert_eq!(app.picture().figures.shop_second, first);
    assert_eq!(app.ui().notice, Some(Notice::Answer(why.clone())));
    assert_eq!(press(&mut app, Command::Rewind(60), now), Some(Request::Rewind(Some(first + 60))));
    // No earlier moment to stay at.
    let (mut app, now) = self::app();
    app.go_to(first - 60);
    app.update(answer(first - 60, Err(why)), now);
    assert_eq!((app.ui().moment, app.picture().is_past), (None, false));
}

#[test]
fn of_a_past_moment_nothing_is_asked_and_a_picture_that_was_frozen_goes_on() {
    let (mut app, now) = app();
    press(&mut app, Command::Freeze, now);
    press(&mut app, Command::Rewind(-60), now);
    assert!(!app.ui().frozen);
    for command in [Command::Pause, Command::Faster, Command::Slower, Command::ToMidnight, Command::Rush] {
        assert_eq!(press(&mut app, command, now), None, "{command:?}");
        assert_eq!(app.ui().notice, Some(Notice::Past));
    }
    press(&mut app, Command::Go(Page::Faults), now);
    assert_eq!(press(&mut app, Command::Enter, now), None, "nothing is broken in the past");
}

#[test]
fn what_the_logs_do_not_say_of_it_is_told_by_no_page() {
    let (mut app, now) = app();
    press(&mut app, Command::Rewind(-3600), now);
    let second = AFTERNOON - 3600;
    app.update(answer(second, Ok(past(second))), now);
    let en = [" 20 Nov 13:03:07 · n: now ", " at 2026-11-20 13:03:07 · n: now ", " n: now "];
    let sv = [" 20 nov 13:03:07 · n: nu ", " vid 2026-11-20 13:03:07 · n: nu ", " n: nu "];
    for (lang, badges, none) in [
        (Lang::En, en, "No record says what stood here then"),
        (Lang::Sv, sv, "Ingen post säger vad som stod här då"),
    ] {
        let look = Look::new(ThemeName::Dark, lang, Marker::Braille);
        for page in Page::ALL {
            press(&mut app, Command::Go(page), now);
            for ((width, height), badge) in [(120, 30), (80, 24), (60, 20)].into_iter().zip(badges) {
                let shown = text(&cells(width, height, app.picture(), &app, &look));
                assert!(shown.contains(badge), "{page:?}:\n{shown}");
                assert_eq!(
                    shown.contains(none),
                    matches!(page, Page::Kafka | Page::Log | Page::Faults),
                    "{shown}"
                );
                assert!(!shown.contains("orders/s") && !shown.contains(look.words.running), "{shown}");
            }
        }
    }
}

#[test]
fn an_order_that_is_followed_is_as_it_was() {
    let live = fixture::followed(&fixture::afternoon(), Stage::Mailed);
    let found = |order: TrackedOrder| match order.status {
        OrderStatus::Found(trace) => trace,
        status => panic!("{status:?}"),
    };
    let trace = found(live.clone());
    let (handled, _) = trace.handled.clone().unwrap();
    assert_eq!(live.at(handled.second()), live);
    let before = found(live.at(handled.second() - 1));
    assert_eq!((&before.handled, &before.mail, &before.order), (&None, &None, &trace.order));
    let unsold = live.at(trace.order.second() - 1).status;
    assert!(matches!(unsold, OrderStatus::Unknown(Sentence::NoOrder { .. })), "{unsold:?}");
}

#[test]
fn until_a_moment_is_there_the_screen_says_how_far_it_is_and_keys_go_back_and_end() {
    let second = AFTERNOON - 3600;
    let way = |step, done| tell(second, Answer::Underway(Progress { step, done, of: 1_000_000 }));
    for (lang, reading, computing, audit) in [
        (
            Lang::En,
            "reading the logs… ",
            "computing figures… ",
            "340\u{a0}000 of 1\u{a0}000\u{a0}000 records",
        ),
        (Lang::Sv, "läser loggarna… ", "beräknar siffrorna… ", "340\u{a0}000 av 1\u{a0}000\u{a0}000 poster"),
    ] {
        let (mut app, now) = app();
        app.go_to(second);
        let look = Look::new(ThemeName::Dark, lang, Marker::Braille);
        let shown = |app: &App, width| text(&cells(width, 30, app.picture(), app, &look));
        assert!(shown(&app, 120).contains(reading) && !shown(&app, 120).contains('%'));
        for (step, doing) in [(Step::Read, reading), (Step::Compute, computing)] {
            app.update(way(step, 340_000), now);
            assert!(app.take_changed());
            for width in [80, 100, 120, 160] {
                let shown = shown(&app, width);
                assert!(shown.contains(&format!("{doing}34\u{a0}%")), "{shown}");
                assert!(width < 120 || shown.contains(audit), "{shown}");
            }
        }
        // Of another moment it says nothing of this one.
        press(&mut app, Command::Rewind(-60), now);
        assert!(!shown(&app, 120).contains(audit));
        assert_eq!(press(&mut app, Command::Now, now), Some(Request::Rewind(None)));
        app.update(way(Step::Read, 340_000), now);
        let live = shown(&app, 120);
        assert!(!live.contains(audit) && live.contains(look.words.running), "{live}");
        app.go_to(second);
        app.update(way(Step::Read, 340_000), now);
        assert_eq!(app.update(Action::Command(Command::Quit), now), Some(Effect::Quit));
    }
}
