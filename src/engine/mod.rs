//! The engine: what every consumer of the shop runs in.
//!
//! [`log_reader`] fetches and decodes each record once for all consumers of a process. Each consumer is a `member` of
//! its own group, which says which partitions it owns; [`consumer`](self) runs the loop in which a `processor` (a
//! [`view`] or the [`handling`]) takes the records of these partitions from its `input` and commits what it has done.

mod changelog;
mod consumer;
pub mod env;
mod fetcher;
pub mod handling;
mod inbox;
mod input;
pub mod log_reader;
mod member;
pub mod order_ids;
mod ownership;
mod processor;
pub mod publisher;
mod ticker;
pub mod until;
pub mod view;
mod watch;

pub use env::{Ended, Env};
pub use processor::ConsumerError;
pub use ticker::Ticker;
