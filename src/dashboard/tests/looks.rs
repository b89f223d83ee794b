//! The screen at its design sizes; text and colours apart.

use std::{sync::Arc, time::Instant};

use insta::assert_snapshot;
use ratatui::{buffer::Buffer, style::Modifier};

use super::{App, Lang, Look, Marker, Snapshot, ThemeName, cells, find, plain_look, text};
use crate::{
    dashboard::{
        action::{Action, Command},
        fixture,
        keymap::BINDINGS,
        page::Page,
    },
    messages::{Message, Sentence, Severity},
    shop::pulse::RunState,
    views::shop_figures::Audit,
};

fn drawn(width: u16, height: u16, shop: &Snapshot, look: &Look, commands: &[Command]) -> Buffer {
    let now = Instant::now();
    let mut app = App::new(Arc::new(shop.clone()), now);
    for &command in commands {
        app.update(Action::Command(command), now);
    }
    cells(width, height, shop, &app, look)
}

fn shown(width: u16, height: u16, shop: &Snapshot, look: &Look, commands: &[Command]) -> String {
    text(&drawn(width, height, shop, look, commands))
}

#[test]
fn full() {
    assert_snapshot!(shown(120, 30, &fixture::afternoon(), &plain_look(), &[]));
}

#[test]
fn compact() {
    assert_snapshot!(shown(80, 24, &fixture::afternoon(), &plain_look(), &[]));
}

#[test]
fn large() {
    assert_snapshot!(shown(200, 50, &fixture::afternoon(), &plain_look(), &[]));
}

#[test]
fn least() {
    assert_snapshot!(shown(60, 16, &fixture::afternoon(), &plain_look(), &[]));
}

#[test]
fn swedish_in_blocks() {
    let look = Look::new(ThemeName::Light, Lang::Sv, Marker::Block);
    assert_snapshot!(shown(120, 30, &fixture::afternoon(), &look, &[]));
}

#[test]
fn ascii_in_one_colour() {
    let look = Look::new(ThemeName::Mono, Lang::En, Marker::Ascii);
    assert_snapshot!(shown(80, 24, &fixture::afternoon(), &look, &[]));
}

#[test]
fn help_leaves_the_figures_visible() {
    let shop = fixture::afternoon();
    let shown = shown(120, 30, &shop, &plain_look(), &[Command::Help]);
    assert_snapshot!(shown);
}

#[test]
fn trouble_is_seen() {
    let mut shop = fixture::afternoon();
    shop.connection.up = false;
    shop.connection.trouble = Some(Sentence::Text("connection refused".to_owned()));
    shop.alarms = vec![Sentence::OrdersDiffer { produced: 9, pending: 1, handled: 7 }];
    shop.audit.produced += 1;
    let shown = shown(120, 30, &shop, &plain_look(), &[]);
    for sign in [" NO KAFKA ", "✗ Kafka embedded 127.0.0.1:9092", "Alarm"] {
        assert!(shown.contains(sign), "{sign} is missing:\n{shown}");
    }
}

#[test]
fn what_the_footer_says_to_a_key_is_no_message() {
    let mut shop = fixture::afternoon();
    let sentence = Sentence::PictureSaved { path: "pictures/a".to_owned() };
    let message = Message { number: 99, shop_second: fixture::AFTERNOON, severity: Severity::Info, sentence };
    shop.messages.push(message.clone());
    let shown = |shop: &Snapshot| {
        let shown = shown(120, 30, shop, &plain_look(), &[]);
        // The footer shows it.
        shown.lines().take(28).any(|line| line.contains("pictures/a"))
    };
    assert!(!shown(&shop));
    let why = "the disk is full".to_owned();
    let sentence = Sentence::NotWritten { path: "pictures/a".to_owned(), why };
    shop.messages.push(Message { number: 100, severity: Severity::Error, sentence, ..message });
    assert!(shown(&shop), "what went wrong stays");
}

#[test]
fn badges_tell_a_paused_shop_from_a_frozen_picture() {
    let mut shop = fixture::afternoon();
    let frozen = shown(120, 30, &shop, &plain_look(), &[Command::Freeze]);
    assert!(frozen.contains(" RUNNING ") && frozen.contains("frozen"), "{frozen}");
    shop.simulator = Some(RunState::Paused);
    let paused = shown(120, 30, &shop, &plain_look(), &[]);
    assert!(paused.contains(" PAUSED ") && !paused.contains("frozen"), "{paused}");
    shop.simulator = None;
    assert!(shown(120, 30, &shop, &plain_look(), &[]).contains(" WAITING "));
}

#[test]
fn colours_mean_what_they_say() {
    let mut shop = fixture::afternoon();
    shop.simulator = Some(RunState::Paused);
    for name in ThemeName::ALL {
        let theme = name.theme();
        let look = Look::new(name, Lang::En, Marker::Braille);
        let buffer = drawn(120, 30, &shop, &look, &[]);
        for (needle, style) in [
            (" PAUSED ", theme.badge_warning),
            ("sold out", theme.alarm),
            ("Orders since midnight", theme.strong),
            ("5 min", theme.dim),
            ("● sold", theme.orders),
            ("✉ mailed", theme.handled),
        ] {
            let cell = find(&buffer, needle);
            assert_eq!(cell.fg, style.fg.or(theme.base.fg).unwrap_or_default(), "{needle} in {name:?}");
            assert_eq!(cell.bg, style.bg.or(theme.base.bg).unwrap_or_default(), "{needle} in {name:?}");
            assert_eq!(cell.modifier, style.add_modifier, "{needle} in {name:?}");
        }
    }
    assert!(ThemeName::Mono.theme().badge_warning.add_modifier.contains(Modifier::REVERSED));
}

#[test]
fn where_not_all_shelves_fit_the_lowest_are_shown_in_their_order() {
    let shop = fixture::afternoon();
    let shown = shown(120, 30, &shop, &plain_look(), &[]);
    let mut last = 0;
    for name in ["Tekanna", "Löparskor", "Skrivbordslampa", "Reservoarpenna", "Sällskapsspel"] {
        let place = shown.find(name).unwrap_or_else(|| panic!("{name} is missing:\n{shown}"));
        assert!(place > last, "{name} is out of order");
        last = place;
    }
    assert!(!shown.contains("Termos"), "a full shelf took the place of a low one");
    // 7 of 24 fit.
    assert!(shown.contains("and 17 more"), "{shown}");
}

#[test]
fn no_badge_is_ever_cut() {
    let mut shop = fixture::afternoon();
    for lang in Lang::ALL {
        let words = lang.words();
        let look = Look::new(ThemeName::Dark, lang, Marker::Braille);
        for width in (60..=200).step_by(4) {
            for height in [16, 24, 30] {
                for speed in [1.0, 60.0] {
                    shop.speed = speed;
                    let states = [
                        (Some(RunState::Running), words.running),
                        (Some(RunState::Paused), words.paused),
                        (Some(RunState::Stopped), words.stopped),
                        (None, words.waiting),
                    ];
                    for (state, word) in states {
                        shop.simulator = state;
                        let shown = shown(width, height, &shop, &look, &[Command::Freeze]);
                        let head = shown.lines().take(3).collect::<Vec<_>>().join("\n");
                        let whole = head.contains(word) && head.contains(words.frozen);
                        assert!(whole, "{width}×{height}:\n{head}");
                    }
                }
            }
        }
    }
}

#[test]
fn all_keys_are_in_the_help_at_every_size() {
    let shop = fixture::afternoon();
    for lang in Lang::ALL {
        let words = lang.words();
        let look = Look::new(ThemeName::Dark, lang, Marker::Braille);
        for (width, height) in [(60, 16), (80, 24), (100, 30), (119, 40), (120, 24), (120, 30), (200, 50)] {
            for page in Page::ALL {
                let now = Instant::now();
                let mut app = App::new(Arc::new(shop.clone()), now);
                for command in [Command::Go(page), Command::Help] {
                    app.update(Action::Command(command), now);
                }
                let shown = text(&cells(width, height, &shop, &app, &look));
                for binding in BINDINGS.iter().filter(|binding| (binding.here)(app.ui())) {
                    // A small window has one word for each.
                    let (about, hint) = ((binding.about)(words), (binding.hint)(words, app.ui()));
                    let said = shown.contains(about) || height < 24 && shown.contains(hint);
                    assert!(said, "{about} is missing at {width}×{height}:\n{shown}");
                }
                if page == Page::Overview {
                    for figure in [words.orders, words.sales_today] {
                        assert!(shown.contains(figure), "the keys cover {figure} at {width}×{height}");
                    }
                }
            }
        }
    }
}

#[test]
fn the_audit_says_which_sum_is_wrong_but_not_while_something_is_still_to_be_read() {
    let mut shop = fixture::afternoon();
    let audit =
        |shop: &Snapshot| shown(120, 30, shop, &plain_look(), &[]).lines().nth(28).unwrap().to_owned();
    let right = audit(&shop);
    assert_eq!(
        (right.matches('✓').count(), right.matches('=').count(), right.matches('≈').count()),
        (2, 2, 0),
        "{right}"
    );
    shop.audit.produced += 1;
    let about = audit(&shop);
    assert!(!about.contains('✗') && about.matches('≈').count() == 1, "{about}");
    shop.alarms.push(Sentence::OrdersDiffer { produced: 9, pending: 1, handled: 7 });
    assert!(audit(&shop).starts_with(" ✗ 50\u{a0}322 produced"), "{}", audit(&shop));
    // While records are unread, there is no such alarm, and no sum is marked as right.
    shop.alarms.clear();
    (shop.audit.behind, shop.audit.behind_for) = (226, 12);
    let behind = audit(&shop);
    assert!(
        !behind.contains(['✗', '✓']) && behind.contains("catching up, lag 226 records, 12 s"),
        "{behind}"
    );
    shop.groups[0].trouble = Some(Sentence::NobodyRuns { view: "orders-today", others: 7 });
    assert!(audit(&shop).contains("nobody reads, lag 226 records, 12 s"), "{}", audit(&shop));
    let narrow = self::shown(80, 24, &shop, &plain_look(), &[]);
    assert!(narrow.contains("lag 226 records, 12 s"), "{narrow}");
    shop.audit = Audit::of(&shop.figures);
    shop.connection.up = false;
    assert!(!audit(&shop).contains(['✗', '✓', '≈']), "{}", audit(&shop));
}

#[test]
fn figures_that_nobody_tells_any_more_say_of_when_they_are() {
    let mut shop = fixture::afternoon();
    shop.figures.told_until = Some(fixture::AFTERNOON - 3_600);
    for (width, height) in [(80, 24), (120, 30), (200, 50)] {
        let shown = shown(width, height, &shop, &plain_look(), &[]);
        assert!(shown.lines().take(3).any(|line| line.contains(" STALE   as of 13:03 ")), "{shown}");
    }
}

#[test]
fn a_shop_whose_kafka_is_away_does_not_run() {
    let mut shop = fixture::afternoon();
    shop.connection.up = false;
    shop.connection.trouble = Some(Sentence::KafkaAway);
    let shown = shown(120, 30, &shop, &plain_look(), &[]);
    assert!(shown.contains(" NO KAFKA ") && !shown.contains("RUNNING"), "{shown}");
    let head = shown.lines().take(3).collect::<String>();
    assert!(!head.contains("trying again"), "the badge says it: {head}");
}

#[test]
fn a_day_of_25_hours_has_its_25_hours_on_the_axis() {
    let zone = crate::shop::Zone::default();
    let autumn = chrono::NaiveDate::from_ymd_opt(2026, 10, 25).unwrap();
    let shop = fixture::at(zone.end_of(autumn) - 1);
    let shown = shown(120, 30, &shop, &plain_look(), &[]);
    let hours = shown.lines().find(|line| line.starts_with("      00")).unwrap();
    // 18:00 is 19 hours after midnight; the chart is 33 columns wide from column 6.
    assert_eq!(hours.find("18"), Some(6 + (33 * 19_usize).div_ceil(25)), "{hours}");
}

#[test]
fn yesterday_is_shown_at_the_same_time_of_the_clock_and_only_where_all_of_it_is_known() {
    let shop = fixture::afternoon();
    let legend = |shop: &Snapshot| shown(120, 30, shop, &plain_look(), &[]).contains("yesterday");
    assert!(legend(&shop));
    // The day after one of 25 hours: its 03:00 was the fourth hour.
    let zone = crate::shop::Zone::default();
    let monday = chrono::NaiveDate::from_ymd_opt(2026, 10, 26).unwrap();
    let mut after = fixture::at(zone.start_of(monday) + 4 * 3600);
    let figures = &mut after.figures;
    figures.yesterday.orders = vec![0; 300];
    figures.yesterday.orders[4 * 12] = 90;
    figures.yesterday.sales_ore = vec![0; 300];
    let report = crate::views::shop_figures::ReportNote {
        date: monday.pred_opt().unwrap(),
        orders: 90,
        sales_ore: 0,
        revision: 0,
    };
    figures.reports.push(report);
    let shown = shown(120, 30, &after, &plain_look(), &[]);
    let peak = shown.lines().find_map(|line| line.chars().position(|sign| ('⠁'..='⣿').contains(&sign)));
    // The axis ends at 06:00; the chart is 33 columns wide from column 6.
    assert_eq!(peak, Some(6 + 33 * 3 / 6), "{shown}");
    // A report that disagrees.
    after.figures.reports.last_mut().unwrap().orders += 1;
    assert!(!legend(&after));
}

#[test]
fn a_scale_has_its_end_and_its_half_each_with_a_line() {
    let shop = fixture::afternoon();
    let sales = shown(120, 30, &shop, &plain_look(), &[Command::Go(Page::Sales)]);
    let row = |label: &str| sales.lines().position(|line| line.starts_with(label) && line.contains("┈┈┈"));
    let [top, half] = ["  20k ┈", "  10k ┈"].map(|label| row(label).unwrap_or_else(|| panic!("{sales}")));
    let foot = sales.lines().position(|line| line.starts_with("      00 ")).unwrap();
    assert_eq!(foot - half, half - top, "the half is half way");
}

#[test]
fn in_a_talk_the_half_beside_a_figure_compares_with_yesterday_and_has_the_clock() {
    let now = Instant::now();
    let gone = std::time::Duration::from_secs(555);
    let mut app = App::for_a_talk(Arc::new(fixture::afternoon()), now, Some(gone));
    let (shop, look) = (app.picture().clone(), Look::new(ThemeName::Dark, Lang::En, Marker::Block));
    let orders = cells(120, 30, &shop, &app, &look);
    assert_snapshot!("talk_orders", text(&orders));
    let amber = look.theme.badge_warning.bg.unwrap();
    let clock = orders.content.iter().filter(|cell| cell.fg == amber && cell.symbol() == "█").count();
    assert!(clock > 5, "below a minute the clock is amber");
    app.update(Action::Command(Command::FocusNext), now);
    assert_snapshot!("talk_sales", text(&cells(120, 30, &shop, &app, &look)));
}
