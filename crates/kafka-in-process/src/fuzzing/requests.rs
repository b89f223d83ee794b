//! The bytes of a connection: frames, requests, responses, and the state after a restart.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use kafka_protocol::messages::{RequestKind, ResponseKind};

use super::content;
use crate::{
    api::{self, Peer},
    cluster::Cluster,
    config::{Durability, Settings},
    housekeeping, log, open,
    topics::config::Overrides,
    wire::{self, Frames, WireError},
};

/// A request that takes longer is abandoned.
const PATIENCE: Duration = Duration::from_millis(20);
/// The most partitions of a topic: each takes files.
const PARTITIONS: i32 = 4;
/// The largest response to some kilobytes of requests.
const LARGEST_ANSWER: usize = 16 << 20;

/// Sends a connection's bytes to a broker on the empty `folder`: every decodable request gets a response, every
/// response can be encoded and decoded, and a restart does not change the logs.
pub fn requests(folder: &Path, connection: &[u8]) {
    let cluster = open(folder, Durability::Process, Settings::default()).unwrap();
    let small = Overrides::from([("segment.bytes".to_owned(), "1048576".to_owned())]);
    cluster.topics.create("t", 2, small, false).unwrap();
    let compacted = Overrides::from([
        ("cleanup.policy".to_owned(), "compact".to_owned()),
        ("segment.ms".to_owned(), "1".to_owned()),
        ("min.cleanable.dirty.ratio".to_owned(), "0".to_owned()),
    ]);
    cluster.topics.create("c", 1, compacted, false).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(converse(&cluster, connection));
    // Abandoned requests may still run: the shutdown of the runtime waits for them.
    drop(runtime);
    housekeeping::look_after(&cluster);
    let before = content(&cluster);
    if connection.len().is_multiple_of(2) {
        housekeeping::put_to_bed(&cluster);
    }
    drop(cluster);

    let cluster = open(folder, Durability::Process, Settings::default()).unwrap();
    let after = content(&cluster);
    assert_eq!(before.len(), after.len(), "all partitions come back");
    for (before, after) in before.iter().zip(&after) {
        assert_eq!((&before.0, before.1, before.2), (&after.0, after.1, after.2));
        // A start may append the marker of an abort.
        assert!(after.4.starts_with(&before.4), "a restart changes no record");
    }
    housekeeping::put_to_bed(&cluster);
}

async fn converse(cluster: &Cluster, connection: &[u8]) {
    let peer = Peer {
        local: ([127, 0, 0, 1], 9092).into(),
        remote: ([127, 0, 0, 1], 4711).into(),
        client_id: "fuzz".to_owned(),
    };
    let mut frames = Frames::new(connection, cluster.frames.clone());
    while let Ok(Some(frame)) = frames.next().await {
        let mut request = match wire::decode(frame.bytes.clone()) {
            Ok(request) => request,
            Err(WireError::ApiVersions { correlation_id, .. }) => {
                wire::encode_api_versions(correlation_id).unwrap();
                continue;
            }
            Err(_) => continue,
        };
        tame(&mut request.kind);
        let answer = api::answer(cluster, &peer, request.kind, request.context.version);
        let Ok(Some(answer)) = tokio::time::timeout(PATIENCE, answer).await else { continue };
        let written = wire::encode(&request.context, &answer).expect("an answer can be written");
        assert!(written.len() < LARGEST_ANSWER, "an answer of {} bytes", written.len());
        wire::decode_answer(&request.context, written.freeze()).expect("an answer can be read");
        let _: ResponseKind = answer;
    }
}

/// Removes what is slow and finds nothing, and sets check sums, which a fuzzer cannot guess.
fn tame(request: &mut RequestKind) {
    match request {
        RequestKind::Produce(produce) => {
            for part in produce.topic_data.iter_mut().flat_map(|topic| &mut topic.partition_data) {
                part.records = part.records.as_deref().map(reseal);
            }
        }
        RequestKind::Fetch(fetch) => fetch.max_wait_ms = fetch.max_wait_ms.min(1),
        RequestKind::CreateTopics(create) => {
            create.topics.truncate(4);
            for topic in &mut create.topics {
                topic.num_partitions = topic.num_partitions.min(PARTITIONS);
            }
        }
        RequestKind::CreatePartitions(create) => {
            for topic in &mut create.topics {
                topic.count = topic.count.min(PARTITIONS);
            }
        }
        RequestKind::Metadata(metadata) => {
            if let Some(topics) = &mut metadata.topics {
                topics.truncate(16);
            }
        }
        _ => {}
    }
}

fn reseal(records: &[u8]) -> Bytes {
    let mut batch = records.to_vec();
    log::reseal(&mut batch);
    batch.into()
}
