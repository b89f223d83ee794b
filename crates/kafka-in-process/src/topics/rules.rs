//! The rules for topic names and numbers of partitions.

use super::TopicError;

/// The most partitions of a topic: each takes an open file.
const MOST_PARTITIONS: i32 = 10_000;

/// Whether a topic can have so many partitions.
pub(crate) fn check_count(partitions: i32) -> Result<(), TopicError> {
    if (1..=MOST_PARTITIONS).contains(&partitions) {
        return Ok(());
    }
    Err(TopicError::InvalidPartitions(format!("Number of partitions must be from 1 to {MOST_PARTITIONS}.")))
}

/// Kafka's topic of committed offsets; here it is empty, as the journal holds them.
pub(crate) const CONSUMER_OFFSETS: &str = "__consumer_offsets";
/// The same for transactions.
pub(crate) const TRANSACTION_STATE: &str = "__transaction_state";

/// Whether a topic only exists for tools to see, and cannot be written.
pub(crate) fn is_internal(name: &str) -> bool {
    matches!(name, CONSUMER_OFFSETS | TRANSACTION_STATE)
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

/// Whether two names are equal in Kafka's metrics, which replace '.' by '_'.
pub(super) fn collide(one: &str, other: &str) -> bool {
    let plain = |byte: u8| if byte == b'.' { b'_' } else { byte };
    one.bytes().map(plain).eq(other.bytes().map(plain))
}
