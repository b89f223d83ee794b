//! Two machines, each with an `--out` of its own, on the same topics.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer},
};
use serde_json::Value;

use crate::{
    bench::PATIENCE,
    common::{
        files::{bytes, unite},
        oracle::Oracle,
        shop::{Running, Shop},
    },
};

/// A shop whose Kafka every command is told by name.
pub struct Machines {
    pub shop: Shop,
    /// Where the commands find Kafka: the broker itself, or something before it.
    pub bootstrap: String,
    partitions: &'static str,
}

impl Machines {
    pub fn new() -> Self {
        Self::with_partitions("2")
    }

    pub fn with_partitions(partitions: &'static str) -> Self {
        let shop = Shop::new();
        let bootstrap = shop.bootstrap().to_owned();
        Self { shop, bootstrap, partitions }
    }

    pub fn prefix(&self) -> String {
        self.shop.topic("").trim_end_matches('.').to_owned()
    }

    pub fn start(&self, out: &str, arguments: &[&str]) -> Running {
        let prefix = self.prefix();
        let mut all = arguments.to_vec();
        all.extend(["--bootstrap", &self.bootstrap, "--prefix", &prefix]);
        all.extend(["--partitions", self.partitions, "--out", out]);
        self.shop.start_bare(&all)
    }

    /// Sells a period of shop time.
    pub fn sell(&self, period: &str) {
        self.start("seller", &["produce", "--backfill", period, "--rate", "0.1", "--seed", "5"])
            .finish()
            .ok();
    }

    pub fn status(&self) -> Value {
        self.start("seller", &["status", "--json"]).finish().ok().json()
    }

    /// How many members of a consumer's group have partitions, while it rests.
    pub fn shares(&self, view: &str) -> usize {
        let group = format!("{}.{view}", self.prefix());
        let client: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", self.shop.bootstrap()).create().unwrap();
        let groups = client.fetch_group_list(Some(&group), Duration::from_secs(5)).unwrap();
        let resting = groups.groups().iter().filter(|group| group.state() == "Stable");
        let members = resting.flat_map(rdkafka::groups::GroupInfo::members);
        // A version of two bytes, then the number of topics.
        members
            .filter(|member| member.assignment().is_some_and(|bytes| bytes.get(2..6) > Some(&[0; 4][..])))
            .count()
    }

    pub fn out(&self, name: &str) -> PathBuf {
        self.shop.home().join(name)
    }

    /// The files of some machines as if one had written them.
    pub fn merged(&self, outs: &[&str]) -> PathBuf {
        let all = self.out("merged");
        let _ = fs::remove_dir_all(&all);
        let outs: Vec<PathBuf> = outs.iter().map(|out| self.out(out)).collect();
        unite(&outs, &all, false);
        all
    }

    /// Waits until figures and files of these machines are what the topics say.
    pub fn wait_for_agreement(&self, outs: &[&str]) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let differences = self.differences(outs);
            if differences.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "after {PATIENCE:?} still:\n{}", differences.join("\n"));
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    pub fn differences(&self, outs: &[&str]) -> Vec<String> {
        let status = self.status();
        // Rows that are cut or written just now are looked at again.
        Oracle::read(self.shop.bootstrap(), &self.prefix()).compare(&self.merged(outs), &status)
    }
}

#[test]
fn a_machine_that_was_frozen_writes_nothing_of_what_another_has_taken_over() {
    let machines = Machines::new();
    machines.sell("2026-03-27 22:00..2026-03-27 23:00");
    let a = machines.start("a", &["consume"]);
    let b = machines.start("b", &["consume"]);
    // Each has its share of the handling and of all views.
    machines.wait_for_agreement(&["a", "b"]);
    let of_a = bytes(&machines.out("a/orders"));

    a.signal("STOP");
    // Over midnight: the report is the other's to write now, if it was not before.
    machines.sell("2026-03-27 23:00..2026-03-28 00:30");
    machines.wait_for_agreement(&["a", "b"]);
    a.signal("CONT");
    // What it had received meanwhile it would write within a second.
    std::thread::sleep(Duration::from_secs(3));
    // A row that is written twice stays; only lag passes.
    machines.wait_for_agreement(&["a", "b"]);

    machines.sell("2026-03-28 00:30..2026-03-28 02:00");
    machines.wait_for_agreement(&["a", "b"]);
    a.terminate().ok();
    b.terminate().ok();
    assert_eq!(machines.differences(&["a", "b"]), Vec::<String>::new(), "at the end");
    assert!(bytes(&machines.out("a/orders")) > of_a, "it was back in its groups");
}

#[test]
fn machines_come_and_go_and_every_row_is_written_once() {
    let machines = Machines::new();
    machines.sell("2026-03-27 21:00..2026-03-27 22:00");
    let a = machines.start("a", &["consume"]);
    machines.wait_for_agreement(&["a"]);
    // A second one shares, then has everything, then shares with a third.
    let b = machines.start("b", &["consume"]);
    machines.sell("2026-03-27 22:00..2026-03-27 23:00");
    machines.wait_for_agreement(&["a", "b"]);
    a.terminate().ok();
    machines.sell("2026-03-27 23:00..2026-03-28 00:30");
    machines.wait_for_agreement(&["a", "b"]);
    let c = machines.start("c", &["consume"]);
    machines.sell("2026-03-28 00:30..2026-03-28 01:00");
    machines.wait_for_agreement(&["a", "b", "c"]);
    b.kill();
    machines.sell("2026-03-28 01:00..2026-03-28 01:30");
    machines.wait_for_agreement(&["a", "b", "c"]);
    // The first one is back, with a checkpoint from before all this.
    let a = machines.start("a", &["consume"]);
    machines.sell("2026-03-28 01:30..2026-03-28 02:00");
    machines.wait_for_agreement(&["a", "b", "c"]);
    a.terminate().ok();
    c.terminate().ok();
    assert_eq!(machines.differences(&["a", "b", "c"]), Vec::<String>::new(), "at the end");
}
