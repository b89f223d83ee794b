//! The builder of a broker.

use std::{net::SocketAddr, ops::RangeInclusive, path::PathBuf, time::Duration};

use tempfile::TempDir;

use super::{Broker, BrokerConfig, BrokerError, Clock, Durability, config::Settings};

/// Configures a broker: made by [`Broker::ephemeral`] or [`Broker::on`], and started by [`Builder::start`].
#[derive(Clone, Debug)]
#[must_use = "a broker runs once it is started"]
pub struct Builder {
    /// `None` for a temporary folder.
    data: Option<PathBuf>,
    listen: SocketAddr,
    durability: Durability,
    settings: Settings,
}

impl Builder {
    pub(super) fn new(data: Option<PathBuf>) -> Self {
        Self {
            data,
            listen: ([127, 0, 0, 1], 0).into(),
            durability: Durability::default(),
            settings: Settings::default(),
        }
    }

    /// The address to listen on; by default, a free port of 127.0.0.1.
    pub fn listen(self, listen: impl Into<SocketAddr>) -> Self {
        Self { listen: listen.into(), ..self }
    }

    /// What acknowledged data survives.
    pub fn durability(self, durability: Durability) -> Self {
        Self { durability, ..self }
    }

    fn set(mut self, set: impl FnOnce(&mut Settings)) -> Self {
        set(&mut self.settings);
        self
    }

    /// The address that clients are told (`advertised.listeners`), if not the one by which they reached the broker: for
    /// a forwarded port, or a container.
    pub fn advertise(self, host: impl Into<String>, port: u16) -> Self {
        self.set(|settings| settings.advertised = Some((host.into(), port)))
    }

    /// Whether topics are created on a client's request (`auto.create.topics.enable`); by default, yes.
    pub fn auto_create_topics(self, yes: bool) -> Self {
        self.set(|settings| settings.auto_create_topics = yes)
    }

    /// Partitions of a topic that is created without a number (`num.partitions`); by default, 1.
    pub fn default_partitions(self, partitions: i32) -> Self {
        self.set(|settings| settings.default_partitions = partitions)
    }

    /// The default of a topic setting, by its name for topics: `retention.ms`, `segment.bytes` …
    pub fn topic_default(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.set(|settings| {
            settings.topic_defaults.insert(name.into(), value.into());
        })
    }

    /// The session time-outs that members may request (`group.min.session.timeout.ms`, `group.max.session.timeout.ms`);
    /// by default, from 6 s to 30 min.
    pub fn session_timeouts(self, timeouts: RangeInclusive<Duration>) -> Self {
        let (least, most) = timeouts.into_inner();
        self.set(|settings| settings.session_timeouts_ms = millis(least)..=millis(most))
    }

    /// The session timeout (`group.consumer.session.timeout.ms`) and the heartbeat interval
    /// (`group.consumer.heartbeat.interval.ms`) of the consumer protocol: without this, 45 s and 5 s.
    pub fn consumer_heartbeats(self, session_timeout: Duration, interval: Duration) -> Self {
        self.set(|settings| {
            settings.consumer_session_timeout_ms = millis(session_timeout);
            settings.consumer_heartbeat_interval_ms = millis(interval);
        })
    }

    /// The longest time-out of a transaction (`transaction.max.timeout.ms`); by default, 15 min.
    pub fn longest_transaction(self, timeout: Duration) -> Self {
        self.set(|settings| settings.longest_transaction_ms = millis(timeout))
    }

    /// The age at which an idle transactional id expires (`transactional.id.expiration.ms`); by default, 7 days.
    pub fn transactional_id_expiry(self, after: Duration) -> Self {
        self.set(|settings| settings.transactional_id_expiry_ms = millis(after).into())
    }

    /// The age at which an idle producer expires in a partition (`producer.id.expiration.ms`); by default, a day.
    pub fn producer_id_expiry(self, after: Duration) -> Self {
        self.set(|settings| settings.producer_id_expiry_ms = millis(after).into())
    }

    /// The most connections (`max.connections`); by default, half of the process's limit of open files.
    pub fn connections(self, most: usize) -> Self {
        self.set(|settings| settings.most_connections = Some(most))
    }

    /// Memory for requests that are being received, in bytes, beyond 128 KiB each; by default, 100 MiB.
    pub fn request_memory(self, bytes: usize) -> Self {
        self.set(|settings| settings.request_memory = bytes)
    }

    /// Memory for records in responses, in bytes; by default, 16 MiB.
    pub fn answer_memory(self, bytes: usize) -> Self {
        self.set(|settings| settings.answer_memory = bytes)
    }

    /// Memory for keys during a compaction, in bytes (`log.cleaner.dedupe.buffer.size`); by default, 128 MiB.
    pub fn compaction_memory(self, bytes: usize) -> Self {
        self.set(|settings| settings.compaction_memory = bytes)
    }

    /// The broker's clock; by default, the system's.
    pub fn clock(self, clock: Clock) -> Self {
        self.set(|settings| settings.clock = clock)
    }

    /// Starts the broker; it is ready for clients when this returns.
    pub async fn start(self) -> Result<Broker, BrokerError> {
        let Self { data, listen, durability, settings } = self;
        let (data, temporary) = if let Some(data) = data {
            (data, None)
        } else {
            let made = TempDir::with_prefix("kafka-in-process-");
            let folder = made.map_err(|source| BrokerError::Io { data: std::env::temp_dir(), source })?;
            (folder.path().to_owned(), Some(folder))
        };
        let broker = Broker::launch(BrokerConfig { data, listen, durability }, settings).await?;
        Ok(Broker { _temporary: temporary, ..broker })
    }
}

fn millis(time: Duration) -> i32 {
    i32::try_from(time.as_millis()).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CreateTopicError;

    #[tokio::test]
    async fn an_ephemeral_broker_leaves_nothing_behind() {
        let broker = Broker::ephemeral().start().await.unwrap();
        broker.create_topic("t", 2, &[("cleanup.policy", "compact")]).await.unwrap();
        let folder = broker.cluster.folder.path().to_owned();
        assert!(folder.join("t-1").is_dir());
        broker.stop().await;
        assert!(!folder.exists());
    }

    #[tokio::test]
    async fn a_topic_is_there_when_a_broker_is_started_on_its_folder_again() {
        let data = tempfile::tempdir().unwrap();
        for found in [false, true] {
            let broker = Broker::on(data.path()).durability(Durability::Power).start().await.unwrap();
            let made = broker.create_topic("t", 2, &[]).await;
            assert_eq!(matches!(made, Err(CreateTopicError::Exists { .. })), found, "{made:?}");
            broker.stop().await;
        }
    }

    #[tokio::test]
    async fn what_cannot_be_a_topic_is_refused_with_a_reason() {
        let broker = Broker::ephemeral().start().await.unwrap();
        for (name, partitions, settings) in [
            ("", 1, &[][..]),
            ("t", 0, &[]),
            ("t", 1, &[("retention.ms", "soon")]),
            ("t", 1, &[("no.such", "1")]),
        ] {
            let refused = broker.create_topic(name, partitions, settings).await.unwrap_err();
            assert!(matches!(refused, CreateTopicError::Refused { .. }), "{refused}");
        }
        broker.stop().await;
    }

    #[tokio::test]
    async fn a_broker_may_open_as_many_files_as_the_system_allows() {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

        let limit = getrlimit(Resource::Nofile);
        let few = limit.current.map_or(4096, |files| files - 1);
        setrlimit(Resource::Nofile, Rlimit { current: Some(few), ..limit }).unwrap();
        let broker = Broker::ephemeral().start().await.unwrap();
        assert_eq!(getrlimit(Resource::Nofile), Rlimit { current: limit.maximum, ..limit });
        broker.stop().await;
    }

    #[tokio::test]
    async fn clients_are_sent_to_an_address_that_they_can_reach() {
        let broker = Broker::ephemeral().listen(([0, 0, 0, 0], 0)).start().await.unwrap();
        assert_eq!(broker.bootstrap(), format!("127.0.0.1:{}", broker.address().port()));
        broker.stop().await;
    }
}
