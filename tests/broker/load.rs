//! Load on a broker that is killed, with a record of all acknowledgements.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::executor::block_on;
use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer},
    error::KafkaError,
    producer::{FutureProducer, FutureRecord, Producer},
};

use crate::kit::{PATIENCE, client};

pub(crate) const PARTITIONS: i32 = 3;
/// Pause of a producer between rounds: hundreds of kills must fit into memory.
const PACE: Duration = Duration::from_millis(50);

/// The fates of the sent values.
#[derive(Default)]
pub(crate) struct Account {
    /// Acknowledged, with partition and offset if known.
    pub acknowledged: HashMap<String, Option<(i32, i64)>>,
    /// Without a response: these may exist, but not twice.
    pub unknown: Vec<String>,
    /// Values of one transaction: all exist or none.
    pub together: Vec<Vec<String>>,
    /// Never visible.
    pub aborted: Vec<String>,
}

/// Producers, transactions and groups.
pub(crate) struct Load<'a> {
    pub bootstrap: &'a str,
    pub plain: &'a str,
    pub transactional: &'a str,
    pub copied: &'a str,
    /// Producers are to stop.
    pub enough: AtomicBool,
    /// Consumers are to stop.
    pub drained: AtomicBool,
    pub sent: Mutex<Account>,
    pub transacted: Mutex<Account>,
    /// The highest acknowledged commit of each partition.
    pub commits: Mutex<BTreeMap<i32, i64>>,
}

impl Load<'_> {
    fn producer(&self, transactional_id: Option<&str>) -> FutureProducer {
        let mut config = client(self.bootstrap);
        config
            .set("enable.idempotence", "true")
            .set("linger.ms", "1")
            .set("reconnect.backoff.ms", "20")
            .set("reconnect.backoff.max.ms", "100")
            .set("retry.backoff.ms", "20");
        if let Some(id) = transactional_id {
            config.set("transactional.id", id).set("transaction.timeout.ms", "20000");
            config.set("message.timeout.ms", "20000");
        }
        config.create().unwrap()
    }

    fn consumer(&self, group: &str, settings: &[(&str, &str)]) -> BaseConsumer {
        let mut config = client(self.bootstrap);
        config
            .set("group.id", group)
            .set("auto.offset.reset", "earliest")
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed")
            .set("session.timeout.ms", "6000")
            .set("heartbeat.interval.ms", "300")
            .set("reconnect.backoff.ms", "20")
            .set("reconnect.backoff.max.ms", "100");
        for (key, value) in settings {
            config.set(*key, *value);
        }
        let consumer: BaseConsumer = config.create().unwrap();
        consumer.subscribe(&[self.plain]).unwrap();
        consumer
    }

    /// An idempotent producer.
    pub(crate) fn produce(&self, who: usize) {
        let mut producer = self.producer(None);
        for round in 0.. {
            if self.enough.load(Ordering::Relaxed) {
                return;
            }
            let values: Vec<_> = (0..100).map(|n| format!("plain-{who}-{round}-{n}")).collect();
            let sends = values.iter().enumerate().map(|(n, value)| {
                let partition = i32::try_from(n).unwrap() % PARTITIONS;
                let record = FutureRecord::<(), _>::to(self.plain).partition(partition).payload(value);
                producer.send_result(record).map_err(|(error, _)| error).unwrap()
            });
            let sends: Vec<_> = sends.collect();
            let delivered = block_on(futures::future::join_all(sends));
            let mut sent = self.sent.lock().unwrap();
            for (value, delivered) in values.into_iter().zip(delivered) {
                match delivered.unwrap() {
                    Ok(delivery) => {
                        let place = Some((delivery.partition, delivery.offset));
                        sent.acknowledged.insert(value, place);
                    }
                    Err(_) => sent.unknown.push(value),
                }
            }
            drop(sent);
            if producer.client().fatal_error().is_some() {
                producer = self.producer(None);
            }
            std::thread::sleep(PACE);
        }
    }

    /// A transactional producer; every third transaction is aborted.
    pub(crate) fn transact(&self, who: usize) {
        let id = format!("transact-{who}");
        let mut producer = None;
        for round in 0.. {
            if self.enough.load(Ordering::Relaxed) {
                return;
            }
            let fresh = producer.is_none();
            let one = producer.take().unwrap_or_else(|| self.producer(Some(&id)));
            if fresh && one.init_transactions(PATIENCE).is_err() {
                continue;
            }
            let values: Vec<_> = (0..6).map(|n| format!("transaction-{who}-{round}-{n}")).collect();
            let abort = round % 3 == 2;
            let sent = self.fill(&one, &values);
            let mut transacted = None;
            let usable = if sent.is_ok() && !abort {
                transacted = Some(one.commit_transaction(PATIENCE));
                matches!(transacted, Some(Ok(())))
            } else {
                one.abort_transaction(PATIENCE).is_ok()
            };
            producer = Some(one).filter(|_| usable);
            let mut account = self.transacted.lock().unwrap();
            match transacted {
                None => account.aborted.extend(values),
                Some(Err(_)) => account.together.push(values),
                Some(Ok(())) => account.acknowledged.extend(values.into_iter().map(|value| (value, None))),
            }
        }
    }

    fn fill(&self, producer: &FutureProducer, values: &[String]) -> Result<(), KafkaError> {
        producer.begin_transaction()?;
        let sends = values.iter().enumerate().map(|(n, value)| {
            let partition = i32::try_from(n).unwrap() % PARTITIONS;
            let record = FutureRecord::<(), _>::to(self.transactional).partition(partition).payload(value);
            producer.send_result(record).map_err(|(error, _)| error)
        });
        for delivered in block_on(futures::future::join_all(sends.collect::<Result<Vec<_>, _>>()?)) {
            delivered.unwrap().map_err(|(error, _)| error)?;
        }
        Ok(())
    }

    /// Copies records exactly once: offsets and copies go into the same transaction.
    pub(crate) fn copy(&self, who: usize) {
        let id = format!("copy-{who}");
        while !self.drained.load(Ordering::Relaxed) {
            let producer = self.producer(Some(&id));
            if producer.init_transactions(PATIENCE).is_err() {
                continue;
            }
            let consumer = self.consumer("copy", &[("group.instance.id", &id)]);
            while !self.drained.load(Ordering::Relaxed) {
                if self.copy_some(&consumer, &producer).is_err() {
                    let _ = producer.abort_transaction(Duration::from_secs(5));
                    break;
                }
            }
            // librdkafka 2.12 waits without end for an assignment that arrives while the client is closed.
            std::thread::spawn(move || drop(consumer));
        }
    }

    fn copy_some(&self, consumer: &BaseConsumer, producer: &FutureProducer) -> Result<(), KafkaError> {
        let mut offsets = TopicPartitionList::new();
        let mut sends = Vec::new();
        // The generation that the first record was read in: from the next one on its partition may be another member's,
        // and the broker refuses the offsets.
        let mut generation = None;
        while sends.len() < 200 {
            let message = match consumer.poll(Duration::from_millis(10)) {
                None => break,
                // The connection broke; the client reconnects.
                Some(Err(_)) => continue,
                Some(Ok(message)) => message,
            };
            if generation.is_none() {
                producer.begin_transaction()?;
                generation = consumer.group_metadata();
            }
            let record = FutureRecord::<(), _>::to(self.copied).partition(message.partition());
            let record = record.payload(message.payload().unwrap());
            sends.push(producer.send_result(record).map_err(|(error, _)| error)?);
            let next = Offset::Offset(message.offset() + 1);
            match offsets.find_partition(self.plain, message.partition()) {
                Some(mut there) => there.set_offset(next)?,
                None => offsets.add_partition_offset(self.plain, message.partition(), next)?,
            }
        }
        let Some(generation) = generation else { return Ok(()) };
        for delivered in block_on(futures::future::join_all(sends)) {
            delivered.unwrap().map_err(|(error, _)| error)?;
        }
        producer.send_offsets_to_transaction(&offsets, &generation, PATIENCE)?;
        producer.commit_transaction(PATIENCE)
    }

    /// A member of a group that commits what it has read.
    pub(crate) fn commit(&self) {
        let consumer = self.consumer("commit", &[]);
        while !self.drained.load(Ordering::Relaxed) {
            let mut read = BTreeMap::new();
            for _ in 0..200 {
                match consumer.poll(Duration::from_millis(10)) {
                    Some(Ok(message)) => read.insert(message.partition(), message.offset() + 1),
                    _ => break,
                };
            }
            if read.is_empty() {
                continue;
            }
            let mut offsets = TopicPartitionList::new();
            for (partition, next) in &read {
                offsets.add_partition_offset(self.plain, *partition, Offset::Offset(*next)).unwrap();
            }
            if consumer.commit(&offsets, CommitMode::Sync).is_ok() {
                let mut commits = self.commits.lock().unwrap();
                for (partition, next) in read {
                    let highest = commits.entry(partition).or_default();
                    *highest = next.max(*highest);
                }
            }
        }
    }
}
