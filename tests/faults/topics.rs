//! Topics that are deleted and recreated while consumers run.

use std::time::{Duration, Instant};

use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::Consumer,
};
use shop_sim::{
    consumers::{Journal, journal::JournalFiles},
    engine::handling,
    handling::Parameters,
    runtime::dedicated_thread,
    sinks::faulty_memory_files::{Disk, MemoryFiles},
    store::MemoryStore,
};

use crate::{
    bench::{Bench, Kept, PATIENCE, journal, orders, until},
    common::{
        kafka::records_written,
        shop::{Running, Shop, wait_for},
    },
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

/// How many partitions a topic has; 0 if there is none.
fn partitions_of(bootstrap: &str, topic: &str) -> usize {
    // A broker makes a topic that it is asked for by name.
    let metadata = admin(bootstrap).inner().fetch_metadata(None, PATIENCE).unwrap();
    let found = metadata.topics().iter().find(|found| found.name() == topic);
    found.map_or(0, |found| found.partitions().len())
}

/// Deletes all records of partitions, as retention does.
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

/// A bench behind a proxy, which can cut off Kafka.
async fn behind_a_proxy(shop: &Shop) -> (Bench, Proxy) {
    let proxy = Proxy::before(shop.bootstrap());
    let address = proxy.address.to_string();
    // It keeps its partitions during this.
    let properties = [("bootstrap.servers", &*address), ("session.timeout.ms", "60000")];
    let bench = Bench::open(shop, "a", &properties).await;
    (bench, proxy)
}

/// Deletes the orders under a running journal, recreates the topic with so many records, and checks the journal's
/// content.
async fn replaced(count: u64) {
    let shop = Shop::new();
    let bench = Bench::open(&shop, "a", &[]).await;
    let (_, disk, kept) = begin(&shop, &bench).await;
    // Until the anchors are set.
    tokio::time::sleep(Duration::from_secs(5)).await;

    delete(shop.bootstrap(), &shop.topic("orders")).await;
    make(shop.bootstrap(), &shop.topic("orders")).await;
    let again: Vec<u64> = (1001..1001 + count).collect();
    shop.write("orders", &orders(1001..1001 + count));
    until("the orders of the new log", || journal(&disk) == again).await;
    assert!(bench.was_told(&["computed again"]), "{:?}", bench.told());
    // More orders are appended as usual.
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

/// The group does not notice, and the next record read has the expected offset.
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
    // First no record is at its last offset, then only a later one. Odd orders go to the other partition.
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
            // The anchor is compared after each record, until there is a response.
            until("the next order", || journal(&disk).contains(&id)).await;
        }
    }
    assert_eq!(journal(&disk), all, "{:?}", bench.told());
    bench.env.stop.cancel();
    kept.ended().await;
}

/// Handling sends nothing while logs may have been replaced since it read them; logs that were replaced before its run
/// must not block it.
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
        let groups = probe.fetch_group_list(Some(&group), PATIENCE).ok();
        groups.is_some_and(|groups| groups.groups().iter().any(|known| !known.members().is_empty()))
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
    wait_for("word of the topics", PATIENCE, || {
        let log = std::fs::read_to_string(&log).unwrap_or_default();
        let made: usize = log.lines().filter(|line| line.contains("made again")).count();
        (made > 0).then_some(())
    });
    wait_for("the topics", PATIENCE, || {
        (records_written(machines.shop.bootstrap(), &topics[0]) == 0).then_some(())
    });
    machines.sell("2026-03-28 22:00..2026-03-28 22:30");
    machines.wait_for_agreement(&["a"]);
    consumers.terminate().ok();
}

/// Deletes logs of four partitions under running consumers, which make them again with two; sells, and compares figures
/// and files with the new logs: while the consumers run, after they were started again, and in a fresh folder.
fn fewer_partitions(logs: &[&str], outs: &[&str], expected: &[&str]) -> Machines {
    let mut machines = Machines::with_partitions("4");
    machines.sell("2026-03-27 22:00..2026-03-27 23:00");
    machines.partitions = "2";
    let start = |machines: &Machines| outs.iter().map(|out| machines.start(out, &["consume"])).collect();
    let consumers: Vec<Running> = start(&machines);
    machines.wait_for_agreement(outs);

    let bootstrap = machines.shop.bootstrap().to_owned();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let topics: Vec<String> = logs.iter().map(|log| machines.shop.topic(log)).collect();
    for topic in &topics {
        runtime.block_on(delete(&bootstrap, topic));
    }
    for topic in &topics {
        let is_made = || (partitions_of(&bootstrap, topic) == 2).then_some(());
        wait_for("a topic of two partitions", PATIENCE, is_made);
    }
    machines.sell("2026-03-27 23:00..2026-03-27 23:20");
    machines.wait_for_agreement_but(outs, expected);
    for running in consumers {
        running.terminate().ok();
    }

    let consumers: Vec<Running> = start(&machines);
    machines.sell("2026-03-27 23:20..2026-03-28 00:10");
    machines.wait_for_agreement_but(outs, expected);
    for running in consumers {
        running.terminate().ok();
    }
    machines.start("fresh", &["consume", "--until-end"]).finish().ok();
    machines.wait_for_agreement_but(&["fresh"], expected);
    machines
}

/// Static members that return within their session get their old assignment, without the added partitions.
#[test]
fn partitions_that_are_added_while_consumers_are_restarted_are_read() {
    for outs in [&["a"][..], &["a", "b"]] {
        let mut machines = Machines::with_partitions("2");
        machines.sell("2026-03-27 22:00..2026-03-27 22:30");
        let start = |machines: &Machines| outs.iter().map(|out| machines.start(out, &["consume"])).collect();
        let consumers: Vec<Running> = start(&machines);
        machines.wait_for_agreement(outs);
        for running in consumers {
            running.kill();
        }
        let bootstrap = machines.shop.bootstrap().to_owned();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        for topic in ["orders", "deliveries"].map(|log| machines.shop.topic(log)) {
            let more = [NewPartitions::new(&topic, 5)];
            let added = runtime.block_on(admin(&bootstrap).create_partitions(&more, &AdminOptions::new()));
            added.unwrap().into_iter().for_each(|topic| drop(topic.unwrap()));
        }
        let consumers: Vec<Running> = start(&machines);
        machines.partitions = "5";
        machines.sell("2026-03-27 22:30..2026-03-27 23:00");
        machines.wait_for_agreement(outs);
        for running in consumers {
            running.terminate().ok();
        }
    }
}

/// The handled orders of the old log stay, so orders with the same ids are handled twice.
#[test]
fn orders_made_again_with_fewer_partitions_are_all_that_counts() {
    let of_handled_orders = ["pending: ", "handled order", "order ", "handled/", "mail/", "… and "];
    fewer_partitions(&["orders"], &["a"], &of_handled_orders);
}

#[test]
fn logs_made_again_with_fewer_partitions_are_all_that_counts_on_two_machines() {
    let machines = fewer_partitions(&["orders", "deliveries", "handled"], &["a", "b"], &[]);
    machines.start("fresh", &["verify"]).finish().ok();
}

/// On the folder of the old logs, and in a fresh one.
#[test]
fn consumers_that_start_after_logs_were_made_again_with_fewer_partitions_count_these_alone() {
    let machines = Machines::with_partitions("4");
    let process = |out| {
        machines.start(out, &["consume", "--until-end"]).finish().ok();
        machines.wait_for_agreement(&[out]);
    };
    machines.sell("2026-03-27 22:00..2026-03-27 23:00");
    process("a");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for log in ["orders", "deliveries", "handled"].map(|log| machines.shop.topic(log)) {
        runtime.block_on(delete(machines.shop.bootstrap(), &log));
        runtime.block_on(make(machines.shop.bootstrap(), &log));
    }
    machines.sell("2026-03-27 23:00..2026-03-28 00:10");
    process("a");
    process("fresh");
    machines.start("a", &["verify"]).finish().ok();
}
