//! What lies in whose folder when machines share a shop: rows, and the files of the whole shop.

use std::{fs, time::Duration};

use crate::{
    bench::{PATIENCE, orders},
    common::{
        files::{bytes, pieces},
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

#[test]
fn files_of_the_whole_shop_are_written_though_partitions_are_empty_or_quiet() {
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
    // One order more, in a partition that had none or was quiet.
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
    let topic = machines.shop.topic("orders");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        delete(machines.shop.bootstrap(), &topic).await;
        make(machines.shop.bootstrap(), &topic).await;
    });
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
        let ends = |row: &str| Some(format!("{}\t{}", row.split('\t').next()?, row.split('\t').next_back()?));
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
fn two_that_work_up_to_an_end_at_once_end_with_all_reports() {
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
fn who_has_died_leaves_its_rows_and_the_next_owner_has_the_reports() {
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

/// Rows that Kafka was not told of are written again by the next owner: a machine whose commits go nowhere stops writing.
#[test]
fn a_machine_whose_commits_are_not_answered_writes_no_more_rows() {
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
    // The pace of a shop, for longer than two checkpoints.
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
