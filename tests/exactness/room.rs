//! No room: files that cannot grow or be opened, files in place of folders, and a full disk.

use std::{
    fs,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use serde_json::Value;

use crate::{
    common::{
        files, kafka,
        shop::{PATIENCE, Running, Shop, wait_for},
    },
    kit::{assert_agrees, consume, log, orders_known, sell, start_limitable, wait_for_status},
};

/// Sets a resource limit; `None` for that of this process.
fn limit(running: &Running, resource: Resource, current: Option<u64>) {
    let pid = Pid::from_raw(i32::try_from(running.pid()).unwrap()).unwrap();
    let maximum = getrlimit(resource).maximum;
    prlimit(Some(pid), resource, Rlimit { current: current.or(maximum), maximum }).unwrap();
}

fn committed(shop: &Shop, group: &str, topic: &str) -> Vec<Offset> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", shop.bootstrap())
        .set("group.id", shop.topic(group))
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_range(&shop.topic(topic), 0, 5);
    let told = consumer.committed_offsets(list, Duration::from_secs(20)).unwrap();
    told.elements().iter().map(rdkafka::topic_partition_list::TopicPartitionListElem::offset).collect()
}

/// The end offsets.
fn ends(shop: &Shop, topic: &str) -> Vec<Offset> {
    let mut ends = vec![Offset::Invalid; 6];
    for record in kafka::read(shop.bootstrap(), &shop.topic(topic)) {
        ends[usize::try_from(record.partition).unwrap()] = Offset::Offset(record.offset + 1);
    }
    ends
}

#[track_caller]
fn said(shop: &Shop, running: &mut Running, from: usize, what: &[&str]) {
    running.wait_until(&format!("{what:?} in the log"), || {
        log(shop)
            .get(from..)
            .is_some_and(|new| new.lines().any(|line| what.iter().all(|part| line.contains(part))))
    });
}

#[test]
fn without_room_no_position_moves_and_with_room_it_goes_on() {
    let shop = Shop::new();
    shop.bootstrap();
    sell(&shop, "2026-03-28 20:00..2026-03-28 22:00", "0.1", "11");
    // Files in place of folders.
    let in_the_way = ["mail", "orders"].map(|name| shop.out().join(name));
    fs::create_dir_all(shop.out()).unwrap();
    for path in &in_the_way {
        fs::write(path, "in the way").unwrap();
    }
    let mut consumers = start_limitable(&shop, &["consume"]);
    said(&shop, &mut consumers, 0, &["mail", "could not be written", "writable"]);
    said(&shop, &mut consumers, 0, &["journal", "could not be written", "writable"]);
    for path in &in_the_way {
        fs::remove_file(path).unwrap();
    }
    wait_for_status(&shop, "all mails", |status| {
        status["mails"] == status["handled"]["total"]
            && status["pending"].as_i64() < Some(30)
            && orders_known(status) > 500
    });

    // Some seconds later the positions are committed to Kafka.
    let groups = [("journal", "orders"), ("mail", "handled")];
    let told = || groups.map(|(group, topic)| committed(&shop, group, topic));
    let at = groups.map(|(_, topic)| ends(&shop, topic));
    wait_for("positions at the end", PATIENCE, || (told() == at).then_some(()));
    // No file can grow: tables, mails or checkpoints. The first that fails is reported.
    let before = log(&shop).len();
    limit(&consumers, Resource::Fsize, Some(before as u64 + 30_000));
    sell(&shop, "2026-03-28 22:00..2026-03-29 01:00", "0.1", "12");
    for name in ["journal", "mail"] {
        said(&shop, &mut consumers, before, &[name, "File too large", "room"]);
    }
    // More than two checkpoints: after the second the positions would be committed.
    thread::sleep(Duration::from_secs(5));
    assert_eq!(told(), at, "a position has moved past what is in no file");
    limit(&consumers, Resource::Fsize, None);
    let end = i64::try_from(shop.oracle().orders.len()).unwrap();
    let all = |status: &Value| {
        orders_known(status) == end
            && status["mails"] == status["handled"]["total"]
            && status["lag"].as_object().unwrap().values().all(|lag| *lag == 0)
    };
    wait_for_status(&shop, "everything once there is room", all);

    // No file can be opened.
    let before = log(&shop).len();
    limit(&consumers, Resource::Nofile, Some(3));
    sell(&shop, "2026-03-29 01:00..2026-03-29 04:00", "0.1", "13");
    said(&shop, &mut consumers, before, &["journal", "could not be written", "Too many open files"]);
    limit(&consumers, Resource::Nofile, None);
    let end = i64::try_from(shop.oracle().orders.len()).unwrap();
    let all = |status: &Value| orders_known(status) == end && status["mails"] == status["handled"]["total"];
    wait_for_status(&shop, "everything once files can be opened", all);

    assert!(consumers.is_running());
    consumers.terminate().ok();
    let status = consume(&shop);
    assert_agrees(&shop, &status);
    assert!(!shop.out().join("state/set-aside/sled-1").exists(), "a full disk is no damage");
}

/// The broker's own files cannot grow: producers get errors and retry, and nothing is lost or doubled.
#[test]
fn a_broker_without_room_refuses_and_goes_on_when_there_is_some() {
    let shop = Shop::embedded();
    let data = shop.home().join("data");
    let mut broker = start_limitable(
        &shop,
        &["broker", "--listen", "127.0.0.1:0", "--out", "broker", "--data", data.to_str().unwrap()],
    );
    broker.wait_for_output("its address", |out| out.contains("127.0.0.1:") && out.ends_with('\n'));
    let address = broker.stdout().trim().to_owned();
    let at = ["--bootstrap", &address];
    let consumers = shop.start_bare(&[&["consume", "--handle-every", "1s"][..], &at].concat());
    let producer = shop.start_bare(&[&["produce", "--rate", "100"][..], &at].concat());
    let written = || kafka::records_written(&address, "shop.orders");
    let handled = || kafka::records_written(&address, "shop.handled");
    wait_for("orders and handled ones", PATIENCE, || (handled() > 100).then_some(()));

    limit(&broker, Resource::Fsize, Some(1_000));
    let broker_log = || fs::read_to_string(shop.home().join("broker/shop-sim.log")).unwrap_or_default();
    // Soon its log file cannot grow, either.
    let full = wait_for("a still log", PATIENCE, || {
        let before = written();
        thread::sleep(Duration::from_secs(1));
        (written() == before).then_some(before)
    });
    thread::sleep(Duration::from_secs(3));
    assert_eq!(written(), full, "{}", broker_log());
    limit(&broker, Resource::Fsize, None);
    wait_for("new orders", PATIENCE, || (written() > full + 200).then_some(()));
    let mark = handled();
    wait_for("new handled orders", PATIENCE, || (handled() > mark + 100).then_some(()));

    producer.terminate().ok();
    consumers.terminate().ok();
    let status = shop
        .run_bare(&[&["consume", "--until-end", "--json", "--handle-every", "1s"][..], &at].concat())
        .ok()
        .json();
    let mut oracle = crate::common::oracle::Oracle::read(&address, "shop");
    oracle.every = chrono::Duration::seconds(1);
    let differences = [oracle.compare(&shop.out(), &status), oracle.check_sales()].concat();
    assert!(differences.is_empty(), "{}\n{status}", differences.join("\n"));
    broker.terminate().ok();
}

/// A small file system in memory, for a shop's folder.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    /// `None` if this process may not mount.
    fn mount(path: &std::path::Path, size: &str) -> Option<Self> {
        fs::create_dir_all(path).unwrap();
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "shop-sim-test"])
            .arg(path)
            .output();
        done.is_ok_and(|done| done.status.success()).then(|| Self(path.to_owned()))
    }

    fn grow(&self, size: &str) {
        let options = format!("remount,size={size}");
        assert!(Command::new("mount").args(["-o", &options]).arg(&self.0).status().unwrap().success());
    }

    fn free(&self) -> u64 {
        let told = Command::new("df").args(["--output=avail", "-B1"]).arg(&self.0).output().unwrap();
        String::from_utf8_lossy(&told.stdout).lines().last().unwrap().trim().parse().unwrap()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// A whole shop on a disk that fills up.
#[test]
fn a_full_disk_loses_nothing() {
    let shop = Shop::new();
    let Some(disk) = SmallDisk::mount(&shop.out(), "4m") else {
        eprintln!(
            "SKIPPED: a small file system cannot be mounted here (it takes root); the limits of file sizes in \
             without_room_no_position_moves_and_with_room_it_goes_on stand for it"
        );
        return;
    };
    shop.bootstrap();
    let mut consumers = shop.start(&["consume", "--handle-every", "1s"]);
    let producer = shop.start(&["produce", "--rate", "150"]);
    let begun = Instant::now();
    consumers.wait_until("a full disk", || disk.free() < 4_096);
    thread::sleep(Duration::from_secs(4));
    assert!(consumers.is_running(), "after {:?}", begun.elapsed());
    disk.grow("300m");
    let before = files::bytes(&shop.out().join("mail"));
    consumers
        .wait_until("mails once there is room", || files::bytes(&shop.out().join("mail")) > before + 50_000);
    producer.terminate().ok();
    consumers.terminate().ok();
    let status = shop.run(&["consume", "--until-end", "--json", "--handle-every", "1s"]).ok().json();
    let mut oracle = shop.oracle();
    oracle.every = chrono::Duration::seconds(1);
    let differences = [oracle.compare(&shop.out(), &status), oracle.check_sales()].concat();
    assert!(differences.is_empty(), "{}\n{status}", differences.join("\n"));
    drop(shop);
    drop(disk);
}
