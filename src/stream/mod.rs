//! Kafka: which topics there are, how clients are configured, and the loops that read and write.

pub mod session;
pub mod topics;

pub use session::{Session, StreamError};
pub use topics::Topic;
