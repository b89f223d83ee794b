//! The broker's process is killed over and over while producers, transactions and groups are at work. Afterwards
//! everything that was acknowledged is there, once, and nothing that was aborted.
//!
//! `SHOP_SIM_TEST_KILLS=300 cargo test --test broker kill` kills it 300 times instead of ten.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::executor::block_on;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer},
    error::KafkaError,
    producer::{FutureProducer, FutureRecord, Producer},
};

use crate::{
    kit::{PATIENCE, Seen, client, make_topic, read_all, until},
    process::Served,
};

const PARTITIONS: i32 = 3;
const KILLS: u32 = 10;
/// Between two rounds of a producer: hundreds of kills are to fit into memory.
const PACE: Duration = Duration::from_millis(50);

/// What became of the values that were sent.
#[derive(Default)]
struct Account {
    /// Acknowledged, with the place that was told.
    acknowledged: HashMap<String, Option<(i32, i64)>>,
    /// The answer never came: there or not, but not twice.
    unknown: Vec<String>,
    /// Values that are there together or not at all.
    together: Vec<Vec<String>>,
    /// Never to be seen.
    aborted: Vec<String>,
}

struct Load<'a> {
    bootstrap: &'a str,
    plain: &'a str,
    transactional: &'a str,
    copied: &'a str,
    /// Producers are to stop.
    enough: AtomicBool,
    /// Consumers are to stop.
    drained: AtomicBool,
    sent: Mutex<Account>,
    transacted: Mutex<Account>,
    /// The highest acknowledged commit of each partition.
    commits: Mutex<BTreeMap<i32, i64>>,
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
    fn produce(&self, who: usize) {
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
    fn transact(&self, who: usize) {
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
    fn copy(&self, who: usize) {
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
        }
    }

    fn copy_some(&self, consumer: &BaseConsumer, producer: &FutureProducer) -> Result<(), KafkaError> {
        let mut offsets = TopicPartitionList::new();
        let mut sends = Vec::new();
        let mut begun = false;
        while sends.len() < 200 {
            let message = match consumer.poll(Duration::from_millis(10)) {
                None => break,
                // The connection is lost and found again.
                Some(Err(_)) => continue,
                Some(Ok(message)) => message,
            };
            if !begun {
                producer.begin_transaction()?;
                begun = true;
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
        if !begun {
            return Ok(());
        }
        for delivered in block_on(futures::future::join_all(sends)) {
            delivered.unwrap().map_err(|(error, _)| error)?;
        }
        let metadata = consumer.group_metadata().ok_or(KafkaError::Canceled)?;
        producer.send_offsets_to_transaction(&offsets, &metadata, PATIENCE)?;
        producer.commit_transaction(PATIENCE)
    }

    /// A member of a group that commits what it has read.
    fn commit(&self) {
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

/// How often each value is there.
fn counted(seen: &[Seen]) -> HashMap<&str, usize> {
    let mut counted = HashMap::new();
    for value in seen.iter().filter_map(|seen| seen.value.as_deref()) {
        *counted.entry(value).or_default() += 1;
    }
    counted
}

fn committed(bootstrap: &str, group: &str, topic: &str) -> BTreeMap<i32, i64> {
    let consumer: BaseConsumer = client(bootstrap).set("group.id", group).create().unwrap();
    let mut asked = TopicPartitionList::new();
    asked.add_partition_range(topic, 0, PARTITIONS - 1);
    let known = consumer.committed_offsets(asked, PATIENCE).unwrap();
    known.elements().iter().map(|one| (one.partition(), one.offset().to_raw().unwrap_or(-1))).collect()
}

fn ends(bootstrap: &str, topic: &str) -> BTreeMap<i32, i64> {
    let consumer: BaseConsumer = client(bootstrap).set("group.id", "onlooker").create().unwrap();
    let end = |partition| consumer.fetch_watermarks(topic, partition, PATIENCE).unwrap().1;
    (0..PARTITIONS).map(|partition| (partition, end(partition))).collect()
}

#[test]
fn nothing_acknowledged_is_lost_however_often_the_broker_is_killed() {
    let kills = std::env::var("SHOP_SIM_TEST_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let data = tempfile::tempdir().unwrap();
    let mut broker = Served::start(data.path());
    let bootstrap = broker.address.to_string();
    let topic = || block_on(make_topic(&bootstrap, PARTITIONS, &[("segment.bytes", "1048576")]));
    let (plain, transactional, copied) = (topic(), topic(), topic());
    let load = Load {
        bootstrap: &bootstrap,
        plain: &plain,
        transactional: &transactional,
        copied: &copied,
        enough: AtomicBool::new(false),
        drained: AtomicBool::new(false),
        sent: Mutex::default(),
        transacted: Mutex::default(),
        commits: Mutex::default(),
    };
    let mut random = ChaCha8Rng::seed_from_u64(u64::from(kills));
    std::thread::scope(|scope| {
        let load = &load;
        for who in 0..2 {
            scope.spawn(move || load.produce(who));
            scope.spawn(move || load.transact(who));
            scope.spawn(move || load.copy(who));
            scope.spawn(move || load.commit());
        }
        for _ in 0..kills {
            std::thread::sleep(Duration::from_millis(random.random_range(50..1500)));
            broker.kill();
            broker.restart();
        }
        load.enough.store(true, Ordering::Relaxed);
        let read = |group: &str| committed(&bootstrap, group, &plain) == ends(&bootstrap, &plain);
        until("everything to be copied", || read("copy"));
        until("everything to be read", || read("commit"));
        load.drained.store(true, Ordering::Relaxed);
    });

    let sent = load.sent.into_inner().unwrap();
    let seen = read_all(&bootstrap, &plain, PARTITIONS, "read_committed");
    let found = counted(&seen);
    let places: HashMap<_, _> =
        seen.iter().map(|seen| (seen.value.as_deref().unwrap(), (seen.partition, seen.offset))).collect();
    for (value, place) in &sent.acknowledged {
        assert_eq!(found.get(value.as_str()), Some(&1), "{value}, acknowledged at {place:?}");
        assert_eq!(places.get(value.as_str()).copied(), *place, "{value}");
    }
    for value in &sent.unknown {
        assert!(found.get(value.as_str()).is_none_or(|count| *count == 1), "{value} is there twice");
    }
    assert!(found.len() <= sent.acknowledged.len() + sent.unknown.len());

    let transacted = load.transacted.into_inner().unwrap();
    let seen = read_all(&bootstrap, &transactional, PARTITIONS, "read_committed");
    let visible = counted(&seen);
    for value in transacted.acknowledged.keys() {
        assert_eq!(visible.get(value.as_str()), Some(&1), "{value}, committed");
    }
    for value in &transacted.aborted {
        assert_eq!(visible.get(value.as_str()), None, "{value}, aborted");
    }
    for values in &transacted.together {
        let counts: Vec<_> = values.iter().map(|value| visible.get(value.as_str()).copied()).collect();
        assert!(
            counts.iter().all(|count| *count == counts[0] && count.is_none_or(|count| count == 1)),
            "{values:?}"
        );
    }

    let copies = read_all(&bootstrap, &copied, PARTITIONS, "read_committed");
    let copied = counted(&copies);
    assert_eq!(copied.len(), found.len());
    for (value, count) in &copied {
        assert_eq!((*count, found.get(value)), (1, Some(&1)), "{value}");
    }

    let known = committed(&bootstrap, "commit", &plain);
    for (partition, highest) in load.commits.into_inner().unwrap() {
        assert!(known[&partition] >= highest, "partition {partition}: {} < {highest}", known[&partition]);
    }
    eprintln!(
        "{kills} kills: {} records acknowledged, {} unknown; {} committed, {} aborted, {} transactions unknown; {} copied",
        sent.acknowledged.len(),
        sent.unknown.len(),
        transacted.acknowledged.len(),
        transacted.aborted.len(),
        transacted.together.len(),
        copied.len(),
    );
}
