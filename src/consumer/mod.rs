//! A consumer without Kafka: takes records; makes figures, checkpoints and files.
//!
//! [`worker::Worker`] is the whole of it, generic over the view, what the view writes, the store and the
//! files, so that tests can stop it after any step.

pub mod decoded_batch;
pub mod order_ids;
pub mod output;
pub mod position;
pub mod worker;

pub use decoded_batch::{Batch, Content, DeadLetter, Decoded};
pub use order_ids::Rule;
pub use output::Output;
pub use position::{Part, Position, Record, Start};
pub use worker::{Handover, Taken, Trouble, Worker, Written, saved_parts};
