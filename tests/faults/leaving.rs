//! Machines that leave, die and return: how long their partitions are not processed.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{
    bench::{PATIENCE, orders},
    common::shop::wait_for,
    machines::Machines,
};

/// Orders that are pending, or handled and mailed.
fn known(status: &Value) -> u64 {
    ["pending", "mails"].map(|name| status[name].as_u64().unwrap()).iter().sum()
}

/// A shop with a known time: without any pulse it takes a while until wall time counts. Returns the number of orders.
fn open(machines: &Machines) -> u64 {
    machines.sell("2026-03-27 22:00..2026-03-27 22:10");
    known(&machines.start("a", &["consume", "--until-end", "--json"]).finish().ok().json())
}

/// Writes orders to every partition; returns the time until every consumer has processed them, as others see it.
fn worked_off(machines: &Machines, written: &mut u64) -> Duration {
    let begun = Instant::now();
    machines.shop.write("orders", &orders(10_001 + *written..10_011 + *written));
    *written += 10;
    wait_for("the figures", PATIENCE, || {
        let status = machines.status();
        let lag = status["lag"].as_object().unwrap().values().map(|lag| lag.as_u64().unwrap()).sum::<u64>();
        (lag == 0 && known(&status) == *written).then_some(())
    });
    begun.elapsed()
}

/// The members of every group that have partitions.
fn shares(machines: &Machines, status: &Value) -> Vec<usize> {
    let groups = status["lag"].as_object().unwrap().keys();
    groups.map(|view| machines.shares(view)).collect()
}

#[test]
fn who_leaves_is_followed_at_once_who_dies_after_its_session_and_who_comes_back_has_its_own() {
    let machines = Machines::new();
    let mut written = open(&machines);
    let a = machines.start("a", &["consume"]);
    let b = machines.start("b", &["consume"]);
    worked_off(&machines, &mut written);
    let status = machines.status();
    wait_for("both to share", PATIENCE, || {
        shares(&machines, &status).iter().all(|members| *members == 2).then_some(())
    });

    let begun = Instant::now();
    a.terminate().ok();
    // A member that has left is gone when its process ends; one that is only closed keeps its partitions for its session.
    let shared = shares(&machines, &status);
    assert!(shared.iter().all(|members| *members <= 1), "members after SIGTERM: {shared:?}");
    worked_off(&machines, &mut written);
    let left = begun.elapsed();

    let a = machines.start("a", &["consume"]);
    wait_for("both to share", PATIENCE, || {
        shares(&machines, &status).iter().all(|members| *members == 2).then_some(())
    });
    worked_off(&machines, &mut written);
    // Back within its session, with its partitions.
    a.kill();
    let a = machines.start("a", &["consume"]);
    let back = worked_off(&machines, &mut written);

    // Kafka waits for its session to end, which takes 5 to 6 s from the last heartbeat on.
    a.kill();
    let killed = worked_off(&machines, &mut written);
    println!("after SIGTERM: {left:?}; killed and back: {back:?}; killed: {killed:?}");
    assert!(left < killed, "after SIGTERM: {left:?}, killed: {killed:?}");
    assert!(back < killed, "killed and back: {back:?}, killed: {killed:?}");
    b.terminate().ok();
}

#[test]
fn who_is_alone_keeps_its_place_for_its_return() {
    let machines = Machines::new();
    let mut written = open(&machines);
    let a = machines.start("a", &["consume"]);
    worked_off(&machines, &mut written);
    let status = machines.status();
    let begun = Instant::now();
    a.terminate().ok();
    let ended = begun.elapsed();
    println!("ended: {ended:?}");
    assert!(ended < Duration::from_secs(2), "ended: {ended:?}");
    assert!(
        shares(&machines, &status).iter().all(|members| *members == 1),
        "nobody waits for its partitions"
    );
}
