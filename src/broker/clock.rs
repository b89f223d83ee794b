//! The wall clock, as the Kafka protocol counts it.

/// Milliseconds since 1970.
pub(crate) fn wall() -> i64 {
    chrono::Utc::now().timestamp_millis()
}
