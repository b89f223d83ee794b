//! Faults on demand: their kinds, the records that some of them write, and how long each takes to heal. Pure;
//! [`crate::runtime::chaos`] injects them.

mod fault;
pub mod fault_records;
mod live_audit;

pub use fault::{Fault, Kind, plan};
pub use live_audit::{Injection, LiveAudit, State};
