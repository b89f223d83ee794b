//! Kills the broker's process repeatedly while producers, transactions and groups are active. Afterwards everything
//! acknowledged is there once, and nothing aborted.
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
    TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
};

use crate::{
    kit::{PATIENCE, Seen, client, make_topic, read_all, until},
    load::{Load, PARTITIONS},
    process::Served,
};

const KILLS: u32 = 10;

/// The count of each value.
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
        let mut producers = Vec::new();
        for who in 0..2 {
            producers.push(scope.spawn(move || load.produce(who)));
            producers.push(scope.spawn(move || load.transact(who)));
            scope.spawn(move || load.copy(who));
            scope.spawn(move || load.commit());
        }
        for _ in 0..kills {
            std::thread::sleep(Duration::from_millis(random.random_range(50..1500)));
            broker.kill();
            broker.restart();
        }
        load.enough.store(true, Ordering::Relaxed);
        // A producer that has waited for the broker still has a round to write.
        for producer in producers {
            producer.join().unwrap();
        }
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
