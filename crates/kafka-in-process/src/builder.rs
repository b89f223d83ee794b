//! A broker in a few words.

use std::{net::SocketAddr, path::PathBuf};

use tempfile::TempDir;

use super::{Broker, BrokerConfig, BrokerError, Durability};

/// How a broker is to be: made by [`Broker::ephemeral`] or [`Broker::on`], and started by [`Builder::start`].
#[derive(Clone, Debug)]
#[must_use = "a broker runs once it is started"]
pub struct Builder {
    /// `None` for a temporary folder.
    data: Option<PathBuf>,
    listen: SocketAddr,
    durability: Durability,
}

impl Builder {
    pub(super) fn new(data: Option<PathBuf>) -> Self {
        Self { data, listen: ([127, 0, 0, 1], 0).into(), durability: Durability::default() }
    }

    /// The address to listen on: without this, a free port of 127.0.0.1.
    pub fn listen(self, listen: impl Into<SocketAddr>) -> Self {
        Self { listen: listen.into(), ..self }
    }

    /// What acknowledged data survives.
    pub fn durability(self, durability: Durability) -> Self {
        Self { durability, ..self }
    }

    /// Starts the broker; it is ready for clients when this returns.
    pub async fn start(self) -> Result<Broker, BrokerError> {
        let Self { data, listen, durability } = self;
        let (data, temporary) = if let Some(data) = data {
            (data, None)
        } else {
            let made = TempDir::with_prefix("kafka-in-process-");
            let folder = made.map_err(|source| BrokerError::Io { data: std::env::temp_dir(), source })?;
            (folder.path().to_owned(), Some(folder))
        };
        let broker = Broker::start(BrokerConfig { data, listen, durability }).await?;
        Ok(Broker { _temporary: temporary, ..broker })
    }
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
