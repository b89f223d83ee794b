//! `chaos`: injects faults into a shop, and afterwards every figure and file matches the log.
//!
//! On the embedded broker, or on the Kafka that `SHOP_SIM_TEST_BOOTSTRAP` names.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::fs;

use common::{
    files::tree,
    shop::{PATIENCE, Shop, wait_for},
};

fn intact(shop: &Shop) {
    shop.run(&["consume", "--until-end"]).ok();
    let done = shop.run(&["verify"]).ok();
    assert!(done.stdout.contains(" 0 differences"), "{done}");
}

#[test]
fn a_shop_that_is_broken_in_every_way_heals_each_time() {
    let shop = Shop::embedded().with_evidence();
    let plan = "kill:sales,full-disk:mail,twice,late,kill:handling,garbage,hostile,freeze:stock,cut";
    let done = shop.run(&["chaos", "--seed", "3", "--plan", plan]).ok();
    let lines: Vec<&str> = done.stdout.lines().collect();
    assert_eq!(lines.len(), 10, "{done}");
    for (line, fault) in lines.iter().zip(plan.split(',')) {
        assert!(line.starts_with(fault) && line.contains("agreed"), "{done}");
    }
    assert!(lines[9].starts_with("9 faults, and after each all agreed"), "{done}");
    intact(&shop);
    let status = shop.run(&["status", "--json"]).ok().json();
    assert!(status["duplicates"].as_u64() > Some(0) && status["dead_letters"] == 4, "{status}");
    // Files for people contain no escape sequences.
    for folder in ["orders", "handled", "mail", "reports"] {
        for path in tree(&shop.out().join(folder)).into_keys() {
            let bytes = fs::read(shop.out().join(folder).join(&path)).unwrap();
            assert!(!bytes.contains(&0x1b), "{folder}/{}", path.display());
        }
    }
}

#[test]
fn a_shop_of_other_processes_is_broken_by_records_alone() {
    let shop = Shop::new().with_evidence();
    // The broker runs first, in a process of its own: otherwise `produce` may serve one.
    shop.bootstrap();
    let selling = shop.start(&["produce", "--rate", "20"]);
    let counting = shop.start_elsewhere("machine", &["consume"]);
    wait_for("orders that are counted", PATIENCE, || {
        let status = shop.run_elsewhere("chaos", &["status", "--json"]);
        (status.status.success() && status.json()["orders_since_midnight"].as_u64() > Some(0)).then_some(())
    });
    let done = shop.run_elsewhere("chaos", &["chaos", "--seed", "2"]).ok();
    assert_eq!(done.stdout.lines().count(), 5, "{done}");
    for fault in ["twice", "late", "garbage", "hostile"] {
        assert!(done.stdout.lines().any(|line| line.starts_with(fault)), "{done}");
    }
    for inside in ["kill:sales", "cut"] {
        let refused = shop.run_elsewhere("chaos", &["chaos", "--plan", inside]);
        assert!(refused.refused().contains("runs no consumers"), "{refused}");
    }
    selling.terminate().ok();
    counting.terminate().ok();
}
