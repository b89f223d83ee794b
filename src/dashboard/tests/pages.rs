//! What each page looks like, and its correctness for every snapshot and size.

use std::{sync::Arc, time::Instant};

use insta::assert_snapshot;
use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{App, Lang, Look, Marker, Snapshot, ThemeName, find, text};
use crate::{
    dashboard::{
        fixture,
        page::Page,
        ui_state::{Choice, Span, StockSort, Ui},
        view,
    },
    messages::Sentence,
    shop::pulse::RunState,
    stream::order_search::OrderStatus,
    views::shop_figures::Stage,
};

fn ui(shop: &Snapshot, page: Page) -> Ui {
    let mut ui = App::new(Arc::new(shop.clone()), Instant::now()).ui().clone();
    ui.page = page;
    ui
}

pub(super) fn cells(width: u16, height: u16, shop: &Snapshot, ui: &Ui, look: &Look) -> Buffer {
    let mut picture = Buffer::empty(Rect::new(0, 0, width, height));
    view::draw(&mut picture, shop, ui, look);
    picture
}

pub(super) fn dark() -> Look {
    Look::new(ThemeName::Dark, Lang::En, Marker::Block)
}

/// Selects an index, whatever is there.
pub(super) fn at_place(place: usize) -> Choice {
    Choice { key: u64::MAX, place }
}

/// A page of the fixed shop after some use.
pub(super) fn used(page: Page) -> (Snapshot, Ui) {
    let mut shop = fixture::afternoon();
    let mut ui = ui(&shop, page);
    ui.chosen = [0, 0, 3, 0, 0, 2, 4, 1, 4].map(|place| Some(at_place(place)));
    if page == Page::Orders {
        let followed = fixture::followed(&shop, Stage::Mailed);
        ui.chosen[page.index()] = Some(Choice { key: followed.order_id, place: 0 });
        ui.following = Some(followed.order_id);
        shop.followed = Some(followed);
    }
    if page == Page::Reports {
        let opened = fixture::opened(&shop);
        ui.reading = Some(opened.date);
        shop.opened = Some(opened);
    }
    if page == Page::Faults {
        ui.victim = 5;
        shop.live_audit = Arc::new(fixture::live_audit());
    }
    (shop, ui)
}

fn shown(page: Page, width: u16, height: u16, look: &Look) -> String {
    let (shop, ui) = used(page);
    text(&cells(width, height, &shop, &ui, look))
}

/// Each page at its design sizes, and once in every other look.
macro_rules! looks_of {
    ($($name:ident: $page:expr;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn compact() {
                assert_snapshot!(shown($page, 80, 24, &dark()));
            }

            #[test]
            fn full() {
                assert_snapshot!(shown($page, 120, 30, &dark()));
            }

            #[test]
            fn large() {
                assert_snapshot!(shown($page, 200, 50, &dark()));
            }

            #[test]
            fn swedish_in_braille() {
                let look = Look::new(ThemeName::Light, Lang::Sv, Marker::Braille);
                assert_snapshot!(shown($page, 120, 30, &look));
            }

            #[test]
            fn ascii_in_one_colour() {
                let look = Look::new(ThemeName::Mono, Lang::En, Marker::Ascii);
                assert_snapshot!(shown($page, 80, 24, &look));
            }
        }
    )*};
}

looks_of! {
    sales: Page::Sales;
    stock: Page::Stock;
    orders: Page::Orders;
    handling: Page::Handling;
    reports: Page::Reports;
    kafka: Page::Kafka;
    log: Page::Log;
    faults: Page::Faults;
}

pub(super) fn assert_style(buffer: &Buffer, needle: &str, style: Style) {
    let cell = find(buffer, needle);
    assert_eq!((cell.fg, cell.modifier), (style.fg.unwrap(), style.add_modifier), "{needle}");
}

#[test]
fn colours_mean_the_same_on_every_page() {
    let theme = ThemeName::Dark.theme();
    let shown = |page| {
        let (shop, ui) = used(page);
        cells(120, 30, &shop, &ui, &dark())
    };
    let stock = shown(Page::Stock);
    assert_style(&stock, "sold out", theme.alarm);
    assert_style(&stock, "Product", theme.dim);
    let log = shown(Page::Log);
    assert_style(&log, "sales: the disk is full", theme.alarm);
    assert_style(&log, "info", theme.dim);
    let orders = shown(Page::Orders);
    assert_style(&orders, "● sold", theme.orders);
    assert_style(&orders, "✓ handled", theme.handled);
    assert_style(&orders, "1\u{a0}744.00 kr", theme.money);
    assert_style(&shown(Page::Handling), "2\u{a0}074", theme.handled);
}

#[test]
fn the_chosen_line_stands_out_in_every_theme() {
    for name in ThemeName::ALL {
        let (shop, mut ui) = used(Page::Stock);
        ui.chosen[Page::Stock.index()] = Some(at_place(23));
        let theme = name.theme();
        let buffer = cells(80, 24, &shop, &ui, &Look::new(name, Lang::En, Marker::Block));
        // The last of 24 by need, far below the first screen.
        let last = crate::dashboard::lists::stock(&shop, &ui)[23].line.name.clone();
        let cell = find(&buffer, &last);
        match theme.chosen.bg {
            Some(ground) => assert_eq!(cell.bg, ground),
            None => assert!(cell.modifier.contains(theme.chosen.add_modifier)),
        }
    }
}

#[test]
fn a_filter_shows_what_was_typed_and_where_one_types() {
    let (shop, mut ui) = used(Page::Stock);
    ui.filters[Page::Stock.index()] = "lampa".to_owned();
    let typed = text(&cells(120, 30, &shop, &ui, &dark()));
    assert!(typed.contains("/ lampa") && !typed.contains("lampa▏"), "{typed}");
    assert!(typed.contains("Pannlampa") && !typed.contains("Tekanna"), "{typed}");
    ui.typing = Some(Page::Stock);
    ui.filters[Page::Stock.index()] = "nothing has that name".to_owned();
    let typing = text(&cells(120, 30, &shop, &ui, &dark()));
    assert!(typing.contains("/ nothing has that name▏") && typing.contains("Nothing found."), "{typing}");
}

#[test]
fn the_column_that_sorts_is_marked() {
    let (shop, mut ui) = used(Page::Stock);
    let head = |ui: &Ui| text(&cells(120, 30, &shop, ui, &dark()));
    for (sort, mark) in [
        (StockSort::Need, "lowest first"),
        (StockSort::Name, "Product▴"),
        (StockSort::Balance, "▴In stock"),
        (StockSort::Sold, "▾Sold today"),
        (StockSort::DaysLeft, "▴Lasts"),
    ] {
        ui.sort = sort;
        assert!(head(&ui).contains(mark), "{sort:?}:\n{}", head(&ui));
    }
}

#[test]
fn an_order_is_followed_as_far_as_it_has_come() {
    let shop = fixture::afternoon();
    let shown = |stage: Option<Stage>, way: Option<OrderStatus>| {
        let mut shop = shop.clone();
        let mut followed = fixture::followed(&shop, stage.unwrap_or(Stage::Sold));
        followed.status = way.unwrap_or(followed.status);
        let mut ui = ui(&shop, Page::Orders);
        ui.following = Some(followed.order_id);
        shop.figures.shop_second += 90;
        shop.followed = Some(followed);
        text(&cells(120, 30, &shop, &ui, &dark()))
    };
    let sold = shown(Some(Stage::Sold), None);
    assert!(sold.contains("waiting 1 min 30 s") && sold.contains("○  handled"), "{sold}");
    let handled = shown(Some(Stage::Handled), None);
    assert!(handled.contains("waited 40 s") && handled.contains("the mail is being written"), "{handled}");
    let mailed = shown(Some(Stage::Mailed), None);
    assert!(mailed.contains("mail/2026-11-20.mbox") && !mailed.contains('○'), "{mailed}");
    assert!(mailed.contains("partition 3   offset 8\u{a0}712"), "{mailed}");
    assert!(shown(None, Some(OrderStatus::Searching)).contains("Looking…"));
    let unknown =
        shown(None, Some(OrderStatus::Unknown(Sentence::Text("Order 7 is not in the log.".to_owned()))));
    assert!(unknown.contains("Order 7 is not in the log."), "{unknown}");
}

#[test]
fn an_order_that_was_only_just_asked_for_is_looked_for() {
    let shop = fixture::afternoon();
    let mut ui = ui(&shop, Page::Orders);
    ui.following = Some(1);
    let shown = text(&cells(120, 30, &shop, &ui, &dark()));
    assert!(shown.contains("Order 1 ") && shown.contains("Looking…"), "{shown}");
}

#[test]
fn the_span_narrows_the_charts() {
    let (shop, mut ui) = used(Page::Kafka);
    ui.span = Span(1);
    let kafka = text(&cells(120, 30, &shop, &ui, &dark()));
    assert!(kafka.contains("−2 min") && !kafka.contains("−15 min"), "{kafka}");
    ui.page = Page::Sales;
    let sales = text(&cells(120, 30, &shop, &ui, &dark()));
    assert!(sales.contains("13:30") && sales.contains("11:30") && !sales.contains("11:00"), "{sales}");
}

#[test]
fn a_shop_that_has_just_opened_has_something_to_say_on_every_page() {
    let shop = fixture::opening();
    for (page, sign) in [
        (Page::Sales, "Nothing sold yet."),
        (Page::Stock, "No goods yet."),
        (Page::Orders, "No orders yet."),
        (Page::Handling, "Nothing handled yet."),
        (Page::Reports, "No report yet"),
        (Page::Kafka, "Nothing is known of the topics yet."),
        (Page::Log, "The log is empty."),
    ] {
        let shown = text(&cells(120, 30, &shop, &ui(&shop, page), &dark()));
        assert!(shown.contains(sign), "{page:?}:\n{shown}");
    }
}

#[test]
fn the_focus_is_a_heavy_line_and_an_enlarged_panel_uses_its_room() {
    let shop = fixture::afternoon();
    let mut ui = ui(&shop, Page::Overview);
    let titles = |ui: &Ui| text(&cells(120, 30, &shop, ui, &dark()));
    assert!(!titles(&ui).contains("Stock ━"));
    ui.focus = Some(3);
    assert!(titles(&ui).contains("Stock ━") && !titles(&ui).contains("Messages ━"), "{}", titles(&ui));
}

#[test]
fn five_hundred_products_are_scrolled_through() {
    let mut shop = fixture::afternoon();
    let line = shop.figures.stock[0].clone();
    shop.figures.stock = (1..=500)
        .map(|product_id| crate::views::shop_figures::StockLine {
            product_id,
            name: format!("No {product_id:03}"),
            ..line.clone()
        })
        .collect();
    shop.simulator = Some(RunState::Running);
    let mut ui = ui(&shop, Page::Stock);
    ui.sort = StockSort::Name;
    for chosen in [0, 9, 250, 499, 5_000] {
        ui.chosen[Page::Stock.index()] = Some(at_place(chosen));
        let shown = text(&cells(120, 30, &shop, &ui, &dark()));
        let name = format!("No {:03}", chosen.min(499) + 1);
        let place = format!("{} / 500", chosen.min(499) + 1);
        assert!(shown.contains(&name) && shown.contains(&place), "{name}:\n{shown}");
    }
}
