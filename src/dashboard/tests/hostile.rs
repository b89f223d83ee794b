//! Every size, look and picture, however strange, is drawn without a panic, and nothing raw gets out.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use proptest::{prelude::*, sample::select};

use super::{App, Lang, Look, Marker, Snapshot, ThemeName, cells, text};
use crate::{
    dashboard::{
        action::{Action, Command},
        fixture,
        snapshot::{Message, Said, ShelfPlan, Weight},
    },
    shop::pulse::RunState,
    views::figures::{HandledFigures, LatestOrder, ShopFigures, Stage, StockLine, Waits},
};

fn number() -> BoxedStrategy<i64> {
    prop_oneof![Just(0), Just(i64::MAX), Just(i64::MIN), Just(-1), 0_i64..10_000, any::<i64>()].boxed()
}

fn unsigned() -> BoxedStrategy<u64> {
    prop_oneof![Just(0), Just(u64::MAX), 0_u64..10_000, any::<u64>()].boxed()
}

fn float() -> BoxedStrategy<f64> {
    prop_oneof![Just(1.0), Just(0.0), Just(f64::NAN), Just(f64::INFINITY), Just(-3.0), 0.0..1e6, any::<f64>()]
        .boxed()
}

fn name() -> BoxedStrategy<String> {
    prop_oneof![
        Just("Anna Lindqvist".to_owned()),
        Just(String::new()),
        Just("\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}evil\u{200b}\r\n\t".to_owned()),
        Just("å".repeat(10_000)),
        Just("山".repeat(10_000)),
        Just(format!("Z{}", "\u{336}".repeat(10_000))),
        "\\PC{0,40}",
        ".{0,40}",
    ]
    .boxed()
}

prop_compose! {
    fn stock()(seed in prop::collection::vec((unsigned(), name(), number(), number(), number(), number()), 0..12),
               repeat in prop_oneof![Just(1_usize), Just(1), Just(50)])
        -> (Vec<StockLine>, Vec<ShelfPlan>) {
        let many = seed.iter().cycle().take(seed.len() * repeat);
        many.map(|(product_id, name, delivered, sold, point, full)| (
            StockLine { product_id: *product_id, name: name.clone(), named_by: 1, delivered: *delivered, sold: *sold },
            ShelfPlan { product_id: *product_id, reorder_point: *point, full: *full, under_way: *point, next_delivery: Some(*sold), category: name.clone(), price_ore: *delivered },
        )).unzip()
    }
}

prop_compose! {
    fn figures()(
        shop_second in prop_oneof![Just(fixture::AFTERNOON), number()],
        day_matches: bool,
        numbers in prop::array::uniform8(unsigned()),
        sums in prop::array::uniform2(number()),
        orders_by_slot in prop::collection::vec(unsigned(), 0..310),
        sales_by_slot in prop::collection::vec(number(), 0..310),
        intervals in prop::array::uniform24(unsigned()),
        latest in prop::collection::vec((unsigned(), number(), name(), number(), select(vec![Stage::Sold, Stage::Handled, Stage::Mailed])), 0..8),
        (stock, shelf) in stock().boxed(),
    ) -> (ShopFigures, Vec<ShelfPlan>) {
        let zone = crate::shop::Zone::default();
        let [orders_today, pending, produced, mails, duplicates, dead_letters, total, window] = numbers;
        let figures = ShopFigures {
            shop_second,
            today: if day_matches { zone.date(shop_second) } else { chrono::NaiveDate::MAX },
            orders_today, orders_by_slot, sales_by_slot, products_today: BTreeMap::new(), stock, pending, produced, mails, duplicates, dead_letters,
            sales_today_ore: sums[0],
            sales_last_hour_ore: sums[1],
            handled: HandledFigures {
                by_day: BTreeMap::new(), total, last_5_min: window, last_30_min: window, last_1_h: window, last_2_h: window, intervals, waits: Waits::default(),
            },
            lag: [("orders-today".to_owned(), mails)].into(),
            reports: Vec::new(),
            latest: latest.into_iter().map(|(order_id, total_ore, customer, pieces, stage)| LatestOrder {
                order_id, total_ore, customer, pieces, stage,
                created_at: zone.stamp(total_ore), handled_at: None,
            }).collect(),
        };
        (figures, shelf)
    }
}

prop_compose! {
    fn snapshot()(
        (figures, shelf) in figures().boxed(),
        speed in float(),
        measured in float(),
        target_rate in prop::option::of(float()),
        simulator in select(vec![None, Some(RunState::Running), Some(RunState::Paused), Some(RunState::Stopped)]),
        up: bool,
        texts in prop::collection::vec((unsigned(), number(), name()), 0..4),
        alarms in prop::collection::vec(name(), 0..3),
        bootstrap in name(),
    ) -> Snapshot {
        let mut shop = fixture::afternoon();
        shop.figures = figures;
        shop.shelf = shelf;
        shop.speed = speed;
        shop.orders_per_second = measured;
        shop.target_rate = target_rate;
        shop.simulator = simulator;
        shop.link.up = up;
        shop.link.trouble = alarms.first().cloned().map(Said::Text);
        shop.link.bootstrap = bootstrap;
        shop.alarms = alarms.into_iter().map(Said::Text).collect();
        shop.messages = texts.into_iter().map(|(number, shop_second, text)| Message {
            number, shop_second, weight: Weight::Error, said: Said::Text(text),
        }).collect();
        shop
    }
}

fn look() -> impl Strategy<Value = Look> {
    (select(&ThemeName::ALL[..]), select(&Lang::ALL[..]), select(&Marker::ALL[..]))
        .prop_map(|(theme, lang, marker)| Look::new(theme, lang, marker))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_picture_can_be_drawn_at_any_size(
        shop in snapshot().boxed(), look in look(), width in 0_u16..=250, height in 0_u16..=80,
        commands in prop::collection::vec(select(vec![Command::Help, Command::Freeze, Command::Faster, Command::Slower, Command::Pause]), 0..4),
    ) {
        let now = Instant::now();
        let mut app = App::new(Arc::new(shop.clone()), now);
        for command in commands {
            app.update(Action::Command(command), now);
        }
        let drawn = cells(width, height, &shop, &app, &look);
        for cell in &drawn.content {
            let symbol = cell.symbol();
            prop_assert!(!symbol.chars().any(|c| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c)), "{symbol:?}");
            if look.marks.ascii {
                prop_assert!(symbol.chars().all(|c| c.is_ascii() || c.is_alphabetic()), "{symbol:?}");
                prop_assert!(symbol.chars().count() == 1, "{symbol:?}");
            }
            if *look.theme == *ThemeName::Mono.theme() {
                prop_assert_eq!((cell.fg, cell.bg), Default::default());
            }
        }
    }
}

#[test]
fn every_size_of_window_is_drawn_in_every_look() {
    let shop = fixture::afternoon();
    let app = App::new(Arc::new(shop.clone()), Instant::now());
    for theme in ThemeName::ALL {
        for lang in Lang::ALL {
            for marker in Marker::ALL {
                let look = Look::new(theme, lang, marker);
                for (width, height) in
                    [(0, 0), (1, 1), (0, 9), (59, 15), (60, 16), (79, 23), (116, 24), (250, 80)]
                {
                    cells(width, height, &shop, &app, &look);
                }
            }
        }
    }
}

#[test]
fn a_small_window_says_what_it_needs() {
    let shop = fixture::afternoon();
    let app = App::new(Arc::new(shop.clone()), Instant::now());
    let look = super::plain_look();
    let shown = text(&cells(50, 12, &shop, &app, &look));
    assert!(shown.contains("needs at least 60×16") && shown.contains("50×12"), "{shown}");
}
