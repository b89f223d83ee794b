//! Two machines, each with an `--out` of its own, on the same topics.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    producer::{BaseProducer, Producer},
};
use serde_json::Value;

use crate::{
    bench::PATIENCE,
    common::{
        files::{bytes, unite},
        kafka,
        oracle::Oracle,
        shop::{Running, Shop, wait_for},
    },
};

/// A shop whose commands all get the address of Kafka.
pub struct Machines {
    pub shop: Shop,
    /// The address for commands: the broker, or a proxy.
    pub bootstrap: String,
    /// `--partitions` of the commands that start from now on.
    pub partitions: &'static str,
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

    /// The number of a consumer's group members with partitions, while the group is stable.
    pub fn shares(&self, view: &str) -> usize {
        let group = format!("{}.{view}", self.prefix());
        let client: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", self.shop.bootstrap()).create().unwrap();
        let groups = wait_for("the group", PATIENCE, || client.fetch_group_list(Some(&group), PATIENCE).ok());
        let resting = groups.groups().iter().filter(|group| group.state() == "Stable");
        let members = resting.flat_map(rdkafka::groups::GroupInfo::members);
        // A two-byte version, then the number of topics.
        members
            .filter(|member| member.assignment().is_some_and(|bytes| bytes.get(2..6) > Some(&[0; 4][..])))
            .count()
    }

    pub fn out(&self, name: &str) -> PathBuf {
        self.shop.home().join(name)
    }

    /// Merges the files of several machines.
    pub fn merged(&self, outs: &[&str]) -> PathBuf {
        let all = self.out("merged");
        let _ = fs::remove_dir_all(&all);
        let outs: Vec<PathBuf> = outs.iter().map(|out| self.out(out)).collect();
        unite(&outs, &all, false);
        all
    }

    /// Waits until figures and files of these machines are what the topics say.
    pub fn wait_for_agreement(&self, outs: &[&str]) {
        self.wait_for_agreement_but(outs, &[]);
    }

    /// The same, but differences that begin like this are expected.
    pub fn wait_for_agreement_but(&self, outs: &[&str], expected: &[&str]) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut differences = self.differences(outs);
            differences.retain(|one| !expected.iter().any(|begin| one.starts_with(begin)));
            if differences.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "after {PATIENCE:?} still:\n{}", differences.join("\n"));
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    pub fn differences(&self, outs: &[&str]) -> Vec<String> {
        let status = self.status();
        // A row that is being cut or written is compared again.
        Oracle::read(self.shop.bootstrap(), &self.prefix()).compare(&self.merged(outs), &status)
    }
}

#[test]
fn a_machine_that_was_frozen_writes_nothing_of_what_another_has_taken_over() {
    if crate::common::is_left_out() {
        return;
    }
    let machines = Machines::new();
    machines.sell("2026-03-27 22:00..2026-03-27 23:00");
    let a = machines.start("a", &["consume"]);
    let b = machines.start("b", &["consume"]);
    // Each handles a part, and has a part of all views.
    machines.wait_for_agreement(&["a", "b"]);
    let of_a = bytes(&machines.out("a/orders"));

    a.signal("STOP");
    // Over midnight: now the other machine must write the report.
    machines.sell("2026-03-27 23:00..2026-03-28 00:30");
    machines.wait_for_agreement(&["a", "b"]);
    a.signal("CONT");
    // It would write records received meanwhile within a second.
    std::thread::sleep(Duration::from_secs(3));
    // A row that is written twice stays; a lag does not.
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
    if crate::common::is_left_out() {
        return;
    }
    let machines = Machines::new();
    machines.sell("2026-03-27 21:00..2026-03-27 22:00");
    let a = machines.start("a", &["consume"]);
    machines.wait_for_agreement(&["a"]);
    // A second machine shares, then has everything, then shares with a third.
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
    // The first one returns, with an old checkpoint.
    let a = machines.start("a", &["consume"]);
    machines.sell("2026-03-28 01:30..2026-03-28 02:00");
    machines.wait_for_agreement(&["a", "b", "c"]);
    a.terminate().ok();
    c.terminate().ok();
    assert_eq!(machines.differences(&["a", "b", "c"]), Vec::<String>::new(), "at the end");
}

#[test]
fn what_a_machine_that_died_within_a_transaction_has_left_open_holds_up_no_other() {
    let machines = Machines::with_partitions("1");
    let (bootstrap, prefix) = (machines.shop.bootstrap(), machines.prefix());
    machines.sell("2026-03-27 22:00..2026-03-27 22:10");
    // A dead machine with an open transaction; its time-out in Kafka is longer than this test.
    let said = br#"{"consumers":{"handling":{"partitions":1}}}"#;
    machines.shop.write("state", &[kafka::Record::new(0, "running/dead", said)]);
    let dead: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("transactional.id", format!("{prefix}.handling.dead"))
        .set("transaction.timeout.ms", "600000")
        .create()
        .unwrap();
    dead.init_transactions(PATIENCE).unwrap();
    dead.begin_transaction().unwrap();
    let group = format!("{prefix}.handling");
    let member: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", bootstrap).set("group.id", group).create().unwrap();
    let mut read = TopicPartitionList::new();
    read.add_partition_offset(&machines.shop.topic("orders"), 0, Offset::Offset(1)).unwrap();
    dead.send_offsets_to_transaction(&read, &member.group_metadata().unwrap(), PATIENCE).unwrap();

    let a = machines.start("a", &["consume"]);
    machines.wait_for_agreement(&["a"]);
    a.terminate().ok();
}
