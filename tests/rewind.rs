//! Going back in time: at every moment the dashboard matches a naive computation over the topics.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "common/terminal.rs"]
mod terminal;

use std::{fs, process::Command};

use chrono::{DateTime, Duration, FixedOffset};
use common::{
    kafka,
    orders::Hand,
    shop::{Shop, wait_for},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::Value;
use terminal::{PATIENCE, Terminal};

/// How many moments are compared.
const MOMENTS: usize = 50;

/// A day of 25 hours lies within.
const PERIOD: &str = "2026-10-24 06:00..2026-10-26 12:00";
const FIRST: &str = "2026-10-24T07:00:00+02:00";
const AT: &str = "2026-10-25T14:00:00+01:00";
const LAST: &str = "2026-10-26T11:00:00+01:00";

/// The keys of a step, and how far each goes.
const STEPS: [(&str, i64); 8] = [
    ("\x1b[D", -60),
    ("\x1b[C", 60),
    (",", -60),
    (".", 60),
    ("<", -3600),
    (">", 3600),
    ("\x1b[1;2D", -3600),
    ("\x1b[1;2C", 3600),
];

fn time(text: &str) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(text).unwrap()
}

/// The time of the shop's zone, as a screen and the names of files have it.
fn local(moment: DateTime<FixedOffset>, format: &str) -> String {
    moment.with_timezone(&chrono_tz::Tz::Europe__Stockholm).format(format).to_string()
}

/// A shop with sold and handled orders, a late order, duplicates, and invalid records.
fn shop() -> Shop {
    let shop = Shop::embedded();
    shop.run(&["produce", "--backfill", PERIOD, "--rate", "0.02", "--seed", "3"]).ok();
    shop.run(&["consume", "--until-end"]).ok();
    let records = kafka::read(shop.bootstrap(), &shop.topic("orders"));
    let again = records.iter().step_by(records.len() / 5).cloned();
    let late = Hand::at("2026-10-25T02:30:00.500+02:00").id(9_000_000_001).record(1);
    let letters = [0, 1, 2].map(|partition| kafka::Record::new(partition, "7", "no order"));
    let others: Vec<_> = again.chain([late]).chain(letters).collect();
    shop.write("orders", &others);
    shop.run(&["consume", "--until-end"]).ok();
    shop
}

fn screen(shop: &Shop, arguments: &[&str], columns: u16, rows: u16) -> Terminal {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shop-sim"));
    command.args(["tui", "--watch", "--out", "out"]).args(arguments).current_dir(shop.home());
    Terminal::start(command, columns, rows)
}

#[test]
fn fifty_moments_are_what_the_topics_say_of_them_and_now_is_now_again() {
    if common::is_left_out() {
        return;
    }
    let shop = shop();
    let oracle = shop.oracle();
    let mut terminal = screen(&shop, &["--at", "2026-10-25 14:00"], 120, 30);
    let mut random = StdRng::seed_from_u64(17);
    let (first, last, mut moment) = (time(FIRST), time(LAST), time(AT));
    let see = |terminal: &Terminal, moment| {
        terminal.see(&format!(" {} · n: now ", local(moment, "%-d %b %H:%M:%S")));
    };
    see(&terminal, moment);
    for _ in 0..MOMENTS {
        terminal.type_keys("s");
        let path = shop.out().join("pictures").join(local(moment, "%Y-%m-%d-%H%M%S.json"));
        let saved = || {
            let status: Value = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
            (DateTime::parse_from_rfc3339(status["shop_time"].as_str()?).ok()? == moment).then_some(status)
        };
        let status = wait_for("the figures of the moment", PATIENCE, saved);
        let differences = oracle.compare_past(&status);
        assert!(differences.is_empty(), "at {moment}:\n{}\n{status}", differences.join("\n"));
        let before = moment;
        while moment == before {
            for _ in 0..random.random_range(1..9) {
                let (keys, seconds) = STEPS[random.random_range(0..STEPS.len())];
                let to = moment + Duration::seconds(seconds);
                // The header shows both hours from 02:00 of that night alike.
                if (first..last).contains(&to) && local(to, "%d %H") != "25 02" {
                    terminal.type_keys(keys);
                    moment = to;
                    see(&terminal, moment);
                }
            }
        }
    }
    terminal.type_keys("7");
    terminal.see("No record says what stood here then");
    terminal.type_keys("1n");
    terminal.see_that("now", |text| !text.contains("n: now") && text.contains("12:00:00"));
    terminal.type_keys("q");
    assert!(terminal.ended_within(PATIENCE).expect("the end").success());
}

#[test]
fn before_the_first_record_and_after_now_there_is_a_sentence_and_no_moment() {
    let shop = shop();
    let terminal = screen(&shop, &["--at", "2026-10-24 05:59:59"], 120, 30);
    terminal.see("The log begins at 2026-10-24 06:00:00");
    terminal.see_that("the present", |text| !text.contains("reading") && !text.contains("n: now"));
    // Two days later, and smaller, in Swedish.
    let terminal = screen(&shop, &["--at", "2026-10-28", "--lang", "sv"], 80, 24);
    terminal.see("Inte än: butikens tid är 2026-10-26 12:00:00.");
    terminal.type_keys("<");
    terminal.see(" vid 2026-10-26 11:00:00 · n: nu ");
    terminal.type_keys(" ");
    terminal.see("Det som har varit går inte att ändra");
    terminal.type_keys(">");
    terminal.see_that("now", |text| !text.contains("n: nu") && text.contains("12:00:00"));
}
