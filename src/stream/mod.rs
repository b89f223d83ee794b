//! Kafka: which topics there are, how clients are configured, and the loops that read and write.

pub mod anchors;
pub mod ask;
pub mod beat;
pub mod board;
pub mod clock;
pub mod cluster;
pub mod ends;
pub mod env;
pub mod find;
pub mod follow;
pub mod gathering;
pub mod group;
pub mod handling_loop;
pub mod handovers;
pub mod insist;
pub mod lease;
mod left_out;
pub mod probe;
pub mod producer;
pub mod publish;
pub mod reader;
pub mod scan;
pub mod session;
pub mod states;
pub mod topics;
pub mod transaction;
pub mod until;
pub mod view_loop;

pub use session::{Session, StreamError};
pub use topics::Topic;

/// Lets a client go without waiting: closing one waits for its threads, and for a broker that may be gone.
pub(crate) fn let_go(client: impl Send + 'static) {
    std::thread::spawn(move || drop(client));
}
