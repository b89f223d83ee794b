//! Midnights: missed, odd, and without events.

use std::fs;

use chrono_tz::Tz;
use serde_json::{Value, json};

use crate::{
    agreement::make,
    common::{kafka::Record, orders::Hand, shop::Shop},
    kit::{assert_agrees, consume, count_orders, orders_known, revision, sell, tell_time, wait_for_status},
};

#[test]
fn after_several_midnights_each_day_has_one_right_report() {
    if crate::common::is_left_out() {
        return;
    }
    let shop = Shop::new();
    shop.bootstrap();
    sell(&shop, "2026-03-27 20:00..2026-03-27 22:00", "0.05", "41");
    assert_agrees(&shop, &consume(&shop));
    sell(&shop, "2026-03-27 22:00..2026-03-30 01:00", "0.01", "42");
    assert_agrees(&shop, &consume(&shop));
    let reports = || {
        let mut names: Vec<_> = std::fs::read_dir(shop.out().join("reports"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter_map(|name| Some(name.strip_suffix(".json")?.to_owned()))
            .collect();
        names.sort();
        names
    };
    assert_eq!(reports(), ["2026-03-27", "2026-03-28", "2026-03-29"]);

    // The same for consumers that keep running.
    sell(&shop, "2026-03-30 01:00..2026-04-02 01:00", "0.01", "43");
    let mut live = shop.start(&["consume"]);
    let last = shop.out().join("reports/2026-04-01.txt");
    live.wait_until("the last day's report", || last.exists());
    live.terminate().ok();
    assert_agrees(&shop, &consume(&shop));
    let days = ["2026-03-27", "2026-03-28", "2026-03-29", "2026-03-30", "2026-03-31", "2026-04-01"];
    assert_eq!(reports(), days);
    for day in days {
        assert_eq!(revision(&shop, day), 0, "{day}");
    }
}

/// Days of 23 and 25 hours; at Havana midnight is missing in spring and comes twice in autumn.
#[test]
fn on_odd_days_each_order_is_in_its_day_once() {
    for (tz, period, days) in [
        (Tz::America__Havana, "2026-03-07 21:00..2026-03-09 02:00", ["2026-03-07", "2026-03-08"]),
        (Tz::America__Havana, "2026-10-31 21:00..2026-11-02 02:00", ["2026-10-31", "2026-11-01"]),
        (Tz::Europe__Stockholm, "2026-10-24 21:00..2026-10-26 02:00", ["2026-10-24", "2026-10-25"]),
    ] {
        let shop = Shop::new();
        let zone = ["--tz", tz.name()];
        let produce = ["produce", "--backfill", period, "--rate", "0.01", "--seed", "44"];
        shop.run(&[&produce[..], &zone].concat()).ok();
        let status = shop.run(&[&["consume", "--until-end", "--json"][..], &zone].concat()).ok().json();
        let mut oracle = shop.oracle();
        oracle.tz = tz;
        let differences = oracle.compare(&shop.out(), &status);
        assert!(differences.is_empty(), "{tz}: {}\n{status}", differences.join("\n"));
        for day in days {
            assert_eq!(revision(&shop, day), 0, "{tz} {day}");
        }
    }
}

/// Before a shop opens its day is unknown: it may open in the past.
#[test]
fn a_shop_that_opens_in_the_past_closes_its_own_days_alone() {
    let shop = Shop::new();
    make(&shop, "orders", 6, &[("retention.ms", "-1")]);
    let nothing = consume(&shop);
    assert_eq!((orders_known(&nothing), &nothing["handled"]["total"]), (0, &json!(0)));
    sell(&shop, "2026-03-27 20:00..2026-03-28 12:00", "0.01", "46");
    assert_agrees(&shop, &consume(&shop));
    assert_eq!(revision(&shop, "2026-03-27"), 0);
    assert!(!shop.out().join("reports/2026-03-28.txt").exists());
}

/// Files of different zones in one folder would be wrong in both.
#[test]
fn a_folder_stays_in_the_zone_that_it_was_begun_in() {
    let shop = Shop::new();
    sell(&shop, "2026-03-27 20:00..2026-03-28 02:00", "0.01", "47");
    let status = consume(&shop);
    for command in [&["consume", "--until-end"][..], &["verify"]] {
        let refused = shop.run(&[command, &["--tz", "America/Havana"]].concat());
        assert!(refused.refused().contains("give --tz Europe/Stockholm"), "{command:?}: {refused}");
    }
    assert_agrees(&shop, &status);
    shop.run(&["verify", "--tz", "Europe/Stockholm"]).ok();
    // A folder that is not bound yet is not bound by a process that is refused for the zone of the shop.
    fs::remove_file(shop.out().join("state/zone")).unwrap();
    let refused = shop.run(&["consume", "--until-end", "--tz", "America/Havana"]);
    assert!(refused.refused().contains("give --tz Europe/Stockholm"), "{refused}");
    shop.run(&["consume", "--until-end"]).ok();
}

/// Orders in a single partition, and then only time passes.
#[test]
fn a_silent_shop_closes_its_day_and_its_windows_drain() {
    let shop = Shop::new();
    shop.bootstrap();
    sell(&shop, "2026-03-28 22:00..2026-03-28 22:10", "0.001", "45");
    let sold = count_orders(&shop);
    let orders: Vec<Record> = (0..40)
        .map(|n| Hand::at(&format!("2026-03-28T22:{:02}:30.000+01:00", 12 + n)).id(1_000 + n).record(3))
        .collect();
    shop.write("orders", &orders);
    let live = shop.start(&["consume"]);
    let at = |time: &str, what: &str, wanted: &dyn Fn(&Value) -> bool| {
        tell_time(&shop, time);
        wait_for_status(&shop, what, |status| wanted(status) && status["shop_time"] == json!(time))
    };
    let evening =
        at("2026-03-28T23:00:00.000+01:00".replace(".000", "").as_str(), "the evening", &|status| {
            orders_known(status) == 40 + sold && status["pending"] == json!(0)
        });
    assert_eq!(evening["orders_since_midnight"], json!(40 + sold));
    assert!(evening["handled"]["last_2_h"].as_i64().unwrap() >= 40);
    assert!(evening["sales_last_hour_ore"].as_i64().unwrap() >= 40 * 9_900);

    let night = at("2026-03-29T00:00:00+01:00", "midnight", &|status| {
        status["orders_since_midnight"] == json!(0) && status["sales_today_ore"] == json!(0)
    });
    assert!(night["handled"]["last_2_h"].as_i64().unwrap() >= 40);
    let report = shop.out().join("reports/2026-03-28.json");
    crate::common::shop::wait_for("the report", crate::common::shop::PATIENCE, || {
        report.exists().then_some(())
    });
    at("2026-03-29T01:30:00+01:00", "empty windows", &|status| {
        status["sales_last_hour_ore"] == json!(0)
            && status["handled"]["last_2_h"] == json!(0)
            && status["handled"]["total"] == json!(40 + sold)
    });
    live.terminate().ok();
    assert_agrees(&shop, &consume(&shop));
    assert_eq!(revision(&shop, "2026-03-28"), 0);
}
