//! A plausible, busy shop for the drawing tests: deterministic.

mod figures;
mod kafka;
mod live_audit;

use std::{collections::VecDeque, sync::Arc};

use super::snapshot::{OpenedReport, Snapshot};
use crate::{
    logging::{LogLevel, LogLine},
    messages::{Message, Sentence, Severity},
    read_model::Connection,
    shop::{Customer, Handled, Line, Order, Zone, pulse::RunState},
    sinks::report::{Report, Sold},
    stream::order_search::{OrderStatus, OrderTrace, TopicPartitionOffset, TrackedOrder},
    views::shop_figures::{Audit, ShopFigures, Stage},
};
use figures::{figures, latest, stock};
use kafka::{cluster, groups};
pub(super) use live_audit::live_audit;

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

/// Small, fixed pseudo-random numbers (Knuth's MMIX generator).
fn noise(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below.max(1)
    }
}

/// The shop at 14:03:07 on a Friday, at four and a half orders a second of wall time.
pub(super) fn afternoon() -> Snapshot {
    at(AFTERNOON)
}

/// The shop at another second of a day.
pub(super) fn at(shop_second: i64) -> Snapshot {
    let (stock, shelf) = stock();
    let figures = figures(shop_second, stock);
    Snapshot {
        audit: Audit::of(&figures),
        figures,
        zone: Zone::default(),
        speed: 60.0,
        simulator: Some(RunState::Running),
        target_rate: Some(5.0),
        rhythm: None,
        campaigns: Vec::new(),
        rush: None,
        orders_per_second: 4.84,
        connection: Connection {
            bootstrap: "127.0.0.1:9092".to_owned(),
            embedded: true,
            up: true,
            trouble: None,
        },
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
        rewound: None,
        is_past: false,
        live_audit: Arc::default(),
        log: Arc::new(log(shop_second)),
    }
}

fn log(shop_second: i64) -> VecDeque<LogLine> {
    let lines = [
        (61, LogLevel::Info, "runtime::kafka", "the built-in broker serves 127.0.0.1:9092"),
        (60, LogLevel::Info, "simulator::start", "the shop opens with 24 products"),
        (58, LogLevel::Info, "engine::group_member", "orders-today: 6 partitions assigned"),
        (31, LogLevel::Warn, "stream::ends", "Kafka does not answer: trying again until it does"),
        (29, LogLevel::Error, "consumer::worker", "sales: the disk is full: trying again"),
        (4, LogLevel::Info, "consumer::outputs", "Daily report saved: reports/2026-11-19.txt"),
    ];
    let line = |(number, (ago, level, target, text)): (u64, (i64, LogLevel, &str, &str))| LogLine {
        number,
        wall_ms: (shop_second - ago) * 1000,
        level,
        target: target.to_owned(),
        text: text.to_owned(),
    };
    (0..).zip(lines).map(line).collect()
}

fn messages(shop_second: i64) -> Vec<Message> {
    let texts = [
        (50_600, Severity::Info, "Daily report saved: reports/2026-11-19.txt"),
        (9_120, Severity::Warning, "A record of shop.orders is no valid order: the order has no lines"),
        (1_260, Severity::Info, "50 pieces of Cykelhjälm Trygg arrived"),
        (330, Severity::Warning, "Löparskor Stigfinnare are sold out, 38 pieces are on their way"),
        (65, Severity::Info, "30 pieces of Tekanna i gjutjärn are ordered"),
    ];
    let message = |(number, (ago, severity, text)): (u64, (i64, Severity, &str))| Message {
        number,
        shop_second: shop_second - ago,
        severity,
        sentence: Sentence::Text(text.to_owned()),
    };
    (1..).zip(texts).map(message).collect()
}

/// An order of the feed as a followed order, up to `stage`.
pub(super) fn followed(shop: &Snapshot, stage: Stage) -> TrackedOrder {
    let sold = shop.feed.iter().find(|order| order.stage == stage).unwrap();
    let id = sold.order_id;
    let line = |product_id: u64, quantity, unit_price_ore| Line {
        product_id,
        name: PRODUCTS[usize::try_from(product_id).unwrap() - 1].0.into(),
        quantity,
        unit_price_ore,
    };
    let order = Order {
        order_id: id,
        created_at: sold.created_at,
        customer: Customer {
            customer_id: 4_711,
            name: sold.customer.as_str().into(),
            email: "kund4711@example.com".into(),
        },
        lines: vec![line(2, 1, 89_900), line(9, 2, 34_900), line(15, 3, 4_900)],
        total_ore: 174_400,
    };
    let place = |topic: &str, offset| TopicPartitionOffset { topic: topic.to_owned(), partition: 3, offset };
    let handled = (stage > Stage::Sold).then(|| {
        let handled = Handled {
            order_id: id,
            created_at: order.created_at,
            handled_at: order.created_at + chrono::Duration::seconds(40),
            customer: order.customer.clone(),
            total_ore: order.total_ore,
            lines: order.lines.clone(),
        };
        (handled, place("shop.handled", 8_650))
    });
    let mail = (stage == Stage::Mailed).then(|| "mail/2026-11-20.mbox".to_owned());
    let way = OrderTrace { order, sold: place("shop.orders", 8_712), handled, mail };
    TrackedOrder { order_id: id, status: OrderStatus::Found(Arc::new(way)) }
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
    shop.audit = Audit::of(&shop.figures);
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
