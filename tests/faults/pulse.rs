//! An unreadable pulse does not mean that there is no simulator.

use std::time::Duration;

use crate::{
    bench::PATIENCE,
    common::{kafka::records_written, shop::wait_for},
    machines::Machines,
    proxy::{LIST_OFFSETS, Proxy},
};

#[test]
fn a_pulse_that_cannot_be_read_is_waited_for_and_then_named() {
    if crate::common::is_left_out() {
        return;
    }
    let mut machines = Machines::new();
    machines.sell("2026-03-27 22:00..2026-03-27 23:30");
    let proxy = Proxy::before(&machines.bootstrap);
    machines.bootstrap = proxy.address.to_string();
    proxy.mute(Some((LIST_OFFSETS, machines.shop.topic("pulse"))));
    let done = machines.start("a", &["consume", "--until-end"]).finish();
    let told = done.refused();
    assert!(told.contains(&machines.shop.topic("pulse")), "{told}");
    assert!(!machines.out("a/reports").exists(), "no day is over");
    assert!(!machines.out("a/mail").exists(), "and nothing is due");

    // A long-running one waits for it. Without a simulator, wall time would count after six checks.
    let running = machines.start("a", &["consume"]);
    let log = machines.out("a/shop-sim.log");
    wait_for("word of it", PATIENCE, || {
        let log = std::fs::read_to_string(&log).unwrap_or_default();
        log.contains("so the shop's time is not known").then_some(())
    });
    std::thread::sleep(Duration::from_secs(9));
    assert_eq!(records_written(machines.shop.bootstrap(), &machines.shop.topic("handled")), 0);
    proxy.mute(None);
    machines.wait_for_agreement(&["a"]);
    running.terminate().ok();
}
