//! The engine that runs the consumers of the shop.
//!
//! [`shared_reader`] fetches and decodes each record once for all consumers of a process. Each consumer is a `group_member` of
//! its own group, which says which partitions it owns; [`consumer`](self) runs the loop in which a `processor` (a
//! [`view`] or the [`handling`]) takes the records of these partitions from its `record_source` and commits what it has done.

mod consumer;
pub mod context;
mod fetcher;
mod group_member;
pub mod handling;
mod handover_records;
mod inbox;
pub mod order_ids;
mod ownership;
mod processor;
pub mod publisher;
mod record_source;
pub mod shared_reader;
mod stall_monitor;
mod ticker;
pub mod until;
pub mod view;

pub use context::{Ended, Env};
pub use processor::ConsumerError;
pub use ticker::Ticker;
