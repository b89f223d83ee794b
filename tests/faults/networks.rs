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
        let seller =
            machines.start("seller", &["produce", "--backfill", period, "--rate", "0.2", "--seed", "6"]);
        proxy.delay(Duration::from_millis(20 * round as u64));
        for _ in 0..4 {
            std::thread::sleep(Duration::from_millis(300));
            proxy.cut();
        }
        // Away for longer than a session.
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
    // The broker commits; its word does not arrive, and librdkafka gives up after ten seconds.
    proxy.swallow(END_TXN, 1);
    machines.sell("2026-03-27 23:00..2026-03-27 23:30");
    wait_for("an answer that was swallowed", crate::bench::PATIENCE, || {
        (proxy.swallowed() > 0).then_some(())
    });
    machines.wait_for_agreement(&["a"]);
    assert_eq!(handled_twice(&machines), Vec::<Value>::new());

    // Killed before the word arrives: the next process finds what was decided.
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

/// Looking around takes longer then than there is between two looks; records must come in between.
#[test]
fn where_every_answer_is_late_the_end_is_reached_all_the_same() {
    let (machines, proxy) = behind_a_proxy();
    machines.sell("2026-03-27 22:00..2026-03-27 23:00");
    proxy.delay(Duration::from_millis(300));
    machines.start("a", &["consume", "--until-end"]).finish().ok();
    proxy.delay(Duration::ZERO);
    assert_eq!(machines.differences(&["a"]), Vec::<String>::new());
}
