//! What is cut off where, and what never is.

use super::*;
use crate::{
    dashboard::{
        app::App,
        fixture,
        marks::Marker,
        picture,
        snapshot::Snapshot,
        theme::ThemeName,
        view::{self, Look},
    },
    messages::{Lang, Sentence},
};

/// The head of a window.
fn head(width: u16, height: u16, shop: &Snapshot, lang: Lang) -> String {
    let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
    let app = App::new(shop.clone().into(), std::time::Instant::now());
    view::draw(&mut buf, shop, app.ui(), &Look::new(ThemeName::Dark, lang, Marker::Block));
    picture::text(&buf).lines().take(3).collect::<Vec<_>>().join("\n")
}

#[test]
fn where_kafka_should_be_is_said_before_why_it_is_not() {
    let mut shop = fixture::afternoon();
    shop.connection.up = false;
    let why = "Kafka: Meta data fetch error: BrokerTransportFailure (Local: Broker transport failure)";
    shop.connection.trouble = Some(Sentence::Text(why.to_owned()));
    for lang in Lang::ALL {
        for (width, height, reason) in
            [(60, 16, false), (80, 24, true), (100, 30, true), (120, 30, false), (250, 50, true)]
        {
            let head = head(width, height, &shop, lang);
            assert!(head.contains("127.0.0.1:9092"), "{head}");
            assert_eq!(head.contains("Kafka: Meta data"), reason, "{head}");
        }
    }
}

#[test]
fn a_rate_says_whose_seconds_it_counts_in_where_time_is_not_that_of_the_wall() {
    let mut shop = fixture::afternoon();
    shop.orders_per_second = 5.0;
    let full = head(120, 30, &shop, Lang::En);
    assert!(full.contains("5.0 orders/s"), "{full}");
    assert!(full.contains("target 5 · 300/h shop time"), "{full}");
    let narrow = head(80, 24, &shop, Lang::En);
    assert!(narrow.contains("5.0 orders/s  target 5"), "{narrow}");
    let least = head(60, 16, &shop, Lang::En);
    assert!(least.contains("5.0 orders/s  target 5"), "{least}");
    for speed in [1.0, 0.0, f64::NAN, f64::INFINITY] {
        shop.speed = speed;
        let real = head(120, 30, &shop, Lang::En);
        assert!(real.contains("5.0 orders/s") && !real.contains("shop time"), "{real}");
    }
    shop.speed = 60.0;
    shop.simulator = None;
    assert!(head(120, 30, &shop, Lang::En).contains("5.0 orders/s"), "nobody knows how time runs");
}
