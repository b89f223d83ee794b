//! What these tests share.

use std::{collections::BTreeMap, fs, process::Command};

use serde_json::Value;

use crate::common::{
    files::tree,
    kafka::{self, Record},
    oracle::mail::split_mbox,
    shop::{PATIENCE, Running, Shop, wait_for},
};

/// Sells a past period.
pub(crate) fn sell(shop: &Shop, period: &str, rate: &str, seed: &str) {
    shop.run(&["produce", "--backfill", period, "--rate", rate, "--seed", seed]).ok();
}

/// How many records the log of orders holds.
pub(crate) fn count_orders(shop: &Shop) -> i64 {
    i64::try_from(kafka::read(shop.bootstrap(), &shop.topic("orders")).len()).unwrap()
}

/// Sends the last pulse again, with another shop time.
pub(crate) fn tell_time(shop: &Shop, shop_time: &str) {
    let last = kafka::read(shop.bootstrap(), &shop.topic("pulse")).pop().unwrap();
    let mut pulse: Value = serde_json::from_slice(last.payload.as_ref().unwrap()).unwrap();
    pulse["shop_time"] = shop_time.into();
    shop.write("pulse", &[Record { payload: Some(pulse.to_string().into_bytes()), ..last }]);
}

/// Processes the log.
pub(crate) fn consume(shop: &Shop) -> Value {
    shop.run(&["consume", "--until-end", "--json"]).ok().json()
}

#[track_caller]
pub(crate) fn assert_agrees(shop: &Shop, status: &Value) {
    let differences = shop.oracle().compare(&shop.out(), status);
    assert!(differences.is_empty(), "{}\n{status}", differences.join("\n"));
}

/// Every valid order is either handled or pending.
pub(crate) fn orders_known(status: &Value) -> i64 {
    status["pending"].as_i64().unwrap() + status["handled"]["total"].as_i64().unwrap()
}

/// Waits until `status`, run beside other commands, is as wanted.
pub(crate) fn wait_for_status(shop: &Shop, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    wait_for(what, PATIENCE, || {
        let done = shop.run(&["status", "--json"]);
        done.status.success().then(|| done.json()).filter(|status| wanted(status))
    })
}

/// The rows and mails of every file for people, by file name, sorted, as the order of partitions varies.
pub(crate) fn rows_of_files(shop: &Shop) -> BTreeMap<String, Vec<Vec<u8>>> {
    let mut found = BTreeMap::new();
    for folder in ["reports", "mail", "orders", "handled"] {
        for path in tree(&shop.out().join(folder)).into_keys() {
            let bytes = fs::read(shop.out().join(folder).join(&path)).unwrap();
            let mut rows = if folder == "mail" {
                split_mbox(&bytes).unwrap()
            } else {
                bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
            };
            rows.sort();
            found.insert(format!("{folder}/{}", path.display()), rows);
        }
    }
    found
}

/// The revision of a report.
pub(crate) fn revision(shop: &Shop, date: &str) -> i64 {
    let bytes = fs::read(shop.out().join(format!("reports/{date}.json"))).unwrap();
    serde_json::from_slice::<Value>(&bytes).unwrap()["revision"].as_i64().unwrap()
}

/// What the shop's processes have logged.
pub(crate) fn log(shop: &Shop) -> String {
    String::from_utf8_lossy(&fs::read(shop.out().join("shop-sim.log")).unwrap_or_default()).into_owned()
}

/// Starts a command that gets errors, not signals, at its file size limit.
pub(crate) fn start_limitable(shop: &Shop, arguments: &[&str]) -> Running {
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_shop-sim")]);
    command.args(arguments).args(shop.flags());
    shop.spawn(command, format!("shop-sim {}", arguments.join(" ")))
}
