//! What must be exact when something fails: the table in `docs/guarantees.md` names each of these tests. They run on
//! the embedded broker, and those that need none of their own also on the Kafka in `SHOP_SIM_TEST_BOOTSTRAP`. With
//! `SHOP_SIM_TEST_FULL=1` Kafka is away for 70 seconds instead of 15.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

#[path = "exactness/kit.rs"]
mod kit;

#[path = "exactness/absence.rs"]
mod absence;
#[path = "exactness/agreement.rs"]
mod agreement;
#[path = "exactness/days.rs"]
mod days;
#[path = "exactness/disk.rs"]
mod disk;
#[path = "exactness/hostile.rs"]
mod hostile;
#[path = "exactness/ids.rs"]
mod ids;
#[path = "exactness/large.rs"]
mod large;
#[path = "exactness/lost.rs"]
mod lost;
#[path = "exactness/room.rs"]
mod room;
#[path = "exactness/secrets.rs"]
mod secrets;
#[path = "exactness/shelf.rs"]
mod shelf;
#[path = "exactness/transactions.rs"]
mod transactions;
#[path = "exactness/twice.rs"]
mod twice;
