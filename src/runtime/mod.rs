//! Assembles a process: its folder, its connection to Kafka, and its tasks.

mod broker_runtime;
pub mod chaos;
pub mod consumers;
pub mod dedicated_thread;
pub mod kafka;
pub mod order_tracking;
pub mod out_dir;
pub mod priority;
pub mod rewinder;
pub mod services;
pub mod snapshots;
pub mod supervisor;
