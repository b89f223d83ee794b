//! The broker's configuration.

use std::{net::SocketAddr, ops::RangeInclusive, path::PathBuf};

use super::{
    BrokerError,
    clock::Clock,
    topics::{
        check_count,
        config::{self, Overrides},
    },
};

/// What an acknowledged record, offset or transaction survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The end of the process, kill -9 included: everything is handed to the operating system before it is
    /// acknowledged. A power cut loses at most what the system had not written back yet.
    #[default]
    Process,
    /// A power cut: everything is synced to the disk before it is acknowledged; concurrent requests share a sync.
    Power,
}

/// The broker's configuration.
#[derive(Clone, Debug)]
pub struct BrokerConfig {
    /// The data folder; created if missing.
    pub data: PathBuf,
    /// The address to listen on; port 0 picks a free one.
    pub listen: SocketAddr,
    /// What acknowledged data survives.
    pub durability: Durability,
}

impl BrokerConfig {
    /// A broker on `data` that listens on `listen`, with the default durability.
    pub fn new(data: impl Into<PathBuf>, listen: SocketAddr) -> Self {
        Self { data: data.into(), listen, durability: Durability::default() }
    }
}

/// Settings with defaults, which a [`crate::Builder`] may change.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) clock: Clock,
    /// The address for clients, if not the one they connected to.
    pub(crate) advertised: Option<(String, u16)>,
    pub(crate) auto_create_topics: bool,
    /// Of a topic created without a number.
    pub(crate) default_partitions: i32,
    /// Defaults of topic settings.
    pub(crate) topic_defaults: Overrides,
    pub(crate) session_timeouts_ms: RangeInclusive<i32>,
    /// Of members under the consumer protocol; clients do not choose it.
    pub(crate) consumer_session_timeout_ms: i32,
    pub(crate) consumer_heartbeat_interval_ms: i32,
    pub(crate) longest_transaction_ms: i32,
    /// The age at which an idle transactional id expires.
    pub(crate) transactional_id_expiry_ms: i64,
    /// The age at which an idle producer expires.
    pub(crate) producer_id_expiry_ms: i64,
    /// `None`: half of the process's limit of open files.
    pub(crate) most_connections: Option<usize>,
    /// Memory for requests being received, beyond each one's free part.
    pub(crate) request_memory: usize,
    /// Memory for records in responses.
    pub(crate) answer_memory: usize,
    /// Memory for keys in a compaction.
    pub(crate) compaction_memory: usize,
}

impl Settings {
    /// Validates the settings; the error is for the user.
    pub(crate) fn check(&self) -> Result<(), BrokerError> {
        config::check(&self.topic_defaults)
            .and_then(|()| check_count(self.default_partitions).map_err(|error| error.to_string()))
            .map_err(|what| BrokerError::Setting { what })
    }
}

impl Default for Settings {
    /// Kafka's defaults, where it has the setting.
    fn default() -> Self {
        const DAY_MS: i64 = 86_400_000;
        Self {
            clock: Clock::system(),
            advertised: None,
            auto_create_topics: true,
            default_partitions: 1,
            topic_defaults: Overrides::new(),
            session_timeouts_ms: 6_000..=1_800_000,
            consumer_session_timeout_ms: 45_000,
            consumer_heartbeat_interval_ms: 5_000,
            longest_transaction_ms: 900_000,
            transactional_id_expiry_ms: 7 * DAY_MS,
            producer_id_expiry_ms: DAY_MS,
            most_connections: None,
            request_memory: 100 << 20,
            answer_memory: 16 << 20,
            compaction_memory: 128 << 20,
        }
    }
}
