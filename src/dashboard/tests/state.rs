//! The state: requests to the shop, ageing of messages, and the talk.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use proptest::prelude::*;

use super::{App, Snapshot};
use crate::{
    dashboard::{
        Request,
        action::{Action, Command, Effect},
        fixture,
        page::Page,
        rates::RATES,
        ui_state::Notice,
    },
    messages::{Message, Sentence, Severity},
    shop::pulse::RunState,
};

pub(super) fn app(change: impl FnOnce(&mut Snapshot)) -> (App, Instant) {
    let mut shop = fixture::afternoon();
    change(&mut shop);
    let now = Instant::now();
    (App::new(Arc::new(shop), now), now)
}

/// The request that a command causes.
pub(super) fn press(app: &mut App, command: Command, now: Instant) -> Option<Request> {
    match app.update(Action::Command(command), now)? {
        Effect::Ask(request) => Some(request),
        effect => panic!("{command:?} led to {effect:?}"),
    }
}

#[test]
fn rates_go_in_steps_of_one_two_five() {
    let (mut app, now) = app(|shop| shop.target_rate = Some(1.0));
    let ups: Vec<_> = (0..7).map(|_| press(&mut app, Command::Faster, now)).collect();
    let want = [2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0].map(|rate| Some(Request::Rate(rate)));
    assert_eq!(ups, want);
}

#[test]
fn from_between_two_steps_the_next_one_is_taken() {
    let (mut app, now) = app(|shop| shop.target_rate = Some(7.0));
    assert_eq!(press(&mut app, Command::Faster, now), Some(Request::Rate(10.0)));
    let (mut app, now) = self::app(|shop| shop.target_rate = Some(7.0));
    assert_eq!(press(&mut app, Command::Slower, now), Some(Request::Rate(5.0)));
}

#[test]
fn without_a_limit_only_slower_is_possible() {
    let (mut app, now) = app(|shop| {
        shop.target_rate = None;
        shop.orders_per_second = 340_000.0;
    });
    assert_eq!(press(&mut app, Command::Faster, now), None);
    assert_eq!(press(&mut app, Command::Slower, now), Some(Request::Rate(100_000.0)));
}

#[test]
fn pause_and_resume_take_turns_without_waiting_for_the_shop() {
    let (mut app, now) = app(|_| ());
    assert_eq!(press(&mut app, Command::Pause, now), Some(Request::Pause));
    assert_eq!(app.ui().simulator(), Some(RunState::Paused));
    assert_eq!(press(&mut app, Command::Pause, now), Some(Request::Resume));
}

#[test]
fn a_wish_that_nobody_fulfils_is_given_up() {
    let (mut app, now) = app(|_| ());
    press(&mut app, Command::Pause, now);
    press(&mut app, Command::Faster, now);
    let wake = app.wakes_at().unwrap();
    assert!(wake <= now + Duration::from_secs(8));
    app.update(Action::Wake, now + Duration::from_secs(6));
    assert_eq!((app.ui().simulator(), app.ui().asked_rate()), (Some(RunState::Running), None));
}

#[test]
fn a_wish_that_came_true_is_forgotten() {
    let (mut app, now) = app(|_| ());
    press(&mut app, Command::Pause, now);
    let mut shop = fixture::afternoon();
    shop.simulator = Some(RunState::Paused);
    app.update(Action::Picture(Arc::new(shop)), now);
    // If the request were kept, this running shop would still look paused.
    app.update(Action::Picture(Arc::new(fixture::afternoon())), now);
    assert_eq!(app.ui().simulator(), Some(RunState::Running));
}

#[test]
fn nothing_is_asked_where_no_simulator_listens() {
    for state in [None, Some(RunState::Stopped)] {
        let (mut app, now) = app(|shop| shop.simulator = state);
        for command in [Command::Pause, Command::Faster, Command::Slower] {
            assert_eq!(press(&mut app, command, now), None, "{command:?} with {state:?}");
        }
    }
}

#[test]
fn a_key_that_does_nothing_says_why() {
    let why = |change: fn(&mut Snapshot), page, command| {
        let (mut app, now) = app(change);
        press(&mut app, Command::Go(page), now);
        assert_eq!(press(&mut app, command, now), None);
        app.ui().notice.clone()
    };
    let alone: fn(&mut Snapshot) = |shop| shop.simulator = None;
    let empty: fn(&mut Snapshot) = |shop| *shop = fixture::opening();
    for (change, page, command, notice) in [
        (alone, Page::Stock, Command::Faster, Notice::NobodySells),
        (alone, Page::Stock, Command::Slower, Notice::NobodySells),
        (|shop| shop.target_rate = None, Page::Log, Command::Faster, Notice::Fastest),
        (|shop| shop.target_rate = Some(*RATES.end()), Page::Log, Command::Faster, Notice::Fastest),
        (|shop| shop.target_rate = Some(*RATES.start()), Page::Log, Command::Slower, Notice::Slowest),
        (|_| (), Page::Overview, Command::Enter, Notice::NoPanel),
        (empty, Page::Orders, Command::Enter, Notice::NothingToOpen),
        (empty, Page::Reports, Command::Enter, Notice::NothingToOpen),
    ] {
        assert_eq!(why(change, page, command), Some(notice), "{command:?} on {page:?}");
    }
}

#[test]
fn escape_closes_the_help_first_and_then_lets_the_picture_go() {
    let (mut app, now) = app(|_| ());
    press(&mut app, Command::Freeze, now);
    press(&mut app, Command::Help, now);
    press(&mut app, Command::Back, now);
    assert!(!app.ui().help && app.ui().frozen);
    press(&mut app, Command::Back, now);
    assert!(!app.ui().frozen);
}

#[test]
fn messages_fade_by_the_time_they_were_first_seen() {
    let with_messages = |many: u64| {
        let mut shop = fixture::afternoon();
        let message =
            |number| Message { number, shop_second: 0, severity: Severity::Info, sentence: Sentence::Paused };
        shop.messages = (0..many).map(message).collect();
        Action::Picture(Arc::new(shop))
    };
    let (mut app, start) = app(|shop| shop.messages.clear());
    app.update(with_messages(2), start);
    assert_eq!((app.ui().new_from, app.ui().recent_from), (0, 0));

    let faded = app.wakes_at().unwrap();
    app.update(Action::Wake, faded);
    assert_eq!((app.ui().new_from, app.ui().recent_from), (2, 0));

    let old = app.wakes_at().unwrap();
    assert!(old > faded);
    app.update(Action::Wake, old);
    assert_eq!((app.ui().new_from, app.ui().recent_from), (2, 2));
    assert_eq!(app.wakes_at(), None);

    // Messages seen before stay old, later ones are new.
    app.update(with_messages(3), old);
    assert_eq!((app.ui().new_from, app.ui().recent_from), (2, 2));
    assert!(app.wakes_at().is_some_and(|fades| fades > old));
}

#[test]
fn what_changes_nothing_on_the_screen_asks_for_no_drawing() {
    let (mut app, now) = app(|_| ());
    assert!(app.take_changed());
    app.update(Action::Picture(Arc::new(fixture::afternoon())), now);
    press(&mut app, Command::Back, now);
    app.update(Action::Wake, now);
    assert!(!app.take_changed());
    app.update(Action::Redraw, now);
    assert!(app.take_changed());
}

#[test]
fn time_is_only_led_where_it_is_accelerated_and_elsewhere_it_is_said_why_not() {
    for (command, request) in [(Command::ToMidnight, Request::ToMidnight), (Command::Rush, Request::Rush)] {
        let (mut app, now) = app(|shop| shop.speed = 60.0);
        assert_eq!(press(&mut app, command, now), Some(request));

        let (mut app, now) = self::app(|shop| shop.speed = 1.0);
        assert_eq!(press(&mut app, command, now), None);
        assert_eq!(app.ui().notice, Some(Notice::RealTime));
        app.update(Action::Wake, now + Duration::from_secs(6));
        assert_eq!(app.ui().notice, None, "it fades");

        let (mut app, now) = self::app(|shop| shop.simulator = Some(RunState::Stopped));
        assert_eq!(press(&mut app, command, now), None);
        assert_eq!(app.ui().notice, Some(Notice::NobodySells));
        press(&mut app, Command::Help, now);
        assert_eq!(app.ui().notice, None, "the next key takes it away");
    }
}

#[test]
fn what_was_saved_is_said_on_every_page_also_where_the_picture_is_frozen() {
    let (mut app, now) = app(|shop| shop.messages.clear());
    press(&mut app, Command::Go(Page::Kafka), now);
    press(&mut app, Command::Freeze, now);
    let sentence = Sentence::PictureSaved { path: "pictures/a".to_owned() };
    let mut shop = fixture::afternoon();
    shop.messages =
        vec![Message { number: 1, shop_second: 0, severity: Severity::Info, sentence: sentence.clone() }];
    let shop = Arc::new(shop);
    app.take_changed();
    app.update(Action::Picture(shop.clone()), now);
    assert_eq!(app.ui().notice, Some(Notice::Answer(sentence)));
    assert!(app.take_changed());
    app.update(Action::Wake, now + Duration::from_secs(6));
    app.update(Action::Picture(shop), now + Duration::from_secs(6));
    assert_eq!(app.ui().notice, None, "once");
}

#[test]
fn a_talk_begins_with_the_first_order_or_key_and_counts_beyond_its_end() {
    let mut quiet = fixture::afternoon();
    quiet.figures.produced = 0;
    let quiet = Arc::new(quiet);
    let now = Instant::now();
    let later = |seconds| now + Duration::from_secs(seconds);
    let left = |app: &App| app.ui().talk.unwrap().left;

    let mut app = App::for_a_talk(quiet.clone(), now, None);
    app.update(Action::Wake, later(50));
    assert_eq!(left(&app), 600, "nobody has begun");
    app.update(Action::Picture(Arc::new(fixture::afternoon())), later(60));
    assert_eq!(app.ui().enlarged_panel(), Some(0));
    for (seconds, want) in [(60, 600), (61, 599), (600, 60), (660, 0), (661, -1), (700, -40)] {
        app.update(Action::Wake, later(seconds));
        assert_eq!(left(&app), want, "after {seconds} s");
    }
    // It wakes when the figure changes, not earlier or later.
    app.update(Action::Wake, later(10_000));
    assert_eq!(app.wakes_at(), Some(later(10_001)));

    let mut app = App::for_a_talk(quiet, now, None);
    press(&mut app, Command::Go(Page::Sales), later(5));
    app.update(Action::Wake, later(8));
    assert_eq!(left(&app), 597);
}

#[test]
fn without_a_talk_nothing_ticks() {
    let (app, _) = app(|shop| shop.messages.clear());
    assert_eq!(app.wakes_at(), None);
}

proptest! {
    #[test]
    fn keys_keep_the_rate_within_reach(start in prop_oneof![0.0_f64..1e9, any::<f64>()], faster in prop::collection::vec(any::<bool>(), 1..40)) {
        let (mut app, now) = app(|shop| shop.target_rate = Some(start));
        for up in faster {
            let command = if up { Command::Faster } else { Command::Slower };
            if let Some(request) = press(&mut app, command, now) {
                let Request::Rate(rate) = request else { panic!("{request:?}") };
                prop_assert!(RATES.contains(&rate));
            }
        }
    }
}
