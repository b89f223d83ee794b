//! Ids of other producers: in any order, no order is lost and none counts twice.

use std::fs;

use serde_json::json;

use crate::{
    common::{
        kafka::Record,
        orders::Hand,
        shop::{PATIENCE, Shop, wait_for},
    },
    kit::{assert_agrees, consume, count_orders, log, orders_known, sell, wait_for_status},
};

const THEN: &str = "2026-03-28T22:10:00.250+01:00";

fn hand(id: u64, partition: i32) -> Record {
    Hand::at(THEN).id(id).record(partition)
}

/// `verify`, with a rule of its own, finds nothing.
#[track_caller]
fn assert_audited(shop: &Shop, flags: &[&str]) {
    let done = shop.run(&[&["verify"], flags].concat()).ok();
    assert!(done.stdout.contains(" 0 differences"), "{done}");
}

#[test]
fn one_order_with_the_highest_id_of_all_costs_none_of_those_after_it() {
    let shop = Shop::new();
    shop.bootstrap();
    sell(&shop, "2026-03-28 22:00..2026-03-28 22:10", "0.1", "31");
    shop.write("orders", &[hand(u64::MAX, 0), hand(738_529_527_931_269_425, 1)]);
    sell(&shop, "2026-03-28 22:11..2026-03-28 22:21", "0.1", "32");
    let status = consume(&shop);
    assert_agrees(&shop, &status);
    assert_eq!((orders_known(&status), &status["duplicates"]), (count_orders(&shop), &json!(0)));
    assert_audited(&shop, &[]);
    assert_audited(&shop, &["--ids", "seen"]);
}

/// Each time another part of a process's state is lost.
#[test]
fn the_ids_of_two_producers_may_alternate_and_what_comes_again_is_known_for_ever() {
    let shop = Shop::new();
    shop.bootstrap();
    // Makes the topics.
    sell(&shop, "2026-03-28 22:00..2026-03-28 22:05", "0.1", "33");
    let sold = count_orders(&shop);
    let mut written: Vec<Record> = Vec::new();
    let mut again = 0;
    for round in 0..4_u64 {
        let (low, high) = (1_001 + 40 * round, 9_000_000 - 40 * round);
        let drawn = |number: u64| (round * 40 + number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let all = (0..40)
            .flat_map(|number| [hand(low + number, 2), hand(high - number, 2), hand(drawn(number), 3)]);
        let repeated: Vec<Record> = written.iter().step_by(7).cloned().collect();
        again += repeated.len();
        let news: Vec<Record> = all.chain(repeated).collect();
        shop.write("orders", &news);
        written.extend(news.into_iter().take(120));
        let status = consume(&shop);
        assert_agrees(&shop, &status);
        assert_eq!(
            (orders_known(&status), &status["duplicates"]),
            (sold + i64::try_from(written.len()).unwrap(), &json!(again))
        );
        assert_audited(&shop, &[]);
        let ids = shop.out().join("state/ids/2/index");
        assert!(ids.exists());
        match round {
            0 => fs::remove_dir_all(shop.out().join("state/ids")).unwrap(),
            1 => {
                let mut bytes = fs::read(&ids).unwrap();
                bytes[9] ^= 1;
                fs::write(&ids, bytes).unwrap();
            }
            // Another machine, with an empty state.
            _ => fs::rename(shop.out().join("state"), shop.home().join("state-of-before")).unwrap(),
        }
        if round == 2 {
            fs::rename(shop.home().join("state-of-before"), shop.out().join("state")).unwrap();
        }
    }
}

#[test]
fn ids_never_seen_that_come_into_a_running_shop_are_counted_at_once_and_after_a_kill() {
    let shop = Shop::new();
    shop.bootstrap();
    let consumers = shop.start(&["consume"]);
    let simulator = shop.start(&["produce", "--rate", "20"]);
    wait_for_status(&shop, "some orders", |status| orders_known(status) > 40);
    let now = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let foreign: Vec<Record> = (0..6)
        .map(|partition| {
            Hand::at(&now).id(738_529_527_931_269_425 + u64::try_from(partition).unwrap()).record(partition)
        })
        .collect();
    shop.write("orders", &foreign);
    let before = count_orders(&shop);
    wait_for_status(&shop, "orders after it", |status| orders_known(status) > before + 60);
    consumers.kill();
    let consumers = shop.start(&["consume"]);
    let behind = count_orders(&shop);
    wait_for_status(&shop, "orders after the kill", |status| orders_known(status) > behind + 40);
    shop.write("orders", &foreign);
    wait_for_status(&shop, "the duplicates", |status| status["duplicates"] == json!(foreign.len()));
    simulator.terminate().ok();
    wait_for("all of it", PATIENCE, || {
        (orders_known(&shop.run(&["status", "--json"]).json()) == count_orders(&shop) - 6).then_some(())
    });
    consumers.terminate().ok();
    let status = consume(&shop);
    assert_agrees(&shop, &status);
    assert_eq!((orders_known(&status), &status["duplicates"]), (count_orders(&shop) - 6, &json!(6)));
}

#[test]
fn a_shop_goes_on_by_the_rule_that_it_was_begun_with_and_no_other() {
    let ids = [1_005_u64, 1_009, 1_007, 1_009, 1_011, 1_008, 1_008];
    // Makes the topics.
    let begin = |shop: &Shop| {
        shop.bootstrap();
        sell(shop, "2026-03-28 22:00..2026-03-28 22:05", "0.1", "34");
        let sold = count_orders(shop);
        shop.write("orders", &ids.map(|id| hand(id, 4)));
        sold
    };
    let shop = Shop::new();
    let sold = begin(&shop);
    let status = shop.run(&["consume", "--until-end", "--json", "--ids", "ascending"]).ok().json();
    assert_eq!((orders_known(&status), &status["duplicates"]), (sold + 3, &json!(4)));
    assert_audited(&shop, &[]);
    let other = shop.run(&["verify", "--ids", "seen"]);
    assert_eq!(other.status.code(), Some(1), "{other}");
    assert!(other.stdout.contains("--ids"), "{other}");
    let refused = shop.run(&["consume", "--until-end", "--ids", "seen=30"]);
    let why = refused.refused();
    assert!(why.contains("--ids ascending") && why.contains("--prefix"), "{why}");
    shop.write("orders", &[hand(1_010, 4), hand(1_012, 4)]);
    let status = consume(&shop);
    assert_eq!((orders_known(&status), &status["duplicates"]), (sold + 4, &json!(5)));
    assert!(log(&shop).contains("--ids ascending"), "it says so");
    assert_audited(&shop, &["--ids", "ascending"]);
    let report = shop.run(&["report", "2026-03-28", "--rebuild"]).ok().stdout;
    assert!(report.contains(&(sold + 4).to_string()), "{report}");

    for (rule, known, again) in [("none", 7, 0), ("seen=2", 5, 2)] {
        let shop = Shop::new();
        let sold = begin(&shop);
        let status = shop.run(&["consume", "--until-end", "--json", "--ids", rule]).ok().json();
        assert_eq!((orders_known(&status), &status["duplicates"]), (sold + known, &json!(again)), "{rule}");
        assert_audited(&shop, &[]);
    }
}
