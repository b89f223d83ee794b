//! How long figures stand still when one of several machines stops or dies, or when all are restarted in turn.
//!
//! Every view publishes the state of each partition on `shop.state` once a second while records come. At the measured
//! rate every partition gets some, so the longest gap between a key's records is how long its figure stood still;
//! without events about a second.

use std::{collections::BTreeMap, process::Command, thread, time::Duration};

use chrono::Utc;
use rdkafka::Message;

use crate::{
    cluster::Cluster,
    figures::{self, Spread},
    follower::Follower,
    process::Background,
    shop::{Shop, VIEWS},
};

const MACHINES: usize = 4;
/// Orders a second: some come to each of the six partitions every second.
const RATE: &str = "200";
const HANDLING: [&str; 4] = ["--handle-every", "1s", "--handle-chance", "50%"];
/// Time for a rebalance, and for a takeover.
const CALM: Duration = Duration::from_secs(15);

/// What happens to the machines, by the name that the table calls it.
const EVENTS: [(&str, Event); 4] = [
    ("nothing", |_| ()),
    ("one is stopped (SIGTERM)", |machines| machines.stop(0)),
    ("one is killed (`kill -9`)", |machines| machines.kill(0)),
    ("all four are stopped and started, one after the other", |machines| machines.restart_in_turn()),
];
type Event = fn(&mut Machines<'_>);

struct Machines<'a> {
    shop: &'a Shop,
    // Dropped before their folders.
    running: Vec<Option<Background>>,
    folders: tempfile::TempDir,
}

impl<'a> Machines<'a> {
    fn new(shop: &'a Shop) -> Self {
        let running = (0..MACHINES).map(|_| None).collect();
        let mut machines = Self { shop, running, folders: tempfile::tempdir().unwrap() };
        (0..MACHINES).for_each(|machine| machines.start(machine));
        machines
    }

    fn start(&mut self, machine: usize) {
        let out = self.folders.path().join(machine.to_string());
        let command: Command = self.shop.command_in(&out, &[&["consume"], &HANDLING[..]].concat());
        self.running[machine].get_or_insert_with(|| Background::start(command));
    }

    /// Waits until it has ended.
    fn stop(&mut self, machine: usize) {
        self.running[machine] = None;
    }

    fn kill(&mut self, machine: usize) {
        if let Some(mut running) = self.running[machine].take() {
            running.kill();
        }
    }

    fn restart_in_turn(&mut self) {
        for machine in 0..MACHINES {
            self.stop(machine);
            self.start(machine);
            thread::sleep(CALM);
        }
    }
}

/// When each key of `shop.state` had a record (Unix ms).
type Moments = BTreeMap<String, Vec<i64>>;

fn moments(follower: Follower) -> Moments {
    let mut moments = Moments::new();
    for record in follower.records() {
        let key = String::from_utf8_lossy(record.key().unwrap_or_default()).into_owned();
        if is_of_sales(&key) {
            moments.entry(key).or_default().extend(record.timestamp().to_millis());
        }
    }
    moments
}

/// Whether a key is that of a partition with sales: `VIEW/PARTITION`.
fn is_of_sales(key: &str) -> bool {
    key.split_once('/')
        .is_some_and(|(view, partition)| VIEWS.contains(&view) && partition.parse::<u32>().is_ok())
}

/// By view, the longest gap (s) between two states of one of its partitions.
fn gaps(moments: &Moments, from: i64, to: i64) -> BTreeMap<&str, f64> {
    let mut gaps = BTreeMap::new();
    for (key, moments) in moments {
        let before = moments.iter().copied().filter(|at| *at < from).max().unwrap_or(from);
        let within = moments.iter().copied().filter(|at| (from..to).contains(at));
        let all: Vec<i64> = std::iter::once(before).chain(within).chain([to]).collect();
        let longest = all.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default();
        let view = key.split('/').next().unwrap_or_default();
        let gap: &mut f64 = gaps.entry(view).or_default();
        *gap = gap.max(longest as f64 / 1_000.0);
    }
    gaps
}

pub(crate) fn measure(cluster: &Cluster, rounds: usize) {
    println!(
        "\n{MACHINES} machines on the {} broker, {rounds} rounds, {RATE} orders/s: the longest time without a new state of a partition",
        cluster.name()
    );
    let mut found: Vec<BTreeMap<&str, Vec<f64>>> = vec![BTreeMap::new(); EVENTS.len()];
    for round in 0..rounds {
        let shop = Shop::new(cluster);
        shop.open();
        let simulator = Background::start(shop.command(&["produce", "--rate", RATE]));
        let mut machines = Machines::new(&shop);
        for ((name, event), found) in EVENTS.iter().zip(&mut found) {
            (0..MACHINES).for_each(|machine| machines.start(machine));
            thread::sleep(CALM);
            let follower = Follower::start(&shop, "state");
            let from = Utc::now().timestamp_millis();
            event(&mut machines);
            thread::sleep(CALM);
            let to = Utc::now().timestamp_millis();
            // The last published states must arrive before the reader ends.
            thread::sleep(Duration::from_secs(1));
            let moments = moments(follower);
            for view in VIEWS {
                let gap = gaps(&moments, from, to).get(view).copied().unwrap_or(f64::NAN);
                found.entry(view).or_default().push(gap);
                println!("  round {} {name:<55} {view:<16} {gap:.1} s", round + 1);
            }
        }
        drop((machines, simulator));
        shop.delete();
    }
    let title = format!("{}, s", cluster.name());
    let head: Vec<&str> = std::iter::once(title.as_str()).chain(EVENTS.map(|(name, _)| name)).collect();
    let row = |view: &str| {
        let cells = found.iter().map(|gaps| Spread::of(&gaps[view]).show());
        std::iter::once(format!("`{view}`")).chain(cells).collect()
    };
    figures::table(&head, &VIEWS.map(row));
}
