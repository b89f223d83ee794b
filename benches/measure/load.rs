//! The same client with the same settings for any broker.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer},
};

use crate::common::kafka;

pub(crate) const PARTITIONS: i32 = 6;
/// Size of a record's value: about that of an order.
pub(crate) const PAYLOAD: usize = 350;
/// Records a second while delays are measured.
const PACE: u64 = 2_000;
/// The linger of the simulator's producer (src/simulator/outbox.rs), also used by the plain ones.
pub(crate) const LINGER_MS: u64 = 5;
const PATIENCE: Duration = Duration::from_secs(120);

fn client(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("socket.nagle.disable", "true");
    config
}

pub(crate) fn admin(bootstrap: &str) -> AdminClient<DefaultClientContext> {
    client(bootstrap).create().unwrap()
}

/// A topic that is deleted on drop.
pub(crate) struct Topic {
    pub(crate) name: String,
    admin: AdminClient<DefaultClientContext>,
}

impl Topic {
    pub(crate) fn make(bootstrap: &str) -> Self {
        Self { name: make_topic(bootstrap), admin: admin(bootstrap) }
    }
}

/// Makes a topic with a name of its own.
pub(crate) fn make_topic(bootstrap: &str) -> String {
    make_topic_with(bootstrap, PARTITIONS)
}

/// The same with so many partitions.
pub(crate) fn make_topic_with(bootstrap: &str, partitions: i32) -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("bench-{}-{number}", std::process::id());
    let admin = admin(bootstrap);
    let topic = NewTopic::new(&name, partitions, TopicReplication::Fixed(1));
    let options = AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE));
    let made = futures::executor::block_on(admin.create_topics([&topic], &options)).unwrap();
    made.into_iter().next().unwrap().unwrap();
    name
}

impl Drop for Topic {
    fn drop(&mut self) {
        let _ = futures::executor::block_on(
            self.admin.delete_topics(&[self.name.as_str()], &AdminOptions::new()),
        );
    }
}

fn producer(bootstrap: &str, linger_ms: u64, idempotent: bool) -> ThreadedProducer<DefaultProducerContext> {
    client(bootstrap)
        .set("acks", "all")
        .set("linger.ms", linger_ms.to_string())
        .set("enable.idempotence", idempotent.to_string())
        .set("queue.buffering.max.messages", "1000000")
        .set("queue.buffering.max.kbytes", "1048576")
        .create()
        .unwrap()
}

pub(crate) fn reader(bootstrap: &str, topic: &str) -> BaseConsumer {
    let consumer: BaseConsumer = client(bootstrap)
        .set("group.id", "bench")
        .set("enable.auto.commit", "false")
        .set("fetch.queue.backoff.ms", "5")
        .set("fetch.wait.max.ms", "100")
        .create()
        .unwrap();
    let mut all = TopicPartitionList::new();
    for partition in 0..count(&consumer, topic) {
        all.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&all).unwrap();
    consumer
}

fn send(
    producer: &ThreadedProducer<DefaultProducerContext>,
    topic: &str,
    partition: i32,
    key: Option<&[u8]>,
    payload: &[u8],
) {
    loop {
        let mut record = BaseRecord::<[u8], [u8]>::to(topic).partition(partition).payload(payload);
        record.key = key;
        match producer.send(record) {
            Ok(()) => return,
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                std::thread::sleep(Duration::from_millis(1));
            }
            Err((error, _)) => panic!("{error}"),
        }
    }
}

fn a_second(records: usize, since: Instant) -> f64 {
    records as f64 / since.elapsed().as_secs_f64()
}

/// Letters and digits as in an order, so that it compresses alike.
fn payload(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        b"0123456789abcdefghijklmnopqrstuvwxyz\":{},"[usize::try_from(state % 41).unwrap()]
    })
    .take(size)
    .collect()
}

/// Topics whose names begin so.
pub(crate) fn topics(bootstrap: &str, beginning: &str) -> Vec<String> {
    let consumer: BaseConsumer = client(bootstrap).create().unwrap();
    let known = consumer.fetch_metadata(None, PATIENCE).unwrap();
    let names = known.topics().iter().map(|topic| topic.name().to_owned());
    names.filter(|name| name.starts_with(beginning)).collect()
}

/// Partitions that a topic has.
pub(crate) fn partitions(bootstrap: &str, topic: &str) -> i32 {
    let consumer: BaseConsumer = client(bootstrap).create().unwrap();
    count(&consumer, topic)
}

fn count(consumer: &BaseConsumer, topic: &str) -> i32 {
    let known = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
    i32::try_from(known.topics()[0].partitions().len()).unwrap()
}

/// Records that a topic holds; waits for the leaders of one that was just made.
pub(crate) fn records(bootstrap: &str, topic: &str) -> usize {
    usize::try_from(kafka::records_written(bootstrap, topic)).unwrap()
}

/// Records that are built before they are sent, all alike.
pub(crate) struct ReadyMade {
    pub(crate) records: usize,
    /// Bytes of a key, where there is one.
    pub(crate) key: Option<usize>,
    /// Bytes of a value.
    pub(crate) value: usize,
}

/// Records a second, sent and acknowledged.
pub(crate) fn produce(bootstrap: &str, topic: &str, records: usize, size: usize) -> f64 {
    let ready = ReadyMade { records, key: None, value: size };
    produce_with(&producer(bootstrap, LINGER_MS, false), topic, &ready)
}

/// The same by an idempotent producer, as the simulator's is.
pub(crate) fn produce_idempotent(bootstrap: &str, topic: &str, ready: &ReadyMade, linger_ms: u64) -> f64 {
    produce_with(&producer(bootstrap, linger_ms, true), topic, ready)
}

fn produce_with(producer: &ThreadedProducer<DefaultProducerContext>, topic: &str, ready: &ReadyMade) -> f64 {
    let (key, payload) = (ready.key.map(payload), payload(ready.value));
    // Connects before the measurement.
    producer.client().fetch_metadata(Some(topic), PATIENCE).unwrap();
    let begun = Instant::now();
    for (_, partition) in (0..ready.records).zip((0..PARTITIONS).cycle()) {
        send(producer, topic, partition, key.as_deref(), &payload);
    }
    producer.flush(PATIENCE).unwrap();
    a_second(ready.records, begun)
}

/// Sends as much as possible for some time. The producer sends the rest until it is dropped.
pub(crate) fn flood(
    bootstrap: &str,
    topic: &str,
    size: usize,
    time: Duration,
) -> ThreadedProducer<DefaultProducerContext> {
    let producer = producer(bootstrap, LINGER_MS, false);
    let payload = payload(size);
    let begun = Instant::now();
    for partition in (0..PARTITIONS).cycle() {
        if begun.elapsed() > time {
            break;
        }
        send(&producer, topic, partition, None, &payload);
    }
    producer
}

/// Records a second, read once by plain polling.
pub(crate) fn consume(bootstrap: &str, topic: &str, records: usize) -> f64 {
    let consumer = reader(bootstrap, topic);
    let begun = Instant::now();
    let mut seen = 0;
    while seen < records {
        let message = consumer.poll(PATIENCE).expect("records come").unwrap();
        assert!(message.payload().is_some());
        seen += 1;
    }
    a_second(records, begun)
}

/// Connections that have said who they are (`ApiVersions`, version 0, without a client id) and then nothing.
pub(crate) fn idle_connections(bootstrap: &str, count: usize) -> Vec<TcpStream> {
    let request = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff];
    let connect = |_| {
        let mut connection = TcpStream::connect(bootstrap).unwrap();
        connection.write_all(&request).unwrap();
        let mut size = [0; 4];
        connection.read_exact(&mut size).unwrap();
        connection.read_exact(&mut vec![0; usize::try_from(u32::from_be_bytes(size)).unwrap()]).unwrap();
        connection
    };
    (0..count).map(connect).collect()
}

/// Records a second, sent and read, on a topic of their own.
pub(crate) fn throughput(bootstrap: &str, records: usize) -> (f64, f64) {
    let topic = Topic::make(bootstrap);
    (produce(bootstrap, &topic.name, records, PAYLOAD), consume(bootstrap, &topic.name, records))
}

/// The delay (ms) of each record from its send to its poll, at a steady rate.
pub(crate) fn delays(bootstrap: &str, seconds: u64, linger_ms: u64) -> Vec<f64> {
    let topic = Topic::make(bootstrap);
    let producer = producer(bootstrap, linger_ms, false);
    let consumer = reader(bootstrap, &topic.name);
    let payload = payload(PAYLOAD);
    let count = usize::try_from(PACE * seconds).unwrap();
    // The first second warms up.
    let warm = usize::try_from(PACE).unwrap();
    let origin = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut payload = payload;
            let begun = Instant::now();
            for (n, partition) in (0..count + warm).zip((0..PARTITIONS).cycle()) {
                let due = begun + Duration::from_micros(1_000_000 / PACE) * u32::try_from(n).unwrap();
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                let sent = u64::try_from(origin.elapsed().as_nanos()).unwrap();
                payload[..8].copy_from_slice(&sent.to_be_bytes());
                send(&producer, &topic.name, partition, None, &payload);
            }
            producer.flush(PATIENCE).unwrap();
        });
        let mut delays = Vec::with_capacity(count);
        for n in 0..count + warm {
            let message = consumer.poll(PATIENCE).expect("records come").unwrap();
            let sent = u64::from_be_bytes(message.payload().unwrap()[..8].try_into().unwrap());
            if n >= warm {
                let delay = origin.elapsed().saturating_sub(Duration::from_nanos(sent));
                delays.push(delay.as_secs_f64() * 1000.0);
            }
        }
        delays
    })
}
