//! The contents of each machine's folder when several share a shop: rows, and files of the whole shop.

use std::{fs, time::Duration};

use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer},
};
use serde_json::Value;

use crate::{
    bench::{PATIENCE, orders},
    common::{
        files::{bytes, pieces, tree},
        oracle::Oracle,
        shop::wait_for,
    },
    machines::Machines,
    proxy::Proxy,
    topics::{delete, make},
};

/// `OffsetCommit`, Kafka protocol.
const OFFSET_COMMIT: i16 = 8;

/// The folder that has the files of the whole shop.
fn writer<'a>(machines: &Machines, outs: &[&'a str]) -> Option<&'a str> {
    let has = |out: &&&str| machines.out(out).join("stock.txt").exists();
    let mut writers = outs.iter().filter(has);
    writers.next().copied().filter(|_| writers.next().is_none())
}

/// Deletes the topic of orders and creates it again, empty.
fn recreate_orders(machines: &Machines) {
    let topic = machines.shop.topic("orders");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        delete(machines.shop.bootstrap(), &topic).await;
        make(machines.shop.bootstrap(), &topic).await;
    });
}

#[test]
fn files_of_the_whole_shop_are_written_though_partitions_are_empty_or_quiet() {
    if crate::common::is_left_out() {
        return;
    }
    let machines = Machines::with_partitions("32");
    machines.sell("2026-03-27 22:00..2026-03-28 00:10");
    let start = || ["a", "b"].map(|out| machines.start(out, &["consume"]));
    let running = start();
    machines.wait_for_agreement(&["a", "b"]);
    for one in running {
        one.kill();
    }
    for out in ["a", "b"] {
        for file in ["stock.txt", "orders/last.txt"] {
            let _ = fs::remove_file(machines.out(out).join(file));
        }
    }
    let running = start();
    let written = || machines.differences(&["a", "b"]).is_empty().then_some(());
    wait_for("the files again", PATIENCE, written);
    // One more order, in a partition that was empty or idle.
    machines.shop.write("orders", &orders(900_001..900_002));
    machines.wait_for_agreement(&["a", "b"]);
    assert!(writer(&machines, &["a", "b"]).is_some(), "one folder has them");
    for one in running {
        one.terminate().ok();
    }
}

#[test]
fn what_was_handed_over_of_a_log_that_is_gone_is_in_no_file() {
    let machines = Machines::new();
    machines.sell("2026-03-27 22:00..2026-03-28 00:10");
    let running = ["a", "b"].map(|out| machines.start(out, &["consume"]));
    machines.wait_for_agreement(&["a", "b"]);
    recreate_orders(&machines);
    machines.shop.write("orders", &orders(900_001..900_201));
    let expected = || {
        let status = machines.status();
        let stock = status["stock"].as_array().unwrap().iter();
        let rows =
            stock.map(|line| format!("{}\t{}", line["product_id"], line["balance"])).collect::<Vec<_>>();
        let oracle = Oracle::read(machines.shop.bootstrap(), &machines.prefix());
        (rows, oracle.orders.iter().max_by_key(|order| (order.at, order.id)).unwrap().id)
    };
    let found = || {
        let out = machines.out(writer(&machines, &["a", "b"])?);
        let stock = fs::read_to_string(out.join("stock.txt")).ok()?;
        let ends = |row: &str| {
            let mut cells = row.split('\t').map(|cell| cell.trim_matches(' '));
            Some(format!("{}\t{}", cells.next()?, cells.nth(1)?))
        };
        let rows = stock.lines().skip(1).filter_map(ends).collect::<Vec<_>>();
        let last = fs::read_to_string(out.join("orders/last.txt")).ok()?;
        Some((rows, last.lines().nth(1)?.split('\t').next()?.parse().ok()?))
    };
    wait_for("files of the new log alone", PATIENCE, || (Some(expected()) == found()).then_some(()));
    for one in running {
        one.terminate().ok();
    }
}

#[test]
fn a_folder_that_was_away_while_a_topic_was_made_again_keeps_no_row_of_the_old_one() {
    let machines = Machines::new();
    machines.sell("2026-03-27 22:00..2026-03-27 22:10");
    let a = machines.start("a", &["consume"]);
    machines.wait_for_agreement(&["a"]);
    a.terminate().ok();
    recreate_orders(&machines);
    // More than there were.
    machines.shop.write("orders", &orders(900_001..900_401));
    let rows = |out: &str| -> Vec<u64> {
        let tables = tree(&machines.out(out).join("orders")).into_keys();
        let text: String = tables
            .filter(|path| !path.ends_with("last.txt"))
            .filter_map(|path| fs::read_to_string(machines.out(out).join("orders").join(path)).ok())
            .collect();
        text.lines().filter_map(|row| row.split('\t').next()?.parse().ok()).collect()
    };
    let b = machines.start("b", &["consume"]);
    wait_for("the rows of the new log", PATIENCE, || (rows("b").len() == 400).then_some(()));
    b.terminate().ok();
    // It is alone, so its folder gets all files of the new log.
    let a = machines.start("a", &["consume"]);
    wait_for("the rows of the new log alone", PATIENCE, || {
        let rows = rows("a");
        (rows.len() == 400 && rows.iter().all(|id| *id > 900_000)).then_some(())
    });
    a.terminate().ok();
}

#[test]
fn two_that_work_up_to_an_end_at_once_end_with_all_reports() {
    if crate::common::is_left_out() {
        return;
    }
    let machines = Machines::new();
    machines.sell("2026-03-27 22:00..2026-03-29 00:10");
    let work_off = || {
        let running = ["a", "b"].map(|out| machines.start(out, &["consume", "--until-end"]));
        for one in running {
            one.finish().ok();
        }
        assert_eq!(machines.differences(&["a", "b"]), Vec::<String>::new());
    };
    work_off();
    machines.sell("2026-03-29 00:10..2026-03-30 00:10");
    work_off();
}

#[test]
fn a_run_to_the_end_ends_beside_a_machine_that_goes_on_though_no_order_comes_due() {
    if crate::common::is_left_out() {
        return;
    }
    // Every order is handled before the run begins, or none within an hour.
    for (seconds, pending) in [(1, 0), (3600, 200)] {
        let machines = Machines::new();
        let handling = ["--handle-every", &format!("{seconds}s"), "--handle-chance", "100%"];
        machines.start("seller", &["produce", "--count", "200", "--rate", "max"]).finish().ok();
        let a = machines.start("a", &[&["consume"][..], &handling].concat());
        wait_for("a quiet shop", PATIENCE, || {
            let status = machines.status();
            let lag: u64 = status["lag"].as_object()?.values().filter_map(Value::as_u64).sum();
            let handled = status["handled"]["total"].as_u64()?;
            (lag == 0 && status["pending"] == pending && handled == 200 - pending).then_some(())
        });
        let b = machines.start("b", &[&["consume", "--until-end"][..], &handling].concat());
        b.finish_within(Duration::from_secs(60)).ok();
        let mut oracle = Oracle::read(machines.shop.bootstrap(), &machines.prefix());
        (oracle.every, oracle.chance) = (chrono::Duration::seconds(seconds), 1.0);
        let differences = oracle.compare(&machines.merged(&["a", "b"]), &machines.status());
        assert_eq!(differences, Vec::<String>::new(), "handled every {seconds} s");
        a.terminate().ok();
    }
}

#[test]
fn who_has_died_leaves_its_rows_and_the_next_owner_has_the_reports() {
    if crate::common::is_left_out() {
        return;
    }
    let machines = Machines::new();
    machines.sell("2026-03-27 22:00..2026-03-28 00:10");
    let a = machines.start("a", &["consume"]);
    machines.wait_for_agreement(&["a"]);
    let b = machines.start("b", &["consume"]);
    machines.sell("2026-03-28 00:10..2026-03-28 00:30");
    machines.wait_for_agreement(&["a", "b"]);
    a.kill();
    machines.sell("2026-03-28 00:30..2026-03-28 01:00");
    machines.wait_for_agreement(&["a", "b"]);
    let report = machines.start("b", &["report", "2026-03-27"]).finish().ok();
    assert!(report.stdout.contains("2026-03-27"), "{report}");
    b.terminate().ok();

    let alone = machines.start("b", &["verify"]).finish().ok();
    assert!(alone.stdout.contains(" 0 differences") && alone.stdout.contains("in other folders"), "{alone}");
    let a = machines.out("a").display().to_string();
    let both = machines.start("b", &["verify", "--with", &a]).finish().ok();
    assert!(both.stdout.contains(" 0 differences") && !both.stdout.contains("Not compared"), "{both}");
    let dead = machines.start("a", &["verify"]).finish().ok();
    assert!(dead.stdout.contains(" 0 differences"), "{dead}");

    // A row that is in neither folder is found.
    let table = machines.out("a").join("orders/2026-03-27.txt");
    let text = fs::read_to_string(&table).unwrap();
    let others: Vec<&str> = text.split_inclusive('\n').filter(|line| !line.starts_with("1\t")).collect();
    fs::write(&table, others.concat()).unwrap();
    let spoilt = machines.start("b", &["verify", "--with", &a]).finish();
    assert_eq!(spoilt.status.code(), Some(1), "{spoilt}");
    assert!(spoilt.stdout.contains("order 1:"), "{spoilt}");
}

/// Rows of uncommitted positions are written again by the next owner: so a machine whose commits fail stops writing.
#[test]
fn a_machine_whose_commits_are_not_answered_writes_no_more_rows() {
    if crate::common::is_left_out() {
        return;
    }
    let mut machines = Machines::new();
    machines.sell("2026-03-27 22:00..2026-03-27 22:10");
    let direct = machines.bootstrap.clone();
    let proxy = Proxy::before(&direct);
    machines.bootstrap = proxy.address.to_string();
    let a = machines.start("a", &["consume"]);
    machines.wait_for_agreement(&["a"]);
    let tables = machines.out("a/orders");
    let home = machines.shop.home().to_owned();
    let rows = |out: &str| {
        let name = home.join(out).join("orders/2026-11-20.txt");
        fs::read_to_string(name).map_or(Vec::new(), |text| pieces(&text, false).map(str::to_owned).collect())
    };
    proxy.mute(Some((OFFSET_COMMIT, format!("{}.journal", machines.prefix()))));
    // At normal load, for longer than two checkpoints.
    let mut before = bytes(&tables);
    let mut still = 0;
    for id in 0..60 {
        machines.shop.write("orders", &orders(900_001 + id * 10..900_011 + id * 10));
        std::thread::sleep(Duration::from_millis(200));
        let now = bytes(&tables);
        still = if now == before { still + 1 } else { 0 };
        before = now;
    }
    assert!(still > 20, "it still wrote");
    a.kill();
    machines.bootstrap = direct;
    let b = machines.start("b", &["consume"]);
    machines.start("b", &["status"]).finish().ok();
    let written = || {
        let (of_a, of_b): (Vec<String>, Vec<String>) = (rows("a"), rows("b"));
        let of_both = of_a
            .iter()
            .chain(&of_b)
            .filter(|row| row.starts_with("900"))
            .collect::<std::collections::BTreeSet<_>>();
        (of_both.len() == 600).then(|| of_a.iter().filter(|row| of_b.contains(row)).count())
    };
    let twice = wait_for("all rows in one folder or the other", PATIENCE, written);
    println!("{twice} of 600 rows are in both");
    assert!(twice <= 150, "{twice} rows are in both: three seconds of them are 150");
    b.terminate().ok();
}

/// A member of one of a machine's groups, under the machine's instance.
fn join_as(machines: &Machines, out: &str, view: &str) -> BaseConsumer {
    let instance = fs::read_to_string(machines.out(out).join("state/instance")).unwrap();
    let member: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", machines.shop.bootstrap())
        .set("group.id", format!("{}.{view}", machines.prefix()))
        .set("group.instance.id", instance.trim())
        .set("partition.assignment.strategy", "range")
        .set("session.timeout.ms", "6000")
        .create()
        .unwrap();
    member.subscribe(&[&machines.shop.topic("orders")]).unwrap();
    wait_for("its partitions", PATIENCE, || {
        member.poll(Duration::from_millis(100));
        (member.assignment().unwrap().count() > 0).then_some(())
    });
    member
}

#[test]
fn a_member_that_was_fenced_by_nobody_who_runs_joins_again() {
    let machines = Machines::new();
    machines.sell("2026-03-27 22:00..2026-03-27 22:30");
    let a = machines.start("a", &["consume"]);
    machines.wait_for_agreement(&["a"]);
    for view in ["sales", "handling"] {
        drop(join_as(&machines, "a", view));
    }
    machines.sell("2026-03-27 22:30..2026-03-27 23:00");
    machines.wait_for_agreement(&["a"]);
    a.terminate().ok();
}
