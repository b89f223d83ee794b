//! What a topic may be called, and how many partitions it may have.

use super::TopicError;

/// The most partitions a topic gets here: each is an open file.
const MOST_PARTITIONS: i32 = 10_000;

/// Whether a topic can have so many partitions.
pub(super) fn check_count(partitions: i32) -> Result<(), TopicError> {
    if (1..=MOST_PARTITIONS).contains(&partitions) {
        return Ok(());
    }
    Err(TopicError::InvalidPartitions(format!("Number of partitions must be from 1 to {MOST_PARTITIONS}.")))
}

/// Kafka's rule for topic names, which also makes them safe as file names.
pub(crate) fn check_name(name: &str) -> Result<(), TopicError> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() {
        return Err(TopicError::InvalidName("Topic name is invalid: the empty string is not allowed"));
    }
    if name == "." || name == ".." {
        return Err(TopicError::InvalidName("Topic name is invalid: '.' or '..' is not allowed"));
    }
    if name.len() > 249 {
        return Err(TopicError::InvalidName(
            "Topic name is invalid: the length of a topic name must not exceed 249 characters",
        ));
    }
    if !name.chars().all(legal) {
        return Err(TopicError::InvalidName(
            "Topic name is invalid: it contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
        ));
    }
    Ok(())
}

/// Whether two names are the same to Kafka's metrics, which write '_' for '.'.
pub(super) fn collide(one: &str, other: &str) -> bool {
    let plain = |byte: u8| if byte == b'.' { b'_' } else { byte };
    one.bytes().map(plain).eq(other.bytes().map(plain))
}
