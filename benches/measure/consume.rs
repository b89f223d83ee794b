//! The consumers compared with a plain reader that only counts, on the same orders.

use crate::{
    cluster::Cluster,
    figures::{self, Spread, thousands},
    naive::Naive,
    plain,
    process::{self, Spent},
    shop::{Shop, VIEWS},
};

/// Two past days that end at noon: all orders but the last are handled and mailed, two days are closed, and there are
/// sales of today and of the last hour.
const PERIOD: &str = "2026-11-18 12:00..2026-11-20 12:00";
const NOW: &str = "2026-11-20T12:00:00+01:00";
const SECONDS: f64 = 2.0 * 86_400.0;

/// Consumers that are run together, by name.
const RUNS: [(&str, &[&str]); 8] = [
    ("orders-today", &["orders-today"]),
    ("sales", &["sales"]),
    ("stock", &["stock"]),
    ("daily-report", &["daily-report"]),
    ("these four together", &["orders-today", "sales", "stock", "daily-report"]),
    ("journal", &["journal"]),
    ("handling", &["handling"]),
    ("all eight", &VIEWS),
];

/// The arguments for a backfill of about so many orders.
pub(crate) fn backfill(orders: usize) -> [String; 5] {
    let rate = format!("{:.4}", orders as f64 / SECONDS);
    ["produce", "--backfill", PERIOD, "--rate", &rate].map(str::to_owned)
}

/// The measured runs of one kind.
#[derive(Default)]
struct Runs {
    a_second: Vec<f64>,
    ratio: Vec<f64>,
    cpu: Vec<f64>,
    peak: Vec<f64>,
}

impl Runs {
    fn add(&mut self, orders: usize, spent: &Spent, plain: &Spent) {
        self.a_second.push(orders as f64 / spent.seconds);
        self.ratio.push(plain.seconds / spent.seconds);
        self.cpu.push(spent.cpu_seconds / orders as f64 * 1e6);
        self.peak.push(spent.peak_mib);
    }

    fn row(&self, what: &str) -> Vec<String> {
        let figures = [&self.a_second, &self.ratio, &self.cpu, &self.peak];
        let shown = figures.map(|figures| Spread::of(figures).show());
        std::iter::once(what.to_owned()).chain(shown).collect()
    }
}

pub(crate) fn measure(cluster: &Cluster, orders: usize, rounds: usize) {
    let mut shop = Shop::new(cluster);
    let arguments = backfill(orders);
    process::run(shop.command(&arguments.each_ref().map(String::as_str)));
    let naive = Naive::read(&shop);
    let orders = naive.orders();
    println!(
        "\nConsumers beside a plain reader that counts, on the {} broker: {rounds} rounds of {} orders, whole processes",
        cluster.name(),
        thousands(orders)
    );
    let mut plain_runs = Runs::default();
    let mut runs = [(); RUNS.len()].map(|()| Runs::default());
    for round in 0..rounds {
        let plain = plain::read(&shop.bootstrap, &shop.topic("orders"), orders);
        plain_runs.add(orders, &plain, &plain);
        for ((what, views), runs) in RUNS.iter().zip(&mut runs) {
            shop.forget_consumers();
            let arguments = [&["consume"], *views, &["--until-end", "--json"]].concat();
            let spent = process::run(shop.command(&arguments));
            naive.check(&shop, views, NOW, &spent.stdout);
            runs.add(orders, &spent, &plain);
            println!(
                "  round {} {what:<20} {:>9}/s of {:>9}/s  {:.1} CPU s  {:.0} MiB",
                round + 1,
                thousands(orders as f64 / spent.seconds),
                thousands(orders as f64 / plain.seconds),
                spent.cpu_seconds,
                spent.peak_mib
            );
        }
    }
    shop.delete();
    let title = format!("{} (least / median / most)", cluster.name());
    let head = [title.as_str(), "orders/s", "ratio to the plain reader", "CPU s per million", "peak MiB"];
    let rows = std::iter::once(plain_runs.row("plain reader"));
    let rows = rows.chain(RUNS.iter().zip(&runs).map(|((what, _), runs)| runs.row(what)));
    figures::table(&head, &rows.collect::<Vec<_>>());
}
