//! Figures that are long, recent or nearly sold out, and shop events.

use std::{sync::Arc, time::Duration};

use super::{
    App, Lang, Look, Marker, Snapshot, ThemeName, cells, find,
    state::{app, press},
    text,
};
use crate::{
    dashboard::{
        action::{Action, Command},
        page::Page,
        ui_state::Notice,
    },
    messages::{Message, Sentence, Severity},
};

fn dark() -> Look {
    Look::new(ThemeName::Dark, Lang::En, Marker::Block)
}

/// A page as drawn.
fn page(page: Page, width: u16, height: u16, change: impl FnOnce(&mut Snapshot)) -> (App, String) {
    let (mut app, now) = app(change);
    press(&mut app, Command::Go(page), now);
    let shown = text(&cells(width, height, app.picture(), &app, &dark()));
    (app, shown)
}

#[test]
fn pieces_in_thousands_are_whole() {
    for width in 60..=250 {
        let (_, shown) = page(Page::Sales, width, 50, |shop| {
            for totals in shop.figures.products_today.values_mut() {
                totals.units = 1_365;
            }
        });
        let before: Vec<&str> = shown.split(" pcs").collect();
        for figure in before[..before.len() - 1].iter().map(|before| before.rsplit(' ').next()) {
            assert!(figure.is_some_and(|figure| figure.contains('\u{a0}')), "{figure:?} at {width}: {shown}");
        }
        assert!(width != 200 || shown.contains("1\u{a0}365 pcs"), "{shown}");
    }
}

#[test]
fn a_sum_too_long_to_be_set_big_is_told_in_millions_and_the_others_stay_big() {
    let (app, shown) = page(Page::Sales, 120, 30, |shop| shop.figures.sales_today_ore = 40_288_326_600);
    assert!(shown.contains("Mkr"), "{shown}");
    assert!(!shown.contains("402\u{a0}883\u{a0}266"), "{shown}");
    // Rows of blocks below the titles.
    let picture = cells(120, 30, app.picture(), &app, &dark());
    let rows: Vec<String> = text(&picture).lines().map(str::to_owned).collect();
    let titles = rows.iter().position(|row| row.contains("Mean order")).unwrap();
    let last_hour = rows[titles + 1].chars().skip(40).take(38).filter(|sign| "█▀▄".contains(*sign)).count();
    assert!(last_hour > 4, "{shown}");
}

#[test]
fn the_first_hour_says_nothing_of_the_day_and_one_day_has_no_mean() {
    let at = |second: i64, days: usize| {
        let (_, shown) = page(Page::Sales, 120, 30, |shop| {
            shop.figures.shop_second = shop.zone.start_of(shop.figures.today) + second;
            shop.figures.reports.truncate(days);
        });
        (shown.contains("today's pace"), shown.contains("mean"))
    };
    assert_eq!(at(3_599, 5), (false, true));
    assert_eq!(at(3_600, 5), (true, true));
    assert_eq!(at(7_200, 1), (true, false));
}

#[test]
fn a_shelf_that_is_empty_before_more_comes_wants_a_look() {
    let theme = ThemeName::Dark.theme();
    // Six pieces at 84 in 14 hours last one hour.
    let lasts = |arrives_in: Option<i64>| {
        let (app, _) = page(Page::Stock, 120, 30, |shop| {
            let start = shop.zone.start_of(shop.figures.today);
            shop.figures.shop_second = start + 14 * 3_600;
            shop.figures.stock.truncate(1);
            shop.shelf.truncate(1);
            let (line, plan) = (&mut shop.figures.stock[0], &mut shop.shelf[0]);
            line.sold = line.delivered - 6;
            plan.reorder_point = 0;
            plan.under_way = i64::from(arrives_in.is_some()) * 50;
            plan.next_delivery = arrives_in.map(|seconds| shop.figures.shop_second + seconds);
            shop.figures.products_today.retain(|id, _| *id == line.product_id);
            shop.figures.products_today.entry(line.product_id).or_default().units = 84;
        });
        find(&cells(120, 30, app.picture(), &app, &dark()), "1 h 00").style().fg
    };
    assert_eq!(lasts(None), theme.warning.fg, "nobody could bring more in time");
    assert_eq!(lasts(Some(3_700)), theme.warning.fg);
    assert_eq!(lasts(Some(3_500)), theme.base.fg);
}

#[test]
fn what_the_day_is_about_stands_out_on_every_page_and_stays_longer_than_goods_that_come_and_go() {
    let (mut app, now) = app(|shop| shop.messages.clear());
    press(&mut app, Command::Go(Page::Kafka), now);
    let report = Sentence::ReportSaved { file: "reports/2026-11-20.txt".to_owned() };
    let arrived = |number| Sentence::Arrived { product: format!("Sak {number}"), pieces: 5, others: 0 };
    let message = |number, sentence| Message { number, shop_second: 0, severity: Severity::Info, sentence };
    let mut shop = app.picture().clone();
    shop.messages = vec![message(7, report.clone())];
    shop.messages.extend((8..20).map(|number| message(number, arrived(number))));
    app.update(Action::Picture(Arc::new(shop)), now);
    assert_eq!(app.ui().notice, Some(Notice::Event(report)));
    app.update(Action::Wake, now + Duration::from_millis(9_999));
    assert!(app.ui().notice.is_some());
    app.update(Action::Wake, now + Duration::from_secs(10));
    assert_eq!(app.ui().notice, None);

    press(&mut app, Command::Go(Page::Overview), now);
    // Whatever is left out, the newest is first.
    for (width, height, rows) in [(120, 30, 2), (80, 24, 4)] {
        let told = |app: &App| {
            let shown = text(&cells(width, height, app.picture(), app, &dark()));
            let mut lines = shown.lines().skip_while(|row| !row.contains("Messages"));
            lines.next();
            let tell = |row: &str| row.split("Sak ").nth(1).map(|rest| rest[..2].to_owned());
            lines.take(rows).map(|row| tell(row).unwrap_or_else(|| "report".to_owned())).collect::<Vec<_>>()
        };
        let goods = ["19", "18", "17", "16"];
        assert_eq!(told(&app), [&goods[..rows - 1], &["report"]].concat());
        app.update(Action::Wake, now + Duration::from_secs(60));
        assert_eq!(told(&app), goods[..rows]);
        app = App::new(Arc::new(app.picture().clone()), now);
    }
}

#[test]
fn the_keys_stand_beside_what_is_said() {
    let report = Sentence::ReportSaved { file: "reports/2026-11-20.txt".to_owned() };
    for (width, height) in [(60, 16), (80, 24), (120, 30)] {
        for lang in Lang::ALL {
            let words = lang.words();
            let (mut app, now) = app(|_| {});
            app.notice(Notice::Event(report.clone()), now);
            let look = Look::new(ThemeName::Dark, lang, Marker::Block);
            let shown = text(&cells(width, height, app.picture(), &app, &look));
            let last = shown.lines().last().unwrap();
            let [quit, help] = [format!("q {}", words.do_quit), format!("? {}", words.do_help)];
            assert!(last.contains(&quit) && last.contains(&help), "{last}");
            let said = words.say(&report);
            assert!(last.contains(&said[..20]) && (width < 80 || last.contains(&said)), "{last}");
        }
    }
}

#[test]
fn one_of_something_is_told_as_one() {
    let (_, shown) = page(Page::Overview, 120, 30, |shop| {
        (shop.figures.duplicates, shop.figures.dead_letters, shop.lost_sales) = (1, 1, 1);
    });
    assert!(shown.contains("1 duplicate  1 dead letter  1 lost sale\n"), "{shown}");
    let (_, shown) = page(Page::Sales, 200, 50, |shop| {
        shop.figures.products_today.values_mut().for_each(|sold| sold.units = 1);
    });
    assert!(shown.contains(" 1 pc ") && !shown.contains("1 pcs"), "{shown}");
}

#[test]
fn a_delivery_after_midnight_keeps_its_time_and_a_later_one_its_date() {
    let arrives = |after: i64| {
        let (_, shown) = page(Page::Stock, 120, 30, |shop| {
            shop.figures.shop_second = shop.zone.end_of(shop.figures.today) - 600;
            for plan in &mut shop.shelf {
                plan.next_delivery = Some(shop.figures.shop_second + after);
            }
        });
        let row = shown.lines().find(|row| row.contains("Tekanna")).unwrap();
        row.split_whitespace().last().unwrap().to_owned()
    };
    assert_eq!(arrives(300), "23:55");
    assert_eq!(arrives(3_000), "00:40");
    assert_eq!(arrives(90_000), "22/11");
}

#[test]
fn no_category_is_left_out_without_a_word() {
    let (app, shown) = page(Page::Sales, 80, 24, |_| {});
    for plan in &app.picture().shelf {
        assert!(shown.contains(&plan.category), "{} is missing:\n{shown}", plan.category);
    }
    assert!(shown.contains("Day by day"), "{shown}");
    let (_, shown) = page(Page::Sales, 80, 24, |shop| {
        for plan in &mut shop.shelf {
            plan.category = format!("Sort {}", plan.product_id);
        }
    });
    assert!(shown.contains("and 21 more"), "{shown}");
}

#[test]
fn no_chart_of_the_day_runs_under_the_last_hour() {
    // On the overview, each figure has its legend below it.
    let (_, shown) = page(Page::Overview, 120, 30, |_| {});
    let axis = shown.lines().find(|row| row.contains("13:15")).unwrap_or_else(|| panic!("{shown}"));
    assert!(axis.find("13:15") > axis.rfind("18"), "{axis}");
    // On the sales page, the chart has its own title.
    let (_, shown) = page(Page::Sales, 120, 30, |_| {});
    let title = shown.lines().find(|row| row.starts_with(" Sales ─")).unwrap_or_else(|| panic!("{shown}"));
    assert!(title.ends_with("─ yesterday  kr/5 min"), "{title}");
}

#[test]
fn the_help_does_not_dim_what_works() {
    let (mut app, now) = app(|shop| shop.speed = 60.0);
    press(&mut app, Command::Help, now);
    let theme = ThemeName::Dark.theme();
    let about = |app: &App, what: &str| find(&cells(120, 30, app.picture(), app, &dark()), what).style().fg;
    for what in ["jump to just before midnight", "a rush of customers"] {
        assert_eq!(about(&app, what), theme.base.fg, "{what}");
    }
}

#[test]
fn why_a_shop_did_not_obey_is_said_where_the_key_was_pressed() {
    for sentence in
        [Sentence::NotWhilePaused, Sentence::AlmostMidnight, Sentence::NoRate, Sentence::RushBegan]
    {
        let (mut app, now) = app(|_| {});
        let mut shop = app.picture().clone();
        let number = shop.messages.last().map_or(1, |last| last.number + 1);
        shop.messages.push(Message {
            number,
            shop_second: 0,
            severity: Severity::Info,
            sentence: sentence.clone(),
        });
        app.update(Action::Picture(Arc::new(shop)), now);
        assert_eq!(app.ui().notice, Some(Notice::Answer(sentence)));
    }
}
