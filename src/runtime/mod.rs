//! Puts a process together: its folder, its way to Kafka, and the tasks that run in it.

pub mod apart;
pub mod consumers;
mod host;
pub mod link;
pub mod place;
pub mod priority;
pub mod snapshots;
pub mod stage;
pub mod supervisor;
pub mod tracker;
