//! What is truncated in the header, and what never is.

use super::*;
use crate::{
    dashboard::{
        app::App,
        fixture,
        marks::Marker,
        screenshot,
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
    screenshot::text(&buf).lines().take(3).collect::<Vec<_>>().join("\n")
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

#[test]
fn one_badge_says_the_gravest_of_what_holds() {
    let mut shop = fixture::afternoon();
    let says = |shop: &Snapshot, lang| {
        let words = lang_words(lang);
        let head = [head(120, 30, shop, lang), head(80, 24, shop, lang)];
        let said = words.map(|word| head.iter().filter(|head| head.contains(&format!(" {word}"))).count());
        let said: Vec<_> = words.iter().zip(said).filter(|(_, heads)| *heads == 2).collect();
        assert_eq!(said.len(), 1, "{}", head.join("\n"));
        *said[0].0
    };
    for lang in Lang::ALL {
        let [running, paused, rush, stale, no_kafka] = lang_words(lang);
        assert_eq!(says(&shop, lang), running);
        shop.rush = Some(9);
        assert_eq!(says(&shop, lang), rush);
        assert!(head(80, 24, &shop, lang).contains(&format!(" {rush} 9 s ")));
        shop.simulator = Some(RunState::Paused);
        assert_eq!(says(&shop, lang), paused);
        let before = shop.groups.clone();
        shop.groups[1].trouble = Some(Sentence::NobodyRuns { view: "sales", others: 0 });
        assert_eq!(says(&shop, lang), stale);
        shop.connection.up = false;
        assert_eq!(says(&shop, lang), no_kafka);
        (shop.connection.up, shop.groups) = (true, before);
        (shop.simulator, shop.rush) = (Some(RunState::Running), None);
    }
}

fn lang_words(lang: Lang) -> [&'static str; 5] {
    let words = lang.words();
    [words.running, words.paused, words.rush, words.stale, words.no_kafka]
}

#[test]
fn a_campaign_is_named_while_the_shop_runs() {
    let mut shop = fixture::afternoon();
    shop.campaigns = vec!["Black Week".to_owned(), "Kaffe\u{1b}[2J".to_owned()];
    for lang in Lang::ALL {
        let [running, paused, ..] = lang_words(lang);
        for (width, height) in [(120, 30), (100, 30), (80, 24)] {
            let head = head(width, height, &shop, lang);
            assert!(head.contains(running) && head.contains(" Black W"), "{head}");
            assert!(!head.contains('\u{1b}'), "{head}");
        }
        let (wide, least) = (head(200, 50, &shop, lang), head(60, 16, &shop, lang));
        assert!(wide.contains(" Black Week, Kaffe"), "{wide}");
        assert!(least.contains("14:03"), "the clock keeps its room: {least}");
        shop.simulator = Some(RunState::Paused);
        assert!(head(120, 30, &shop, lang).contains(paused));
        shop.simulator = Some(RunState::Stopped);
        assert!(!head(120, 30, &shop, lang).contains("Black"));
        shop.simulator = Some(RunState::Running);
    }
    shop.campaigns.clear();
    assert_eq!(head(120, 30, &shop, Lang::En), head(120, 30, &fixture::afternoon(), Lang::En));
}
