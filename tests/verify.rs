//! `verify` on a correct shop, and on shops with a single change.
//!
//! On the embedded broker, or on the Kafka that `SHOP_SIM_TEST_BOOTSTRAP` names.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// One list of all possible changes is the most readable.
#![allow(clippy::too_many_lines)]

mod common;

use std::fs;

use common::{
    files::tree,
    kafka::{self, Record},
    orders::{Hand, garbage},
    shop::{Done, Shop},
};
use serde_json::{Value, json};

const THEN: &str = "2026-03-28T23:10:00.250+01:00";

/// A shop open over a midnight, with invalid and strange orders among its own, fully processed.
fn worked_off() -> Shop {
    let shop = Shop::new();
    let period = "2026-03-28 22:00..2026-03-29 04:00";
    shop.run(&["produce", "--backfill", period, "--rate", "0.05", "--seed", "5"]).ok();
    let mut records = Vec::new();
    for (payload, i) in garbage(THEN).into_iter().zip(0..) {
        let key = (i % 3 != 0).then(|| b"77".to_vec());
        records.push(Record { partition: i % 6, key, payload, ..Record::default() });
    }
    let names = ["Eva\r\nBcc: eve@example.com", "Eva\u{1b}[2J\u{7}\tEk", "From Eva", "李小龙 🎉", ""];
    let mails =
        ["inte en adress", "eva@example.com\r\nBcc: eve@example.com", "", "o'brien@example.com", "e@x"];
    for ((name, email), id) in names.into_iter().zip(mails).zip(1_000_000..) {
        let order = Hand::at(THEN).id(id).name(name).email(email);
        // Once more: a duplicate.
        records.extend([order.record(2), order.record(2)]);
    }
    records.push(Hand::at("2031-01-01T00:00:00.000+01:00").id(2_000_000).record(3).clone());
    shop.write("orders", &records);
    shop.run(&["consume", "--until-end"]).ok();
    shop
}

fn intact(shop: &Shop) {
    let done = shop.run(&["verify"]).ok();
    assert!(!done.stdout.contains("Not compared") && done.stdout.contains(" 0 differences"), "{done}");
    assert_eq!(done.stdout.lines().count(), 1, "{done}");
}

/// Fails the test unless the audit ends with 1 and a line that says all of `parts`.
#[track_caller]
fn found(shop: &Shop, parts: &[&str]) -> Done {
    let done = shop.run(&["verify"]);
    assert_eq!(done.status.code(), Some(1), "{parts:?}: {done}");
    assert!(
        done.stdout.lines().any(|line| parts.iter().all(|part| line.contains(part))),
        "{parts:?}: {done}"
    );
    assert_eq!(done.stderr.lines().count(), 1, "{done}");
    done
}

/// What somebody does to the text of a file.
type Change<'a> = Box<dyn Fn(&str) -> String + 'a>;

#[test]
fn an_intact_shop_has_no_difference_and_whatever_is_changed_is_told() {
    let shop = worked_off();
    shop.bootstrap();
    let before = tree(&shop.out());
    intact(&shop);
    let after = tree(&shop.out());
    assert!(before.keys().eq(after.keys()), "it made a file");

    let oracle = shop.oracle();
    let order = oracle.orders.iter().find(|order| oracle.day(order.at).to_string() == "2026-03-28").unwrap();
    let handled = oracle.handled.iter().find(|one| oracle.day(one.at).to_string() == "2026-03-29").unwrap();
    let (id, handled_id) = (order.id.to_string(), handled.order_id.to_string());
    let first_row = |text: &str, id: &str| {
        let begin = format!("\n{id}\t");
        let at = text.find(&begin).unwrap() + 1;
        (at, at + text[at..].find('\n').unwrap() + 1)
    };
    let drop_row = |text: &str, id: &str| {
        let (from, to) = first_row(text, id);
        text[..from].to_owned() + &text[to..]
    };
    let mail = |text: &str| {
        let at = text.find(&format!("X-Order-Id: {handled_id}\n")).unwrap();
        let from = text[..at].rfind("From ord").unwrap();
        let to = text[at..].find("\nFrom ").map_or(text.len(), |end| at + end + 1);
        (from, to)
    };
    let changes: Vec<(&str, Vec<&str>, Change<'_>)> = vec![
        ("orders/2026-03-28.txt", vec![&id, "1 more row", "none"], Box::new(|text| drop_row(text, &id))),
        (
            "orders/2026-03-28.txt",
            vec![&id, "something else"],
            Box::new(|text| {
                let (from, to) = first_row(text, &id);
                let row = text[from..to].replacen("@example", "@exempel", 1);
                text[..from].to_owned() + &row + &text[to..]
            }),
        ),
        ("orders/2026-03-28.txt", vec!["whole row"], Box::new(|text| text[..text.len() - 1].to_owned())),
        (
            "orders/last.txt",
            vec!["orders/last.txt", "order 2000000"],
            Box::new(|text| text.replace("2000000", "2000001")),
        ),
        (
            "handled/2026-03-29.txt",
            vec![&handled_id, "1 more row"],
            Box::new(|text| drop_row(text, &handled_id)),
        ),
        (
            "handled/2026-03-29.txt",
            vec![&handled_id, "1 more row"],
            Box::new(|text| {
                let (from, to) = first_row(text, &handled_id);
                text.to_owned() + &text[from..to]
            }),
        ),
        (
            "mail/2026-03-29.mbox",
            vec![&handled_id, "1 more mail", "none"],
            Box::new(|text| {
                let (from, to) = mail(text);
                text[..from].to_owned() + &text[to..]
            }),
        ),
        (
            "mail/2026-03-29.mbox",
            vec![&handled_id, "1 more mail"],
            Box::new(|text| {
                let (from, to) = mail(text);
                text.to_owned() + &text[from..to]
            }),
        ),
        (
            "mail/2026-03-29.mbox",
            vec![&handled_id, "something else"],
            Box::new(|text| {
                let (from, to) = mail(text);
                text[..from].to_owned() + &text[from..to].replace("Total: ", "Total: 1") + &text[to..]
            }),
        ),
        ("mail/2026-03-29.mbox", vec!["a part of one"], Box::new(|text| text[..text.len() - 12].to_owned())),
        (
            "reports/2026-03-28.json",
            vec!["orders"],
            Box::new(|text| text.replacen("\"orders\":", "\"orders\":1", 1)),
        ),
        (
            "reports/2026-03-28.json",
            vec!["units of product"],
            Box::new(|text| text.replacen("\"units\":", "\"units\":1", 1)),
        ),
        (
            "reports/2026-03-28.txt",
            vec!["sales"],
            Box::new(|text| text.replacen("Sales     ", "Sales     1", 1)),
        ),
        ("stock.txt", vec!["time of product"], Box::new(|text| text[..text.len() - 1].to_owned() + "0\n")),
        ("stock.txt", vec!["balance of product"], Box::new(|text| text.replacen("\t ", "\t1", 1))),
        (
            "reports/2026-03-28.txt",
            vec!["comparison with 2026-03-21"],
            Box::new(|text| text.replacen("a week before  ", "a week before 1", 1)),
        ),
        (
            "mail/2026-03-29.mbox",
            vec![&handled_id, "something else"],
            Box::new(|text| {
                let (from, to) = mail(text);
                text[..from].to_owned() + &text[from..to].replacen(" × ", "1 × ", 1) + &text[to..]
            }),
        ),
    ];
    for (path, parts, change) in changes {
        let place = shop.out().join(path);
        let text = fs::read_to_string(&place).unwrap();
        let changed = change(&text);
        assert_ne!(changed, text, "{path}");
        fs::write(&place, changed).unwrap();
        found(&shop, &[&parts[..], &[path.split('.').next().unwrap()]].concat());
        fs::write(&place, text).unwrap();
    }
    for path in ["reports/2026-03-28.txt", "reports/2026-03-28.json", "mail/2026-03-29.mbox", "stock.txt"] {
        let (place, aside) = (shop.out().join(path), shop.home().join("aside"));
        fs::rename(&place, &aside).unwrap();
        found(&shop, &[path]);
        fs::rename(&aside, &place).unwrap();
    }
    let strange = shop.out().join("mail/strange.mbox");
    fs::write(&strange, "").unwrap();
    found(&shop, &["mail/strange.mbox", "no such file"]);
    fs::remove_file(&strange).unwrap();
    intact(&shop);
}

#[test]
fn what_is_wrong_in_the_topics_is_told() {
    let shop = worked_off();
    shop.bootstrap();

    // A figure that is one too high.
    let states = kafka::read(shop.bootstrap(), &shop.topic("state"));
    // Figures lie in partition 0.
    let is_said =
        |record: &&Record| record.partition == 0 && record.key.as_deref() == Some(b"orders-today/1");
    let state = states.iter().rfind(is_said).unwrap().clone();
    let mut said: Value = serde_json::from_slice(state.payload.as_deref().unwrap()).unwrap();
    let days = said["figures"]["orders-today"]["days"].as_object_mut().unwrap();
    let count = days["2026-03-29"].as_u64().unwrap();
    days["2026-03-29"] = json!(count + 1);
    shop.write("state", &[Record { payload: Some(said.to_string().into_bytes()), ..state.clone() }]);
    let what =
        ["orders-today of orders/1, the day 2026-03-29", &format!("expected {count}, found {}", count + 1)];
    found(&shop, &what);
    shop.write("state", &[state]);
    intact(&shop);

    // A repeated handled order, one that was never sold, and a dead letter without a cause.
    let again = kafka::read(shop.bootstrap(), &shop.topic("handled")).swap_remove(0);
    let mut never: Value = serde_json::from_slice(again.payload.as_deref().unwrap()).unwrap();
    let id = never["order_id"].to_string();
    never["order_id"] = json!(777_777_777);
    let never = Record::new(0, "777777777", never.to_string());
    shop.write("handled", &[again, never]);
    let letters = kafka::read(shop.bootstrap(), &shop.topic("dead-letters"));
    shop.write("dead-letters", &letters[..1]);
    let done = found(&shop, &[&format!("order {id}"), "handled again"]);
    for parts in [["777777777", "an order with this id"], ["the dead letter of orders/", "1 more"]] {
        let told = done.stdout.lines().any(|line| parts.iter().all(|part| line.contains(part)));
        assert!(told, "{parts:?}: {done}");
    }
    let remedy = "Not compared: files, because mail has a lag of 2 records; `shop-sim consume --until-end`";
    assert!(done.stdout.contains(remedy), "{done}");
}

#[test]
fn a_shop_that_runs_and_one_that_was_killed_are_audited_too() {
    let shop = Shop::new();
    shop.bootstrap();
    let mut producer = shop.start(&["produce", "--rate", "50"]);
    let mut consumers = shop.start(&["consume", "--handle-every", "1s"]);
    let mails = shop.out().join("mail");
    consumers.wait_until("mails", || common::files::bytes(&mails) > 50_000);
    // Figures count what was read; later records make no difference.
    let done = shop.run(&["verify"]).ok();
    assert!(done.stdout.contains(" 0 differences"), "{done}");
    assert!(producer.is_running() && consumers.is_running());
    producer.kill();
    consumers.kill();
    shop.run(&["consume", "--until-end", "--handle-every", "1s"]).ok();
    intact(&shop);
}

#[test]
fn where_there_is_nothing_it_says_so_and_makes_nothing() {
    let shop = Shop::new();
    shop.run(&["verify"]).refused();
    assert!(!shop.out().exists(), "{:?}", tree(shop.home()));
}
