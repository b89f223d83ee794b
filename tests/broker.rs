//! The embedded broker, seen through rdkafka as its users see it.
//!
//! Everything but the restarts runs on a real Kafka as well: `SHOP_SIM_TEST_BOOTSTRAP=127.0.0.1:9092`.

#[path = "broker/kit.rs"]
mod kit;

#[path = "broker/groups.rs"]
mod groups;
#[path = "broker/produce.rs"]
mod produce;
#[path = "broker/restart.rs"]
mod restart;
#[path = "broker/transactions.rs"]
mod transactions;
