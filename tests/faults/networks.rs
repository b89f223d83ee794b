//! Connections that are cut, late and refused: the same figures as without.

use std::time::Duration;

use serde_json::Value;

use crate::{
    common::{oracle::Oracle, shop::wait_for},
    machines::Machines,
    proxy::{END_TXN, Proxy},
};

fn behind_a_proxy() -> (Machines, Proxy) {
    let mut machines = Machines::new();
    let proxy = Proxy::before(&machines.bootstrap);
    machines.bootstrap = proxy.address.to_string();
    (machines, proxy)
}

/// The orders that were handled more than once.
fn handled_twice(machines: &Machines) -> Vec<Value> {
    let handled = crate::common::kafka::read(machines.shop.bootstrap(), &machines.shop.topic("handled"));
    let mut ids: Vec<Vec<u8>> = handled.into_iter().filter_map(|record| record.key).collect();
    ids.sort();
    let again = ids.windows(2).filter(|pair| pair[0] == pair[1]);
    again.map(|pair| Value::String(String::from_utf8_lossy(&pair[0]).into_owned())).collect()
}

#[test]
fn connections_that_break_change_no_figure() {
    let (machines, proxy) = behind_a_proxy();
    machines.sell("2026-03-27 22:00..2026-03-27 23:00");
    let consumers = machines.start("a", &["consume"]);
    for (round, period) in [
        "2026-03-27 23:00..2026-03-27 23:30",
        "2026-03-27 23:30..2026-03-28 00:00",
        "2026-03-28 00:00..2026-03-28 00:30",
    ]
    .into_iter()
    .enumerate()
    {
        let seller = machines
            .start("seller", &["produce", "--wait", "--backfill", period, "--rate", "0.2", "--seed", "6"]);
        proxy.delay(Duration::from_millis(20 * round as u64));
        for _ in 0..4 {
            std::thread::sleep(Duration::from_millis(300));
            proxy.cut();
        }
        // Longer than a session time-out.
        proxy.refuse(round == 1);
        proxy.cut();
        std::thread::sleep(Duration::from_secs(if round == 1 { 8 } else { 0 }));
        proxy.refuse(false);
        seller.finish().ok();
    }
    proxy.delay(Duration::ZERO);
    machines.wait_for_agreement(&["a"]);
    consumers.terminate().ok();
    assert_eq!(machines.differences(&["a"]), Vec::<String>::new());
    assert_eq!(handled_twice(&machines), Vec::<Value>::new());
    let oracle = Oracle::read(machines.shop.bootstrap(), &machines.prefix());
    assert_eq!(oracle.check_sales(), Vec::<String>::new());
}

#[test]
fn a_transaction_whose_end_is_not_confirmed_is_not_made_twice() {
    let (machines, proxy) = behind_a_proxy();
    machines.sell("2026-03-27 22:00..2026-03-27 23:00");
    let consumers = machines.start("a", &["consume"]);
    machines.wait_for_agreement(&["a"]);
    // The broker commits; its response is lost, and librdkafka times out after ten seconds.
    proxy.swallow(END_TXN, 1);
    machines.sell("2026-03-27 23:00..2026-03-27 23:30");
    wait_for("an answer that was swallowed", crate::bench::PATIENCE, || {
        (proxy.swallowed() > 0).then_some(())
    });
    machines.wait_for_agreement(&["a"]);
    assert_eq!(handled_twice(&machines), Vec::<Value>::new());

    // Killed before the response: the next process finds the outcome.
    proxy.swallow(END_TXN, 1_000);
    machines.sell("2026-03-27 23:30..2026-03-28 00:30");
    wait_for("another one", crate::bench::PATIENCE, || (proxy.swallowed() > 1).then_some(()));
    consumers.kill();
    proxy.swallow(END_TXN, 0);
    let consumers = machines.start("a", &["consume"]);
    machines.wait_for_agreement(&["a"]);
    consumers.terminate().ok();
    assert_eq!(handled_twice(&machines), Vec::<Value>::new());
}

/// Each check takes longer than the interval between two; records must be processed in between.
#[test]
fn where_every_answer_is_late_the_end_is_reached_all_the_same() {
    if crate::common::is_left_out() {
        return;
    }
    let (machines, proxy) = behind_a_proxy();
    machines.sell("2026-03-27 22:00..2026-03-27 23:00");
    proxy.delay(Duration::from_millis(300));
    machines.start("a", &["consume", "--until-end"]).finish().ok();
    proxy.delay(Duration::ZERO);
    assert_eq!(machines.differences(&["a"]), Vec::<String>::new());
}

/// Request types (Kafka protocol) of commands that end by themselves, without those that they must not send:
/// heartbeats, and leaving a group.
const KINDS: [(i16, &str); 16] = [
    (0, "Produce"),
    (1, "Fetch"),
    (2, "ListOffsets"),
    (3, "Metadata"),
    (8, "OffsetCommit"),
    (9, "OffsetFetch"),
    (10, "FindCoordinator"),
    (11, "JoinGroup"),
    (14, "SyncGroup"),
    (18, "ApiVersions"),
    (19, "CreateTopics"),
    (22, "InitProducerId"),
    (24, "AddPartitionsToTxn"),
    (25, "AddOffsetsToTxn"),
    (26, "EndTxn"),
    (28, "TxnOffsetCommit"),
];

#[test]
fn a_connection_that_breaks_under_any_question_ends_no_command() {
    if crate::common::is_left_out() {
        return;
    }
    let broker = Machines::new();
    let one_kind = |(api, name): (i16, &'static str)| {
        let proxy = Proxy::before(&broker.bootstrap);
        let prefix = format!("{}-{}", broker.prefix(), name.to_lowercase());
        let run = |arguments: &[&str]| {
            proxy.snap(api);
            let (address, out) = (proxy.address.to_string(), format!("out-{name}"));
            let mut all = arguments.to_vec();
            all.extend(["--bootstrap", &address, "--prefix", &prefix, "--partitions", "2", "--out", &out]);
            broker.shop.start_bare(&all).finish().ok()
        };
        let period = ["--backfill", "2026-03-27 23:00..2026-03-28 00:30", "--rate", "0.1", "--seed", "5"];
        run(&[&["produce"], &period[..]].concat());
        run(&["consume", "--until-end"]);
        run(&["status"]);
        run(&["order", "1"]);
        run(&["report", "2026-03-27", "--rebuild"]);
        run(&["verify"]);
        let snapped = proxy.snapped();
        let oracle = Oracle::read(broker.shop.bootstrap(), &prefix);
        assert_eq!(oracle.check_sales(), Vec::<String>::new(), "{name}");
        (name, snapped)
    };
    let mut never = Vec::new();
    for kinds in KINDS.chunks(4) {
        std::thread::scope(|scope| {
            let running: Vec<_> = kinds.iter().map(|kind| scope.spawn(|| one_kind(*kind))).collect();
            for one in running {
                let (name, snapped) = one.join().expect("a kind of request at which a command failed, above");
                if snapped == 0 {
                    never.push(name);
                }
            }
        });
    }
    assert_eq!(never, Vec::<&str>::new(), "no connection was broken at them");
}
