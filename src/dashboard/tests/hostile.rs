//! Every size, look and snapshot is drawn without a panic, and no raw text gets out.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use proptest::{prelude::*, sample::select};
use ratatui::{buffer::Buffer, layout::Rect};

use super::{App, Lang, Look, Marker, Snapshot, ThemeName, cells, text};
use crate::{
    dashboard::{
        action::{Action, Command},
        fixture,
        mouse_targets::{Target, Targets},
        page::{PANELS, Page},
        snapshot::{OpenedReport, ShelfPlan},
        view::{self},
    },
    logging::{LogLevel, LogLine},
    messages::{Message, Sentence, Severity},
    read_model::{GroupState, History, TopicState},
    shop::{Customer, Handled, Line, Order, pulse::RunState},
    sinks::report::{Report, Sold},
    stream::order_search::{OrderStatus, OrderTrace, TopicPartitionOffset, TrackedOrder},
    views::shop_figures::{
        Audit, HandledFigures, LatestOrder, ReportNote, ShopFigures, SlotsOfDay, Stage, StockLine, Waits,
    },
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
        let today = if day_matches { zone.date(shop_second) } else { chrono::NaiveDate::MAX };
        let yesterday = SlotsOfDay { orders: orders_by_slot.clone(), sales_ore: sales_by_slot.clone() };
        let report = ReportNote {
            date: today.pred_opt().unwrap_or(today),
            orders: orders_by_slot.iter().copied().fold(0, u64::saturating_add),
            sales_ore: sales_by_slot.iter().copied().fold(0, i64::saturating_add),
            revision: 0,
        };
        let figures = ShopFigures {
            shop_second, today, yesterday,
            orders_today, orders_by_slot, sales_by_slot, products_today: BTreeMap::new(), stock, pending, produced, mails, duplicates, dead_letters,
            sales_today_ore: sums[0],
            sales_last_hour_ore: sums[1],
            handled: HandledFigures {
                by_day: BTreeMap::new(), total, last_5_min: window, last_30_min: window, last_1_h: window, last_2_h: window, intervals,
                by_slot: (shop_second.div_euclid(300).saturating_sub(20)..).zip(intervals).collect(), waits: Waits::default(),
            },
            lag: [("orders-today".to_owned(), mails)].into(),
            reports: vec![report],
            latest: latest.into_iter().map(|(order_id, total_ore, customer, pieces, stage)| LatestOrder {
                order_id, total_ore, customer, pieces, stage,
                created_at: zone.stamp(total_ore), handled_at: None,
            }).collect(),
            told_until: None,
            others: BTreeMap::new(),
        };
        (figures, shelf)
    }
}

prop_compose! {
    fn order()(
        order_id in unsigned(), customer in name(), email in name(), total_ore in number(), at in number(),
        lines in prop::collection::vec((unsigned(), name(), number(), number()), 0..30),
        topic in name(), offset in number(), handled: bool, mail in prop::option::of(name()),
    ) -> OrderTrace {
        let zone = crate::shop::Zone::default();
        let customer = Customer { customer_id: order_id, name: customer.into(), email: email.into() };
        let place = TopicPartitionOffset { topic, partition: i32::MAX, offset };
        let lines = lines.into_iter().map(|(product_id, name, quantity, unit_price_ore)| Line {
            product_id, name: name.into(), quantity, unit_price_ore,
        }).collect();
        let order = Order { order_id, created_at: zone.stamp(at), customer: customer.clone(), lines, total_ore };
        let done = Handled {
            order_id, created_at: zone.stamp(at), handled_at: zone.stamp(offset), customer, total_ore,
            lines: order.lines.clone(),
        };
        OrderTrace { order, sold: place.clone(), handled: handled.then_some((done, place)), mail }
    }
}

/// Any command, including those of the mouse or a filter.
fn command() -> impl Strategy<Value = Command> {
    let plain = select(vec![
        Command::Pause,
        Command::Faster,
        Command::Slower,
        Command::Freeze,
        Command::Help,
        Command::Back,
        Command::FocusNext,
        Command::FocusPrevious,
        Command::Enter,
        Command::Up,
        Command::Down,
        Command::PageUp,
        Command::PageDown,
        Command::First,
        Command::Last,
        Command::Filter,
        Command::Erase,
        Command::Sort,
        Command::Narrower,
        Command::Wider,
        Command::Save,
        Command::Suspend,
        Command::ToMidnight,
        Command::Rush,
    ]);
    prop_oneof![
        6 => plain,
        3 => select(&Page::ALL[..]).prop_map(Command::Go),
        2 => any::<char>().prop_map(Command::Type),
        1 => select(&Page::ALL[..]).prop_map(|page| Command::Point(Target::Page(page))),
        1 => (0..PANELS).prop_map(|panel| Command::Point(Target::Panel(panel))),
        1 => prop_oneof![0_usize..50, any::<usize>()].prop_map(|line| Command::Point(Target::Line(line))),
    ]
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
        order in order().boxed(),
        log in prop::collection::vec((number(), name(), select(vec![LogLevel::Debug, LogLevel::Error])), 0..30),
        groups in prop::collection::vec((float(), unsigned(), prop::collection::vec((float(), unsigned()), 0..20)), 0..9),
        report in prop::collection::vec((unsigned(), name(), number()), 0..40),
        days in 0_u64..400,
    ) -> Snapshot {
        let mut shop = fixture::afternoon();
        let day = |back| chrono::NaiveDate::from_ymd_opt(2026, 11, 19).unwrap() - chrono::Days::new(back);
        shop.feed = Arc::new(figures.latest.iter().cycle().take(figures.latest.len() * 40).cloned().collect());
        shop.figures = figures;
        shop.audit = Audit::of(&shop.figures);
        let yesterday = shop.figures.reports.pop();
        shop.figures.reports = (0..days)
            .rev()
            .map(|back| ReportNote { date: day(back), orders: u64::MAX, sales_ore: i64::MIN, revision: 7 })
            .chain(yesterday)
            .collect();
        shop.shelf = shelf;
        shop.log = Arc::new((0..).zip(log).map(|(number, (wall_ms, text, level))| LogLine {
            number, wall_ms, level, target: text.clone(), text,
        }).collect());
        let state = |(rate, lag, history): (f64, u64, Vec<(f64, u64)>)| {
            let (rates, lags): (Vec<_>, Vec<_>) = history.into_iter().unzip();
            GroupState {
                view: "orders-today", rate, lag, lag_seconds: lag, partitions: usize::MAX, rebalances: Some(lag), errors: up.then_some(lag),
                trouble: alarms.first().cloned().map(Sentence::Text),
                history: Arc::new(History { rate: rates.into(), lag: lags.into() }),
            }
        };
        shop.groups = groups.into_iter().map(state).collect();
        let cluster = Arc::make_mut(&mut shop.cluster);
        cluster.brokers = vec![bootstrap.clone(); 3];
        cluster.topics = vec![TopicState { name: bootstrap.clone(), partitions: 6, records: u64::MAX, rate: measured }];
        shop.followed = Some(TrackedOrder { order_id: order.order.order_id, status: match alarms.first() {
            None => OrderStatus::Found(Arc::new(order)),
            Some(text) => OrderStatus::Unknown(Sentence::Text(text.clone())),
        }});
        let products = report.into_iter().map(|(product_id, name, units)| Sold { product_id, name, units }).collect();
        let opened = Report { date: day(0), orders: u64::MAX, sales_ore: i64::MIN, products, revision: 3 };
        shop.opened = Some(OpenedReport { date: day(0), report: if up { Ok(Arc::new(opened)) } else { Err(Sentence::Text(bootstrap.clone())) } });
        shop.speed = speed;
        shop.orders_per_second = measured;
        shop.target_rate = target_rate;
        shop.rush = target_rate.map(|_| u64::MAX);
        shop.simulator = simulator;
        shop.connection.up = up;
        shop.connection.trouble = alarms.first().cloned().map(Sentence::Text);
        shop.connection.bootstrap = bootstrap;
        shop.alarms = alarms.into_iter().map(Sentence::Text).collect();
        shop.messages = texts.into_iter().map(|(number, shop_second, text)| Message {
            number, shop_second, severity: Severity::Error, sentence: Sentence::Text(text),
        }).collect();
        shop
    }
}

fn draw(width: u16, height: u16, app: &App, look: &Look) -> (Buffer, Targets) {
    let mut picture = Buffer::empty(Rect::new(0, 0, width, height));
    let targets = view::draw(&mut picture, app.picture(), app.ui(), look);
    (picture, targets)
}

fn look() -> impl Strategy<Value = Look> {
    (select(&ThemeName::ALL[..]), select(&Lang::ALL[..]), select(&Marker::ALL[..]))
        .prop_map(|(theme, lang, marker)| Look::new(theme, lang, marker))
}

proptest! {
    #![proptest_config(crate::testing::cases(300))]

    #[test]
    fn any_picture_can_be_drawn_at_any_size_whatever_was_done_before(
        shop in snapshot().boxed(), next in snapshot().boxed(), look in look(), talk: bool,
        width in prop_oneof![0_u16..=250, 60_u16..=130], height in prop_oneof![0_u16..=80, 16_u16..=32],
        before in prop::collection::vec(command(), 0..12), after in prop::collection::vec(command(), 0..12),
    ) {
        let now = Instant::now();
        let first = Arc::new(shop);
        let mut app = if talk { App::for_a_talk(first, now, None) } else { App::new(first, now) };
        for command in before {
            app.update(Action::Command(command), now);
            app.drawn(draw(width, height, &app, &look).1);
        }
        // Lists may have become shorter than the selected index.
        app.update(Action::Picture(Arc::new(next)), now);
        app.update(Action::Wake, now + Duration::from_secs(700));
        draw(width, height, &app, &look);
        for command in after {
            app.update(Action::Command(command), now);
        }
        let (drawn, targets) = draw(width, height, &app, &look);
        prop_assert!(targets.at(width, 0).is_none() && targets.at(0, height).is_none());
        for cell in &drawn.content {
            let symbol = cell.symbol();
            prop_assert!(!symbol.chars().any(|c| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c)), "{symbol:?}");
            if look.marks.ascii {
                prop_assert!(symbol.is_ascii(), "{symbol:?}");
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
    let now = Instant::now();
    let mut app = App::new(Arc::new(fixture::afternoon()), now);
    for theme in ThemeName::ALL {
        for lang in Lang::ALL {
            for marker in Marker::ALL {
                let look = Look::new(theme, lang, marker);
                for page in Page::ALL {
                    app.update(Action::Command(Command::Go(page)), now);
                    for (width, height) in
                        [(0, 0), (1, 1), (0, 9), (59, 15), (60, 16), (79, 23), (116, 24), (250, 80)]
                    {
                        draw(width, height, &app, &look);
                    }
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
