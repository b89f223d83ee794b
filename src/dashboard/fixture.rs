//! A lively, plausible shop to draw in tests: always the same one.

use std::{collections::VecDeque, sync::Arc};

use chrono::NaiveDate;

use super::snapshot::{
    Cluster, Followed, GroupState, HISTORY, History, Link, LogLevel, LogLine, Message, OpenedReport,
    OrderWay, Place, Said, ShelfPlan, Snapshot, TopicState, Way, Weight,
};
use crate::{
    shop::{Customer, Handled, Line, Order, Zone, pulse::RunState},
    sinks::report::{Report, Sold},
    views::{
        day_totals::ProductTotals,
        figures::{
            HandledFigures, LatestOrder, ReportNote, SLOT_SECONDS, ShopFigures, Stage, StockLine, Waits,
        },
    },
};

/// 2026-11-20 14:03:07 in Stockholm.
pub(super) const AFTERNOON: i64 = 1_795_179_787;

const PRODUCTS: [(&str, i64, i64, i64, i64); 24] = [
    // name, balance, reorder point, full shelf, on the way
    ("Kaffebryggare Morgonstund", 42, 15, 60, 0),
    ("Tekanna i gjutjärn", 7, 10, 40, 30),
    ("Ullpläd Fjäll, grå", 63, 20, 80, 0),
    ("Löparskor Stigfinnare", 0, 12, 50, 38),
    ("Ryggsäck 28 liter", 31, 10, 45, 0),
    ("Stekpanna 28 cm", 18, 8, 30, 0),
    ("Skrivbordslampa Ljusglimt", 4, 10, 40, 36),
    ("Hörlurar Tystnad", 55, 25, 90, 0),
    ("Termos 1 liter", 77, 30, 120, 0),
    ("Vattenflaska i stål", 141, 40, 160, 0),
    ("Cykelhjälm Trygg", 22, 10, 40, 0),
    ("Regnjacka Skärgård", 13, 12, 48, 0),
    ("Sovsäck Tre årstider", 9, 6, 24, 0),
    ("Pannlampa 400 lumen", 36, 15, 60, 0),
    ("Anteckningsbok A5", 208, 60, 300, 0),
    ("Reservoarpenna Blå timme", 11, 12, 36, 24),
    ("Brödkniv", 27, 10, 40, 0),
    ("Skärbräda i ek", 33, 10, 40, 0),
    ("Diskborste i björk", 180, 50, 250, 0),
    ("Doftljus Granskog", 64, 20, 100, 0),
    ("Bluetooth-högtalare", 16, 10, 35, 0),
    ("Powerbank 20 000 mAh", 48, 20, 80, 0),
    ("Pussel 1 000 bitar", 25, 8, 30, 0),
    ("Sällskapsspel Allmogen", 0, 6, 24, 0),
];

const CATEGORIES: [&str; 4] = ["Kök", "Hem", "Friluft", "Kontor"];

const CUSTOMERS: [&str; 12] = [
    "Anna Lindqvist",
    "Mohammed Al-Rashid",
    "Björn Åkesson",
    "Elsa Nyström Bergendahl",
    "Liam Svensson",
    "Zofia Kowalska",
    "Per-Olof Håkansson",
    "Maja Öberg",
    "Karl Johansson",
    "Astrid Wallin",
    "Hugo Eklund",
    "Fatima Yılmaz",
];

/// Small, fixed pseudo-random numbers (Knuth's MMIX generator).
fn noise(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below.max(1)
    }
}

/// Orders of one slot of five minutes: the night is quiet, lunch and evening are busy.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and positive")]
fn demand(slot: u64, jitter: u64) -> u64 {
    let hour = slot as f64 / 12.0;
    let hill = |at: f64, wide: f64| (-((hour - at) / wide).powi(2)).exp();
    let mean = 3.0 + 22.0 * hill(12.0, 2.6) + 30.0 * hill(19.5, 2.4) + 9.0 * hill(8.0, 1.5);
    (mean as u64) + jitter
}

/// The shop at 14:03:07 on a Friday, at four and a half orders a second of wall time.
pub(super) fn afternoon() -> Snapshot {
    at(AFTERNOON)
}

/// The shop at another second of a day.
pub(super) fn at(shop_second: i64) -> Snapshot {
    let (stock, shelf) = stock();
    Snapshot {
        figures: figures(shop_second, stock),
        zone: Zone::default(),
        speed: 60.0,
        simulator: Some(RunState::Running),
        target_rate: Some(5.0),
        orders_per_second: 4.84,
        link: Link { bootstrap: "127.0.0.1:9092".to_owned(), embedded: true, up: true, trouble: None },
        handled_today: Some(2_074),
        lost_sales: 14,
        shelf,
        groups: groups(),
        messages: messages(shop_second),
        alarms: Vec::new(),
        cluster: Arc::new(cluster()),
        feed: Arc::new(latest(shop_second, 52_000)),
        followed: None,
        opened: None,
        log: Arc::new(log(shop_second)),
    }
}

fn figures(shop_second: i64, stock: Vec<StockLine>) -> ShopFigures {
    let zone = Zone::default();
    let today = zone.date(shop_second);
    let elapsed = u64::try_from((shop_second - zone.start_of(today)) / SLOT_SECONDS).unwrap();
    let mut random = noise(7);
    let mut orders_by_slot: Vec<u64> = (0..elapsed).map(|slot| demand(slot, random(5))).collect();
    orders_by_slot.push(11);
    let sales_by_slot: Vec<i64> = orders_by_slot
        .iter()
        .map(|&orders| i64::try_from(orders * (41_500 + random(23_000))).unwrap())
        .collect();
    let orders_today: u64 = orders_by_slot.iter().sum();
    let handled = handled(orders_today + 48_211 - 37, elapsed);
    let products_today = stock.iter().map(|line| (line.product_id, sold_today(line))).collect();
    ShopFigures {
        shop_second,
        products_today,
        today,
        orders_today,
        sales_today_ore: sales_by_slot.iter().sum(),
        sales_last_hour_ore: sales_by_slot.iter().rev().take(12).sum(),
        orders_by_slot,
        sales_by_slot,
        stock,
        pending: 37,
        produced: handled.total + 37,
        mails: handled.total - 3,
        handled,
        duplicates: 0,
        dead_letters: 2,
        lag: [("orders-today", 0), ("sales", 0)].map(|(view, lag)| (view.to_owned(), lag)).into(),
        reports: reports(),
        latest: latest(shop_second, 50_000 + orders_today),
    }
}

/// A fortnight of closed days; the last but two was revised.
fn reports() -> Vec<ReportNote> {
    let mut random = noise(23);
    let mut note = |day| {
        let orders = 1_900 + random(900);
        let sales_ore = i64::try_from(orders * (46_000 + random(9_000))).unwrap();
        let date = NaiveDate::from_ymd_opt(2026, 11, day).unwrap();
        ReportNote { date, orders, sales_ore, revision: u32::from(day == 17) }
    };
    (6..20).map(&mut note).collect()
}

fn stock() -> (Vec<StockLine>, Vec<ShelfPlan>) {
    let mut random = noise(11);
    let lines =
        PRODUCTS.iter().zip(1..).map(|(&(name, balance, reorder_point, full, under_way), product_id)| {
            let sold = i64::try_from(random(400)).unwrap() + full;
            (
                StockLine { product_id, name: name.to_owned(), named_by: 1, delivered: sold + balance, sold },
                ShelfPlan {
                    product_id,
                    reorder_point,
                    full,
                    under_way,
                    next_delivery: (under_way > 0).then_some(AFTERNOON + 1_500),
                    category: CATEGORIES[usize::try_from(product_id % 4).unwrap()].to_owned(),
                    price_ore: 4_900 + i64::try_from(product_id).unwrap() * 3_700,
                },
            )
        });
    lines.unzip()
}

fn handled(total: u64, elapsed: u64) -> HandledFigures {
    let mut random = noise(13);
    let mut intervals = [0; 24];
    for (interval, slot) in intervals.iter_mut().zip(elapsed.saturating_sub(24)..) {
        *interval = demand(slot, random(9)).saturating_sub(3);
    }
    let last = |count: usize| intervals.iter().rev().take(count).sum();
    HandledFigures {
        total,
        by_day: std::collections::BTreeMap::new(),
        last_5_min: last(1),
        last_30_min: last(6),
        last_1_h: last(12),
        last_2_h: last(24),
        intervals,
        waits: waits(),
    }
}

/// Attempts every 10 s that succeed with 25 %.
fn waits() -> Waits {
    let mut waits = Waits::default();
    for (attempt, orders) in
        (1..).zip([250_u64, 188, 141, 105, 79, 59, 44, 33, 25, 19, 14, 11, 8, 6, 4, 3, 2, 1])
    {
        waits.add(attempt * 10, orders);
    }
    waits
}

fn sold_today(line: &StockLine) -> ProductTotals {
    let units = line.sold / 9;
    ProductTotals { name: line.name.clone(), named_by: 1, units, sales_ore: units * 24_900 }
}

fn groups() -> Vec<GroupState> {
    let views =
        ["orders-today", "sales", "daily-report", "stock", "handling", "mail", "handled-windows", "journal"];
    let mut random = noise(19);
    let mut group = |view: &'static str| {
        let mut history = History::default();
        for second in 0..HISTORY as u64 {
            // The shop's pace rises and falls; five minutes ago the consumer stood still for half a minute.
            let pace = 14 + (second / 60 * 7) % 11 + second / 90 + random(4);
            let still = (570..600).contains(&second);
            let catching_up = (600..612).contains(&second);
            let behind = match second {
                _ if still => (second - 569) * pace / 2,
                _ if catching_up => (612 - second) * 25,
                _ => random(5),
            };
            let rate = if still { 0 } else { pace + if catching_up { 26 } else { 0 } };
            history.rate.push_back(rate as f64);
            history.lag.push_back(behind);
        }
        GroupState {
            view,
            rate: history.rate.back().copied().unwrap(),
            lag: history.lag.back().copied().unwrap(),
            partitions: 6,
            rebalances: 1,
            errors: 0,
            trouble: None,
            history: Arc::new(history),
        }
    };
    views.map(&mut group).to_vec()
}

fn cluster() -> Cluster {
    let topic = |(name, partitions, records, rate): (&str, usize, u64, f64)| TopicState {
        name: format!("shop.{name}"),
        partitions,
        records,
        rate,
    };
    let topics = [
        ("orders", 6, 52_310, 4.8),
        ("deliveries", 6, 1_204, 0.1),
        ("handled", 6, 52_402, 4.7),
        ("dead-letters", 6, 2, 0.0),
        ("pulse", 1, 8_120, 1.0),
        ("control", 1, 14, 0.0),
        ("state", 2, 31_077, 9.3),
    ];
    Cluster { brokers: vec!["127.0.0.1:9092".to_owned()], topics: topics.map(topic).to_vec() }
}

fn log(shop_second: i64) -> VecDeque<LogLine> {
    let lines = [
        (61, LogLevel::Info, "runtime::link", "the built-in broker serves 127.0.0.1:9092"),
        (60, LogLevel::Info, "simulator::start", "the shop opens with 24 products"),
        (58, LogLevel::Info, "stream::group", "orders-today: 6 partitions assigned"),
        (31, LogLevel::Warn, "stream::ends", "Kafka does not answer: trying again until it does"),
        (29, LogLevel::Error, "consumer::worker", "sales: the disk is full: trying again"),
        (4, LogLevel::Info, "consumer::outputs", "Daily report saved: reports/2026-11-19.txt"),
    ];
    let line = |(ago, level, target, text): (i64, LogLevel, &str, &str)| LogLine {
        wall_ms: (shop_second - ago) * 1000,
        level,
        target: target.to_owned(),
        text: text.to_owned(),
    };
    lines.map(line).into()
}

/// Sixty orders, the newest first: the first few are only sold, most are mailed.
fn latest(shop_second: i64, newest_id: u64) -> Vec<LatestOrder> {
    let mut random = noise(17);
    let mut order = |back: u64| {
        let ago = i64::try_from(back * 7 + random(5)).unwrap();
        let created_at = Zone::default().stamp((shop_second - ago) * 1000);
        let stage = match back {
            0..=3 | 5 => Stage::Sold,
            4 | 6 => Stage::Handled,
            _ => Stage::Mailed,
        };
        LatestOrder {
            order_id: newest_id - back,
            created_at,
            customer: CUSTOMERS[usize::try_from(random(12)).unwrap()].to_owned(),
            pieces: i64::try_from(random(5)).unwrap() + 1,
            total_ore: i64::try_from(4_900 + random(160_000)).unwrap(),
            stage,
            handled_at: (stage > Stage::Sold).then_some(created_at),
        }
    };
    (0..60).map(&mut order).collect()
}

fn messages(shop_second: i64) -> Vec<Message> {
    let texts = [
        (50_600, Weight::Info, "Daily report saved: reports/2026-11-19.txt"),
        (9_120, Weight::Warning, "A record of shop.orders is no valid order: the order has no lines"),
        (1_260, Weight::Info, "50 pieces of Cykelhjälm Trygg arrived"),
        (330, Weight::Warning, "Löparskor Stigfinnare are sold out, 38 pieces are on their way"),
        (65, Weight::Info, "30 pieces of Tekanna i gjutjärn are ordered"),
    ];
    let message = |(number, (ago, weight, text)): (u64, (i64, Weight, &str))| Message {
        number,
        shop_second: shop_second - ago,
        weight,
        said: Said::Text(text.to_owned()),
    };
    (1..).zip(texts).map(message).collect()
}

/// An order of the feed that is followed, as far as `stage`.
pub(super) fn followed(shop: &Snapshot, stage: Stage) -> Followed {
    let sold = shop.feed.iter().find(|order| order.stage == stage).unwrap();
    let id = sold.order_id;
    let line = |product_id: u64, quantity, unit_price_ore| Line {
        product_id,
        name: PRODUCTS[usize::try_from(product_id).unwrap() - 1].0.to_owned(),
        quantity,
        unit_price_ore,
    };
    let order = Order {
        order_id: id,
        created_at: sold.created_at,
        customer: Customer {
            customer_id: 4_711,
            name: sold.customer.clone(),
            email: "kund4711@example.com".to_owned(),
        },
        lines: vec![line(2, 1, 89_900), line(9, 2, 34_900), line(15, 3, 4_900)],
        total_ore: 174_400,
    };
    let place = |topic: &str, offset| Place { topic: topic.to_owned(), partition: 3, offset };
    let handled = (stage > Stage::Sold).then(|| {
        let handled = Handled {
            order_id: id,
            created_at: order.created_at,
            handled_at: order.created_at + chrono::Duration::seconds(40),
            customer: order.customer.clone(),
            total_ore: order.total_ore,
        };
        (handled, place("shop.handled", 8_650))
    });
    let mail = (stage == Stage::Mailed).then(|| "mail/2026-11-20.mbox".to_owned());
    let way = OrderWay { order, sold: place("shop.orders", 8_712), handled, mail };
    Followed { order_id: id, way: Way::Sold(Arc::new(way)) }
}

/// The report of the newest closed day, opened.
pub(super) fn opened(shop: &Snapshot) -> OpenedReport {
    let note = shop.figures.reports.last().unwrap();
    let mut random = noise(29);
    let products = shop.figures.stock.iter().map(|line| Sold {
        product_id: line.product_id,
        name: line.name.clone(),
        units: i64::try_from(random(180)).unwrap(),
    });
    let report = Report {
        date: note.date,
        orders: note.orders,
        sales_ore: note.sales_ore,
        products: products.collect(),
        revision: note.revision,
    };
    OpenedReport { date: note.date, report: Ok(Arc::new(report)) }
}

/// A shop that opened a second ago, at midnight.
pub(super) fn opening() -> Snapshot {
    let zone = Zone::default();
    let midnight = zone.start_of(zone.date(AFTERNOON));
    let mut shop = at(midnight + 1);
    shop.figures =
        ShopFigures { shop_second: midnight + 1, today: zone.date(midnight), ..Default::default() };
    shop.figures.orders_by_slot = vec![0];
    shop.figures.sales_by_slot = vec![0];
    shop.shelf = Vec::new();
    shop.orders_per_second = 0.0;
    shop.handled_today = Some(0);
    shop.messages = Vec::new();
    shop.feed = Arc::default();
    shop.log = Arc::default();
    shop.cluster = Arc::default();
    for group in &mut shop.groups {
        group.history = Arc::default();
        group.rate = 0.0;
        group.partitions = 0;
    }
    shop
}
