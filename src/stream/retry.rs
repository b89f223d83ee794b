//! Retries requests to Kafka whose connection broke.
//!
//! librdkafka reconnects by itself, but a request in flight on a broken connection fails at once, whatever its
//! time-out.

use std::time::{Duration, Instant};

use super::StreamError;

/// Time-out of requests that nothing can go on without. Kafka detects a dead broker after
/// `broker.session.timeout.ms`, by default 9 s; then its partitions get other leaders, and its groups and
/// transactions other coordinators.
pub const FAILOVER: Duration = Duration::from_secs(30);
/// Between two questions.
const PAUSE: Duration = Duration::from_millis(50);

/// Retries until there is a response, a permanent error, or `patience` is over; each attempt has the time that is
/// left, at least a second. Blocks.
pub fn retry<T>(
    patience: Duration,
    mut ask: impl FnMut(Duration) -> Result<T, StreamError>,
) -> Result<T, StreamError> {
    let begun = Instant::now();
    loop {
        let left = patience.saturating_sub(begun.elapsed()).max(Duration::from_secs(1));
        match ask(left) {
            Err(error) if error.passes() && begun.elapsed() < patience => {
                tracing::debug!("asking again: {error}");
                std::thread::sleep(PAUSE);
            }
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::error::{KafkaError, RDKafkaErrorCode};

    use super::*;

    fn error(code: RDKafkaErrorCode) -> StreamError {
        KafkaError::MetadataFetch(code).into()
    }

    #[test]
    fn a_broken_connection_is_no_answer() {
        let mut answers = vec![Ok(7), Err(error(RDKafkaErrorCode::BrokerTransportFailure))];
        let asked = retry(Duration::from_secs(60), |_| answers.pop().unwrap());
        assert_eq!(asked.unwrap(), 7);
    }

    #[test]
    fn an_error_that_stays_is_told_at_once_and_one_that_passes_when_patience_is_over() {
        let mut count = 0;
        let mut ask = |patience, code| {
            count = 0;
            let asked = retry(patience, |_| {
                count += 1;
                Err::<(), _>(error(code))
            });
            assert!(asked.is_err());
            count
        };
        assert_eq!(ask(Duration::from_secs(60), RDKafkaErrorCode::UnknownTopicOrPartition), 1);
        assert_eq!(ask(Duration::ZERO, RDKafkaErrorCode::BrokerTransportFailure), 1);
        assert!(ask(Duration::from_millis(60), RDKafkaErrorCode::BrokerTransportFailure) > 1);
    }
}
