//! Conformance of the embedded broker, through rdkafka.
//!
//! Everything but `damage`, `disk`, `faults`, `restart`, `embedded`, `hostile` and `kill` runs on a real Kafka as well:
//! `SHOP_SIM_TEST_BOOTSTRAP=127.0.0.1:9092 cargo test --test broker -- --skip damage:: --skip disk:: --skip faults:: --skip restart:: --skip embedded:: --skip hostile:: --skip kill::`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "broker/kit.rs"]
mod kit;

#[path = "broker/admin.rs"]
mod admin;
#[path = "broker/damage.rs"]
mod damage;
#[path = "broker/disk.rs"]
mod disk;
#[path = "broker/embedded.rs"]
mod embedded;
#[path = "broker/faults.rs"]
mod faults;
#[path = "broker/groups.rs"]
mod groups;
#[path = "broker/hostile.rs"]
mod hostile;
#[path = "broker/kill.rs"]
mod kill;
#[path = "broker/load.rs"]
mod load;
#[path = "broker/migration.rs"]
mod migration;
#[path = "broker/process.rs"]
mod process;
#[path = "broker/produce.rs"]
mod produce;
#[path = "broker/restart.rs"]
mod restart;
#[path = "broker/times.rs"]
mod times;
#[path = "broker/transactions.rs"]
mod transactions;
#[path = "broker/wire/mod.rs"]
mod wire;
