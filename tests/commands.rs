//! Commands beside running ones: each finds the shop, reports its state, and ends as it should.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use common::{
    files, kafka,
    shop::{PATIENCE, Running, Shop, wait_for},
};
use serde_json::Value;

const BACKFILL: [&str; 7] =
    ["produce", "--backfill", "2026-03-28 22:00..2026-03-29 04:00", "--rate", "0.05", "--seed", "11"];

/// A shop with six hours of sales, all processed, and its status.
fn worked_off() -> (Shop, Value) {
    let shop = Shop::new();
    shop.run(&BACKFILL).ok();
    let status = shop.run(&["consume", "--until-end", "--json"]).ok().json();
    (shop, status)
}

fn status(shop: &Shop) -> Option<Value> {
    let done = shop.run(&["status", "--json"]);
    done.status.success().then(|| done.json())
}

/// Every valid order is either handled or pending, at any time. Two consumers publish these counts, a moment apart, so
/// their sum is seldom of one moment.
fn orders_known(status: &Value) -> i64 {
    status["orders_since_midnight"].as_i64().unwrap()
}

#[track_caller]
fn assert_clean_end(running: Running) {
    let done = running.terminate().ok();
    assert!(done.took < PATIENCE && !done.stderr.contains("panicked"), "{done}");
}

#[test]
fn status_is_at_most_two_seconds_behind_running_consumers() {
    let shop = Shop::new();
    shop.bootstrap();
    let consumers = shop.start(&["consume"]);
    shop.run(&["produce", "--count", "100", "--rate", "50"]).ok();
    // The first status takes until the groups have formed; later ones two seconds.
    wait_for("all orders in the status", PATIENCE, || status(&shop).filter(|one| orders_known(one) == 100));

    let mut behind = Vec::new();
    for round in 2..=6 {
        shop.run(&["produce", "--count", "100", "--rate", "200"]).ok();
        let produced = Instant::now();
        let mut asked = produced;
        wait_for("all orders in the status", PATIENCE, || {
            asked = Instant::now();
            status(&shop).filter(|one| orders_known(one) == 100 * round)
        });
        behind.push(asked - produced);
    }
    // On a busy machine a single round may be delayed.
    behind.sort();
    assert!(behind[2] < Duration::from_secs(2) && behind[4] < Duration::from_secs(4), "{behind:?} behind");
    assert_clean_end(consumers);
}

#[test]
fn status_shows_the_time_of_the_clock() {
    let shop = Shop::new();
    shop.bootstrap();
    let consumers = shop.start(&["consume"]);
    let producer = shop.start(&["produce", "--rate", "20"]);
    wait_for("a status with orders", PATIENCE, || status(&shop).filter(|one| orders_known(one) > 20));
    for _ in 0..3 {
        let before = Utc::now();
        let status = status(&shop).expect("a status");
        let time = DateTime::parse_from_rfc3339(status["shop_time"].as_str().unwrap()).unwrap();
        let (after, time) = (Utc::now(), time.with_timezone(&Utc));
        assert!(before - time < chrono::Duration::seconds(3), "{time} at {before}");
        assert!(time - after < chrono::Duration::seconds(1), "{time} at {after}");
    }
    assert_clean_end(producer);
    assert_clean_end(consumers);
}

#[test]
fn a_real_time_shop_that_ran_agrees_with_its_topics() {
    let shop = Shop::new();
    shop.bootstrap();
    let mut consumers = shop.start(&["consume", "--handle-every", "1s"]);
    let producer = shop.start(&["produce", "--rate", "50"]);
    let mails = || status(&shop).and_then(|status| status["mails"].as_i64()).unwrap_or(0);
    consumers.wait_until("fifty mails", || mails() > 50);
    assert_clean_end(producer);
    assert_clean_end(consumers);
    let status = shop.run(&["consume", "--until-end", "--json", "--handle-every", "1s"]).ok().json();
    let mut oracle = shop.oracle();
    oracle.every = chrono::Duration::seconds(1);
    let differences = oracle.compare(&shop.out(), &status);
    assert!(differences.is_empty(), "{}\n{status}", differences.join("\n"));
}

#[test]
fn when_the_process_that_serves_the_broker_is_killed_another_takes_over() {
    let shop = Shop::embedded();
    let mut producer = shop.start(&["produce", "--rate", "20"]);
    let data = shop.out().join("kafka");
    producer.wait_until("the broker's data", || files::bytes(&data) > 10_000);
    let mut consumers = shop.start(&["consume"]);
    consumers.wait_until("orders", || status(&shop).is_some_and(|one| orders_known(&one) > 20));
    producer.kill();
    shop.run(&["produce", "--count", "50", "--rate", "max"]).ok();
    // The consumers' process now serves the broker, at the same address.
    let address = wait_for("a broker", PATIENCE, || fs::read_to_string(data.join("address")).ok());
    let end = common::oracle::Oracle::read(address.trim(), "shop").orders.len();
    let all = |one: &Value| usize::try_from(orders_known(one)).unwrap() == end;
    consumers.wait_until("every order", || status(&shop).as_ref().is_some_and(all));
    assert_clean_end(consumers);
}

#[test]
fn an_orders_way_is_told() {
    let (shop, _) = worked_off();
    let oracle = shop.oracle();
    let handled = &oracle.handled[0];
    let told = shop.run(&["order", &handled.order_id.to_string()]).ok().stdout;
    for part in [
        handled.order_id.to_string(),
        handled.customer.email.clone(),
        handled.created_at.format("%H:%M:%S").to_string(),
        handled.at.format("%H:%M:%S").to_string(),
    ] {
        assert!(told.contains(&part), "{part} in {told}");
    }
    let done = shop.run(&["order", "999999"]);
    assert!(done.refused().contains("999999"), "{done}");
}

#[test]
fn a_report_is_printed_and_computed_again() {
    let (shop, _) = worked_off();
    let path = shop.out().join("reports/2026-03-28.txt");
    let saved = fs::read_to_string(&path).unwrap();
    assert_eq!(shop.run(&["report", "2026-03-28"]).ok().stdout.trim(), saved.trim());
    // Without a date, the latest report.
    assert_eq!(shop.run(&["report"]).ok().stdout.trim(), saved.trim());

    // A file that was changed by hand is recomputed from the log.
    let day = &shop.oracle().days()[&"2026-03-28".parse().unwrap()];
    fs::write(&path, "spoilt\n").unwrap();
    let rebuilt = shop.run(&["report", "2026-03-28", "--rebuild"]).ok().stdout;
    let digits: String = rebuilt.chars().filter(|one| one.is_ascii_digit() || one.is_alphabetic()).collect();
    assert!(digits.contains(&day.orders.to_string()), "{} orders in {rebuilt}", day.orders);
    assert!(digits.contains(&(day.sales_ore / 100).to_string()), "{} öre in {rebuilt}", day.sales_ore);

    let done = shop.run(&["report", "2026-03-29"]);
    assert!(done.refused().contains("`report 2026-03-29 --rebuild`"), "{done}");
    assert!(!done.stderr.contains("os error"), "{done}");
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let shop = Shop::new();
    fs::create_dir_all(shop.out().join("reports")).unwrap();
    fs::write(shop.out().join("reports/2026-03-28.txt"), "Daily report\n").unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut report = Command::new(env!("CARGO_BIN_EXE_shop-sim"));
    let done = report.args(["report"]).current_dir(shop.home()).stdout(writer).output().unwrap();
    assert!(done.status.success() && done.stderr.is_empty(), "{done:?}");
}

#[test]
fn a_second_simulator_is_refused_and_a_third_takes_over() {
    let shop = Shop::new();
    shop.bootstrap();
    let mut first = shop.start(&["produce", "--rate", "20"]);
    let topic = shop.topic("orders");
    wait_for("orders", PATIENCE, || (kafka::records_written(shop.bootstrap(), &topic) > 5).then_some(()));
    shop.run(&["produce", "--count", "1"]).refused();
    assert!(first.is_running());

    shop.run(&["produce", "--count", "50", "--rate", "max", "--take-over"]).ok();
    let ended = first.finish_within(Duration::from_secs(20));
    assert!(!ended.stderr.contains("panicked"), "{ended}");
    let wrong = shop.oracle().check_sales();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_shop_runs_without_a_screen_and_tells_its_figures_in_lines() {
    let shop = Shop::new();
    let mut running = shop.start(&["tui", "--plain", "--rate", "50"]);
    let orders = |line: &str| -> Option<u64> {
        let count = line.split("Orders since midnight ").nth(1)?.split(',').next()?;
        count.chars().filter(char::is_ascii_digit).collect::<String>().parse().ok()
    };
    running.wait_for_output("figures", |lines| lines.lines().filter_map(orders).any(|orders| orders > 0));
    let lines = running.stdout();
    assert!(lines.chars().all(|character| character == '\n' || !character.is_control()), "{lines}");
    running.terminate().ok();
}

#[test]
fn the_dashboard_runs_the_whole_shop_and_leaves_the_terminal_as_it_was() {
    let shop = Shop::new();
    let mut tui = shop.start_in_terminal(&["tui", "--rate", "20"]);
    tui.wait_for_output("the other screen", |screen| screen.contains("\u{1b}[?1049h"));
    wait_for("a status beside it", PATIENCE, || status(&shop).filter(|one| orders_known(one) > 20));
    tui.type_keys("q");
    let done = tui.finish_within(Duration::from_secs(20)).ok();
    let end = done.stdout.rfind("\u{1b}[?1049l").expect("the screen it came from");
    assert!(done.stdout[..end].contains("\u{1b}[?1049h"), "{done}");
    assert!(
        done.stdout.rfind("\u{1b}[?25h") > done.stdout.rfind("\u{1b}[?25l"),
        "the cursor is back: {done}"
    );
    let wrong = shop.oracle().check_sales();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
