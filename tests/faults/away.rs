//! Kafka goes away and comes back, as users see it.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    bench::PATIENCE,
    common::shop::wait_for,
    machines::Machines,
    proxy::{END_TXN, LIST_OFFSETS, Proxy},
    terminal::Terminal,
};

/// Kafka is queried each second, with a time-out of a second; a busy machine takes longer.
const NOTICED: Duration = Duration::from_secs(2);
const BUSY: Duration = Duration::from_secs(2);

/// Orders a second in the head of the window.
fn rate(text: &str) -> Option<f64> {
    let before = text.split(" orders/s").next()?;
    before.rsplit(' ').next()?.replace(',', ".").parse().ok()
}

/// The number of correct sums.
fn right(text: &str) -> usize {
    text.lines().rfind(|line| line.contains("in stock")).map_or(0, |sums| sums.matches('✓').count())
}

#[test]
fn a_kafka_that_goes_is_told_at_once_in_one_sentence_and_nothing_seems_to_run_without_it() {
    let machines = Machines::new();
    let proxy = Proxy::before(&machines.bootstrap);
    let mut tui = Command::new(env!("CARGO_BIN_EXE_shop-sim"));
    let (address, prefix) = (proxy.address.to_string(), machines.prefix());
    tui.args(["tui", "--rate", "20", "--bootstrap", &address, "--prefix", &prefix, "--partitions", "2"]);
    tui.args(["--out", "a", "--log-level", "debug"]).current_dir(machines.shop.home());
    let mut terminal = Terminal::start(tui, 120, 30);
    terminal.see(" RUNNING ");
    terminal.see_that("orders", |text| rate(text) > Some(10.0) && right(text) == 2);

    // With an open transaction that cannot end.
    proxy.swallow(END_TXN, 1);
    wait_for("the end of a transaction", PATIENCE, || (proxy.swallowed() > 0).then_some(()));
    proxy.refuse(true);
    proxy.cut();
    let gone = Instant::now();
    terminal.see(" NO KAFKA ");
    assert!(gone.elapsed() < NOTICED + BUSY, "{:?}", gone.elapsed());
    let text = terminal.text();
    assert!(text.contains(" NO KAFKA ") && !text.contains("RUNNING"), "{text}");
    assert_eq!(rate(&text), Some(0.0), "{text}");
    assert_eq!(right(&text), 0, "{text}");
    terminal.type_keys("7");
    terminal.see_that("groups without a rate", |text| text.contains("○ sales") && !text.contains("● sales"));

    // Longer than any transaction or session time-out.
    let log = machines.out("a/shop-sim.log");
    let lines = |what: &str| {
        let log = std::fs::read_to_string(&log).unwrap_or_default();
        log.lines().filter(|line| line.contains(what)).map(str::to_owned).collect::<Vec<_>>()
    };
    wait_for("a transaction that failed", PATIENCE, || {
        (!lines("handling starts again from its checkpoint").is_empty()).then_some(())
    });
    proxy.refuse(false);
    terminal.type_keys("1");
    terminal.see("Kafka answers again");
    terminal.see(" RUNNING ");
    terminal.see_that("sums that are right", |text| right(text) == 2);
    let text = terminal.text();
    assert!(!text.contains("starts again") && !text.contains("transaction"), "{text}");
    let loud = |what: &str| {
        let loud = lines(what).into_iter().filter(|line| !line.contains("DEBUG"));
        loud.collect::<Vec<_>>()
    };
    assert_eq!(loud("other processes may have"), Vec::<String>::new());
    assert_eq!(loud("a transaction failed"), Vec::<String>::new());
    assert_eq!(loud("Kafka does not answer").len(), 1, "{:?}", loud("Kafka does not answer"));

    // A broker that accepts requests but does not respond.
    proxy.mute(Some((LIST_OFFSETS, machines.shop.topic("orders"))));
    let muted = Instant::now();
    terminal.see(" NO KAFKA ");
    assert!(muted.elapsed() < NOTICED + BUSY, "{:?}", muted.elapsed());
    proxy.mute(None);
    terminal.see(" RUNNING ");
    terminal.type_keys("q");
    assert!(terminal.ended_within(PATIENCE).is_some());
}

/// Kafka detects a dead broker after nine seconds: until then, queries for the end offsets of its partitions wait.
#[test]
fn partitions_without_a_leader_for_a_while_are_waited_for() {
    let mut machines = Machines::new();
    machines.sell("2026-03-27 22:00..2026-03-27 22:30");
    machines.start("a", &["consume", "--until-end"]).finish().ok();
    let proxy = Proxy::before(&machines.bootstrap);
    machines.bootstrap = proxy.address.to_string();
    let later = ["produce", "--backfill", "2026-03-27 22:30..2026-03-27 22:40", "--seed", "5"];
    let commands: [&[(&str, &[&str])]; 2] = [
        &[("a", &["verify"]), ("b", &["order", "1"]), ("c", &["status"])],
        &[("seller", &later), ("b", &["consume", "--until-end"])],
    ];
    for commands in commands {
        proxy.mute(Some((LIST_OFFSETS, machines.prefix())));
        let running: Vec<_> = commands.iter().map(|(out, command)| machines.start(out, command)).collect();
        std::thread::sleep(Duration::from_secs(12));
        proxy.mute(None);
        proxy.cut();
        for one in running {
            one.finish().ok();
        }
    }
}
