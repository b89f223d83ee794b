//! Faults: tasks that panic or stall, processes that freeze, connections that break, topics that vanish, machines
//! that come and go. Afterwards every figure and file is as it would be without.
//!
//! On the embedded broker, or on the Kafka that `SHOP_SIM_TEST_BOOTSTRAP` names.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a test"
)]

mod away;
mod bench;
mod codecs;
#[path = "../common/mod.rs"]
mod common;
mod disks;
mod folders;
mod followers;
mod gate;
mod lagging;
mod leaving;
mod left_out;
mod machines;
mod networks;
mod panics;
mod proxy;
mod pulse;
mod stalls;
#[path = "../common/terminal.rs"]
mod terminal;
mod topics;
