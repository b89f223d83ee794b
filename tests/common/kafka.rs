//! A test's Kafka: its address, and plain readers and writers, independent of the program.

use std::{
    env,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    message::{Header, Headers, OwnedHeaders},
    metadata::Metadata,
    producer::{BaseProducer, BaseRecord, Producer},
};

/// Time-out of any broker operation.
const PATIENCE: Duration = Duration::from_secs(120);

/// The address of a real Kafka that the tests shall run on; without it they run on the embedded broker.
pub fn real_bootstrap() -> Option<String> {
    env::var("SHOP_SIM_TEST_BOOTSTRAP").ok().filter(|address| !address.is_empty())
}

/// A record that was read, or that is to be written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    pub partition: i32,
    /// Ignored when written.
    pub offset: i64,
    pub key: Option<Vec<u8>>,
    pub payload: Option<Vec<u8>>,
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Record {
    pub fn new(partition: i32, key: impl Into<Vec<u8>>, payload: impl Into<Vec<u8>>) -> Self {
        Self { partition, key: Some(key.into()), payload: Some(payload.into()), ..Self::default() }
    }

    /// A header's value as text; `None` where there is not exactly one.
    pub fn header(&self, name: &str) -> Option<String> {
        let mut found = self.headers.iter().filter(|(key, _)| key == name);
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Some(String::from_utf8_lossy(value).into_owned()),
            _ => None,
        }
    }
}

/// All committed records of a topic, by partition and offset. Fails if the topic does not exist.
pub fn read(bootstrap: &str, topic: &str) -> Vec<Record> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "oracle")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_committed")
        .set("fetch.queue.backoff.ms", "5")
        .set("fetch.message.max.bytes", "10485760")
        .create()
        .expect("a consumer");
    let partitions = partitions(&consumer, bootstrap, topic);
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition_offset(topic, partition, Offset::Beginning).expect("an offset");
    }
    consumer.assign(&list).expect("assigned");

    let deadline = Instant::now() + PATIENCE;
    let mut records = Vec::new();
    let mut last_error = None;
    let mut open: Vec<i32> = (0..partitions).collect();
    while !open.is_empty() {
        assert!(
            Instant::now() < deadline,
            "{topic} at {bootstrap}: partitions {open:?} did not reach their end: {last_error:?}"
        );
        match consumer.poll(Duration::from_millis(200)) {
            None => {}
            Some(Ok(message)) => records.push(owned(&message)),
            Some(Err(KafkaError::PartitionEOF(partition))) => open.retain(|one| *one != partition),
            // librdkafka retries by itself; the deadline ends that.
            Some(Err(error)) => last_error = Some(error),
        }
    }
    records.sort_by_key(|record| (record.partition, record.offset));
    records
}

fn partitions(consumer: &BaseConsumer, bootstrap: &str, topic: &str) -> i32 {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = consumer.fetch_metadata(Some(topic), Duration::from_secs(5));
        match found.as_ref().map(Metadata::topics) {
            Ok([only]) if only.error().is_none() => return i32::try_from(only.partitions().len()).unwrap(),
            other => assert!(Instant::now() < deadline, "no topic {topic} at {bootstrap}: {:?}", other.err()),
        }
    }
}

fn owned(message: &rdkafka::message::BorrowedMessage<'_>) -> Record {
    let headers = message.headers().map_or_else(Vec::new, |headers| {
        headers.iter().map(|one| (one.key.to_owned(), one.value.unwrap_or_default().to_vec())).collect()
    });
    Record {
        partition: message.partition(),
        offset: message.offset(),
        key: message.key().map(<[u8]>::to_vec),
        payload: message.payload().map(<[u8]>::to_vec),
        headers,
    }
}

/// Writes records as they are, each to its partition, in order, and waits until the broker has them.
pub fn write(bootstrap: &str, topic: &str, records: &[Record]) {
    write_with(bootstrap, topic, records, &[]);
}

/// The same by a producer with these properties.
pub fn write_with(bootstrap: &str, topic: &str, records: &[Record], properties: &[(&str, &str)]) {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set("enable.idempotence", "true")
        .set("message.max.bytes", "1048000");
    for (name, value) in properties {
        config.set(*name, *value);
    }
    let producer: BaseProducer = config.create().expect("a producer");
    for record in records {
        let mut headers = OwnedHeaders::new();
        for (key, value) in &record.headers {
            headers = headers.insert(Header { key, value: Some(value) });
        }
        let mut message: BaseRecord<'_, [u8], [u8]> =
            BaseRecord::to(topic).partition(record.partition).headers(headers);
        message.key = record.key.as_deref();
        message.payload = record.payload.as_deref();
        producer.send(message).map_err(|(error, _)| error).expect("queued");
        producer.poll(Duration::ZERO);
    }
    producer.flush(PATIENCE).expect("written");
}

/// The names of all topics.
pub fn topics(bootstrap: &str) -> Vec<String> {
    let consumer: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", bootstrap).create().expect("a consumer");
    let found = consumer.fetch_metadata(None, PATIENCE).expect("the topics");
    found.topics().iter().map(|topic| topic.name().to_owned()).collect()
}

/// The length of a topic: the sum of its high watermarks.
pub fn records_written(bootstrap: &str, topic: &str) -> i64 {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "oracle")
        .create()
        .expect("a consumer");
    (0..partitions(&consumer, bootstrap, topic))
        .map(|partition| {
            // A new partition has no leader for a moment.
            let deadline = Instant::now() + PATIENCE;
            loop {
                match consumer.fetch_watermarks(topic, partition, Duration::from_secs(20)) {
                    Ok((_, end)) => return end,
                    Err(error) => assert!(Instant::now() < deadline, "watermarks: {error}"),
                }
                // Without this the client answers for minutes from what it was told first.
                let _ = consumer.fetch_metadata(Some(topic), Duration::from_secs(20));
            }
        })
        .sum()
}
