//! Fetch: batches out of logs, at once or when there are some.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use kafka_protocol::{
    ResponseError,
    messages::{
        FetchRequest, FetchResponse, ProducerId,
        fetch_request::{FetchPartition, FetchTopic},
        fetch_response::{AbortedTransaction, FetchableTopicResponse, PartitionData},
    },
};
use tokio::time::Instant;

use super::LEADER_EPOCH;
use crate::broker::{
    cluster::Cluster,
    log::{Isolation, LogError, Reading, Slice},
    topics::{Partition, Topic, Watch},
};

/// No response holds more bytes of records, whatever the client asks (Kafka's `fetch.max.bytes`).
const LARGEST_RESPONSE: usize = 55 << 20;
/// A larger read is done off the async threads.
const READ_INLINE: usize = 256 << 10;
/// Topics are named by id from this version on (KIP-516).
const TOPIC_IDS: i16 = 13;

/// One partition's part of a fetch.
struct Wanted<'a> {
    request: &'a FetchPartition,
    partition: Result<Arc<Partition>, ResponseError>,
}

/// What is there for one partition.
struct Planned {
    outcome: Result<Reading, ResponseError>,
    bytes: Option<Bytes>,
}

pub(super) async fn fetch(cluster: &Cluster, request: FetchRequest, version: i16) -> FetchResponse {
    // Sessions (KIP-227) are declined: every request names all its partitions.
    if request.session_id != 0 && request.session_epoch > 0 {
        return FetchResponse::default().with_error_code(ResponseError::FetchSessionIdNotFound.code());
    }
    let isolation = Isolation::from(request.isolation_level);
    let wanted: Vec<Vec<Wanted<'_>>> =
        request.topics.iter().map(|topic| resolve(cluster, topic, version)).collect();
    let present = wanted.iter().flatten().filter_map(|one| one.partition.as_ref().ok().map(Arc::clone));
    let watch = Watch::new(present.collect());
    let max_wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
    let deadline = Instant::now() + max_wait;
    let least = usize::try_from(request.min_bytes).unwrap_or(0);
    let most = usize::try_from(request.max_bytes).unwrap_or(0).min(LARGEST_RESPONSE);
    let mut planned = loop {
        let (planned, bytes, urgent) = plan(&wanted, isolation, most);
        if bytes >= least || urgent {
            break planned;
        }
        tokio::select! {
            () = watch.changed() => {}
            () = cluster.stopping.cancelled() => break planned,
            () = tokio::time::sleep_until(deadline) => break planned,
        }
    };
    drop(watch);
    read(&mut planned).await;
    let mut planned = planned.into_iter();
    let responses = request.topics.iter().zip(&wanted).map(|(topic, wanted)| {
        let partitions = wanted.iter().zip(planned.by_ref());
        let partitions = partitions.map(|(wanted, planned)| describe(wanted, planned, isolation));
        FetchableTopicResponse::default()
            .with_topic(topic.topic.clone())
            .with_topic_id(topic.topic_id)
            .with_partitions(partitions.collect())
    });
    FetchResponse::default().with_responses(responses.collect())
}

fn resolve<'a>(cluster: &Cluster, topic: &'a FetchTopic, version: i16) -> Vec<Wanted<'a>> {
    let by_id = version >= TOPIC_IDS;
    let found: Option<Arc<Topic>> =
        if by_id { cluster.topics.by_id(topic.topic_id) } else { cluster.topics.get(&topic.topic) };
    let unknown = if by_id { ResponseError::UnknownTopicId } else { ResponseError::UnknownTopicOrPartition };
    let partition = |request: &'a FetchPartition| {
        let topic = found.as_ref().ok_or(unknown)?;
        if request.current_leader_epoch > LEADER_EPOCH {
            return Err(ResponseError::UnknownLeaderEpoch);
        }
        topic.partition(request.partition).ok_or(ResponseError::UnknownTopicOrPartition)
    };
    topic.partitions.iter().map(|request| Wanted { request, partition: partition(request) }).collect()
}

/// Looks what is there: the plan, its bytes, and whether an error makes waiting pointless.
fn plan(wanted: &[Vec<Wanted<'_>>], isolation: Isolation, most: usize) -> (Vec<Planned>, usize, bool) {
    let mut total = 0;
    let mut urgent = false;
    let mut planned = Vec::new();
    for Wanted { request, partition } in wanted.iter().flatten() {
        let outcome = partition.as_ref().map_err(|error| *error).and_then(|partition| {
            let limit = usize::try_from(request.partition_max_bytes).unwrap_or(0);
            let left = most.saturating_sub(total);
            let read = partition.log().read(request.fetch_offset, limit.min(left), isolation);
            let mut reading = read.map_err(|error| error.response())?;
            // The first batch of a response comes whole, however large; later ones only where they fit.
            reading.slice = reading.slice.filter(|slice| total == 0 || slice.first <= limit.min(left));
            Ok(reading)
        });
        match &outcome {
            Ok(reading) => total += reading.slice.as_ref().map_or(0, |slice| slice.length),
            Err(_) => urgent = true,
        }
        planned.push(Planned { outcome, bytes: None });
    }
    (planned, total, urgent)
}

async fn read(planned: &mut [Planned]) {
    let slice = |planned: &Planned| planned.outcome.as_ref().ok().and_then(|reading| reading.slice.clone());
    let slices: Vec<Option<Slice>> = planned.iter().map(slice).collect();
    let total: usize = slices.iter().flatten().map(|slice| slice.length).sum();
    let all = move || slices.iter().map(|slice| slice.as_ref().map(Slice::read)).collect::<Vec<_>>();
    let read =
        if total > READ_INLINE { tokio::task::spawn_blocking(all).await.unwrap_or_default() } else { all() };
    for (planned, read) in planned.iter_mut().zip(read) {
        match read {
            Some(Ok(bytes)) => planned.bytes = Some(bytes.into()),
            Some(Err(error)) => {
                tracing::error!(%error, "records could not be read");
                planned.outcome = Err(LogError::from(error).response());
            }
            None => {}
        }
    }
}

fn describe(wanted: &Wanted<'_>, planned: Planned, isolation: Isolation) -> PartitionData {
    let data = PartitionData::default().with_partition_index(wanted.request.partition);
    let reading = match planned.outcome {
        Ok(reading) => reading,
        Err(error) => {
            return data
                .with_error_code(error.code())
                .with_high_watermark(-1)
                .with_last_stable_offset(-1)
                .with_log_start_offset(-1)
                .with_records(Some(Bytes::new()));
        }
    };
    let aborted = reading.aborted.iter().map(|aborted| {
        AbortedTransaction::default()
            .with_producer_id(ProducerId(aborted.producer_id))
            .with_first_offset(aborted.first_offset)
    });
    data.with_high_watermark(reading.high_watermark)
        .with_last_stable_offset(reading.last_stable)
        .with_log_start_offset(reading.start)
        .with_aborted_transactions((isolation == Isolation::Committed).then(|| aborted.collect()))
        .with_records(Some(planned.bytes.unwrap_or_default()))
}
