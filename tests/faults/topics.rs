//! Topics that are deleted, and made again, while consumers run.

use std::time::{Duration, Instant};

use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::Consumer,
};
use shop_sim::{
    consumers::{Journal, journal::JournalFiles},
    engine::handling,
    handling::Parameters,
    runtime::dedicated_thread,
    sinks::memory::{Disk, MemoryFiles},
    store::MemoryStore,
};

use crate::{
    bench::{Bench, Kept, PATIENCE, journal, orders, until},
    common::{kafka::records_written, shop::Shop},
    machines::Machines,
    proxy::Proxy,
};

fn admin(bootstrap: &str) -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", bootstrap).create().unwrap()
}

pub async fn delete(bootstrap: &str, topic: &str) {
    let deleted = admin(bootstrap).delete_topics(&[topic], &AdminOptions::new()).await.unwrap();
    assert!(deleted.iter().all(Result::is_ok), "{deleted:?}");
}

pub async fn make(bootstrap: &str, topic: &str) {
    let admin = admin(bootstrap);
    let new = NewTopic::new(topic, 2, TopicReplication::Fixed(1));
    let deadline = Instant::now() + PATIENCE;
    // A real Kafka deletes in the background.
    while admin.create_topics([&new], &AdminOptions::new()).await.unwrap().iter().any(Result::is_err) {
        assert!(Instant::now() < deadline, "{topic} could not be made again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Takes all records of partitions as retention does.
async fn take_records(shop: &Shop, partitions: std::ops::Range<i32>) {
    let mut all = TopicPartitionList::new();
    for partition in partitions {
        all.add_partition_offset(&shop.topic("orders"), partition, Offset::End).unwrap();
    }
    admin(shop.bootstrap()).delete_records(&all, &AdminOptions::new()).await.unwrap();
}

fn keep_journal(bench: &Bench, store: &MemoryStore, disk: &Disk) -> Kept {
    let (zone, disk) = (bench.zone, disk.clone());
    bench.keep::<Journal, _, _, _>(store, move || JournalFiles::new(zone), move || MemoryFiles::new(&disk))
}

/// A journal that has read the first 200 orders.
async fn begin(shop: &Shop, bench: &Bench) -> (MemoryStore, Disk, Kept) {
    let (store, disk) = (MemoryStore::default(), Disk::default());
    shop.write("orders", &orders(1..201));
    let kept = keep_journal(bench, &store, &disk);
    until("the first orders", || journal(&disk).len() == 200).await;
    (store, disk, kept)
}

/// A bench that Kafka can be taken away from.
async fn behind_a_proxy(shop: &Shop) -> (Bench, Proxy) {
    let proxy = Proxy::before(shop.bootstrap());
    let address = proxy.address.to_string();
    // It keeps its partitions meanwhile.
    let properties = [("bootstrap.servers", &*address), ("session.timeout.ms", "60000")];
    let bench = Bench::open(shop, "a", &properties).await;
    (bench, proxy)
}

/// Deletes the orders under a running journal, makes the topic again with so many records, and looks at what the
/// journal holds then.
async fn replaced(count: u64) {
    let shop = Shop::new();
    let bench = Bench::open(&shop, "a", &[]).await;
    let (_, disk, kept) = begin(&shop, &bench).await;
    // Until the logs have been looked at.
    tokio::time::sleep(Duration::from_secs(5)).await;

    delete(shop.bootstrap(), &shop.topic("orders")).await;
    make(shop.bootstrap(), &shop.topic("orders")).await;
    let again: Vec<u64> = (1001..1001 + count).collect();
    shop.write("orders", &orders(1001..1001 + count));
    until("the orders of the new log", || journal(&disk) == again).await;
    assert!(bench.was_told(&["computed again"]), "{:?}", bench.told());
    // More of them is more of them.
    shop.write("orders", &orders(5001..5011));
    until("more orders", || journal(&disk).len() >= again.len() + 10).await;
    assert_eq!(journal(&disk), [again, (5001..5011).collect()].concat());
    bench.env.stop.cancel();
    kept.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_shorter_log_in_the_place_of_the_old_one_is_counted_from_its_beginning() {
    replaced(50).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_longer_log_in_the_place_of_the_old_one_is_counted_from_its_beginning() {
    replaced(400).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_idle_partition_whose_records_retention_took_keeps_its_figures() {
    let shop = Shop::new();
    let bench = Bench::open(&shop, "a", &[]).await;
    let (store, disk, kept) = begin(&shop, &bench).await;
    kept.kill().await;

    take_records(&shop, 0..2).await;
    let kept = keep_journal(&bench, &store, &disk);
    shop.write("orders", &orders(201..211));
    until("the next orders", || journal(&disk).len() >= 210).await;
    assert_eq!(journal(&disk), (1..211).collect::<Vec<_>>(), "{:?}", bench.told());
    bench.env.stop.cancel();
    kept.ended().await;
}

/// The group sees nothing of it, and what is read next lies at the offset that comes next.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_longer_log_that_came_while_kafka_did_not_answer_is_counted_from_its_beginning() {
    let shop = Shop::new();
    let (bench, proxy) = behind_a_proxy(&shop).await;
    let (_, disk, kept) = begin(&shop, &bench).await;

    proxy.refuse(true);
    proxy.cut();
    until("a doubt", || bench.env.model.ends().doubtful).await;
    delete(shop.bootstrap(), &shop.topic("orders")).await;
    make(shop.bootstrap(), &shop.topic("orders")).await;
    shop.write("orders", &orders(1001..1401));
    proxy.refuse(false);
    let again: Vec<u64> = (1001..1401).collect();
    until("the orders of the new log", || journal(&disk) == again).await;
    bench.env.stop.cancel();
    kept.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_log_whose_records_retention_took_is_the_same_after_kafka_did_not_answer() {
    let shop = Shop::new();
    let (bench, proxy) = behind_a_proxy(&shop).await;
    let (_, disk, kept) = begin(&shop, &bench).await;
    take_records(&shop, 0..1).await;

    let ends = || bench.env.model.ends();
    let mut all: Vec<u64> = (1..201).collect();
    // Nothing lies where its last record was, then only a later one. Odd orders are in the other partition.
    for ids in [[201, 203, 204], [205, 206, 207]] {
        let before = ends().replaced;
        proxy.refuse(true);
        proxy.cut();
        until("a doubt", || ends().doubtful).await;
        proxy.refuse(false);
        until("a reason to compare", || !ends().doubtful && ends().replaced != before).await;
        for id in ids {
            shop.write("orders", &orders(id..id + 1));
            all.push(id);
            // It is compared after each record, until there is an answer.
            until("the next order", || journal(&disk).contains(&id)).await;
        }
    }
    assert_eq!(journal(&disk), all, "{:?}", bench.told());
    bench.env.stop.cancel();
    kept.ended().await;
}

/// Handling sends nothing while the logs may be others than those that it read: it must not take those that it begins with
/// for such.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn logs_that_were_in_doubt_before_a_run_began_do_not_hold_it_up() {
    let shop = Shop::new();
    let bench = Bench::open(&shop, "here", &[]).await;
    bench.env.begin.send_replace(false);
    let env = bench.env.clone();
    let parameters = Parameters { chance_ppm: 1_000_000, ..Parameters::default() };
    let run = async move { handling::run(&env, parameters, handling::TransactionSize::default()).await };
    let running = tokio::spawn(dedicated_thread::run("handling", run));
    let (probe, group) = (bench.env.session.probe().unwrap(), bench.env.session.group("handling"));
    let has_members = || {
        let groups = probe.fetch_group_list(Some(&group), PATIENCE).unwrap();
        groups.groups().iter().any(|known| !known.members().is_empty())
    };
    until("a member of its group", has_members).await;

    let ends = || bench.env.model.ends();
    let before = ends().replaced;
    bench.env.model.doubt_ends();
    until("a reason to compare", || !ends().doubtful && ends().replaced != before).await;
    bench.env.begin.send_replace(true);
    shop.write("orders", &orders(1..21));
    let handled = shop.topic("handled");
    until("every order to be handled", || records_written(shop.bootstrap(), &handled) >= 20).await;
    bench.env.stop.cancel();
    running.await.unwrap().unwrap().unwrap();
}

#[test]
fn topics_that_vanish_are_made_again_and_the_shop_goes_on() {
    let machines = Machines::new();
    machines.sell("2026-03-27 22:00..2026-03-27 22:30");
    let consumers = machines.start("a", &["consume"]);
    machines.wait_for_agreement(&["a"]);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let topics = ["orders", "deliveries", "handled", "pulse", "state"].map(|name| machines.shop.topic(name));
    for topic in &topics {
        runtime.block_on(delete(machines.shop.bootstrap(), topic));
    }
    let log = machines.out("a").join("shop-sim.log");
    crate::common::shop::wait_for("word of the topics", PATIENCE, || {
        let log = std::fs::read_to_string(&log).unwrap_or_default();
        let made: usize = log.lines().filter(|line| line.contains("made again")).count();
        (made > 0).then_some(())
    });
    crate::common::shop::wait_for("the topics", PATIENCE, || {
        (records_written(machines.shop.bootstrap(), &topics[0]) == 0).then_some(())
    });
    machines.sell("2026-03-28 22:00..2026-03-28 22:30");
    machines.wait_for_agreement(&["a"]);
    consumers.terminate().ok();
}
