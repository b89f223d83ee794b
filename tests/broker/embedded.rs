//! The embedded broker alone: what it does in the background, under attack, and when it is killed.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Command, Stdio},
};

use kafka_in_process::{Broker, BrokerConfig, Durability};
use rdkafka::{
    admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier},
    client::DefaultClientContext,
    producer::{FutureProducer, FutureRecord, Producer},
};

use crate::kit::{PATIENCE, Seen, client, embedded, make_topic, read_all, send, until};

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
    // Of twenty megabytes, the active segment and one compacted segment are left.
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
async fn retention_that_is_changed_counts_at_once() {
    let data = tempfile::tempdir().unwrap();
    let broker = embedded(data.path()).await;
    let bootstrap = broker.address().to_string();
    let topic = make_topic(&bootstrap, 1, &[("segment.bytes", "1048576")]).await;
    let sender = producer(&bootstrap);
    let value = "x".repeat(10_000);
    let sends = (0..400).map(|_| send(&sender, &topic, 0, "key", &value));
    futures::future::join_all(sends).await;
    assert!(size(data.path(), &topic) > 4_000_000);
    let admin: AdminClient<DefaultClientContext> = client(&bootstrap).create().unwrap();
    let change = AlterConfig::new(ResourceSpecifier::Topic(&topic)).set("retention.bytes", "1000000");
    admin.alter_configs(&[change.set("segment.bytes", "1048576")], &AdminOptions::new()).await.unwrap();
    until("old segments to be deleted", || size(data.path(), &topic) < 2_200_000);
    let seen = read_all(&bootstrap, &topic, 1, "read_committed");
    assert!(seen[0].offset > 0 && seen.last().unwrap().offset == 399, "{:?}", seen[0].offset);
    broker.stop().await;
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

#[test]
fn whoever_lets_others_in_is_warned() {
    let said = |listen: &str| {
        let folder = tempfile::tempdir().unwrap();
        let mut broker = Command::new(env!("CARGO_BIN_EXE_shop-sim"))
            .args(["broker", "--listen", listen, "--out"])
            .arg(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(broker.stdout.take().unwrap()).read_line(&mut address).unwrap();
        // It is ready, so all warnings are printed.
        broker.kill().unwrap();
        let mut warning = String::new();
        broker.stderr.take().unwrap().read_to_string(&mut warning).unwrap();
        broker.wait().unwrap();
        (address.trim().to_owned(), warning)
    };
    let (address, warning) = said("127.0.0.1:0");
    assert!(address.starts_with("127.0.0.1:") && warning.is_empty(), "{address} {warning}");
    let (address, warning) = said("0.0.0.0:0");
    assert!(warning.contains(&address) && warning.contains("other machines"), "{address} {warning}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_cut_off_serves_nobody_and_then_everybody_again() {
    let data = tempfile::tempdir().unwrap();
    let broker = embedded(data.path()).await;
    let bootstrap = broker.address().to_string();
    let topic = make_topic(&bootstrap, 1, &[]).await;
    let sender = producer(&bootstrap);
    send(&sender, &topic, 0, "a", "before").await;
    broker.set_reachable(false);
    let mut stream = std::net::TcpStream::connect(&bootstrap).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0, "it is hung up on");
    // Sent while the broker is unreachable.
    let late = send(&sender, &topic, 0, "a", "meanwhile");
    let restored = async {
        tokio::task::spawn_blocking(|| std::thread::sleep(std::time::Duration::from_millis(300)))
            .await
            .unwrap();
        broker.set_reachable(true);
    };
    tokio::join!(late, restored);
    let seen = read_all(&bootstrap, &topic, 1, "read_committed");
    let values: Vec<_> = seen.iter().map(|seen| seen.value.as_deref()).collect();
    assert_eq!(values, [Some("before"), Some("meanwhile")]);
    broker.stop().await;
}
