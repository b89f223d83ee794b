//! Compares the program in one run: the embedded broker with a real Kafka, the consumers and the simulator with plain
//! librdkafka; and measures cost and delay of the whole. Run by `scripts/bench.sh`; `docs/benchmarks.md` explains the
//! results.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a bench that fails has no figures"
)]
#![allow(clippy::print_stdout, reason = "figures are for the screen")]

mod applied;
mod brokers;
mod cluster;
#[path = "../../tests/common/mod.rs"]
mod common;
mod consume;
mod feed;
mod figures;
mod follower;
mod ids;
mod latency;
mod load;
mod machines;
mod naive;
mod open;
mod plain;
mod process;
mod produce;
mod screen;
mod shop;
#[path = "../../tests/common/terminal.rs"]
mod terminal;
mod tui;

use std::time::Duration;

use cluster::Cluster;

/// How much is done.
struct Plan {
    brokers: brokers::Plan,
    /// Orders of a round of consumers or of the simulator.
    orders: usize,
    /// Rounds of them.
    rounds: usize,
    latency: latency::Plan,
    screen: screen::Plan,
}

const FULL: Plan = Plan {
    brokers: brokers::Plan { rounds: 7, records: 1_000_000, paced_seconds: 15 },
    orders: 1_000_000,
    rounds: 3,
    latency: latency::Plan { rounds: 3, warm: Duration::from_secs(8), watched: Duration::from_secs(30) },
    screen: screen::Plan {
        warm: Duration::from_secs(20),
        stretch: Duration::from_secs(30),
        stretches: 5,
        tries: 10,
    },
};
const SHORT: Plan = Plan {
    brokers: brokers::Plan { rounds: 5, records: 200_000, paced_seconds: 4 },
    orders: 200_000,
    rounds: 1,
    latency: latency::Plan { rounds: 1, warm: Duration::from_secs(8), watched: Duration::from_secs(12) },
    screen: screen::Plan {
        warm: Duration::from_secs(12),
        stretch: Duration::from_secs(3),
        stretches: 5,
        tries: 5,
    },
};

/// The parts that can be selected; by default all are measured.
const PARTS: [&str; 6] = ["--brokers", "--consume", "--latency", "--machines", "--screen", "--produce"];

/// Size of the log to open in GiB, and repetitions per kind of end.
const OPEN_GIB: usize = 20;
const OPEN_ROUNDS: usize = 3;

/// Partitions to open.
const PARTITIONS: i32 = 10_000;

/// Millions of order ids to check.
const MILLIONS_OF_IDS: u64 = 100;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let given = |name: &str| arguments.iter().any(|argument| argument == name);
    let value = |name: &str| arguments.iter().skip_while(|argument| *argument != name).nth(1);
    // `cargo test --all-targets` runs benches, too, without this flag.
    if plain::serve(&arguments) || !given("--bench") {
        return;
    }
    let plan = if given("--short") { SHORT } else { FULL };
    figures::machine();
    if given("--open") {
        open::measure(value("--open").and_then(|gib| gib.parse().ok()).unwrap_or(OPEN_GIB), OPEN_ROUNDS);
        return;
    }
    if given("--partitions") {
        open::partitions(
            value("--partitions").and_then(|count| count.parse().ok()).unwrap_or(PARTITIONS),
            OPEN_ROUNDS,
        );
        return;
    }
    if given("--ids") {
        ids::measure(value("--ids").and_then(|millions| millions.parse().ok()).unwrap_or(MILLIONS_OF_IDS));
        return;
    }
    let all = !PARTS.iter().any(|part| given(part));
    let wanted = |part: &str| all || given(part);
    if wanted("--brokers") {
        brokers::measure(&plan.brokers, &Cluster::ours(), &Cluster::kafka());
    }
    for cluster in clusters(value("--on").map(String::as_str)) {
        let cluster = cluster();
        if wanted("--consume") {
            consume::measure(&cluster, plan.orders, plan.rounds);
        }
        if wanted("--latency") {
            latency::measure(&cluster, &plan.latency);
        }
        if wanted("--machines") {
            machines::measure(&cluster, plan.rounds);
        }
        if wanted("--screen") {
            screen::measure(&cluster, &plan.screen);
        }
        if wanted("--produce") {
            let linger_ms = value("--linger").map_or(load::LINGER_MS, |linger| linger.parse().unwrap());
            produce::measure(&cluster, plan.orders, plan.rounds, linger_ms);
        }
    }
}

/// The brokers for the shop's parts, each started when needed.
fn clusters(on: Option<&str>) -> Vec<fn() -> Cluster> {
    match on {
        None => vec![Cluster::kafka, Cluster::ours],
        Some("kafka") => vec![Cluster::kafka],
        Some("embedded") => vec![Cluster::ours],
        Some(other) => panic!("--on {other}: use kafka or embedded"),
    }
}
