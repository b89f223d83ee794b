//! A producer with a thread of its own that polls for delivery reports.

use std::{
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig,
    config::{FromClientConfig, FromClientConfigAndContext},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    producer::{BaseProducer, DefaultProducerContext, Producer, ProducerContext},
};

use super::session::partition_count;

/// The longest wait of one poll. `BaseProducer::poll` spins through the last millisecond of it, as
/// timeouts are whole milliseconds there: with the 100 ms of rdkafka's own `ThreadedProducer` every idle producer
/// took one hundredth of a core.
const WAIT: Duration = Duration::from_secs(5);
/// How long a flush waits between two looks at what is under way.
const LOOK: Duration = Duration::from_millis(1);
/// Timer slack during such a wait, ns: the default of Linux.
#[cfg(target_os = "linux")]
const PUNCTUAL_NS: u64 = 50_000;

/// A producer that is polled while it is held, and closed in the background when it is dropped.
pub struct PolledProducer<C: ProducerContext + 'static = DefaultProducerContext> {
    producer: Arc<BaseProducer<C>>,
    gone: Arc<AtomicBool>,
}

impl<C: ProducerContext + 'static> PolledProducer<C> {
    /// Waits for the delivery report of every record, for at most `patience`. Blocks. rdkafka's own `flush` only polls
    /// every 100 ms.
    ///
    /// # Errors
    ///
    /// Where records are still under way after `patience`.
    pub fn flush(&self, patience: Duration) -> KafkaResult<()> {
        let deadline = Instant::now() + patience;
        punctually(|| {
            loop {
                match self.producer.flush(Duration::ZERO) {
                    Err(KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut))
                        if Instant::now() < deadline =>
                    {
                        thread::sleep(LOOK);
                    }
                    ended => return ended,
                }
            }
        })
    }

    /// Asks in the background how many partitions a topic has, and passes the answer to `tell` if it is in time.
    pub fn partitions_of(&self, topic: &str, patience: Duration, tell: impl FnOnce(usize) + Send + 'static) {
        let (producer, topic) = (Arc::clone(&self.producer), topic.to_owned());
        tokio::task::spawn_blocking(move || match producer.client().fetch_metadata(Some(&topic), patience) {
            Ok(metadata) => tell(partition_count(&metadata, &topic)),
            Err(error) => tracing::debug!("how many partitions {topic} has is not known: {error}"),
        });
    }

    /// Commits the transaction, each of two steps within `patience`. Blocks. rdkafka's own begins with its own `flush`, which
    /// made each transaction take 100 ms.
    ///
    /// # Errors
    ///
    /// Where records are still under way after `patience`, or Kafka does not commit.
    pub fn commit_transaction(&self, patience: Duration) -> KafkaResult<()> {
        self.flush(patience)?;
        self.producer.commit_transaction(patience)
    }
}

/// Runs `work` with waits that end when they should: threads that wait behind a screen may be late by tens of
/// milliseconds (`PR_SET_TIMERSLACK`, prctl(2)), which is more than a transaction takes.
fn punctually<T>(work: impl FnOnce() -> T) -> T {
    #[cfg(target_os = "linux")]
    let slack = rustix::thread::current_timer_slack().ok();
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(PUNCTUAL_NS));
    let done = work();
    #[cfg(target_os = "linux")]
    if let Some(slack) = slack {
        let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(slack));
    }
    done
}

impl<C: ProducerContext + 'static> FromClientConfigAndContext<C> for PolledProducer<C> {
    fn from_config_and_context(config: &ClientConfig, context: C) -> KafkaResult<Self> {
        let producer = Arc::new(BaseProducer::from_config_and_context(config, context)?);
        let gone = Arc::new(AtomicBool::new(false));
        let (polled, ended) = (Arc::clone(&producer), Arc::clone(&gone));
        let poll = move || {
            while !ended.load(Ordering::Relaxed) {
                polled.poll(WAIT);
            }
        };
        thread::Builder::new()
            .name("producer".to_owned())
            .spawn(poll)
            .map_err(|error| KafkaError::ClientCreation(format!("no thread for a producer: {error}")))?;
        Ok(Self { producer, gone })
    }
}

impl FromClientConfig for PolledProducer {
    fn from_config(config: &ClientConfig) -> KafkaResult<Self> {
        Self::from_config_and_context(config, DefaultProducerContext)
    }
}

impl<C: ProducerContext + 'static> Deref for PolledProducer<C> {
    type Target = BaseProducer<C>;

    fn deref(&self) -> &Self::Target {
        &self.producer
    }
}

impl<C: ProducerContext + 'static> Drop for PolledProducer<C> {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Relaxed);
    }
}
