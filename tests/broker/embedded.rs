//! The embedded broker alone: what it does in the background, under attack, and when it is killed.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use rand::{RngExt, SeedableRng};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use shop_sim::broker::{Broker, BrokerConfig, Durability, published_address};

use crate::kit::{PATIENCE, Seen, client, embedded, make_topic, read_all, send, until, values};

fn producer(bootstrap: &str) -> FutureProducer {
    client(bootstrap).set("enable.idempotence", "true").set("linger.ms", "5").create().unwrap()
}

/// Bytes of a partition's segments.
fn size(data: &Path, topic: &str) -> u64 {
    let files = std::fs::read_dir(data.join(format!("{topic}-0"))).unwrap().map(Result::unwrap);
    let segments = files.filter(|file| file.path().extension().is_some_and(|extension| extension == "log"));
    segments.map(|file| file.metadata().map_or(0, |metadata| metadata.len())).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hot_compacted_topic_stays_small_and_keeps_the_last_of_every_key() {
    let data = tempfile::tempdir().unwrap();
    let broker = embedded(data.path()).await;
    let bootstrap = broker.address().to_string();
    let settings = [("cleanup.policy", "compact"), ("segment.bytes", "1048576")];
    let topic = make_topic(&bootstrap, 1, &settings).await;
    let sender = producer(&bootstrap);
    let filler = "x".repeat(2000);
    for round in 0..10 {
        let sends = (0..1000).map(|n| {
            let (sender, topic, filler) = (&sender, &topic, &filler);
            async move {
                let (key, value) = (format!("key-{}", n % 50), format!("{round}-{n} {filler}"));
                send(sender, topic, 0, &key, &value).await
            }
        });
        futures::future::join_all(sends).await;
    }
    // Twenty megabytes were written; the active segment and one that is cleaned are left.
    until("the topic to be compacted", || size(data.path(), &topic) < 3 << 20);
    let seen = read_all(&bootstrap, &topic, 1, "read_committed");
    let last = |key: &str| {
        let of = |seen: &&Seen| seen.key.as_deref() == Some(key);
        seen.iter().rfind(of).unwrap().value.clone().unwrap()
    };
    for n in 0..50 {
        assert!(last(&format!("key-{n}")).starts_with(&format!("9-{}", 950 + n)), "key-{n}");
    }
    assert_eq!(seen.last().unwrap().offset, 9999);
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_deletes_old_segments() {
    let data = tempfile::tempdir().unwrap();
    let broker = embedded(data.path()).await;
    let bootstrap = broker.address().to_string();
    let topic = make_topic(&bootstrap, 1, &[("segment.bytes", "1048576"), ("retention.ms", "1000")]).await;
    let sender = producer(&bootstrap);
    let value = "x".repeat(10_000);
    let sends = (0..300).map(|_| send(&sender, &topic, 0, "key", &value));
    futures::future::join_all(sends).await;
    until("everything to be deleted", || size(data.path(), &topic) == 0);
    assert_eq!(send(&sender, &topic, 0, "key", "next").await, 300);
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_bytes_do_no_harm() {
    let data = tempfile::tempdir().unwrap();
    let broker = embedded(data.path()).await;
    let address = broker.address();
    let attack = move |bytes: &[u8]| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        // The broker may hang up in the middle.
        let _ = stream.write_all(bytes);
        let _ = stream.read(&mut [0; 1024]);
    };
    tokio::task::spawn_blocking(move || {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        for key in 0..90u8 {
            for version in [0u8, 1, 4, 9, 12, 17] {
                let mut frame = vec![0, key, 0, version, 0, 0, 0, 1, 0, 1, b'x', 0];
                let length: usize = random.random_range(0..200);
                frame.extend((0..length).map(|_| random.random::<u8>()));
                let mut bytes = u32::try_from(frame.len()).unwrap().to_be_bytes().to_vec();
                bytes.extend(&frame);
                if key % 3 == 0 {
                    bytes.truncate(bytes.len() / 2);
                }
                let mut stream = TcpStream::connect(address).unwrap();
                let _ = stream.write_all(&bytes);
            }
        }
        // Lengths that are huge, negative, nought, and a claim that nothing follows on.
        attack(&[0x7f, 0xff, 0xff, 0xff]);
        attack(&[0xff, 0xff, 0xff, 0xff]);
        attack(&[0, 0, 0, 0]);
        attack(&[0x06, 0x40, 0, 0, 0, 0]);
        attack(b"GET / HTTP/1.1\r\n\r\n");
        // Metadata that claims two thousand million topics.
        attack(&[0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
    })
    .await
    .unwrap();
    let topic = make_topic(&address.to_string(), 1, &[]).await;
    assert_eq!(send(&producer(&address.to_string()), &topic, 0, "key", "value").await, 0);
    tokio::time::timeout(PATIENCE, broker.stop()).await.unwrap();
}

/// Run as a child: a broker until it is killed.
#[test]
fn child() {
    let Ok(data) = std::env::var("SHOP_SIM_TEST_BROKER_DATA") else { return };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let _broker = embedded(Path::new(&data)).await;
        std::future::pending::<()>().await;
    });
}

fn spawn(data: &Path) -> (Child, String) {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["embedded::child", "--exact", "--nocapture"])
        .env("SHOP_SIM_TEST_BROKER_DATA", data)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let address = || published_address(data).filter(|address| TcpStream::connect(address).is_ok());
    until("the child to serve", || address().is_some());
    let address = address().unwrap().to_string();
    (child, address)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_by_kill_9() {
    let data = tempfile::tempdir().unwrap();
    let mut expected: Vec<String> = Vec::new();
    let mut topic = None;
    for round in 0..4 {
        let (mut child, bootstrap) = spawn(data.path());
        if topic.is_none() {
            topic = Some(make_topic(&bootstrap, 1, &[]).await);
        }
        let topic = topic.as_ref().unwrap();
        // What was committed in the rounds before is all there, and nothing else.
        assert_eq!(values(&read_all(&bootstrap, topic, 1, "read_committed")), expected);
        let sender: FutureProducer = client(&bootstrap)
            .set("transactional.id", "id")
            .set("message.timeout.ms", "5000")
            .set("transaction.timeout.ms", "5000")
            .create()
            .unwrap();
        sender.init_transactions(PATIENCE).unwrap();
        for n in 0..5 {
            sender.begin_transaction().unwrap();
            let value = format!("{round}-{n}");
            send(&sender, topic, 0, "key", &value).await;
            sender.commit_transaction(PATIENCE).unwrap();
            expected.push(value);
        }
        sender.begin_transaction().unwrap();
        send(&sender, topic, 0, "key", "never committed").await;
        child.kill().unwrap();
        child.wait().unwrap();
        tokio::task::spawn_blocking(move || drop(sender)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_are_synced_are_served_the_same() {
    let data = tempfile::tempdir().unwrap();
    let config = BrokerConfig {
        durability: Durability::Power,
        ..BrokerConfig::new(data.path(), "127.0.0.1:0".parse().unwrap())
    };
    let broker = Broker::start(config).await.unwrap();
    let bootstrap = broker.address().to_string();
    let topic = make_topic(&bootstrap, 2, &[]).await;
    let sender: FutureProducer = client(&bootstrap).set("transactional.id", "id").create().unwrap();
    sender.init_transactions(PATIENCE).unwrap();
    sender.begin_transaction().unwrap();
    let sends = (0..50).map(|n| {
        let record = FutureRecord::to(&topic).partition(n % 2).key("key").payload("value");
        sender.send(record, PATIENCE)
    });
    for sent in futures::future::join_all(sends).await {
        sent.map_err(|(error, _)| error).unwrap();
    }
    sender.commit_transaction(PATIENCE).unwrap();
    assert_eq!(read_all(&bootstrap, &topic, 2, "read_committed").len(), 50);
    broker.stop().await;
}
