//! Kills the real processes at random moments, repeatedly: in the end topics, states and files are exact.
//!
//! On the embedded broker, which is killed too, or on the Kafka that `SHOP_SIM_TEST_BOOTSTRAP` names.
//! `SHOP_SIM_TEST_KILLS=1000` takes more kills than the usual 30, `SHOP_SIM_TEST_SEED` those of an earlier run, and
//! `SHOP_SIM_TEST_MACHINES=4` more machines than the usual two (`scripts/crash.sh`). The log is the truth: an order that was not acknowledged when its simulator was killed may be
//! there or not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod common;

use std::{
    env,
    path::PathBuf,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use common::{
    files::{tree, unite},
    shop::{Running, Shop},
};
use rand::{
    RngExt as _, SeedableRng,
    seq::{IndexedMutRandom, IndexedRandom},
};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

/// Kills of one shop before the next one is opened in an empty folder.
const SPELL: u64 = 60;
const RATE: &str = "300";

fn number(variable: &str) -> Option<u64> {
    env::var(variable)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}

/// Half of the requested kills on shops of one kind; the other half is for the other kind.
fn kill_shops(kind: &Kind) {
    let kills = number("SHOP_SIM_TEST_KILLS").unwrap_or(30).div_ceil(2);
    let first = number("SHOP_SIM_TEST_SEED").unwrap_or_else(|| rand::rng().random_range(0..1_000_000_000));
    for (spell, seed) in (0..kills.div_ceil(SPELL)).zip(first..) {
        let kills = SPELL.min(kills - spell * SPELL);
        eprintln!("{}: {kills} kills with SHOP_SIM_TEST_SEED={seed}", kind.name);
        let mut harness = Harness::open(kind, seed);
        while harness.kills < kills {
            harness.turn();
        }
        harness.settle();
    }
}

#[test]
fn killed_in_real_time() {
    kill_shops(&Kind { name: "real time", pace: &[], every: ("1s", chrono::Duration::seconds(1)) });
}

#[test]
fn killed_while_days_go_by() {
    // A second of the wall clock is an hour in the shop.
    let every = ("20m", chrono::Duration::minutes(20));
    kill_shops(&Kind { name: "days go by", pace: &["--speed", "3600"], every });
}

/// How shop time passes.
struct Kind {
    name: &'static str,
    pace: &'static [&'static str],
    /// `--handle-every`
    every: (&'static str, chrono::Duration),
}

/// The processes of a shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Crew {
    /// Simulator and consumers in processes of their own.
    Apart,
    /// The same, with consumers that end at the end of the log.
    UntilEnd,
    /// One process with a screen.
    Screen,
}

struct Harness<'a> {
    kind: &'a Kind,
    shop: Shop,
    seed: String,
    random: ChaCha8Rng,
    crew: Crew,
    kills: u64,
    broker: Option<Running>,
    simulator: Option<Running>,
    consumers: Option<Running>,
    screen: Option<Running>,
    /// Consumers in other folders, as on other machines, which join and leave the groups.
    guests: Vec<Option<Running>>,
    /// Only if Kafka itself is never killed.
    watcher: Option<Watcher>,
}

/// Polls the figures, as a user does.
struct Watcher {
    stop: Arc<AtomicBool>,
    looks: thread::JoinHandle<usize>,
}

impl Watcher {
    fn start(shop: &Shop) -> Self {
        let mut status = Command::new(env!("CARGO_BIN_EXE_shop-sim"));
        status.args(["status", "--json", "--out", "watcher"]).args(shop.flags()).current_dir(shop.home());
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let looks = thread::spawn(move || {
            let mut looks = 0;
            let mut before = Value::Null;
            while !stopped.load(Ordering::Relaxed) {
                // Without running consumers figures are printed, too, with a non-zero exit status.
                let done = status.output().unwrap();
                let Ok(now) = serde_json::from_slice::<Value>(&done.stdout) else { continue };
                let backwards = went_backwards(&before, &now);
                assert!(backwards.is_empty(), "{backwards:?} went backwards: {before} and then {now}");
                looks += 1;
                before = now;
            }
            looks
        });
        Self { stop, looks }
    }

    fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        let looks = self.looks.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        eprintln!("looked at the figures {looks} times: none went backwards");
    }
}

/// Figures that went down although they only grow, those of a day within that day.
fn went_backwards(before: &Value, now: &Value) -> Vec<&'static str> {
    let day = |status: &Value| status["shop_time"].as_str().map(|time| time.get(..10).map(str::to_owned));
    let of_a_day: &[_] =
        if day(before) == day(now) { &["orders_since_midnight", "sales_today_ore"] } else { &[] };
    let always = ["handled", "mails", "duplicates", "dead_letters"];
    let figure = |status: &Value, name: &str| match name {
        "handled" => status[name]["total"].as_u64(),
        _ => status[name].as_u64(),
    };
    let names = of_a_day.iter().copied().chain(always);
    names.filter(|name| figure(now, name) < figure(before, name)).collect()
}

impl<'a> Harness<'a> {
    /// A shop that opened the day before.
    fn open(kind: &'a Kind, seed: u64) -> Self {
        let shop = Shop::new().with_evidence();
        let now = chrono::Utc::now().with_timezone(&chrono_tz::Europe::Stockholm).naive_local();
        let (from, to) = if kind.pace.is_empty() {
            (now - chrono::Duration::hours(26), now - chrono::Duration::minutes(1))
        } else {
            let turn = "2026-03-28T21:30:00".parse::<chrono::NaiveDateTime>().unwrap();
            (turn, turn + chrono::Duration::hours(2))
        };
        let period = format!("{}..{}", from.format("%F %H:%M"), to.format("%F %H:%M"));
        shop.run(&["produce", "--backfill", &period, "--rate", "0.02", "--seed", "1"]).ok();
        let watcher = (!shop.is_embedded()).then(|| Watcher::start(&shop));
        Self {
            kind,
            watcher,
            shop,
            seed: seed.to_string(),
            random: ChaCha8Rng::seed_from_u64(seed),
            crew: Crew::Apart,
            kills: 0,
            broker: None,
            simulator: None,
            consumers: None,
            screen: None,
            guests: (1..number("SHOP_SIM_TEST_MACHINES").unwrap_or(2)).map(|_| None).collect(),
        }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.random.random_ratio(percent, 100)
    }

    /// Starts missing processes, lets them run for a moment, and kills one.
    fn turn(&mut self) {
        if self.chance(20) {
            self.kill_all();
            self.crew =
                *[Crew::Apart, Crew::Apart, Crew::UntilEnd, Crew::Screen].choose(&mut self.random).unwrap();
        }
        self.start();
        if self.chance(4) {
            self.freeze();
        }
        // From halfway through a start to long after it.
        let life = 0.15 * (self.random.random::<f64>() * 3.0).exp();
        thread::sleep(Duration::from_secs_f64(life));
        match self.random.random_range(0..100) {
            0..10 => self.kill_all(),
            10..25 if self.broker.is_some() => self.kill_broker(),
            10..30 if self.guests.iter().any(Option::is_some) => self.end_guest(),
            10..55 if self.simulator.is_some() => self.kill_simulator(),
            _ => {
                self.kill_consumers();
                self.kill_screen();
            }
        }
    }

    fn start(&mut self) {
        if self.shop.is_embedded()
            && self.broker.as_mut().is_none_or(|broker| !broker.is_running())
            && self.chance(50)
        {
            // If another process has taken over the broker, this one ends at once.
            self.broker = Some(self.shop.start(&["broker", "--listen", "127.0.0.1:0"]));
        }
        for guest in 0..self.guests.len() {
            if self.guests[guest].is_none() && self.chance(7) {
                self.start_guest(guest);
            }
        }
        // The process that serves the broker may be frozen for longer than a command's time-out.
        let simulate = [&["--wait", "--rate", RATE, "--seed", &self.seed], self.kind.pace].concat();
        let handle = ["--handle-every", self.kind.every.0];
        if self.crew == Crew::Screen {
            if self.screen.is_none() {
                let line = [&["tui"], &simulate[..], &handle].concat();
                self.screen = Some(self.shop.start_in_terminal(&line));
            }
            return;
        }
        if self.simulator.is_none() && self.random.random_ratio(9, 10) {
            self.simulator = Some(self.shop.start(&[&["produce"], &simulate[..]].concat()));
        }
        let ended = self.consumers.take_if(|running| self.crew == Crew::UntilEnd && !running.is_running());
        if let Some(ended) = ended {
            let done = ended.finish();
            // Before any sale the log has no end.
            assert!(done.status.success() || done.refused().contains(" yet: start `shop-sim "), "{done}");
        }
        if self.consumers.is_none() && self.random.random_ratio(9, 10) {
            let line = [&["consume", "--seed", &self.seed], &handle[..]].concat();
            let end: &[&str] = if self.crew == Crew::UntilEnd { &["--until-end"] } else { &[] };
            self.consumers = Some(self.shop.start(&[&line[..], end].concat()));
        }
    }

    /// Freezes consumers for a while, up to beyond their session time-out, then lets them continue.
    fn freeze(&mut self) {
        let running = self.consumers.iter_mut().chain(self.guests.iter_mut().flatten());
        let mut running: Vec<&mut Running> =
            running.filter_map(|one| one.is_running().then_some(one)).collect();
        if !running.is_empty() {
            let consumers = running.remove(self.random.random_range(0..running.len()));
            consumers.signal("STOP");
            thread::sleep(Duration::from_secs_f64(self.random.random_range(0.5..11.0)));
            consumers.signal("CONT");
        }
    }

    /// The current address of the shop's Kafka.
    fn address(&self) -> Option<String> {
        let here = || std::fs::read_to_string(self.shop.out().join("kafka/address")).ok();
        common::kafka::real_bootstrap().or_else(here).map(|address| address.trim().to_owned())
    }

    fn start_guest(&mut self, guest: usize) {
        let Some(address) = self.address() else { return };
        let out = format!("guests-{guest}");
        let line = ["consume", "--out", &out, "--seed", &self.seed, "--handle-every", self.kind.every.0];
        let there: &[&str] =
            if self.shop.is_embedded() { &["--wait", "--bootstrap", &address] } else { &["--wait"] };
        self.guests[guest] = Some(self.shop.start(&[&line[..], there].concat()));
    }

    /// Kills the consumers of another machine, or tells them to leave.
    fn end_guest(&mut self) {
        let mut running: Vec<_> = self.guests.iter_mut().filter(|guest| guest.is_some()).collect();
        let Some(guest) = running.choose_mut(&mut self.random).and_then(|guest| guest.take()) else { return };
        if self.chance(30) {
            guest.terminate();
        } else {
            guest.kill();
            self.kills += 1;
        }
    }

    fn kill_guests(&mut self) {
        for guest in self.guests.iter_mut().filter_map(Option::take) {
            guest.kill();
            self.kills += 1;
        }
    }

    fn kill_all(&mut self) {
        self.kill_guests();
        self.kill_simulator();
        self.kill_consumers();
        self.kill_screen();
        self.kill_broker();
    }

    fn kill_simulator(&mut self) {
        if let Some(simulator) = self.simulator.take() {
            simulator.kill();
            self.kills += 1;
        }
    }

    fn kill_consumers(&mut self) {
        let Some(consumers) = self.consumers.take() else { return };
        if self.crew == Crew::UntilEnd {
            let done = consumers.kill_or_end();
            self.kills += u64::from(done.was_killed());
            assert!(done.was_killed() || done.status.success(), "{done}");
        } else {
            consumers.kill();
            self.kills += 1;
        }
    }

    fn kill_screen(&mut self) {
        if let Some(screen) = self.screen.take() {
            screen.kill_inside();
            self.kills += 1;
        }
    }

    fn kill_broker(&mut self) {
        let Some(broker) = self.broker.take() else { return };
        let done = broker.kill_or_end();
        self.kills += u64::from(done.was_killed());
        if !done.was_killed() {
            done.refused();
        }
    }

    /// Processes the log once more, without kills: nothing is missing, doubled or wrong.
    fn settle(mut self) {
        self.kill_all();
        if let Some(watcher) = self.watcher.take() {
            watcher.end();
        }
        self.shop.bootstrap();
        let line =
            ["consume", "--until-end", "--json", "--seed", &self.seed, "--handle-every", self.kind.every.0];
        // Killed guests keep their partitions until their sessions time out: the run waits for that.
        let status = self.shop.run(&line).ok().json();
        // Rows that guests wrote while they owned the partitions stay in their folders.
        let guests = (0..self.guests.len()).map(|guest| self.shop.home().join(format!("guests-{guest}")));
        let guests: Vec<PathBuf> = guests.filter(|out| out.join("state/instance").exists()).collect();
        let names: Vec<&str> = guests.iter().map(|out| out.to_str().unwrap()).collect();
        let with: &[&str] = if guests.is_empty() { &[] } else { &["--with"] };
        let audit = self.shop.run(&[&["verify"], with, &names].concat());
        assert!(!audit.stdout.contains("Not compared"), "{audit}");
        let mut out = self.shop.out();
        if !guests.is_empty() {
            let all = self.shop.home().join("all");
            unite(&[vec![out], guests].concat(), &all, true);
            out = all;
        }
        let mut oracle = self.shop.oracle();
        oracle.every = self.kind.every.1;
        // An order that was in flight when its simulator was killed leaves a gap.
        let sales = oracle.check_sales().into_iter().filter(|sentence| !sentence.contains("is missing:"));
        let differences: Vec<String> = oracle.compare(&out, &status).into_iter().chain(sales).collect();
        assert!(differences.is_empty(), "{}\n{status}\n{audit}", differences.join("\n"));
        audit.ok();
        let (orders, handled) = (oracle.orders.len(), oracle.handled.len());
        let reports = tree(&self.shop.out().join("reports")).len() / 2;
        eprintln!(
            "{}: {} kills, {orders} orders, {handled} handled, {reports} reports",
            self.kind.name, self.kills
        );
        // The seed determines how long simulators live, and one that follows a killed one first waits some seconds.
        assert!(
            self.kills < 15 || orders > 500 && handled > 200,
            "too little happened: {orders} orders, {handled} handled"
        );
    }
}
