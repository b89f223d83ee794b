//! Puts a process together: its folder, its way to Kafka, and the tasks that run in it.

mod broker_runtime;
pub mod consumers;
pub mod dedicated_thread;
pub mod kafka;
pub mod out_dir;
pub mod priority;
pub mod services;
pub mod snapshots;
pub mod supervisor;
pub mod tracker;
