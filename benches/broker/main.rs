//! The program beside what it is measured against, in one sitting: the embedded broker beside a real Kafka, the shop's
//! consumers and simulator beside plain librdkafka. `scripts/bench.sh` runs it; `docs/benchmarks.md` tells how to read it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a bench that fails has no figures"
)]
#![allow(clippy::print_stdout, reason = "figures are for the screen")]

mod cluster;
mod figures;
mod load;
mod open;
mod shop;

use cluster::Cluster;
use figures::{Spread, row, thousands};

/// How much is done.
struct Plan {
    rounds: usize,
    /// Records of a round's throughput.
    records: usize,
    /// Seconds of a round's paced sending.
    paced_seconds: u64,
    /// Orders of the shop's part; `None` leaves it out.
    orders: usize,
    shop_rounds: usize,
}

const FULL: Plan =
    Plan { rounds: 7, records: 1_000_000, paced_seconds: 15, orders: 1_000_000, shop_rounds: 3 };
const SHORT: Plan = Plan { rounds: 5, records: 200_000, paced_seconds: 4, orders: 100_000, shop_rounds: 1 };

/// GiB of a log that is opened, and how many times after each kind of end.
const OPEN_GIB: usize = 20;
const OPEN_ROUNDS: usize = 3;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let given = |name: &str| arguments.iter().any(|argument| argument == name);
    // `cargo test --all-targets` runs benches too, without this.
    if !given("--bench") {
        return;
    }
    let plan = if given("--short") { SHORT } else { FULL };
    figures::machine();
    if given("--open") {
        let gib = arguments.iter().find_map(|argument| argument.parse().ok());
        open::measure(gib.unwrap_or(OPEN_GIB), OPEN_ROUNDS);
        return;
    }
    let ours = Cluster::ours();
    if !given("--shop") {
        let kafka = Cluster::kafka();
        side_by_side(&plan, &ours, &kafka);
    }
    if !given("--brokers") {
        shop(&plan, &ours);
    }
}

/// One measure on both, with the ratio of each round.
#[derive(Default)]
struct Pair {
    ours: Vec<f64>,
    kafka: Vec<f64>,
}

impl Pair {
    fn print(&self, what: &str, unit: &str) {
        let ratios: Vec<f64> = self.ours.iter().zip(&self.kafka).map(|(ours, kafka)| ours / kafka).collect();
        row(what, unit, &Spread::of(&self.ours), &Spread::of(&self.kafka), &Spread::of(&ratios));
    }
}

fn side_by_side(plan: &Plan, ours: &Cluster, kafka: &Cluster) {
    println!(
        "\nEmbedded broker beside Kafka: {} rounds, {} records of {} B, {} partitions, acks=all, linger 5 ms",
        plan.rounds,
        thousands(plan.records),
        load::PAYLOAD,
        load::PARTITIONS
    );
    // Both have been asked once before anything counts.
    for cluster in [ours, kafka] {
        load::throughput(&cluster.bootstrap, plan.records / 10);
    }
    let [mut produce, mut consume, mut p50, mut p99] = [(); 4].map(|()| Pair::default());
    for round in 0..plan.rounds {
        // Who is first takes turns.
        let order = if round % 2 == 0 { [ours, kafka] } else { [kafka, ours] };
        for cluster in order {
            let (sent, read) = load::throughput(&cluster.bootstrap, plan.records);
            let delays = load::delays(&cluster.bootstrap, plan.paced_seconds);
            let pick = |pair: &mut Pair, figure: f64| {
                if cluster.is_ours { pair.ours.push(figure) } else { pair.kafka.push(figure) }
            };
            pick(&mut produce, sent);
            pick(&mut consume, read);
            pick(&mut p50, figures::quantile(&delays, 0.5));
            pick(&mut p99, figures::quantile(&delays, 0.99));
            println!(
                "  round {} {:<6} produce {:>9}/s  consume {:>9}/s  p50 {:.2} ms  p99 {:.2} ms",
                round + 1,
                if cluster.is_ours { "ours" } else { "kafka" },
                thousands(sent),
                thousands(read),
                figures::quantile(&delays, 0.5),
                figures::quantile(&delays, 0.99),
            );
        }
    }
    figures::heading("ours", "kafka");
    produce.print("produce", "records/s");
    consume.print("consume", "records/s");
    p50.print("p50 at 2,000/s", "ms");
    p99.print("p99 at 2,000/s", "ms");
    let memory = |cluster: &Cluster| Spread::of(&[cluster.memory_mib()]);
    let (a, b) = (memory(ours), memory(kafka));
    let ratio = Spread::of(&[a.median / b.median]);
    row("memory, most", "MiB", &a, &b, &ratio);
}

fn shop(plan: &Plan, ours: &Cluster) {
    println!(
        "\nThe shop beside plain librdkafka, both on the embedded broker: {} rounds of {} orders",
        plan.shop_rounds,
        thousands(plan.orders)
    );
    let [mut consume, mut simulate] = [(); 2].map(|()| Pair::default());
    for round in 0..plan.shop_rounds {
        let shop::Round { consumers, raw_reader, simulator, raw_producer } =
            shop::round(&ours.bootstrap, round, plan.orders);
        consume.ours.push(consumers);
        consume.kafka.push(raw_reader);
        simulate.ours.push(simulator);
        simulate.kafka.push(raw_producer);
    }
    figures::heading("shop-sim", "librdkafka");
    consume.print("eight consumers", "orders/s");
    simulate.print("simulator, max", "orders/s");
}
