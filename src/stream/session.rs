//! How a process of shop-sim reaches Kafka: the addresses, the prefix and what the user set with `-X`.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
    metadata::Metadata,
};

use super::{Topic, reader::watermarks, retention_gaps::Gap, retry::retry};
use crate::messages::Sentence;

/// Everything a client needs to know; cheap to clone.
#[derive(Clone)]
pub struct Session {
    /// `HOST:PORT[,…]`.
    pub bootstrap: Arc<str>,
    /// What topic and group names begin with.
    pub prefix: Arc<str>,
    /// Partitions of the topics that are made.
    pub partitions: i32,
    /// librdkafka properties that the user gave; they win over ours and may be secrets.
    pub properties: Arc<[(String, String)]>,
    probe: Arc<Mutex<Option<Arc<BaseConsumer>>>>,
}

// By hand, so that a password given with -X can never reach a log.
impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.properties.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Session")
            .field("bootstrap", &self.bootstrap)
            .field("prefix", &self.prefix)
            .field("partitions", &self.partitions)
            .field("properties", &names)
            .finish_non_exhaustive()
    }
}

/// Errors in dealing with Kafka.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// Nothing answered in time.
    #[error(
        "Kafka at {bootstrap} does not answer ({reason}): start it, give another address with --bootstrap, or leave the flag out to use the built-in broker"
    )]
    Unreachable {
        /// The address that was tried.
        bootstrap: String,
        /// What the client library said.
        reason: String,
    },
    /// It answered some requests, but not all of them.
    #[error(
        "Kafka at {bootstrap} answered, but not to the end ({reason}): a broker may have ended and another takes its place, so try again in some seconds"
    )]
    Halted {
        /// The address that was given.
        bootstrap: String,
        /// What came to no end.
        reason: String,
    },
    /// A topic is missing.
    #[error("there is no topic {topic} at {bootstrap} yet: start `shop-sim produce` or `shop-sim tui` first")]
    NoTopic {
        /// Its name.
        topic: String,
        /// Where it was looked for.
        bootstrap: String,
    },
    /// A topic could not be made.
    #[error("the topic {topic} could not be created: {reason}")]
    CreateTopic {
        /// Its name.
        topic: String,
        /// What the broker said.
        reason: String,
    },
    /// A topic was made, and no broker leads a partition of it yet.
    #[error(
        "the topic {topic} could not be created: it has no leader after {seconds} s, so look after the brokers and try again"
    )]
    NoLeader {
        /// Its name.
        topic: String,
        /// How long was waited.
        seconds: u64,
    },
    /// A property given with `-X` is unknown or has a bad value.
    #[error("the Kafka property {name} is not accepted ({reason}): check what was given with -X")]
    Property {
        /// Its name.
        name: String,
        /// What the client library said; never the value.
        reason: String,
    },
    /// What was given with `-X` needs OpenSSL, which this build has not.
    #[error(
        "TLS and SASL/SCRAM need OpenSSL, and this shop-sim was built without it: build it with `cargo build --release --features tls`"
    )]
    NoTls,
    /// A log has lost records of which no state is left.
    #[error(
        "{gap}, and {what}: bring back what computed it, keep the topics for ever (retention.ms=-1), or begin anew with another --prefix"
    )]
    Lost {
        /// What is missing.
        gap: Gap,
        /// What cannot be known therefore.
        what: String,
    },
    /// Records cannot be opened.
    #[error(
        "records of a topic cannot be opened ({code}): they are compressed in a way that this program does not know, or damaged; write them anew, or delete them from their topic"
    )]
    Unopened {
        /// What the client library said.
        code: RDKafkaErrorCode,
    },
    /// The pulse is there, and cannot be read.
    #[error(
        "the topic {topic} cannot be read ({reason}), so the shop's time is not known: try again when each of its partitions has a leader, and see that this user may read it"
    )]
    NoTime {
        /// Its name.
        topic: String,
        /// What the client library said.
        reason: String,
    },
    /// Others have another setting.
    #[error("{}", disagrees(flag, kept, ours))]
    Disagrees {
        /// The flag, without its dashes.
        flag: String,
        /// What they have.
        kept: String,
        /// What was asked for here.
        ours: String,
    },
    /// A topic that is there is not as it must be.
    #[error("the topic {topic} {what}: {remedy}, or delete it so that it is made again")]
    Unfit {
        /// Its name.
        topic: String,
        /// What is wrong with it.
        what: String,
        /// What to do.
        remedy: String,
    },
    /// A consumer is in no group.
    #[error("the consumer has lost its group {group}: it joins again")]
    NoGroup {
        /// The group's name.
        group: String,
    },
    /// Anything else that librdkafka reports.
    #[error("{}", failed(.0))]
    Kafka(KafkaError),
}

impl StreamError {
    /// Whether the same question may be answered a moment later: a connection broke, or a broker takes over.
    pub(crate) fn passes(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Halted { .. } | Self::NoLeader { .. } => true,
            Self::Kafka(error) => passes(error),
            _ => false,
        }
    }

    /// As the screen says it.
    pub fn sentence(&self) -> Sentence {
        match self {
            Self::Unreachable { bootstrap, reason } => {
                Sentence::Unreachable { bootstrap: bootstrap.clone(), reason: reason.clone() }
            }
            Self::Unopened { code } => Sentence::Unopened { why: code.to_string() },
            Self::Disagrees { flag, kept, ours } => {
                Sentence::Disagrees { flag: flag.clone(), kept: kept.clone(), ours: ours.clone() }
            }
            other => Sentence::Text(other.to_string()),
        }
    }
}

/// How many partitions a topic has; 0 where Kafka does not know it.
pub(super) fn partition_count(metadata: &Metadata, topic: &str) -> usize {
    let found = metadata.topics().iter().find(|found| found.name() == topic && found.error().is_none());
    found.map_or(0, |found| found.partitions().len())
}

fn disagrees(flag: &str, kept: &str, ours: &str) -> String {
    let remedy = if flag == "tz" {
        "the days of all are the same: use another --prefix, or an empty --out, for other ones"
    } else {
        "or stop them, and this one decides on what is read from then on"
    };
    format!(
        "the others of this shop run with --{flag} {kept}, and this one with {ours}: give --{flag} {kept}; {remedy}"
    )
}

impl From<KafkaError> for StreamError {
    fn from(error: KafkaError) -> Self {
        match error {
            // librdkafka has no code of its own for what it was not built with.
            KafkaError::ClientConfig(_, ref reason, ..) | KafkaError::ClientCreation(ref reason)
                if reason.contains("OpenSSL not available") || reason.contains("recompile librdkafka") =>
            {
                Self::NoTls
            }
            // The fourth field is the value, which may be a secret.
            KafkaError::ClientConfig(_, reason, name, _) => Self::Property { name, reason },
            other => Self::Kafka(other),
        }
    }
}

impl Session {
    /// A session; nothing connects yet.
    pub fn new(bootstrap: &str, prefix: &str, partitions: i32, properties: Vec<(String, String)>) -> Self {
        Self {
            bootstrap: bootstrap.into(),
            prefix: prefix.into(),
            partitions,
            properties: properties.into(),
            probe: Arc::default(),
        }
    }

    /// The same for another shop.
    #[must_use]
    pub fn with_prefix(&self, prefix: &str) -> Self {
        Self { prefix: prefix.into(), ..self.clone() }
    }

    /// The settings common to every client of this process; each adds its own before the user's win.
    pub fn client(&self, ours: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &*self.bootstrap)
            .set("client.id", "shop-sim")
            // Back at once when a broker returns: the default waits up to 10 s.
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000")
            .set("socket.nagle.disable", "true")
            // The end watch reports an unreachable cluster once; librdkafka would at each attempt.
            .set("log.connection.close", "false")
            .set("topic.metadata.refresh.interval.ms", "60000")
            // A producer that asks for a topic which is gone must not make it: it would have other settings than ours.
            .set("allow.auto.create.topics", "false");
        for (name, value) in ours {
            config.set(*name, *value);
        }
        for (name, value) in self.properties.iter() {
            config.set(name, value);
        }
        config
    }

    /// The name of a topic at this prefix.
    pub fn topic(&self, topic: Topic) -> String {
        format!("{}.{}", self.prefix, topic.suffix())
    }

    /// The name of a view's consumer group at this prefix.
    pub fn group(&self, view: &str) -> String {
        format!("{}.{view}", self.prefix)
    }

    /// Runs a blocking request on the blocking pool.
    ///
    /// # Errors
    ///
    /// Those of `ask`, and where it panics.
    pub async fn aside<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Self) -> Result<T, StreamError> + Send + 'static,
    ) -> Result<T, StreamError> {
        let session = self.clone();
        let asked = tokio::task::spawn_blocking(move || ask(&session)).await;
        asked.unwrap_or_else(|error| Err(self.halted(error.to_string())))
    }

    /// The client for questions (metadata, watermarks), which all of a process share; it joins no group. Its calls block.
    pub fn probe(&self) -> Result<Arc<BaseConsumer>, StreamError> {
        let mut shared = self.probe.lock().unwrap_or_else(PoisonError::into_inner);
        let probe = match shared.take() {
            Some(probe) => probe,
            None => Arc::new(self.client(&[("enable.auto.commit", "false")]).create()?),
        };
        *shared = Some(Arc::clone(&probe));
        Ok(probe)
    }

    /// Drops the client for questions: the next one is asked with a new client.
    pub fn drop_probe(&self) {
        super::let_go(self.probe.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Where a partition begins and ends now. Blocks for at most `patience`.
    pub fn watermarks(
        &self,
        topic: &str,
        partition: i32,
        patience: Duration,
    ) -> Result<(i64, i64), StreamError> {
        watermarks(&*self.probe()?, topic, partition, patience)
    }

    /// How many partitions a topic has, or [`StreamError::NoTopic`]. Blocks for at most `timeout`.
    pub fn partitions_of(&self, topic: Topic, timeout: Duration) -> Result<i32, StreamError> {
        let probe = self.probe()?;
        let name = self.topic(topic);
        let metadata = retry(timeout, |left| Ok(probe.fetch_metadata(Some(&name), left)?))
            .map_err(|error| self.silent(error))?;
        let count = partition_count(&metadata, &name);
        if count == 0 {
            return Err(StreamError::NoTopic { topic: name, bootstrap: self.bootstrap.to_string() });
        }
        // Kafka numbers partitions with an i32.
        Ok(i32::try_from(count).unwrap_or(i32::MAX))
    }

    /// Turns an error of librdkafka, after the last retry, into [`StreamError::Halted`].
    pub(crate) fn silent(&self, error: StreamError) -> StreamError {
        match error {
            StreamError::Kafka(error) => self.halted(said(&error)),
            other => other,
        }
    }

    pub(crate) fn unreachable(&self, error: &KafkaError) -> StreamError {
        StreamError::Unreachable { bootstrap: self.bootstrap.to_string(), reason: said(error) }
    }

    /// The error that Kafka answered, but not this request.
    pub(crate) fn halted(&self, reason: String) -> StreamError {
        StreamError::Halted { bootstrap: self.bootstrap.to_string(), reason }
    }
}

/// What the library says, in short.
fn said(error: &KafkaError) -> String {
    error.rdkafka_error_code().map_or_else(|| error.to_string(), |code| code.to_string())
}

/// Whether the same question may be answered a moment later.
fn passes(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    error.rdkafka_error_code().is_some_and(|code| {
        matches!(
            code,
            Code::BrokerTransportFailure
                        | Code::AllBrokersDown
                        // The client's own words for a broker that it forgets, or has no address of.
                        | Code::BrokerDestroy
                        | Code::DestroyBroker
                        | Code::Resolve
                        | Code::NetworkException
                        | Code::OperationTimedOut
                        | Code::RequestTimedOut
                        | Code::LeaderNotAvailable
                        | Code::NotLeaderForPartition
                        // A leader that was elected a moment ago (KIP-207, KIP-320), or whose followers are away.
                        | Code::OffsetNotAvailable
                        | Code::FencedLeaderEpoch
                        | Code::UnknownLeaderEpoch
                        | Code::BrokerNotAvailable
                        | Code::ReplicaNotAvailable
                        | Code::NotEnoughReplicas
                        | Code::NotEnoughReplicasAfterAppend
                        | Code::KafkaStorageError
                        | Code::CoordinatorLoadInProgress
                        | Code::CoordinatorNotAvailable
                        | Code::NotCoordinator
        )
    })
}

/// What Kafka was asked in vain, or has refused, for people.
fn failed(error: &KafkaError) -> String {
    if passes(error) {
        format!("Kafka does not answer ({}): look after its brokers and try again", said(error))
    } else {
        format!("Kafka: {error}")
    }
}
