//! The delay until an order is in the views and on the screen, in real time, at several rates.

use std::{
    collections::{BTreeMap, HashMap},
    thread,
    time::Duration,
};

use chrono::{DateTime, Utc};
use rdkafka::{Message, message::OwnedMessage};
use serde_json::Value;

use crate::{
    applied,
    cluster::Cluster,
    feed::{self, Seen},
    figures::{self, Spread, quantile},
    follower::Follower,
    process::Background,
    shop::Shop,
    tui::Tui,
};

/// Orders a second.
const RATES: [u32; 3] = [5, 100, 1_000];
/// Short handling times, so that all stages are visible during the measurement.
const HANDLING: [&str; 4] = ["--handle-every", "1s", "--handle-chance", "50%"];
const TRACE: [&str; 2] = ["--log-level", "trace"];
/// Events this close to the end may not be displayed in time.
const MARGIN: Duration = Duration::from_secs(3);

/// The duration at each rate.
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) warm: Duration,
    pub(crate) watched: Duration,
}

/// The delays (ms) of a round by what was waited for, with the number of orders that could be seen.
type Round = BTreeMap<String, (Vec<f64>, usize)>;

/// The orders in a follower's records, with the time in a field of the record (Unix ms).
fn times(follower: Follower, field: &str) -> HashMap<u64, i64> {
    let time = |record: &OwnedMessage| {
        let value: Value = serde_json::from_slice(record.payload()?).ok()?;
        let at = DateTime::parse_from_rfc3339(value[field].as_str()?).ok()?;
        Some((value["order_id"].as_u64()?, at.timestamp_millis()))
    };
    follower.records().iter().filter_map(time).collect()
}

/// The views' states under `consume` beside a headless simulator.
fn headless(cluster: &Cluster, plan: &Plan, rate: u32) -> Round {
    let shop = Shop::new(cluster);
    shop.open();
    let consumers = Background::start(shop.command(&[&["consume"], &HANDLING[..], &TRACE].concat()));
    let simulator = Background::start(shop.command(&["produce", "--rate", &rate.to_string()]));
    thread::sleep(plan.warm);
    let from = Utc::now();
    thread::sleep(plan.watched);
    let to = Utc::now();
    drop(simulator);
    drop(consumers);
    let round = states("consume", &shop, from, to);
    shop.delete();
    round
}

fn states(program: &str, shop: &Shop, from: DateTime<Utc>, to: DateTime<Utc>) -> Round {
    let delays = applied::delays(&shop.out().join("shop-sim.log"), from, to);
    let named = delays.into_iter().map(|(view, delays)| {
        let orders = delays.len();
        (format!("`{program}`: state of {view}"), (delays, orders))
    });
    named.collect()
}

/// The views' states and the screen of `tui`.
fn live(cluster: &Cluster, plan: &Plan, rate: u32) -> Round {
    let rate = rate.to_string();
    let tui = Tui::start(cluster, &[&["--rate", rate.as_str()], &HANDLING[..], &TRACE].concat());
    tui.see("produced", tui.begun);
    let orders = Follower::start(&tui.shop, "orders");
    let handled = Follower::start(&tui.shop, "handled");
    tui.press("4");
    let sightings = feed::watch(&tui.terminal);
    thread::sleep(plan.warm);
    let from = Utc::now();
    thread::sleep(plan.watched);
    let to = Utc::now();
    let (created, handled) = (times(orders, "created_at"), times(handled, "handled_at"));
    let seen = sightings.lock().unwrap().clone();
    let mut round = states("tui", &tui.shop, from, to);
    let until = (to - MARGIN).timestamp_millis();
    let within = from.timestamp_millis()..until;
    for (stage, what, times) in
        [(0, "order", &created), (1, "handled order", &handled), (2, "mailed order", &handled)]
    {
        let could: Vec<_> = times.iter().filter(|(_, at)| within.contains(at)).collect();
        let delays = could.iter().filter_map(|(id, at)| delay(seen.get(id)?, stage, **at)).collect();
        round.insert(format!("`tui`: {what} on the screen"), (delays, could.len()));
    }
    round
}

fn delay(seen: &Seen, stage: usize, at: i64) -> Option<f64> {
    Some((seen[stage]? - at) as f64)
}

/// Median and p99 of each round, and the share of orders seen.
fn cell(rounds: &[&(Vec<f64>, usize)]) -> String {
    let rounds: Vec<_> = rounds.iter().filter(|(delays, _)| !delays.is_empty()).collect();
    if rounds.is_empty() {
        return "not measured".to_owned();
    }
    let of =
        |share| Spread::of(&rounds.iter().map(|(delays, _)| quantile(delays, share)).collect::<Vec<_>>());
    let seen: usize = rounds.iter().map(|(delays, _)| delays.len()).sum();
    let could: usize = rounds.iter().map(|(_, could)| could).sum();
    format!(
        "p50 {} · p99 {} ({} of {})",
        of(0.5).show(),
        of(0.99).show(),
        figures::thousands(seen),
        figures::thousands(could)
    )
}

pub(crate) fn measure(cluster: &Cluster, plan: &Plan) {
    println!(
        "\nLatency in real time, on the {} broker: {} rounds of {} s after {} s at each rate; ms; handling {}",
        cluster.name(),
        plan.rounds,
        plan.watched.as_secs(),
        plan.warm.as_secs(),
        HANDLING.join(" ")
    );
    let mut rates: Vec<Vec<Round>> = Vec::new();
    rates.resize_with(RATES.len(), Vec::new);
    for round in 0..plan.rounds {
        for (rate, rounds) in RATES.into_iter().zip(&mut rates) {
            let mut all = headless(cluster, plan, rate);
            all.extend(live(cluster, plan, rate));
            for (what, delays) in &all {
                println!("  round {} {rate:>5}/s  {what:<40} {}", round + 1, cell(&[delays]));
            }
            rounds.push(all);
        }
    }
    let mut names: Vec<&String> = rates.iter().flatten().flat_map(BTreeMap::keys).collect();
    names.sort();
    names.dedup();
    let row = |what: &&String| {
        let of = |rounds: &Vec<Round>| {
            cell(&rounds.iter().filter_map(|round| round.get(*what)).collect::<Vec<_>>())
        };
        std::iter::once((*what).clone()).chain(rates.iter().map(of)).collect()
    };
    let mut rows: Vec<Vec<String>> = names.iter().map(row).collect();
    if !names.iter().any(|name| name.contains("state of")) {
        rows.push(
            [&["states of the views"][..], &["not measured"; RATES.len()]]
                .concat()
                .iter()
                .map(ToString::to_string)
                .collect(),
        );
    }
    let title = format!("{}, ms (least / median / most of the rounds; seen)", cluster.name());
    let heads = RATES.map(|rate| format!("{}/s", figures::thousands(rate)));
    let head: Vec<&str> = std::iter::once(title.as_str()).chain(heads.iter().map(String::as_str)).collect();
    figures::table(&head, &rows);
}
