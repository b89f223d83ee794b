//! The state: selection, filters, followed orders, open reports and enlarged panels.

use std::{sync::Arc, time::Instant};

use super::{
    App,
    state::{app, press},
};
use crate::{
    chaos::{Fault, Kind},
    consumers::Name,
    dashboard::{
        Request,
        action::{Action, Command},
        fixture, lists,
        page::{PANELS, Page},
        ui_state::{Span, StockSort},
    },
    logging::LogLine,
    messages::Sentence,
    stream::order_search::{OrderStatus, TrackedOrder},
    views::shop_figures::{LatestOrder, ReportNote},
};

fn go(app: &mut App, page: Page, now: Instant) {
    press(app, Command::Go(page), now);
    assert_eq!(app.ui().page, page);
}

fn write(app: &mut App, text: &str, now: Instant) {
    press(app, Command::Filter, now);
    for character in text.chars() {
        press(app, Command::Type(character), now);
    }
}

#[test]
fn the_page_of_faults_asks_for_the_audit_and_breaks_what_is_chosen() {
    let (mut app, now) = app(|_| ());
    let asked = |app: &mut App, command| press(app, command, now);
    assert_eq!(asked(&mut app, Command::Go(Page::Faults)), Some(Request::Audit));
    let kill = |victim| Some(Request::Break(Fault::new(Kind::Kill, victim)));
    assert_eq!(asked(&mut app, Command::Enter), kill(Name::OrdersToday));
    press(&mut app, Command::FocusNext, now);
    assert_eq!(asked(&mut app, Command::Enter), kill(Name::Sales));
    press(&mut app, Command::FocusPrevious, now);
    press(&mut app, Command::FocusPrevious, now);
    assert_eq!(asked(&mut app, Command::Enter), kill(Name::Journal));
    for _ in 0..3 {
        press(&mut app, Command::Down, now);
    }
    assert_eq!(asked(&mut app, Command::Enter), Some(Request::Break(Fault::new(Kind::Cut, Name::Sales))));
    assert_eq!(app.ui().focus, None, "the panels of the overview are as they were");
}

#[test]
fn the_focus_goes_round_the_panels_and_enter_enlarges_the_one_it_is_on() {
    let (mut app, now) = app(|_| ());
    press(&mut app, Command::Enter, now);
    assert!(!app.ui().enlarged, "nothing has the focus");
    let round: Vec<_> = (0..=PANELS)
        .map(|_| {
            press(&mut app, Command::FocusNext, now);
            app.ui().focus.unwrap()
        })
        .collect();
    assert_eq!(round, [0, 1, 2, 3, 4, 5, 0]);
    press(&mut app, Command::FocusPrevious, now);
    assert_eq!(app.ui().focus, Some(5));
    press(&mut app, Command::Enter, now);
    assert_eq!(app.ui().enlarged_panel(), Some(5));
    press(&mut app, Command::FocusNext, now);
    assert_eq!(app.ui().enlarged_panel(), Some(0), "the next panel comes as large");
    press(&mut app, Command::PageDown, now);
    press(&mut app, Command::PageDown, now);
    press(&mut app, Command::PageUp, now);
    assert_eq!(app.ui().enlarged_panel(), Some(1), "as from a clicker");
    press(&mut app, Command::FocusPrevious, now);
    press(&mut app, Command::Back, now);
    assert_eq!((app.ui().enlarged_panel(), app.ui().focus), (None, Some(0)));
    press(&mut app, Command::Back, now);
    assert_eq!(app.ui().focus, None);
    press(&mut app, Command::FocusPrevious, now);
    assert_eq!(app.ui().focus, Some(5), "the first step back is to the last");
}

#[test]
fn lines_are_chosen_within_the_list() {
    let (mut app, now) = app(|_| ());
    go(&mut app, Page::Stock, now);
    let chosen = |app: &App| lists::chosen(app.picture(), app.ui(), Page::Stock);
    let last = app.picture().figures.stock.len() - 1;
    assert!(last > 3);
    for (command, line) in [
        (Command::Up, 0),
        (Command::Down, 1),
        (Command::Down, 2),
        (Command::Up, 1),
        (Command::Last, last),
        (Command::Down, last),
        (Command::PageDown, last),
        (Command::First, 0),
        (Command::PageUp, 0),
    ] {
        press(&mut app, command, now);
        assert_eq!(chosen(&app), line, "{command:?}");
    }
    // When the list gets shorter, the selection moves to its last line.
    press(&mut app, Command::Last, now);
    let mut fewer = fixture::afternoon();
    fewer.figures.stock.truncate(3);
    app.update(Action::Picture(Arc::new(fewer)), now);
    press(&mut app, Command::Up, now);
    assert_eq!(chosen(&app), 1);
}

#[test]
fn a_filter_is_typed_kept_and_cleared() {
    let (mut app, now) = app(|_| ());
    go(&mut app, Page::Stock, now);
    let all = lists::keys(app.picture(), app.ui(), Page::Stock).len();
    press(&mut app, Command::Last, now);
    write(&mut app, "tekk", now);
    press(&mut app, Command::Erase, now);
    assert_eq!((app.ui().typing, app.ui().filter()), (Some(Page::Stock), "tek"));
    let some = lists::keys(app.picture(), app.ui(), Page::Stock).len();
    assert!(some > 0 && some < all);
    assert_eq!(app.ui().chosen[Page::Stock.index()], None, "the choice is in what is left");
    press(&mut app, Command::Enter, now);
    assert_eq!((app.ui().typing, app.ui().filter()), (None, "tek"));
    press(&mut app, Command::Type('x'), now);
    assert_eq!(app.ui().filter(), "tek", "nobody types any more");
    press(&mut app, Command::Back, now);
    assert_eq!(app.ui().filter(), "");

    write(&mut app, "zzz", now);
    press(&mut app, Command::Down, now);
    press(&mut app, Command::Back, now);
    assert_eq!((app.ui().typing, app.ui().filter()), (None, ""));
    // Switching pages ends typing; it does not start on a page without a filter.
    write(&mut app, "a", now);
    go(&mut app, Page::Sales, now);
    press(&mut app, Command::Filter, now);
    assert_eq!(app.ui().typing, None);
    go(&mut app, Page::Stock, now);
    assert_eq!(app.ui().filter(), "a");
}

#[test]
fn the_chosen_order_stays_chosen_while_others_come_and_enter_follows_it() {
    let (mut app, now) = app(|_| ());
    go(&mut app, Page::Orders, now);
    let ids: Vec<u64> = app.picture().feed.iter().map(|order| order.order_id).collect();
    assert!(ids.len() > 3);
    assert_eq!(press(&mut app, Command::Enter, now), Some(Request::Follow(Some(ids[0]))), "the newest");
    assert_eq!(press(&mut app, Command::Back, now), Some(Request::Follow(None)));
    press(&mut app, Command::First, now);
    press(&mut app, Command::Down, now);
    press(&mut app, Command::Down, now);
    let chosen = |app: &App| app.ui().chosen[Page::Orders.index()].map(|choice| choice.key);
    assert_eq!(chosen(&app), Some(ids[2]));
    let mut more = fixture::afternoon();
    let mut feed = (*more.feed).clone();
    feed.insert(0, LatestOrder { order_id: u64::MAX, ..feed[0].clone() });
    more.feed = Arc::new(feed);
    app.update(Action::Picture(Arc::new(more)), now);
    press(&mut app, Command::Up, now);
    assert_eq!(chosen(&app), Some(ids[1]));
    assert_eq!(press(&mut app, Command::Enter, now), Some(Request::Follow(Some(ids[1]))));
    assert_eq!(app.ui().following, Some(ids[1]));
    press(&mut app, Command::First, now);
    assert_eq!(chosen(&app), None, "the first line is the newest, whichever that is");
}

#[test]
fn the_chosen_day_and_the_chosen_line_of_the_log_stay_chosen_while_others_come() {
    let (mut app, now) = app(|_| ());
    let dates: Vec<_> = app.picture().figures.reports.iter().rev().map(|note| note.date).collect();
    go(&mut app, Page::Reports, now);
    press(&mut app, Command::Down, now);
    go(&mut app, Page::Log, now);
    press(&mut app, Command::Down, now);
    press(&mut app, Command::Down, now);
    let line = |app: &App| {
        let place = lists::chosen(app.picture(), app.ui(), Page::Log);
        lists::log(app.picture(), app.ui())[place].text.clone()
    };
    let chosen = line(&app);
    // At midnight, a report and a log line are added.
    let mut later = fixture::afternoon();
    let newest = later.figures.reports.last().unwrap().clone();
    let date = newest.date.succ_opt().unwrap();
    later.figures.reports.push(ReportNote { date, ..newest });
    let log = Arc::make_mut(&mut later.log);
    let last = log.back().unwrap().clone();
    log.push_back(LogLine { number: last.number + 1, text: "more".to_owned(), ..last });
    app.update(Action::Picture(Arc::new(later.clone())), now);
    assert_eq!(line(&app), chosen);
    go(&mut app, Page::Reports, now);
    assert_eq!(press(&mut app, Command::Enter, now), Some(Request::Open(Some(dates[1]))));

    // An opened report stays selected, even if it was the newest.
    press(&mut app, Command::First, now);
    assert_eq!(press(&mut app, Command::Enter, now), Some(Request::Open(Some(date))));
    let next = date.succ_opt().unwrap();
    let newest = later.figures.reports.last().unwrap().clone();
    later.figures.reports.push(ReportNote { date: next, ..newest });
    app.update(Action::Picture(Arc::new(later)), now);
    assert_eq!(press(&mut app, Command::Enter, now), Some(Request::Open(Some(date))));
}

#[test]
fn what_is_pasted_is_no_keys() {
    let (mut app, now) = app(|_| ());
    let before = app.ui().clone();
    assert_eq!(app.update(Action::Paste("quit at once".to_owned()), now), None);
    assert_eq!(*app.ui(), before);
    go(&mut app, Page::Stock, now);
    press(&mut app, Command::Filter, now);
    app.update(Action::Paste("te\nk q".to_owned()), now);
    assert_eq!(app.ui().filter(), "tek q", "where one types it is typed");
    app.update(Action::Paste("x".repeat(500)), now);
    assert_eq!(app.ui().filter().chars().count(), 60);
}

#[test]
fn enter_opens_the_chosen_report_and_escape_closes_it() {
    let (mut app, now) = app(|_| ());
    go(&mut app, Page::Reports, now);
    let newest = app.picture().figures.reports.last().unwrap().date;
    assert_eq!(press(&mut app, Command::Enter, now), Some(Request::Open(Some(newest))));
    assert_eq!(app.ui().reading, Some(newest));
    assert_eq!(press(&mut app, Command::Back, now), Some(Request::Open(None)));
    assert_eq!((app.ui().reading, app.ui().can_go_back()), (None, false));
}

#[test]
fn lists_are_those_of_the_frozen_picture() {
    let (mut app, now) = app(|_| ());
    press(&mut app, Command::Freeze, now);
    app.update(
        Action::Picture(Arc::new({
            let mut shop = fixture::afternoon();
            shop.feed = Arc::default();
            shop
        })),
        now,
    );
    go(&mut app, Page::Orders, now);
    press(&mut app, Command::Down, now);
    let second = app.picture().feed[1].order_id;
    assert_eq!(press(&mut app, Command::Enter, now), Some(Request::Follow(Some(second))));
    // The response comes with a later snapshot, of which nothing else is shown.
    app.take_changed();
    let mut answer = fixture::afternoon();
    answer.feed = Arc::default();
    answer.followed = Some(TrackedOrder {
        order_id: second,
        status: OrderStatus::Unknown(Sentence::Text("gone".to_owned())),
    });
    app.update(Action::Picture(Arc::new(answer.clone())), now);
    assert!(app.take_changed() && !app.picture().feed.is_empty());
    assert_eq!(app.picture().followed, answer.followed);
    app.update(Action::Picture(Arc::new(answer)), now);
    assert!(!app.take_changed());
}

#[test]
fn the_stock_is_sorted_and_charts_are_narrowed_step_by_step() {
    let (mut app, now) = app(|_| ());
    press(&mut app, Command::Sort, now);
    assert_eq!(app.ui().sort, StockSort::Need, "only its own page is sorted");
    go(&mut app, Page::Stock, now);
    let mut sorts = vec![];
    for _ in 0..5 {
        press(&mut app, Command::Sort, now);
        sorts.push(app.ui().sort);
    }
    assert_eq!(
        sorts,
        [StockSort::Name, StockSort::Balance, StockSort::Sold, StockSort::DaysLeft, StockSort::Need]
    );

    for _ in 0..9 {
        press(&mut app, Command::Narrower, now);
    }
    assert_eq!(app.ui().span, Span(0));
    for _ in 0..9 {
        press(&mut app, Command::Wider, now);
    }
    assert_eq!(app.ui().span, Span::default());
}
