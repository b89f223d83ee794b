//! Invalid input: rejected soon, with one sentence that says what to do, and without a trace.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{fs, net::TcpListener, time::Duration};

use common::{
    files::tree,
    kafka::{self, real_bootstrap},
    shop::{Done, PATIENCE, Shop, wait_for},
};

/// Within this every refusal comes; a second is for starting a debug build on a busy machine.
const SOON: Duration = Duration::from_secs(11);

/// Runs a command that must be refused in one sentence and leave the folder as it was.
#[track_caller]
fn refused(shop: &Shop, arguments: &[&str]) -> Done {
    let before = tree(shop.home());
    let done = shop.run_bare(arguments);
    done.refused();
    assert!(done.took < SOON, "{done}");
    assert_eq!(tree(shop.home()), before, "a trace is left: {done}");
    assert!(!shop.out().exists(), "a folder is left: {done}");
    done
}

#[test]
fn what_the_parser_does_not_know_ends_with_2() {
    let shop = Shop::new();
    for arguments in [
        &["produce", "--nonsense"][..],
        &["nonsense"],
        &["produce", "--rate", "fast"],
        &["produce", "--rate", "-1"],
        &["produce", "--count", "many"],
        &["produce", "--backfill", "sometime"],
        &["produce", "--backfill", "2026-03-30 02:00..2026-03-28 18:00"],
        &["consume", "nonsense"],
        &["consume", "--tz", "Mars/Olympus"],
        &["consume", "--handle-chance", "150%"],
        &["consume", "--handle-every", "0s"],
        &["order", "first"],
        &["report", "2026-02-30"],
        &["broker", "--listen", "nowhere"],
        &["produce", "--partitions", "0"],
        &["produce", "-X", "no-equals-sign"],
        &["consume", "sales", "--handle-chance", "50%"],
        &["consume", "mail", "stock", "--seed", "7"],
        &["status", "--lang", "sv"],
        &["tui", "--backfill", "today", "--start", "2026-11-20 23:50"],
        &["produce", "--backfill", "2026-11-29..2026-11-20"],
    ] {
        let done = shop.run_bare(arguments);
        assert_eq!(done.status.code(), Some(2), "{done}");
        assert!(done.stdout.is_empty() && !done.stderr.contains("panicked"), "{done}");
    }
    assert!(!shop.out().exists(), "{:?}", tree(shop.home()));
}

#[test]
fn a_products_file_that_cannot_be_is_refused() {
    let product = |id: &str, price: &str, stock: &str| {
        format!(
            "[[product]]\nid = {id}\nname = \"Kaffe\"\ncategory = \"Dryck\"\nprice_ore = {price}\npopularity = 1.0\n\
             opening_stock = {stock}\nreorder_point = 5\nreorder_quantity = 10\ndelivery_minutes = 10\n\n"
        )
    };
    let good = product("1", "4990", "10");
    let shop = Shop::new();
    for (name, text) in [
        ("not-toml", "[[product".to_owned()),
        ("empty", String::new()),
        ("binary", "\u{0}\u{1}".to_owned()),
        ("a-number-twice", good.clone() + &good),
        ("a-negative-price", product("1", "-1", "10")),
        ("a-negative-stock", product("1", "4990", "-1")),
        ("a-price-that-is-text", product("1", "\"4990\"", "10")),
        ("no-name", good.replace("name = \"Kaffe\"\n", "")),
        ("an-unknown-field", good.replace("name =", "nmae =")),
        ("a-negative-popularity", good.replace("popularity = 1.0", "popularity = -1.0")),
        ("a-popularity-that-is-none", good.replace("popularity = 1.0", "popularity = nan")),
        ("nothing-to-reorder", good.replace("reorder_quantity = 10", "reorder_quantity = -10")),
        ("back-in-time", good.replace("delivery_minutes = 10", "delivery_minutes = -10")),
    ] {
        let file = format!("{name}.toml");
        fs::write(shop.home().join(&file), text).unwrap();
        let done = refused(&shop, &["produce", "--count", "1", "--products", &file]);
        assert!(done.stderr.contains(&file), "{done}");
    }
    for missing in ["nowhere.toml", "."] {
        let done = refused(&shop, &["produce", "--count", "1", "--products", missing]);
        assert!(done.stderr.contains(missing), "{done}");
    }
}

#[test]
fn a_kafka_that_does_not_answer_is_refused_within_ten_seconds() {
    // The first refuses connections; the second accepts them but never responds.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let silent_address = silent.local_addr().unwrap().to_string();
    let shop = Shop::new();
    for address in [&gone, &silent_address] {
        for command in [
            &["produce", "--count", "1"][..],
            &["consume", "--until-end"],
            &["consume"],
            &["status"],
            &["order", "1"],
        ] {
            let done = refused(&shop, &[command, &["--bootstrap", address]].concat());
            assert!(done.stderr.contains(address.as_str()), "{done}");
        }
    }
}

#[test]
fn a_property_that_librdkafka_does_not_take_is_refused_without_telling_its_value() {
    let shop = Shop::new();
    for property in ["no.such.property=s3cret", "linger.ms=s3cret"] {
        let done = refused(&shop, &["produce", "--count", "1", "--bootstrap", "127.0.0.1:1", "-X", property]);
        let name = property.split('=').next().unwrap();
        assert!(done.stderr.contains(name) && !done.stderr.contains("s3cret"), "{done}");
    }
}

#[test]
fn a_property_that_would_break_a_promise_is_refused_and_one_that_says_the_same_is_not() {
    let shop = Shop::new();
    for property in [
        "isolation.level=read_uncommitted",
        "partition.assignment.strategy=cooperative-sticky",
        "enable.auto.commit=true",
        "enable.idempotence=false",
        "acks=1",
        "group.instance.id=mine",
        "transactional.id=mine",
    ] {
        let done = shop.run_bare(&["consume", "--bootstrap", "127.0.0.1:1", "-X", property]);
        assert_eq!(done.status.code(), Some(2), "{done}");
        let name = property.split('=').next().unwrap();
        assert!(done.stderr.contains(name) && done.stderr.contains("leave it out"), "{done}");
    }
    let done =
        refused(&shop, &["status", "--bootstrap", "127.0.0.1:1", "-X", "isolation.level=read_committed"]);
    assert!(done.stderr.contains("127.0.0.1:1") && !done.stderr.contains("isolation"), "{done}");
}

#[test]
fn a_port_or_a_data_folder_in_use_is_refused() {
    let shop = Shop::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let done = refused(&shop, &["broker", "--listen", &address]);
    assert!(done.stderr.contains(&address), "{done}");

    // The data folder of a running broker.
    let mut broker = shop.start_bare(&["broker", "--listen", "127.0.0.1:0"]);
    broker.wait_for_output("its address", |out| out.contains("127.0.0.1:"));
    let second = shop.run_bare(&["broker", "--listen", "127.0.0.1:0"]);
    second.refused();
    assert!(second.took < SOON, "{second}");
    assert!(broker.is_running());
    broker.terminate().ok();
}

#[test]
fn a_second_consumer_on_the_same_out_is_told_which_process_runs() {
    let shop = Shop::new();
    shop.run(&["produce", "--count", "10", "--rate", "max"]).ok();
    shop.bootstrap();
    let mut first = shop.start(&["consume"]);
    let stock = shop.out().join("stock.txt");
    first.wait_until("its first files", || stock.exists());
    for command in [&["consume"][..], &["consume", "--until-end"]] {
        let second = shop.run(command);
        assert!(second.refused().contains(&first.pid().to_string()), "{second}");
        assert!(second.took < SOON, "{second}");
    }
    assert!(first.is_running());
    first.terminate().ok();
}

#[test]
fn a_dashboard_without_a_terminal_is_refused() {
    let shop = Shop::new();
    let done = refused(&shop, &["tui"]);
    assert!(done.stderr.contains("status") && done.stderr.contains("consume"), "{done}");
}

#[test]
fn commands_that_only_read_make_nothing_where_there_is_nothing() {
    let shop = Shop::new();
    for command in
        [&["status"][..], &["status", "--json"], &["order", "1"], &["report"], &["report", "2026-03-28"]]
    {
        refused(&shop, command);
    }
    if let Some(address) = real_bootstrap() {
        for command in ["status", "report"] {
            refused(&shop, &[command, "--bootstrap", &address, "--prefix", "nobody-ever-made-this"]);
        }
    }
}

#[test]
fn a_period_before_what_the_log_holds_is_refused() {
    let shop = Shop::new();
    shop.run(&["produce", "--backfill", "2026-03-28 12:00..2026-03-28 13:00", "--rate", "0.1"]).ok();
    let orders = shop.oracle().orders.len();
    for period in ["2026-03-28 11:00..2026-03-28 12:00", "2026-03-28 12:30..2026-03-28 14:00"] {
        let done = shop.run(&["produce", "--backfill", period]);
        done.refused();
    }
    assert_eq!(shop.oracle().orders.len(), orders);
}

#[test]
fn real_time_on_a_log_that_is_ahead_of_it_is_refused() {
    let shop = Shop::new();
    shop.run(&["produce", "--backfill", "2999-01-01 12:00..2999-01-01 12:10", "--rate", "0.1"]).ok();
    let done = shop.run(&["produce", "--count", "1"]);
    done.refused();
    assert!(done.took < PATIENCE);
}

#[test]
fn an_address_that_is_none_is_refused_at_once_and_an_empty_variable_is_no_address() {
    let shop = Shop::new();
    for address in
        ["", "localhost:abc", "localhost:0", "localhost:99999", ":9092", "a b:9092", "a:1,,b:2", "[::1]x"]
    {
        let done = shop.run_bare(&["status", "--bootstrap", address]);
        assert_eq!(done.status.code(), Some(2), "{address}: {done}");
        assert!(done.stderr.contains("HOST:PORT") && done.took < Duration::from_secs(3), "{address}: {done}");
    }
    for address in ["localhost", "[::1]:9092", "PLAINTEXT://localhost:9092", "a:1,b:2"] {
        let done =
            shop.run_bare(&["status", "--bootstrap", address, "-X", "isolation.level=read_uncommitted"]);
        assert!(
            !done.stderr.contains("HOST:PORT[") && done.stderr.contains("isolation.level"),
            "{address}: {done}"
        );
    }
    let mut command = std::process::Command::new("env");
    command.args(["SHOP_SIM_BOOTSTRAP=", env!("CARGO_BIN_EXE_shop-sim"), "status"]);
    let done = shop.spawn(command, "status with an empty variable".to_owned()).finish();
    assert!(done.refused().contains("there is no shop in"), "{done}");
}

#[test]
fn what_has_an_end_and_is_interrupted_before_it_ends_with_1() {
    for end in [["--count", "1000000"], ["--backfill", "2020-01-01 00:00..2025-01-01 00:00"]] {
        let shop = Shop::new();
        shop.bootstrap();
        let producer = shop.start(&[&["produce", "--rate", "5"][..], &end].concat());
        wait_for("an order", PATIENCE, || {
            (kafka::records_written(shop.bootstrap(), &shop.topic("orders")) > 0).then_some(())
        });
        let done = producer.terminate();
        assert_eq!(done.status.code(), Some(1), "{done}");
        assert!(done.stderr.contains("interrupted"), "{done}");
    }
}

/// As under `nohup`, or as a background job of a shell.
#[cfg(target_os = "linux")]
#[test]
fn a_signal_that_is_ignored_from_the_start_stays_ignored() {
    let shop = Shop::new();
    shop.bootstrap();
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "trap '' HUP INT; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_shop-sim"), "produce"]);
    command.args(["--rate", "50"]).args(shop.flags());
    let mut producer = shop.spawn(command, "produce under nohup".to_owned());
    let written = || kafka::records_written(shop.bootstrap(), &shop.topic("orders"));
    producer.wait_until("an order", || written() > 0);
    producer.signal("HUP");
    producer.signal("INT");
    let before = written();
    producer.wait_until("more orders", || written() > before + 100);
    producer.terminate().ok();
}

#[test]
fn a_folder_that_is_removed_under_a_running_broker_is_told() {
    let shop = Shop::embedded();
    let mut producer = shop.start(&["produce", "--rate", "50"]);
    let data = shop.out().join("kafka");
    producer.wait_until("its data", || data.join("address").exists());
    std::fs::remove_dir_all(shop.out()).unwrap();
    wait_for("a word", PATIENCE, || producer.stderr().contains("were removed").then_some(()));
    producer.terminate();
}
