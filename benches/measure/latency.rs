//! How soon an order is in the views and on the screen, in real time at several rates.

use std::{
    collections::{BTreeMap, HashMap},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use rdkafka::{Message, consumer::BaseConsumer};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{
    applied,
    cluster::Cluster,
    feed::{self, Seen},
    figures::{self, Spread, quantile},
    load,
    shop::Shop,
    tui::Tui,
};

/// Orders a second.
const RATES: [u32; 3] = [5, 100, 1_000];
/// Orders are handled soon, so that the stages behind the sale are seen while the bench looks.
const HANDLING: [&str; 4] = ["--handle-every", "1s", "--handle-chance", "50%"];
const TRACE: [&str; 2] = ["--log-level", "trace"];
/// What happened within so long before the end may not be shown yet.
const MARGIN: Duration = Duration::from_secs(3);
/// How long a program may take to end.
const LEAVING: Duration = Duration::from_secs(20);

/// How long is watched, at every rate.
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) warm: Duration,
    pub(crate) watched: Duration,
}

/// The delays (ms) of one round, by what was waited for, and how many orders could have been seen.
type Round = BTreeMap<String, (Vec<f64>, usize)>;

/// A command that is ended with the signal of a stop.
struct Background(Child);

impl Background {
    fn start(mut command: Command) -> Self {
        Self(command.stdout(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        let deadline = Instant::now() + LEAVING;
        while self.0.try_wait().unwrap().is_none() {
            if Instant::now() > deadline {
                let _ = self.0.kill();
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A plain reader that follows a topic from its beginning and keeps what it reads.
struct Follower {
    ended: Arc<AtomicBool>,
    reader: JoinHandle<Vec<Vec<u8>>>,
}

impl Follower {
    fn start(shop: &Shop, suffix: &str) -> Self {
        let consumer = load::reader(&shop.bootstrap, &shop.topic(suffix));
        let ended = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&ended);
        Self { ended, reader: thread::spawn(move || follow(&consumer, &stop)) }
    }

    /// The orders it read, and when each came to be (Unix ms) as a field of its record says.
    fn times(self, field: &str) -> HashMap<u64, i64> {
        self.ended.store(true, Ordering::Relaxed);
        let time = |payload: &Vec<u8>| {
            let value: Value = serde_json::from_slice(payload).ok()?;
            let at = DateTime::parse_from_rfc3339(value[field].as_str()?).ok()?;
            Some((value["order_id"].as_u64()?, at.timestamp_millis()))
        };
        self.reader.join().unwrap().iter().filter_map(time).collect()
    }
}

fn follow(consumer: &BaseConsumer, ended: &AtomicBool) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    while !ended.load(Ordering::Relaxed) {
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
            payloads.extend(message.payload().map(<[u8]>::to_vec));
        }
    }
    payloads
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
    let (created, handled) = (orders.times("created_at"), handled.times("handled_at"));
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

/// Median and p99 of each round, and how much was seen of what could be.
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
