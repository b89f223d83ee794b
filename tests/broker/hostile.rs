//! Hostile clients, and clients that do not read their responses.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use bytes::BytesMut;
use kafka_protocol::{
    messages::{
        FetchRequest, RequestHeader,
        fetch_request::{FetchPartition, FetchTopic},
    },
    protocol::{Encodable, HeaderVersion, StrBytes},
};
use rand::{RngExt, SeedableRng};
use rdkafka::producer::FutureProducer;

use crate::{
    kit::{PATIENCE, client, embedded, make_topic, read_all, send},
    process::Served,
};

/// The most memory that the broker may use (KiB).
const MOST_MEMORY: u64 = 150 << 10;

fn producer(bootstrap: &str) -> FutureProducer {
    client(bootstrap).set("enable.idempotence", "true").set("linger.ms", "5").create().unwrap()
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
        // Lengths that are huge, negative or 0, and a claim without the bytes.
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

/// A fetch of everything, with the largest limits.
fn greedy(topic: &str) -> BytesMut {
    const VERSION: i16 = 11;
    let partition =
        FetchPartition::default().with_current_leader_epoch(-1).with_partition_max_bytes(i32::MAX);
    let topic = FetchTopic::default()
        .with_topic(StrBytes::from_string(topic.to_owned()).into())
        .with_partitions(vec![partition]);
    let request =
        FetchRequest::default().with_max_bytes(i32::MAX).with_session_epoch(-1).with_topics(vec![topic]);
    let header = RequestHeader::default().with_request_api_key(1).with_request_api_version(VERSION);
    let mut frame = BytesMut::from(&[0; 4][..]);
    header.encode(&mut frame, FetchRequest::header_version(VERSION)).unwrap();
    request.encode(&mut frame, VERSION).unwrap();
    let length = u32::try_from(frame.len() - 4).unwrap();
    frame[..4].copy_from_slice(&length.to_be_bytes());
    frame
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_clients_that_do_not_read_cost_little() {
    let data = tempfile::tempdir().unwrap();
    let broker = Served::start(data.path());
    let bootstrap = broker.address.to_string();
    let topic = make_topic(&bootstrap, 1, &[]).await;
    let sender = producer(&bootstrap);
    let value = "x".repeat(100_000);
    let sends = (0..300).map(|_| send(&sender, &topic, 0, "key", &value));
    futures::future::join_all(sends).await;
    let (address, request) = (broker.address, greedy(&topic));
    // Each requests thirty megabytes ten times, and reads none of it.
    let readers: Vec<_> = (0..400)
        .map(|_| {
            let mut stream = TcpStream::connect(address).unwrap();
            for _ in 0..10 {
                stream.write_all(&request).unwrap();
            }
            stream
        })
        .collect();
    // Others start a frame of a hundred megabytes and send no more.
    let halves: Vec<_> = (0..100)
        .map(|_| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(&(100u32 << 20).to_be_bytes()).unwrap();
            stream.write_all(&vec![0; 100_000]).unwrap();
            stream
        })
        .collect();
    // A well-behaved client is served all the same.
    for round in 1..=3 {
        let sends = (0..20).map(|_| send(&sender, &topic, 0, "key", &value));
        futures::future::join_all(sends).await;
        let read = {
            let (bootstrap, topic) = (bootstrap.clone(), topic.clone());
            move || read_all(&bootstrap, &topic, 1, "read_committed")
        };
        let seen = tokio::task::spawn_blocking(read).await.unwrap();
        assert_eq!(seen.len(), 300 + 20 * round);
    }
    assert!(broker.peak() < MOST_MEMORY, "{} KiB", broker.peak());
    eprintln!("at most {} KiB", broker.peak());
    drop((readers, halves));
}
