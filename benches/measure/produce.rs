//! The simulator compared with a plain idempotent producer of prepared records, equal in size and number.

use crate::{
    cluster::Cluster,
    consume,
    figures::{self, Spread, thousands},
    load::{self, Topic},
    naive::Naive,
    plain,
    process::{self, Spent},
    shop::Shop,
};

const FASTEST: &str = "--rate max --count N";

#[derive(Default)]
struct Runs {
    ours: Vec<f64>,
    plain: Vec<f64>,
    ratio: Vec<f64>,
    cpu: Vec<f64>,
    plain_cpu: Vec<f64>,
}

impl Runs {
    fn add(&mut self, orders: usize, spent: &Spent, plain: &Spent) {
        self.ours.push(orders as f64 / spent.seconds);
        self.plain.push(orders as f64 / plain.seconds);
        self.ratio.push(plain.seconds / spent.seconds);
        self.cpu.push(spent.cpu_seconds / orders as f64 * 1e6);
        self.plain_cpu.push(plain.cpu_seconds / orders as f64 * 1e6);
    }

    fn row(&self, what: &str) -> Vec<String> {
        let figures = [&self.ours, &self.plain, &self.ratio, &self.cpu, &self.plain_cpu];
        let shown = figures.map(|figures| Spread::of(figures).show());
        std::iter::once(what.to_owned()).chain(shown).collect()
    }
}

pub(crate) fn measure(cluster: &Cluster, orders: usize, rounds: usize, linger_ms: u64) {
    println!(
        "\nSimulator beside a plain idempotent producer, on the {} broker: {rounds} rounds of {} orders, whole processes, \
         topics made before; plain: acks=all, linger {linger_ms} ms (the simulator's own: {} ms), no compression",
        cluster.name(),
        thousands(orders),
        load::LINGER_MS
    );
    let fastest = ["produce", "--rate", "max", "--count", &orders.to_string()].map(str::to_owned);
    let past = consume::backfill(orders);
    let kinds = [(FASTEST, &fastest[..]), ("--backfill of two days", &past[..])];
    let mut runs = [(); 2].map(|()| Runs::default());
    for round in 0..rounds {
        for ((what, arguments), runs) in kinds.iter().zip(&mut runs) {
            let shop = Shop::new(cluster);
            shop.open();
            let spent = process::run(shop.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>()));
            let ready = Naive::read(&shop).alike;
            assert!(*what != FASTEST || ready.records == orders, "{} orders of {orders}", ready.records);
            let topic = Topic::make(&shop.bootstrap);
            let plain = plain::produce(&shop.bootstrap, &topic.name, &ready, linger_ms);
            assert_eq!(
                load::records(&shop.bootstrap, &topic.name),
                ready.records,
                "the plain producer's records"
            );
            runs.add(ready.records, &spent, &plain);
            println!(
                "  round {} {what:<24} {:>9}/s of {:>9}/s  ({} records of {} + {} B)",
                round + 1,
                thousands(ready.records as f64 / spent.seconds),
                thousands(ready.records as f64 / plain.seconds),
                thousands(ready.records),
                ready.key.unwrap_or_default(),
                ready.value
            );
            shop.delete();
        }
    }
    let title = format!("{} (least / median / most)", cluster.name());
    let head = [
        title.as_str(),
        "orders/s",
        "plain, records/s",
        "ratio",
        "CPU s per million",
        "plain, CPU s per million",
    ];
    let rows: Vec<_> = kinds.iter().zip(&runs).map(|((what, _), runs)| runs.row(what)).collect();
    figures::table(&head, &rows);
}
