//! The embedded broker compared with a real Kafka: same client, same settings, in alternation.

use crate::{
    cluster::Cluster,
    figures::{self, Spread, thousands},
    load,
};

/// Connections that say nothing.
const IDLE: usize = 500;

/// The amount of work.
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    /// Records of a round's throughput.
    pub(crate) records: usize,
    /// Seconds of a round's paced sending.
    pub(crate) paced_seconds: u64,
}

/// A measure of both brokers, with the ratio per round.
#[derive(Default)]
struct Pair {
    ours: Vec<f64>,
    kafka: Vec<f64>,
}

impl Pair {
    fn row(&self, what: &str) -> Vec<String> {
        let ratios: Vec<f64> = self.ours.iter().zip(&self.kafka).map(|(ours, kafka)| ours / kafka).collect();
        let show = |figures: &[f64]| Spread::of(figures).show();
        vec![what.to_owned(), show(&self.ours), show(&self.kafka), show(&ratios)]
    }
}

pub(crate) fn measure(plan: &Plan, ours: &Cluster, kafka: &Cluster) {
    println!(
        "\nEmbedded broker beside Kafka: {} rounds, {} records of {} B, {} partitions, acks=all, linger {} ms",
        plan.rounds,
        thousands(plan.records),
        load::PAYLOAD,
        load::PARTITIONS,
        load::LINGER_MS
    );
    // Both are warmed up first.
    for cluster in [ours, kafka] {
        load::throughput(&cluster.bootstrap, plan.records / 10);
    }
    let [mut produce, mut consume, mut p50, mut p99, mut p50_at_once, mut p99_at_once] =
        [(); 6].map(|()| Pair::default());
    for round in 0..plan.rounds {
        // They alternate in going first.
        let order = if round % 2 == 0 { [ours, kafka] } else { [kafka, ours] };
        for cluster in order {
            let (sent, read) = load::throughput(&cluster.bootstrap, plan.records);
            let delays = load::delays(&cluster.bootstrap, plan.paced_seconds, load::LINGER_MS);
            let at_once = load::delays(&cluster.bootstrap, plan.paced_seconds, 0);
            let pick = |pair: &mut Pair, figure: f64| {
                if cluster.is_ours { pair.ours.push(figure) } else { pair.kafka.push(figure) }
            };
            pick(&mut produce, sent);
            pick(&mut consume, read);
            pick(&mut p50, figures::quantile(&delays, 0.5));
            pick(&mut p99, figures::quantile(&delays, 0.99));
            pick(&mut p50_at_once, figures::quantile(&at_once, 0.5));
            pick(&mut p99_at_once, figures::quantile(&at_once, 0.99));
            println!(
                "  round {} {:<8} produce {:>9}/s  consume {:>9}/s  p50 {:.2} ms  p99 {:.2} ms  \
                 linger 0: p50 {:.2} ms  p99 {:.2} ms",
                round + 1,
                cluster.name(),
                thousands(sent),
                thousands(read),
                figures::quantile(&delays, 0.5),
                figures::quantile(&delays, 0.99),
                figures::quantile(&at_once, 0.5),
                figures::quantile(&at_once, 0.99),
            );
        }
    }
    let memory = || Pair { ours: vec![ours.memory_mib()], kafka: vec![kafka.memory_mib()] };
    let busy = memory();
    let idle = [ours, kafka].map(|cluster| load::idle_connections(&cluster.bootstrap, IDLE));
    let connected = memory();
    drop(idle);
    figures::table(
        &["figure (least / median / most)", "embedded broker", "Kafka", "ratio"],
        &[
            produce.row("produce, records/s"),
            consume.row("consume, records/s"),
            p50.row("p50 at 2,000/s, ms"),
            p99.row("p99 at 2,000/s, ms"),
            p50_at_once.row("p50 at 2,000/s, linger 0, ms"),
            p99_at_once.row("p99 at 2,000/s, linger 0, ms"),
            busy.row("memory, MiB"),
            connected.row(&format!("memory with {IDLE} idle connections, MiB")),
        ],
    );
}
