//! Tests the oracle on a shop so small that its figures and files are known by heart: it accepts what is right, and
//! finds every single error.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "oracle/shop.rs"]
mod shop;

use std::{fs, path::Path};

use chrono::Duration;
use chrono_tz::Tz;
use common::{
    kafka::Record,
    oracle::{
        Oracle, Topics,
        mail::{Mail, split_mbox},
        same_text,
    },
};
use serde_json::{Value, json};
use shop::{FILES, catalogue, handled, order, record, status, topics};
use tempfile::TempDir;

fn files() -> TempDir {
    let out = tempfile::tempdir().unwrap();
    for (name, text) in FILES {
        write(out.path(), name, text);
    }
    out
}

fn write(out: &Path, name: &str, text: &str) {
    let path = out.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn oracle(topics: &Topics) -> Oracle {
    Oracle::of(topics, catalogue())
}

#[test]
fn agrees_with_what_is_right() {
    let oracle = oracle(&topics());
    assert_eq!((oracle.orders.len(), oracle.duplicates, oracle.invalid.len()), (3, 1, 2));
    assert_eq!(oracle.balances(), [(1, 7), (2, 6)].into());
    assert_eq!(oracle.compare(files().path(), &status()), Vec::<String>::new());
}

#[test]
fn tells_every_wrong_figure() {
    let (oracle, out, right) = (oracle(&topics()), files(), status());
    let mut figures = Vec::new();
    leaves(&right, String::new(), &mut figures);
    assert!(figures.len() > 20, "{figures:?}");
    for pointer in figures {
        let mut wrong = right.clone();
        let figure = wrong.pointer_mut(&pointer).unwrap();
        *figure = match &*figure {
            Value::String(_) => json!("2026-03-28T23:00:00+01:00"),
            number if number.is_i64() => json!(number.as_i64().unwrap() + 1),
            number => json!(number.as_f64().unwrap() + 0.01),
        };
        assert_ne!(oracle.compare(out.path(), &wrong), Vec::<String>::new(), "{pointer} was changed");
    }
}

fn leaves(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| leaves(value, format!("{at}/{key}"), found)),
        Value::Array(list) => {
            list.iter().zip(0..).for_each(|(one, i)| leaves(one, format!("{at}/{i}"), found));
        }
        _ => found.push(at),
    }
}

#[test]
fn tells_every_file_that_is_missing_or_has_another_line() {
    let (oracle, status) = (oracle(&topics()), status());
    for (name, text) in FILES.iter().filter(|(name, _)| *name != "shop-sim.log") {
        let out = files();
        fs::remove_file(out.path().join(name)).unwrap();
        assert_ne!(oracle.compare(out.path(), &status), Vec::<String>::new(), "{name} was removed");
        // Without its last line, or its last mail; with it twice.
        let separator = if name.starts_with("mail/") { "\nFrom " } else { "\n" };
        let last = text.trim_end().rfind(separator).map_or(0, |end| end + 1);
        let twice = format!("{text}{}", &text[last..]);
        for wrong in [&text[..last], &twice, text.trim_end(), &format!("{text}\u{1b}[2J\n")] {
            // A report for people may contain more, and end in any way.
            if Path::new(name).starts_with("reports") && (wrong.len() >= text.trim_end().len()) {
                continue;
            }
            write(out.path(), name, wrong);
            assert_ne!(oracle.compare(out.path(), &status), Vec::<String>::new(), "{name} was {wrong:?}");
        }
    }
}

#[test]
fn tells_a_report_of_a_day_that_has_not_ended() {
    let out = files();
    write(out.path(), "reports/2026-03-29.json", "{}");
    let found = oracle(&topics()).compare(out.path(), &status());
    assert_eq!(found, ["reports/2026-03-29.json is there before its day has ended"]);
}

#[test]
fn tells_what_is_wrong_in_the_topics() {
    type Change = (&'static str, fn(&mut Topics));
    let changes: [Change; 8] = [
        ("handled twice", |topics| topics.handled.push(topics.handled[0].clone())),
        ("a handled order lost", |topics| drop(topics.handled.pop())),
        ("handled before its time", |topics| edit(&mut topics.handled[0], "00:00:00.500", "00:00:00.499")),
        ("handled after the shop's time", |topics| {
            edit(&mut topics.handled[1], "00:00:30.000", "00:01:10.000");
        }),
        ("another total", |topics| edit(&mut topics.handled[1], "3000", "3001")),
        ("a dead letter lost", |topics| drop(topics.dead_letters.pop())),
        ("a dead letter twice", |topics| topics.dead_letters.push(topics.dead_letters[0].clone())),
        ("a dead letter of other bytes", |topics| edit(&mut topics.dead_letters[0], "total", "toad")),
    ];
    let (out, status) = (files(), status());
    for (what, change) in changes {
        let mut topics = topics();
        change(&mut topics);
        assert_ne!(oracle(&topics).compare(out.path(), &status), Vec::<String>::new(), "{what}");
    }
}

fn edit(record: &mut Record, from: &str, to: &str) {
    let text = String::from_utf8(record.payload.take().unwrap()).unwrap();
    let last = text.rfind(from).expect("what shall be edited");
    record.payload = Some(format!("{}{to}{}", &text[..last], &text[last + from.len()..]).into_bytes());
}

#[test]
fn judges_orders_as_the_contract_does() {
    let valid = |value: &Value| {
        oracle(&Topics { orders: vec![record(0, 0, &json!(5), value)], ..topics() }).orders.len()
    };
    let good = order(5, "2026-03-29T00:00:00Z", "", &[(1, "Kaffe", 2, 0), (1, "Kaffe", 1, 7)]);
    assert_eq!(valid(&good), 1);
    let bad = |pointer: &str, value: Value| {
        let mut order = good.clone();
        *order.pointer_mut(pointer).unwrap() = value;
        order
    };
    for wrong in [
        bad("/total_ore", json!(8)),
        bad("/total_ore", json!("7")),
        bad("/lines", json!([])),
        bad("/lines/0/quantity", json!(0)),
        bad("/lines/0/quantity", json!(-2)),
        bad("/lines/0/quantity", json!(1.5)),
        bad("/lines/0/unit_price_ore", json!(-1)),
        bad("/lines/0/unit_price_ore", json!(i64::MAX)),
        bad("/lines/0/unit_price_ore", json!(u64::MAX)),
        bad("/created_at", json!("2026-03-29T00:00:00")),
        bad("/customer", json!(null)),
        bad("/order_id", json!("5")),
        json!([]),
        json!(null),
    ] {
        assert_eq!(valid(&wrong), 0, "{wrong}");
    }
    for field in ["order_id", "created_at", "customer", "lines", "total_ore"] {
        let mut order = good.clone();
        order.as_object_mut().unwrap().remove(field);
        assert_eq!(valid(&order), 0, "without {field}");
    }
}

#[test]
fn tells_a_chance_that_is_another_and_orders_that_were_forgotten() {
    let hundred: Vec<Value> =
        (1..=100).map(|id| order(id, "2026-03-29T00:00:00.000+01:00", "Bo", &[(1, "Kaffe", 1, 1)])).collect();
    // Half of them at the first attempt, where a quarter should be.
    let mut topics = Topics {
        orders: hundred.iter().zip(0..).map(|(order, i)| record(0, i, &order["order_id"], order)).collect(),
        ..Topics::default()
    };
    let handle = |share: usize| {
        let chosen = hundred.iter().take(share);
        chosen.map(|one| record(0, 0, &one["order_id"], &handled(one, "2026-03-29T00:00:10+01:00"))).collect()
    };
    let told = |topics: &Topics, now: &str, what: &str| {
        let status = json!({"shop_time": now});
        oracle(topics).compare(Path::new("nowhere"), &status).iter().any(|sentence| sentence.contains(what))
    };
    topics.handled = handle(50);
    assert!(told(&topics, "2026-03-29T00:00:10+01:00", "handled their order"));
    topics.handled = handle(25);
    assert!(!told(&topics, "2026-03-29T00:00:10+01:00", "handled their order"));
    assert!(told(&topics, "2026-03-29T00:20:10+01:00", "still not handled"));
}

#[test]
fn reads_mails_and_refuses_what_no_mail_client_would_read() {
    let (_, mbox) = FILES[7];
    let messages = split_mbox(mbox.as_bytes()).unwrap();
    let mails: Vec<Mail> = messages.iter().map(|message| Mail::read(message).unwrap()).collect();
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[0].to_name.as_deref(), Some("Åsa Öberg"));
    assert_eq!(mails[0].body.lines().collect::<Vec<_>>(), ["Hej Åsa,", "From now on it is yours."]);
    assert_eq!(mails[1].to_name.as_deref(), Some("Åsa Öberg"));
    assert_eq!(mails[1].date, 1_774_738_830);

    for (from, to) in [
        ("X-Order-Id: 1\n", ""),
        ("X-Order-Id: 1\n", "X-Order-Id: 1\nX-Order-Id: 1\n"),
        ("X-Order-Id: 1\n", "X-Order-Id: 1\nBcc: eve@example.com\n"),
        ("Subject: Order 1", "Subject: Åtgärd 1"),
        ("Date: Sun", "Date: Somewhen"),
        ("Hej =C3=85sa", "Hej =C3sa"),
    ] {
        let wrong = mbox.replacen(from, to, 1);
        assert!(Mail::read(&split_mbox(wrong.as_bytes()).unwrap()[0]).is_err(), "{from:?} → {to:?}");
    }
    let two = mbox.replacen("<kund1@example.com>", "<kund1@example.com>, <eve@example.com>", 1);
    let out = files();
    write(out.path(), "mail/2026-03-29.mbox", &two);
    let found = oracle(&topics()).compare(out.path(), &status());
    assert!(found.len() == 1 && found[0].contains("order 1: to"), "{found:?}");
    assert!(split_mbox(mbox.replacen(">From now", "From now", 1).as_bytes()).is_err());
    assert!(split_mbox(mbox.trim_end().as_bytes()).is_err());
}

#[test]
fn knows_a_cleaned_text() {
    assert!(
        same_text("Eva\r\nBcc: x", "Eva Bcc: x") && same_text("a\u{2028}b", "a b") && same_text("Å", "Å")
    );
    assert!(!same_text("a\tb", "a\tb") && !same_text("a\tb", "ab") && !same_text("Å", "A"));
}

#[test]
fn tells_what_is_wrong_with_sales() {
    let opening = |quantity: i64| {
        let at = "2026-03-28T00:00:00+01:00";
        [1, 2].map(|id: i64| {
            record(
                0,
                id,
                &json!(id),
                &json!({"delivery_id": id, "at": at, "product_id": id, "quantity": quantity}),
            )
        })
    };
    let sales = |orders: &[Value], stock: i64| {
        let orders = orders.iter().zip(0..).map(|(one, i)| record(0, i, &one["order_id"], one)).collect();
        oracle(&Topics { orders, deliveries: opening(stock).to_vec(), ..Topics::default() }).check_sales()
    };
    let one = |id, second: u32, quantity| {
        order(id, &format!("2026-03-28T12:00:{second:02}.000+01:00"), "Bo", &[(1, "Kaffe", quantity, 4990)])
    };
    let none = Vec::<String>::new();
    assert_eq!(sales(&[one(1, 1, 4), one(2, 2, 6)], 10), none);
    assert_ne!(sales(&[one(1, 1, 4), one(2, 2, 7)], 10), none, "oversold");
    assert_ne!(sales(&[one(1, 1, 4), one(3, 2, 1)], 10), none, "a gap");
    assert_ne!(sales(&[one(1, 1, 4), one(1, 2, 1)], 10), none, "a duplicate");
    assert_ne!(sales(&[one(1, 2, 4), one(2, 1, 1)], 10), none, "back in time");
    assert_ne!(sales(&[one(1, 2, 4)], 11), none, "another opening stock");
    let summer = order(1, "2026-07-01T12:00:00.000+01:00", "Bo", &[(1, "Kaffe", 1, 4990)]);
    assert_ne!(sales(&[summer], 10), none, "winter's offset in July");
    let dear = order(1, "2026-03-28T12:00:00.000+01:00", "Bo", &[(1, "Kaffe", 1, 4991)]);
    assert_ne!(sales(&[dear], 10), none, "another price");
}

#[test]
fn keeps_the_shops_zone() {
    let mut oracle = oracle(&topics());
    assert!(oracle.shop_time(&status()).is_ok());
    assert!(oracle.shop_time(&json!({"shop_time": "2026-03-28T23:01:00+00:00"})).is_err());
    oracle.tz = Tz::UTC;
    oracle.every = Duration::seconds(10);
    assert!(oracle.shop_time(&json!({"shop_time": "2026-03-28T23:01:00+00:00"})).is_ok());
}
