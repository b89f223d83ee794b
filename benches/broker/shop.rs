//! The program's own consumers and simulator beside plain librdkafka on the same records.

use std::{
    process::{Command, Stdio},
    time::Instant,
};

use crate::load;

/// Orders a second.
pub(crate) struct Round {
    pub(crate) consumers: f64,
    pub(crate) raw_reader: f64,
    pub(crate) simulator: f64,
    pub(crate) raw_producer: f64,
}

/// About the bytes of an order, key and value.
const ORDER: usize = 350;

/// A shop with a prefix and a folder of its own.
struct Shop<'a> {
    bootstrap: &'a str,
    prefix: String,
    folder: tempfile::TempDir,
}

impl Shop<'_> {
    /// Runs a command to its end; the seconds it took.
    fn run(&self, arguments: &[&str]) -> f64 {
        let begun = Instant::now();
        let status = Command::new(env!("CARGO_BIN_EXE_shop-sim"))
            .args(arguments)
            .args(["--bootstrap", self.bootstrap, "--prefix", &self.prefix, "--out"])
            .arg(self.folder.path())
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "{arguments:?}");
        begun.elapsed().as_secs_f64()
    }
}

pub(crate) fn round(bootstrap: &str, number: usize, orders: usize) -> Round {
    let shop = |name: &str| Shop {
        bootstrap,
        prefix: format!("{name}-{}-{number}", std::process::id()),
        folder: tempfile::tempdir().unwrap(),
    };
    // Two days of the past, so that every order is handled and mailed, and two reports are written.
    let past = shop("past");
    let rate = format!("{:.4}", orders as f64 / (2.0 * 86_400.0));
    past.run(&["produce", "--backfill", "2026-11-18 00:00..2026-11-20 00:00", "--rate", &rate]);
    let topic = format!("{}.orders", past.prefix);
    let there = load::records(bootstrap, &topic);
    let raw_reader = load::consume(bootstrap, &topic, there);
    let consumers = there as f64 / past.run(&["consume", "--until-end"]);
    println!("  round {} consumers {consumers:>10.0}/s  librdkafka reads {raw_reader:>10.0}/s", number + 1);

    let fast = shop("fast");
    let simulator = orders as f64 / fast.run(&["produce", "--rate", "max", "--count", &orders.to_string()]);
    let raw_producer = load::produce_only(bootstrap, orders, ORDER);
    println!("  round {} simulator {simulator:>10.0}/s  librdkafka sends {raw_producer:>10.0}/s", number + 1);
    Round { consumers, raw_reader, simulator, raw_producer }
}
