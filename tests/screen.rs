//! The dashboard in a real pseudo-terminal: the emulator's picture, and the restored terminal.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
#[path = "common/terminal.rs"]
mod terminal;

use std::{
    io::{Read, Write},
    path::Path,
    process::{Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use common::shop::{Shop, wait_for};
use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use rustix::process::{Pid, Signal, kill_process};
use shop_sim::dashboard::terminal::{Screen, Surface};
use terminal::{PATIENCE, Terminal};

/// How long leaving may take.
const LEAVING: Duration = Duration::from_secs(20);

/// A dashboard without a shop: it reports that Kafka does not respond, and waits.
const ALONE: [&str; 3] = ["tui", "--bootstrap", "127.0.0.1:1"];

/// The picture once it is stable.
fn settled(terminal: &Terminal) -> String {
    let (mut last, mut since) = (terminal.text(), Instant::now());
    wait_for("a still picture", PATIENCE, || {
        let text = terminal.text();
        if text != last {
            (last, since) = (text, Instant::now());
        }
        (since.elapsed() > Duration::from_secs(2)).then_some(())
    });
    last
}

fn send(terminal: &Terminal, signal: Signal) {
    kill_process(terminal.pid(), signal).unwrap();
}

#[track_caller]
fn end(terminal: &mut Terminal) -> ExitStatus {
    terminal.ended_within(LEAVING).expect("the end")
}

fn command(shop: &Shop, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shop-sim"));
    command.args(arguments).args(["--out", "out"]).current_dir(shop.home());
    command
}

fn alone(shop: &Shop) -> Terminal {
    let terminal = Terminal::start(command(shop, &ALONE), 120, 30);
    terminal.see("Orders since midnight");
    terminal
}

#[test]
fn a_light_terminal_gets_the_light_theme_unless_another_was_asked_for() {
    let shop = Shop::new();
    for (ground, arguments, paper) in [
        ("rgb:ffff/ffff/f0f0", &ALONE[..], 231),
        ("rgb:1212/1212/1212", &ALONE[..], 233),
        ("rgb:ffff/ffff/f0f0", &[&ALONE[..], &["--theme", "safe"]].concat()[..], 233),
    ] {
        let mut terminal = Terminal::start_on(ground, command(&shop, arguments), 120, 30);
        terminal.see("Orders since midnight");
        let shown = terminal.emulator().screen().cell(0, 0).unwrap().bgcolor();
        assert_eq!(shown, vt100::Color::Idx(paper), "{ground} {arguments:?}");
        terminal.type_keys("q");
        end(&mut terminal);
        terminal.assert_given_back();
    }
}

#[test]
fn a_shop_is_shown_on_every_page_at_every_size_and_leaves_nothing_behind() {
    let shop = Shop::embedded();
    let mut terminal = Terminal::start(command(&shop, &["tui", "--rate", "50", "--mouse"]), 120, 30);
    terminal.see("Orders since midnight");
    assert!(terminal.emulator().screen().alternate_screen() && terminal.emulator().screen().hide_cursor());
    assert!(!terminal.is_cooked());
    terminal.see("RUNNING");
    // The first orders.
    terminal.see("● sold");
    terminal.see_that("orders in the audit line", |text| {
        text.lines().any(|line| line.contains("produced") && !line.contains(" 0 produced"))
    });

    for (key, title) in [
        ("2", "Products"),
        ("3", "Reorder at"),
        ("4", "Customer"),
        ("5", "Handled today"),
        ("6", "Daily reports"),
        ("7", "Consumer groups"),
        ("8", "Log ─"),
        ("1", "Messages"),
    ] {
        terminal.type_keys(key);
        terminal.see(title);
    }
    // A panel is enlarged and given back, by key and by mouse.
    terminal.type_keys("\t\r");
    terminal.see_that("one panel alone", |text| !text.contains("Messages") && text.contains("Orders since"));
    terminal.type_keys("\x1b[Z");
    terminal
        .see_that("the panel before it", |text| text.contains("Messages") && !text.contains("Orders since"));
    terminal.type_keys("\x1b");
    terminal.see_that("the overview", |text| text.contains("Messages") && text.contains("Orders since"));
    terminal.type_keys("\x1b[<0;17;4M\x1b[<0;17;4m");
    terminal.see("Products");
    // A filter: letters are letters, also `q`.
    terminal.type_keys("3/qz");
    terminal.see("Nothing found.");
    terminal.type_keys("\x7f\x7fte");
    terminal.see("Tekanna");
    terminal.type_keys("\ro\x1b");
    terminal.see("q quit");
    // The help, and the rate.
    terminal.type_keys("1?");
    terminal.see("leave the dashboard");
    terminal.type_keys("?+");
    terminal.see("target 100");
    terminal.type_keys(" ");
    terminal.see(" PAUSED ");
    terminal.type_keys(" ");
    terminal.see(" RUNNING ");

    // Resizes at random, ending with a frozen picture.
    terminal.type_keys("f");
    terminal.see(" frozen ");
    for step in 0_u16..60 {
        terminal.resize(40 + step * 37 % 170, 5 + step * 23 % 50);
        if step % 7 == 0 {
            thread::sleep(Duration::from_millis(20));
        }
    }
    terminal.resize(80, 24);
    terminal.see("1 Overview  2 3");
    // No remains of another size: a redraw is identical.
    let still = settled(&terminal);
    assert_eq!(still.lines().count(), 24, "{still}");
    terminal.emulator().process(b"\x1b[2J");
    send(&terminal, Signal::WINCH);
    terminal.see_that("the same picture", |text| text == still);
    terminal.resize(200, 50);
    terminal.see("8 Log");

    terminal.type_keys("q");
    assert!(end(&mut terminal).success());
    terminal.assert_given_back();
    terminal.see("shop-sim ran for");
}

#[test]
fn signals_give_the_terminal_back_and_a_kill_harms_no_later_start() {
    let shop = Shop::embedded();
    for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT] {
        let mut terminal = alone(&shop);
        send(&terminal, signal);
        assert!(end(&mut terminal).success(), "{signal:?}");
        terminal.assert_given_back();
    }
    let mut terminal = alone(&shop);
    send(&terminal, Signal::KILL);
    assert!(!end(&mut terminal).success());
    let mut terminal = alone(&shop);
    terminal.type_keys("\x03");
    assert!(end(&mut terminal).success(), "control and c");
    terminal.assert_given_back();
}

/// Starts a dashboard without a shop from another program.
fn by_way_of(shop: &Shop, program: &str, arguments: &[&str]) -> Terminal {
    let mut way = Command::new(program);
    way.args(arguments)
        .args([env!("CARGO_BIN_EXE_shop-sim")])
        .args(ALONE)
        .args(["--out", "out", "--lang", "sv"]);
    way.current_dir(shop.home());
    Terminal::start(way, 80, 24)
}

#[test]
fn a_terminal_that_cannot_place_its_cursor_is_refused() {
    let shop = Shop::embedded();
    let mut terminal = by_way_of(&shop, "env", &["TERM=dumb"]);
    assert_eq!(end(&mut terminal).code(), Some(1));
    terminal.see("TERM=dumb");
    assert!(!terminal.text().contains("Order sedan midnatt") && !shop.out().exists());
}

#[test]
fn a_terminal_that_does_not_know_its_size_is_taken_for_a_usual_one() {
    let shop = Shop::embedded();
    let terminal = by_way_of(&shop, "sh", &["-c", "stty rows 0 columns 0; exec \"$0\" \"$@\""]);
    terminal.see("Order sedan midnatt");
    terminal.see("1 Översikt");
}

#[test]
fn where_the_locale_has_no_other_letters_only_ascii_is_written() {
    let shop = Shop::embedded();
    let mut terminal = by_way_of(&shop, "env", &["LC_ALL=C"]);
    terminal.see("Order sedan midnatt");
    terminal.see("1 Oversikt");
    assert!(terminal.text().is_ascii(), "{}", terminal.text());
    terminal.type_keys("q");
    assert!(end(&mut terminal).success());
    terminal.see("shop-sim kordes i");
    assert!(terminal.text().is_ascii(), "{}", terminal.text());
}

#[test]
fn what_is_pasted_closes_nothing_and_the_last_words_are_in_the_language_of_the_screen() {
    let shop = Shop::embedded();
    let mut terminal = by_way_of(&shop, "env", &[]);
    terminal.see("Order sedan midnatt");
    assert!(terminal.emulator().screen().bracketed_paste());
    terminal.type_keys("\x1b[200~quick, 7 questions\x1b[201~2");
    terminal.see("2 Försäljning");
    terminal.type_keys("q");
    assert!(end(&mut terminal).success());
    terminal.see("shop-sim kördes i");
    assert!(!terminal.emulator().screen().bracketed_paste());
}

#[test]
fn whoever_has_left_need_not_wait_for_a_kafka_that_hangs() {
    let shop = Shop::embedded();
    let mut broker = shop.start_bare(&["broker", "--listen", "127.0.0.1:0", "--out", "elsewhere"]);
    broker.wait_for_output("its address", |out| out.contains("127.0.0.1:") && out.ends_with('\n'));
    let address = broker.address().unwrap();
    let mut terminal =
        Terminal::start(command(&shop, &["tui", "--bootstrap", &address, "--rate", "50"]), 120, 30);
    terminal.see_that("orders in the audit line", |text| {
        text.lines().any(|line| line.contains("produced") && !line.contains(" 0 produced"))
    });
    broker.signal("STOP");
    terminal.type_keys("q");
    wait_for("the shell's terminal", PATIENCE, || terminal.is_cooked().then_some(()));
    terminal.type_keys("\x03");
    let ended = terminal.ended_within(Duration::from_millis(1_500)).expect("the end at once");
    assert_eq!(ended.code(), Some(1));
    broker.signal("CONT");
    broker.terminate();
}

#[test]
fn a_new_demo_on_a_cluster_leaves_no_topics_of_the_last_one_and_is_found() {
    let (cluster, shop) = (Shop::embedded(), Shop::embedded());
    let address = cluster.bootstrap();
    let prefixes = || -> std::collections::BTreeSet<String> {
        let topics = common::kafka::topics(address);
        topics.iter().filter_map(|topic| topic.strip_suffix(".orders")).map(str::to_owned).collect()
    };
    let mut last = String::new();
    for _ in 0..2 {
        let demo = ["tui", "--demo", "--fresh", "--bootstrap", address];
        let mut terminal = Terminal::start(command(&shop, &demo), 120, 30);
        terminal.see_that("orders in the audit line", |text| {
            text.lines().any(|line| line.contains("produced") && !line.contains(" 0 produced"))
        });
        let only = wait_for("the topics of this demo alone", PATIENCE, || {
            let prefixes = prefixes();
            let only = prefixes.first().filter(|first| prefixes.len() == 1 && **first != last);
            only.cloned()
        });
        for arguments in [&["status", "--json"][..], &["status", "--json", "--bootstrap", address]] {
            let status = beside(&shop, arguments);
            assert!(status.stderr.contains("the demo that runs in out/demo"), "{status}");
            status.ok();
        }
        terminal.type_keys("q");
        assert!(end(&mut terminal).success());
        last = only;
    }
}

#[test]
fn the_consumers_say_on_a_terminal_how_far_they_are() {
    let shop = Shop::embedded();
    shop.run(&["produce", "--backfill", "2026-03-28..2026-03-28 01:00", "--rate", "0.1"]).ok();
    let mut terminal = Terminal::start(command(&shop, &["consume", "--until-end"]), 120, 60);
    assert!(end(&mut terminal).success());
    terminal.see("orders, ");
    terminal.see(" lag 0 records, shop time 2026-03-28 01:00");
    terminal.see("Orders since midnight");
}

#[test]
fn a_terminal_that_vanishes_or_takes_nothing_more_holds_nobody_up() {
    let shop = Shop::embedded();
    // The terminal reads nothing for a while: keys work, and then the newest picture comes.
    let mut terminal = alone(&shop);
    terminal.set_stuck(true);
    // Fewer bytes than crossterm reads at once (1024): it only sees the rest with the next key.
    for _ in 0..300 {
        terminal.type_keys("2");
        terminal.type_keys("5");
        terminal.type_keys("?");
    }
    terminal.type_keys("3");
    thread::sleep(Duration::from_millis(300));
    terminal.set_stuck(false);
    terminal.see("Reorder at");

    // Now it reads nothing at all.
    terminal.set_stuck(true);
    for step in 0..200 {
        terminal.type_keys(["1", "4", "?"][step % 3]);
        thread::sleep(Duration::from_millis(5));
    }
    send(&terminal, Signal::TERM);
    assert!(end(&mut terminal).success());
    terminal.set_stuck(false);
    terminal.assert_given_back();

    // Nor the last output, after the screen was restored.
    let mut terminal = alone(&shop);
    terminal.while_full(|terminal| {
        send(terminal, Signal::TERM);
        assert!(end(terminal).success());
    });

    // Its window is closed.
    let mut terminal = alone(&shop);
    terminal.vanish();
    end(&mut terminal);
}

#[test]
fn a_shell_stops_it_and_calls_it_back() {
    let shop = Shop::embedded();
    let mut shell = Command::new("bash");
    shell.args(["--norc", "--noprofile", "-i"]).env("PS1", "$PROMPT ").env("PROMPT", "ready>");
    shell.current_dir(shop.home());
    let terminal = Terminal::start(shell, 120, 30);
    terminal.see("ready>");
    let binary = env!("CARGO_BIN_EXE_shop-sim");
    terminal.type_keys(&format!("{binary} {} --out out\r", ALONE.join(" ")));
    terminal.see("Orders since midnight");

    terminal.type_keys("\x1a");
    terminal.see("Stopped");
    assert!(!terminal.emulator().screen().alternate_screen() && !terminal.emulator().screen().hide_cursor());
    terminal.type_keys("clear; echo still $((40 + 2))\r");
    terminal.see("still 42");
    terminal.type_keys("fg\r");
    terminal.see("Orders since midnight");
    terminal.type_keys("5");
    terminal.see("Handled today");

    // The same by a signal.
    let pid = find(binary, shop.home());
    kill_process(pid, Signal::TSTP).unwrap();
    terminal.see("Stopped");
    terminal.type_keys("clear; fg\r");
    terminal.see("Handled today");

    // A SIGSTOP, which cannot be handled: the shell changes screen and modes.
    kill_process(pid, Signal::STOP).unwrap();
    terminal.see("Stopped");
    terminal.type_keys("clear; fg\r");
    terminal.see("Handled today");
    terminal.see_that("a picture drawn whole", |text| !text.contains("Stopped") && text.contains("shop-sim"));
    terminal.type_keys("1");
    terminal.see("Orders since midnight");

    terminal.type_keys("q");
    terminal.see("shop-sim ran for");
    terminal.type_keys("clear; echo it ended with $?\r");
    terminal.see("it ended with 0");
    assert!(!terminal.emulator().screen().alternate_screen() && !terminal.emulator().screen().hide_cursor());
}

/// The process of a program that runs in a folder.
fn find(program: &str, folder: &Path) -> Pid {
    wait_for("the program's process", PATIENCE, || {
        std::fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let runs = std::fs::read_link(entry.path().join("exe")).ok()?;
            let stands = std::fs::read_link(entry.path().join("cwd")).ok()?;
            (runs == Path::new(program) && stands == folder.canonicalize().ok()?)
                .then(|| Pid::from_raw(pid))
                .flatten()
        })
    })
}

/// Set in the process that panics on its terminal.
const PANICS: &str = "SHOP_SIM_TEST_PANICS";

#[test]
fn only_the_drawings_own_panic_takes_the_screen_away() {
    if std::env::var_os(PANICS).is_some() {
        panic_twice();
        return;
    }
    let mut itself = Command::new(std::env::current_exe().unwrap());
    itself.args(["--exact", "only_the_drawings_own_panic_takes_the_screen_away", "--nocapture"]);
    itself.env(PANICS, "1");
    let mut terminal = Terminal::start(itself, 80, 24);
    terminal.see("the second picture");
    let text = terminal.text();
    assert!(!text.contains("panicked") && !text.contains("standard error"), "{text}");
    assert!(terminal.emulator().screen().alternate_screen());
    terminal.type_keys("x");
    end(&mut terminal);
    terminal.assert_given_back();
}

/// Draws, lets another thread panic and something write to standard error, draws again, and panics itself.
fn panic_twice() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let drawing = async {
        let mut screen = Screen::enter(false, &folder.path().join("log")).unwrap();
        let mut show = async |text: &str| {
            let mut picture = Buffer::empty(Rect::new(0, 0, 80, 24));
            picture.set_string(3, 3, text, Style::default());
            screen.ready().await.unwrap();
            screen.show(picture).unwrap();
            screen.ready().await.unwrap();
        };
        show("the first picture").await;
        thread::spawn(|| panic!("of another thread")).join().unwrap_err();
        let _ = writeln!(std::io::stderr(), "standard error");
        show("the second picture").await;
        let _ = std::io::stdin().read(&mut [0]);
        panic!("of the drawing");
    };
    runtime.block_on(drawing);
}

/// The total of a row in the summary: its last figure.
fn in_all(summary: &str, row: &str) -> u64 {
    let line = summary.lines().rfind(|line| line.trim_start().starts_with(row)).unwrap();
    // A blank within a figure is no gap.
    let figure = line.trim_end().rsplit("  ").next().unwrap();
    figure.chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap()
}

#[test]
fn the_summary_counts_every_order_that_was_sold() {
    let shop = Shop::embedded();
    for _ in 0..2 {
        let mut terminal = Terminal::start(command(&shop, &["tui", "--rate", "100"]), 120, 30);
        terminal.see_that("orders in the audit line", |text| {
            text.lines().any(|line| line.contains("produced") && !line.contains(" 0 produced"))
        });
        terminal.type_keys("q");
        assert!(end(&mut terminal).success());
        terminal.see("shop-sim ran for");
        let summary = terminal.text();
        assert!(!summary.contains("not in these figures"), "{summary}");
        let worked_off = shop.run(&["consume", "--until-end", "--json"]).ok().json();
        let count = |name: &str| worked_off[name].as_u64().unwrap();
        let sold = count("pending") + worked_off["handled"]["total"].as_u64().unwrap();
        assert_eq!(in_all(&summary, "Orders"), sold, "{summary}");
    }
}

/// A command in a second terminal, without `--out`.
fn beside(shop: &Shop, arguments: &[&str]) -> common::shop::Done {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shop-sim"));
    command.args(arguments).current_dir(shop.home()).env_remove("SHOP_SIM_BOOTSTRAP");
    shop.spawn(command, arguments.join(" ")).finish()
}

/// The figures of a demo after its backfill and some live sales.
fn demo_figures(shop: &Shop) -> serde_json::Value {
    wait_for("a demo that sells", PATIENCE, || {
        let done = beside(shop, &["status", "--json"]);
        let status = if done.status.success() { done.json() } else { return None };
        assert!(done.stderr.contains("out/demo"), "{done}");
        let time = status["shop_time"].as_str()?.get(11..16)?.to_owned();
        (status["handled"]["total"].as_u64() > Some(5_000) && *"20:05" < *time).then_some(status)
    })
}

/// The seconds that are left of a talk, in its last ten minutes.
fn talk_left(text: &str) -> Option<u32> {
    let seconds = |word: &str| {
        let (minutes, seconds) =
            word.split_once(':').filter(|parts| (parts.0.len(), parts.1.len()) == (1, 2))?;
        Some(minutes.parse::<u32>().ok()? * 60 + seconds.parse::<u32>().ok()?)
    };
    text.split_whitespace().find_map(seconds)
}

#[test]
fn a_demo_that_was_killed_goes_on_and_a_fresh_one_begins_again() {
    let shop = Shop::embedded();
    assert!(beside(&shop, &["consume", "--until-end"]).refused().contains("there is no shop in out"));
    assert!(!shop.out().exists(), "nothing is made where there is nothing");

    let demo = ["tui", "--demo", "--present"];
    let mut terminal = Terminal::start(command(&shop, &demo), 120, 30);
    let before = demo_figures(&shop);
    let left = wait_for("the clock of the talk", PATIENCE, || talk_left(&terminal.text()));
    let busy = beside(&shop, &["consume", "--until-end"]);
    assert_eq!(busy.status.code(), Some(1), "{busy}");
    assert!(busy.stderr.contains("runs the consumers of out/demo already"), "{busy}");
    beside(&shop, &["verify"]).ok();
    beside(&shop, &["order", "1"]).ok();
    send(&terminal, Signal::KILL);
    end(&mut terminal);
    // A stale address of a broker.
    assert!(!beside(&shop, &["status"]).stderr.contains("the demo that runs"));

    let mut terminal = Terminal::start(command(&shop, &demo), 120, 30);
    terminal.see("read again, none lost");
    terminal
        .see_that("the clock of a talk that goes on", |text| talk_left(text).is_some_and(|now| now < left));
    let after = demo_figures(&shop);
    assert!(after["orders_since_midnight"].as_u64() >= before["orders_since_midnight"].as_u64());
    assert!(after["shop_time"].as_str() >= before["shop_time"].as_str());
    // Left before its end: it cannot be resumed in another zone.
    terminal.type_keys("q");
    assert!(end(&mut terminal).success());
    let elsewhere = [&demo[..], &["--tz", "America/New_York"]].concat();
    let mut refused = Terminal::start(command(&shop, &elsewhere), 120, 30);
    assert_eq!(end(&mut refused).code(), Some(1));
    refused.see("--fresh");

    // A broker that another process serves keeps its data.
    let mut broker = shop.start(&["broker", "--listen", "127.0.0.1:0", "--out", "out/demo"]);
    broker.wait_for_output("its address", |text| text.contains("127.0.0.1:"));
    let fresh = [&elsewhere[..], &["--fresh"]].concat();
    let mut refused = Terminal::start(command(&shop, &fresh), 120, 30);
    assert_eq!(end(&mut refused).code(), Some(1));
    refused.see("end it before a new one begins there");
    let kept = beside(&shop, &["status", "--json", "--out", "out/demo"]).ok().json();
    assert!(kept["orders_since_midnight"].as_u64() >= after["orders_since_midnight"].as_u64());
    broker.terminate().ok();

    let mut terminal = Terminal::start(command(&shop, &fresh), 120, 30);
    let anew = wait_for("a new demo", PATIENCE, || {
        let done = beside(&shop, &["status", "--json", "--tz", "America/New_York"]);
        done.status.success().then(|| done.json())
    });
    assert!(anew["handled"]["total"].as_u64() < kept["handled"]["total"].as_u64(), "{anew} after {kept}");
    terminal.type_keys("q");
    assert!(end(&mut terminal).success());
}

/// Time until dead consumers are reported, plus a margin for a busy machine.
const SOON: Duration = Duration::from_secs(3);
const BUSY: Duration = Duration::from_secs(2);

/// Whether every consumer on the Kafka page has this mark.
fn all_are(text: &str, mark: char) -> bool {
    let names =
        ["orders-today", "sales", "daily-report", "stock", "handling", "mail", "handled-windows", "journal"];
    names
        .iter()
        .all(|name| text.lines().any(|line| line.trim_start().starts_with(&format!("{mark} {name} "))))
}

/// The line with the sums.
fn sums(text: &str) -> &str {
    text.lines().rfind(|line| line.contains(" pending + ")).unwrap_or_default()
}

/// Waits until the Kafka page shows dead consumers: within three seconds.
#[track_caller]
fn see_death(terminal: &Terminal, since: Instant) {
    terminal.see_that("dead consumers", |text| all_are(text, '✗'));
    assert!(since.elapsed() < SOON + BUSY, "{:?}", since.elapsed());
}

#[track_caller]
fn see_life(terminal: &Terminal) {
    terminal.see_that("living consumers that have counted orders, and sums that are right", |text| {
        let sums = sums(text);
        let are_right = sums.matches('✓').count() == 2 && sums.matches('=').count() == 2;
        all_are(text, '●') && are_right && !sums.contains(" 0 produced")
    });
}

#[test]
fn who_only_watches_sees_within_three_seconds_that_nobody_runs_the_consumers() {
    let shop = Shop::embedded();
    shop.bootstrap();
    let seller = shop.start(&["produce", "--rate", "5"]);
    let consumers = shop.start(&["consume"]);
    let mut terminal = Terminal::start(command(&shop, &["tui", "--watch"]), 120, 30);
    terminal.see("Orders since midnight");
    terminal.type_keys("7");
    see_life(&terminal);

    consumers.kill();
    see_death(&terminal, Instant::now());
    terminal.see_that("what nobody reads", |text| {
        sums(text).contains("nobody reads, lag ")
            && sums(text).trim_end().ends_with(" s")
            && !sums(text).contains('✓')
    });
    terminal.see(" as of ");
    terminal.type_keys("1");
    terminal.see("Nobody runs orders-today and 7 more consumers");
    let done = shop.run(&["status", "--html", "page.html"]).ok();
    assert!(done.stderr.contains("nobody runs orders-today and 7 more consumers"), "{done}");
    assert!(done.stderr.contains("; lag "), "{done}");
    let page = std::fs::read_to_string(shop.home().join("page.html")).unwrap();
    assert!(page.contains("Nobody runs orders-today"), "{page}");

    let consumers = shop.start(&["consume"]);
    terminal.type_keys("7");
    see_life(&terminal);
    assert!(shop.run(&["status"]).ok().stderr.is_empty());

    // First a frozen process, then one that exits cleanly.
    consumers.signal("STOP");
    see_death(&terminal, Instant::now());
    consumers.signal("CONT");
    see_life(&terminal);
    consumers.terminate().ok();
    see_death(&terminal, Instant::now());

    // A dead simulator sells nothing.
    terminal.see(" STALE ");
    let _consumers = shop.start(&["consume"]);
    terminal.see(" RUNNING ");
    seller.kill();
    terminal.see(" STOPPED ");
    terminal.type_keys("q");
    assert!(end(&mut terminal).success());
}
