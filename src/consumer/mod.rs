//! A consumer without its Kafka: records in, figures, checkpoints and files out.
//!
//! [`worker::Worker`] is the whole of it, generic over the view, what the view writes, the store and the
//! files, so that tests can stop it after any step.

pub mod batch;
pub mod order_ids;
pub mod output;
pub mod position;
pub mod worker;

pub use batch::{Batch, Content, DeadLetter, Decoded};
pub use order_ids::Rule;
pub use output::Output;
pub use position::{Part, Position, Record, Start};
pub use worker::{Handover, Taken, Trouble, Worker, Written};
