//! What the tests share: a broker, topics, clients, and waiting for conditions.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    time::{Duration, Instant},
};

use kafka_in_process::{Broker, BrokerConfig};
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
    producer::{FutureProducer, FutureRecord},
};
use tempfile::TempDir;

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A cluster for one test: an embedded broker of its own, or the one that `SHOP_SIM_TEST_BOOTSTRAP` names.
pub(crate) struct Cluster {
    pub bootstrap: String,
    embedded: Option<(Broker, TempDir)>,
}

impl Cluster {
    pub(crate) async fn start() -> Self {
        if let Ok(bootstrap) = std::env::var("SHOP_SIM_TEST_BOOTSTRAP") {
            return Self { bootstrap, embedded: None };
        }
        let data = tempfile::tempdir().unwrap();
        let broker = embedded(data.path()).await;
        Self { bootstrap: broker.address().to_string(), embedded: Some((broker, data)) }
    }

    pub(crate) async fn stop(self) {
        if let Some((broker, _data)) = self.embedded {
            broker.stop().await;
        }
    }

    pub(crate) fn client(&self) -> ClientConfig {
        client(&self.bootstrap)
    }

    pub(crate) fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().unwrap()
    }

    /// Makes a topic with a name of its own.
    pub(crate) async fn topic(&self, partitions: i32, settings: &[(&str, &str)]) -> String {
        let topic = make_topic(&self.bootstrap, partitions, settings).await;
        if self.embedded.is_none() {
            // Kafka reports a new topic before it accepts records.
            let onlooker: BaseConsumer = self.client().set("group.id", "onlooker").create().unwrap();
            let ready = |partition| {
                // Without this the client answers for minutes from what it was told first.
                onlooker.fetch_metadata(Some(&topic), PATIENCE).is_ok()
                    && onlooker.fetch_watermarks(&topic, partition, PATIENCE).is_ok()
            };
            until("the topic", || (0..partitions).all(ready));
        }
        topic
    }

    pub(crate) fn producer(&self, settings: &[(&str, &str)]) -> FutureProducer {
        let mut config = self.client();
        config.set("enable.idempotence", "true").set("linger.ms", "0");
        for (key, value) in settings {
            config.set(*key, *value);
        }
        config.create().unwrap()
    }
}

pub(crate) async fn embedded(data: &std::path::Path) -> Broker {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    Broker::start(BrokerConfig::new(data, any)).await.unwrap()
}

pub(crate) fn client(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    config
}

pub(crate) fn unique(prefix: &str) -> String {
    format!("{prefix}-{}", uuid::Uuid::from_u128(rand::random()).simple())
}

pub(crate) async fn make_topic(bootstrap: &str, partitions: i32, settings: &[(&str, &str)]) -> String {
    let name = unique("topic");
    let admin: AdminClient<DefaultClientContext> = client(bootstrap).create().unwrap();
    let mut topic = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
    for (key, value) in settings {
        topic = topic.set(key, value);
    }
    admin.create_topics(&[topic], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
    name
}

/// Sends a record and returns where it went.
pub(crate) async fn send(
    producer: &FutureProducer,
    topic: &str,
    partition: i32,
    key: &str,
    value: &str,
) -> i64 {
    let record = FutureRecord::to(topic).partition(partition).key(key).payload(value);
    producer.send(record, PATIENCE).await.map_err(|(error, _)| error).unwrap().offset
}

/// A record as the tests look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub partition: i32,
    pub offset: i64,
    pub key: Option<String>,
    pub value: Option<String>,
    pub timestamp: i64,
}

/// Reads all partitions of a topic from the beginning to their ends, as far as the isolation level lets one see.
pub(crate) fn read_all(bootstrap: &str, topic: &str, partitions: i32, isolation: &str) -> Vec<Seen> {
    let consumer: BaseConsumer = client(bootstrap)
        .set("group.id", unique("reader"))
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("isolation.level", isolation)
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&list).unwrap();
    let mut ended = BTreeSet::new();
    let mut seen = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    while ended.len() < usize::try_from(partitions).unwrap() {
        assert!(Instant::now() < deadline, "{topic} did not come to an end; read {}", seen.len());
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => seen.push(look(&message)),
            Some(Err(rdkafka::error::KafkaError::PartitionEOF(partition))) => {
                ended.insert(partition);
            }
            Some(Err(error)) => panic!("{error}"),
            None => {}
        }
    }
    seen
}

pub(crate) fn look(message: &impl Message) -> Seen {
    let text = |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    Seen {
        partition: message.partition(),
        offset: message.offset(),
        key: text(message.key()),
        value: text(message.payload()),
        timestamp: message.timestamp().to_millis().unwrap_or(-1),
    }
}

pub(crate) fn values(seen: &[Seen]) -> Vec<&str> {
    seen.iter().map(|seen| seen.value.as_deref().unwrap_or("")).collect()
}

/// Polls until a condition holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
