//! Kafka: which topics there are, how clients are configured, and the loops that read and write.

pub mod agreed_settings;
pub mod cluster;
pub mod control_sender;
pub mod ends;
pub mod log_identity;
pub mod order_search;
pub mod probe;
pub mod producer;
pub mod published_states;
pub mod pulse_and_state_reader;
pub mod reader;
pub mod retention_gaps;
pub mod retry;
pub mod scan;
pub mod session;
pub mod state_keys;
pub mod topics;

use rdkafka::config::RDKafkaLogLevel;

use crate::views::Source;

pub use session::{Session, StreamError};
pub use topics::Topic;

/// The name of a log's topic.
pub(crate) fn topic_name(session: &Session, source: Source) -> String {
    session.topic(topic_of(source))
}

/// The topic of a log.
pub(crate) fn topic_of(source: Source) -> Topic {
    match source {
        Source::Orders => Topic::Orders,
        Source::Deliveries => Topic::Deliveries,
        Source::Handled => Topic::Handled,
    }
}

/// Logs a line of librdkafka. Only the read model reports whether Kafka answers: once, not at every attempt to connect.
pub(crate) fn log_line(level: RDKafkaLogLevel, facility: &str, message: &str) {
    tracing::debug!("librdkafka {facility} ({level:?}): {message}");
}

/// Drops a client in the background: its close waits for its threads, and for a broker that may be gone.
pub(crate) fn let_go(client: impl Send + 'static) {
    std::thread::spawn(move || drop(client));
}
