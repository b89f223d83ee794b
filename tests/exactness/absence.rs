//! Kafka is unreachable: at the start, for a while, for good; or another one has replaced it.
//!
//! All on the test's own brokers, which it can kill.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    common::{
        oracle::Oracle,
        shop::{PATIENCE, Running, Shop, wait_for},
    },
    kit::{log, orders_known},
};

/// Five seconds, plus a margin for a busy machine.
const SOON: Duration = Duration::from_secs(8);

/// An address that nobody listens on.
fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// A broker on a folder at an address, ready.
fn serve(shop: &Shop, data: &str, address: &str) -> Running {
    let mut broker = shop.start_bare(&["broker", "--listen", address, "--data", data, "--out", "broker"]);
    broker.wait_for_output("its address", |out| out.contains(address));
    broker
}

fn run(shop: &Shop, address: &str, command: &[&str]) -> Value {
    let done = shop.run_bare(&[command, &["--bootstrap", address]].concat()).ok();
    if done.stdout.is_empty() { Value::Null } else { done.json() }
}

fn sell(shop: &Shop, address: &str, period: &str, seed: &str) {
    run(shop, address, &["produce", "--backfill", period, "--rate", "0.1", "--seed", seed]);
}

fn wait_for_orders(shop: &Shop, address: &str, count: usize) {
    let wanted = Some(i64::try_from(count).unwrap());
    let begun = Instant::now();
    loop {
        let done = shop.run_bare(&["status", "--json", "--bootstrap", address]);
        if done.status.success().then(|| orders_known(&done.json())) == wanted {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "not {count} orders in {done}\n--- log\n{}", log(shop));
        thread::sleep(Duration::from_millis(100));
    }
}

#[track_caller]
fn assert_agrees(shop: &Shop, address: &str) {
    let status = run(shop, address, &["consume", "--until-end", "--json"]);
    let differences = Oracle::read(address, "shop").compare(&shop.out(), &status);
    assert!(differences.is_empty(), "{}\n{status}", differences.join("\n"));
}

fn orders_at(address: &str) -> usize {
    Oracle::read(address, "shop").orders.len()
}

/// Copies a broker's folder as it is.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.metadata().unwrap().is_dir() {
            copy(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}

/// The screen without the sequences that move the cursor and colour it.
fn words(screen: &str) -> String {
    let mut plain = String::new();
    let mut characters = screen.chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            let _ = characters.find(char::is_ascii_alphabetic);
            plain.push(' ');
        } else {
            plain.push(character);
        }
    }
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_screen_waits_for_kafka_outlives_its_absence_and_leaves_without_it() {
    let shop = Shop::embedded();
    let address = free_address();
    let mut tui =
        shop.start_in_terminal(&["tui", "--rate", "20", "--handle-every", "1s", "--bootstrap", &address]);
    let mut seen = 0;
    let mut says_no_answer = |tui: &mut Running| {
        let from = seen;
        tui.wait_for_output("«NO KAFKA» on the screen", |screen| {
            screen.get(from..).is_some_and(|new| words(new).contains("NO KAFKA"))
        });
        seen = tui.stdout().len();
    };
    says_no_answer(&mut tui);

    // Kafka comes up, and the shop continues there.
    let broker = serve(&shop, "data", &address);
    let many = |more: i64| {
        wait_for("orders", PATIENCE, || {
            let done = shop.run_bare(&["status", "--json", "--bootstrap", &address]);
            let mails = done.status.success().then(|| done.json()["mails"].as_i64().unwrap())?;
            (mails > more).then_some(mails)
        })
    };
    let mails = many(50);
    broker.kill();
    says_no_answer(&mut tui);
    let full = crate::common::is_full();
    thread::sleep(Duration::from_secs(if full { 70 } else { 15 }));
    assert!(tui.is_running());
    let broker = serve(&shop, "data", &address);
    many(mails + 100);

    // Leaving without Kafka: the terminal is restored at once, and the process ends soon.
    broker.kill();
    says_no_answer(&mut tui);
    let asked = Instant::now();
    tui.type_keys("q");
    wait_for("the screen it came from", PATIENCE, || {
        let screen = tui.stdout();
        (screen.rfind("\u{1b}[?1049l") > screen.rfind("\u{1b}[?1049h")).then_some(())
    });
    let back = asked.elapsed();
    tui.finish_within(Duration::from_secs(20)).ok();
    assert!(back < Duration::from_secs(1), "the terminal is back after {back:?}");
    assert!(asked.elapsed() < SOON, "gone after {:?}", asked.elapsed());

    let _broker = serve(&shop, "data", &address);
    let status = run(&shop, &address, &["consume", "--until-end", "--json", "--handle-every", "1s"]);
    let mut oracle = Oracle::read(&address, "shop");
    oracle.every = chrono::Duration::seconds(1);
    let differences = [oracle.compare(&shop.out(), &status), oracle.check_sales()].concat();
    assert!(differences.is_empty(), "{}\n{status}", differences.join("\n"));
}

#[test]
fn without_kafka_commands_end_within_five_seconds_when_told() {
    let shop = Shop::embedded();
    let address = free_address();
    let broker = serve(&shop, "data", &address);
    sell(&shop, &address, "2026-03-28 22:00..2026-03-28 23:00", "2");
    let consume = shop.start_bare(&["consume", "--bootstrap", &address]);
    let produce = shop.start_bare(&["produce", "--speed", "60", "--bootstrap", &address]);
    let before = orders_at(&address);
    wait_for("orders", PATIENCE, || (orders_at(&address) > before + 20).then_some(()));
    broker.kill();
    thread::sleep(Duration::from_secs(1));
    for running in [consume, produce] {
        let asked = Instant::now();
        running.signal("TERM");
        running.finish_within(Duration::from_secs(20)).ok();
        assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
    }
}

#[test]
fn data_that_is_held_but_not_served_is_waited_for_where_told_to() {
    let shop = Shop::embedded();
    let data = shop.out().join("kafka");
    fs::create_dir_all(&data).unwrap();
    let lock = fs::File::create(data.join("lock")).unwrap();
    lock.lock().unwrap();
    let sell = ["produce", "--count", "1", "--rate", "max"];
    let mut waiting = shop.start(&[&sell[..], &["--wait"]].concat());
    // Takes as long as the other one had without --wait.
    assert!(shop.run(&sell).refused().contains("does not answer"));
    assert!(waiting.is_running());
    drop(lock);
    waiting.finish().ok();
}

/// Running consumers follow their log to another port, and take nothing of a log that lies where theirs was.
#[test]
fn the_same_log_is_followed_and_another_one_never_mixed_in() {
    if crate::common::is_left_out() {
        return;
    }
    let shop = Shop::embedded();
    // Three logs: the original, a longer one, and an empty one.
    let [first, second] = [free_address(), free_address()];
    let other = serve(&shop, "longer", &first);
    sell(&shop, &first, "2026-03-28 18:00..2026-03-29 03:00", "99");
    let longer = orders_at(&first);
    other.kill();

    let broker = serve(&shop, "theirs", &first);
    sell(&shop, &first, "2026-03-28 20:00..2026-03-28 22:00", "1");
    let consumers =
        shop.start_bare(&["consume", "--log-level", "debug", "--bootstrap", &format!("{first},{second}")]);
    wait_for_orders(&shop, &first, orders_at(&first));

    broker.kill();
    let broker = serve(&shop, "theirs", &second);
    sell(&shop, &second, "2026-03-28 22:00..2026-03-28 23:00", "2");
    let sold = orders_at(&second);
    assert!(longer > 2 * sold, "{longer} and {sold} orders");
    wait_for_orders(&shop, &second, sold);

    broker.kill();
    let broker = serve(&shop, "longer", &second);
    wait_for_orders(&shop, &second, longer);
    let told = log(&shop);
    assert!(told.contains("everything is computed again from what Kafka holds"), "{told}");

    broker.kill();
    let broker = serve(&shop, "empty", &second);
    sell(&shop, &second, "2026-03-29 10:00..2026-03-29 10:30", "3");
    wait_for_orders(&shop, &second, orders_at(&second));
    consumers.terminate().ok();
    assert_agrees(&shop, &second);
    broker.terminate().ok();
}

/// The same for consumers that start afterwards.
#[test]
fn a_checkpoint_knows_its_log_again() {
    let shop = Shop::embedded();
    let address = free_address();
    let broker = serve(&shop, "theirs", &address);
    sell(&shop, &address, "2026-03-28 20:00..2026-03-28 22:00", "1");
    assert_agrees(&shop, &address);
    broker.terminate().ok();
    copy(&shop.home().join("theirs"), &shop.home().join("copy"));

    // A copy of the log is accepted; a longer log is not.
    let elsewhere = free_address();
    let broker = serve(&shop, "copy", &elsewhere);
    sell(&shop, &elsewhere, "2026-03-28 22:00..2026-03-28 23:00", "2");
    assert_agrees(&shop, &elsewhere);
    assert!(!shop.out().join("state/set-aside").exists(), "{}", log(&shop));
    broker.terminate().ok();

    let broker = serve(&shop, "longer", &address);
    sell(&shop, &address, "2026-03-28 18:00..2026-03-29 03:00", "99");
    assert_agrees(&shop, &address);
    assert!(shop.out().join("state/set-aside").exists(), "{}", log(&shop));
    broker.terminate().ok();
}
