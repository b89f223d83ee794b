//! Fetch: reads batches, at once or when enough have arrived.

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

use super::{LEADER_EPOCH, off_thread};
use crate::{
    cluster::Cluster,
    log::{Isolation, LogError, Reading, Slice},
    topics::{Partition, Topic, Watch},
    wire::{Budget, Share},
};

/// The most bytes of records in a response, whatever the client asks for (Kafka's `fetch.max.bytes`).
const LARGEST_RESPONSE: usize = 55 << 20;
/// What each response may use without a share of the budget.
const FREE: usize = 32 << 10;
/// The longest wait for records, whatever the client asks for: it may have gone.
const LONGEST_WAIT: Duration = Duration::from_secs(600);
/// A larger read runs on the blocking pool.
const READ_INLINE: usize = 256 << 10;
/// Topics are named by id from this version on (KIP-516).
const TOPIC_IDS: i16 = 13;

/// One partition's part of a fetch.
struct Wanted<'a> {
    request: &'a FetchPartition,
    partition: Result<Arc<Partition>, ResponseError>,
}

/// The planned read of a partition.
type Planned = Result<Reading, ResponseError>;

/// A response whose records are still in their files.
pub(crate) struct Fetched {
    response: FetchResponse,
    /// Per partition, in response order.
    slices: Arc<[Option<Slice>]>,
    memory: Budget,
}

/// Answers a fetch once there are `min_bytes`, or after `max_wait_ms`.
pub(crate) async fn fetch(cluster: &Cluster, request: FetchRequest, version: i16) -> Fetched {
    // Sessions (KIP-227) are declined: every request names all its partitions.
    if request.session_id != 0 && request.session_epoch > 0 {
        let unknown = ResponseError::FetchSessionIdNotFound.code();
        let response = FetchResponse::default().with_error_code(unknown);
        return Fetched { response, slices: Arc::new([]), memory: cluster.answers.clone() };
    }
    let isolation = Isolation::from(request.isolation_level);
    let wanted: Vec<Vec<Wanted<'_>>> =
        request.topics.iter().map(|topic| resolve(cluster, topic, version)).collect();
    let present = wanted.iter().flatten().filter_map(|one| one.partition.as_ref().ok().map(Arc::clone));
    let watch = Watch::new(present.collect());
    let max_wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0)).min(LONGEST_WAIT);
    let deadline = Instant::now() + max_wait;
    let least = usize::try_from(request.min_bytes).unwrap_or(0);
    let most = usize::try_from(request.max_bytes).unwrap_or(0).min(LARGEST_RESPONSE);
    let planned = loop {
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
    // At most a quarter of the free budget.
    let room = (cluster.answers.left() / 4).max(FREE);
    let planned = if size(slices(&planned)) > room { plan(&wanted, isolation, room).0 } else { planned };
    let slices = slices(&planned).map(Option::<&Slice>::cloned).collect();
    let mut planned = planned.into_iter();
    let responses = request.topics.iter().zip(&wanted).map(|(topic, wanted)| {
        let partitions = wanted.iter().zip(planned.by_ref());
        let partitions = partitions.map(|(wanted, planned)| describe(wanted, planned, isolation));
        FetchableTopicResponse::default()
            .with_topic(topic.topic.clone())
            .with_topic_id(topic.topic_id)
            .with_partitions(partitions.collect())
    });
    let response = FetchResponse::default().with_responses(responses.collect());
    Fetched { response, slices, memory: cluster.answers.clone() }
}

fn slices(planned: &[Planned]) -> impl Iterator<Item = Option<&Slice>> {
    planned.iter().map(|planned| planned.as_ref().ok().and_then(|reading| reading.slice.as_ref()))
}

fn size<'a>(slices: impl Iterator<Item = Option<&'a Slice>>) -> usize {
    slices.flatten().map(|slice| slice.length).sum()
}

impl Fetched {
    /// Loads the records into the response; waits for its share of the response memory. Every call returns the same
    /// records.
    pub(crate) async fn load(&self) -> (FetchResponse, Option<Share>) {
        let size = size(self.slices.iter().map(Option::as_ref));
        let share = if size > FREE { self.memory.share(size).await } else { None };
        let slices = Arc::clone(&self.slices);
        let all = move || slices.iter().map(|slice| slice.as_ref().map(Slice::read)).collect::<Vec<_>>();
        let read = if size > READ_INLINE { off_thread(all).await } else { all() };
        let mut response = self.response.clone();
        let partitions = response.responses.iter_mut().flat_map(|topic| &mut topic.partitions);
        for (partition, read) in partitions.zip(read) {
            match read {
                Some(Ok(bytes)) => partition.records = Some(bytes.into()),
                Some(Err(error)) => {
                    tracing::error!(%error, "records could not be read");
                    *partition = refused(partition.partition_index, LogError::from(error).response());
                }
                None => {}
            }
        }
        (response, share)
    }
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

/// Plans the reads: the plan, its bytes, and whether an error ends the wait.
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
            // The first batch of a response is always complete, however large; later ones only if they fit.
            reading.slice = reading.slice.filter(|slice| total == 0 || slice.first <= limit.min(left));
            Ok(reading)
        });
        match &outcome {
            Ok(reading) => total += reading.slice.as_ref().map_or(0, |slice| slice.length),
            Err(_) => urgent = true,
        }
        planned.push(outcome);
    }
    (planned, total, urgent)
}

fn refused(partition: i32, error: ResponseError) -> PartitionData {
    PartitionData::default()
        .with_partition_index(partition)
        .with_error_code(error.code())
        .with_high_watermark(-1)
        .with_last_stable_offset(-1)
        .with_log_start_offset(-1)
        .with_records(Some(Bytes::new()))
}

fn describe(wanted: &Wanted<'_>, planned: Planned, isolation: Isolation) -> PartitionData {
    let partition = wanted.request.partition;
    let reading = match planned {
        Ok(reading) => reading,
        Err(error) => return refused(partition, error),
    };
    let aborted = reading.aborted.iter().map(|aborted| {
        AbortedTransaction::default()
            .with_producer_id(ProducerId(aborted.producer_id))
            .with_first_offset(aborted.first_offset)
    });
    PartitionData::default()
        .with_partition_index(partition)
        .with_high_watermark(reading.high_watermark)
        .with_last_stable_offset(reading.last_stable)
        .with_log_start_offset(reading.start)
        .with_aborted_transactions((isolation == Isolation::Committed).then(|| aborted.collect()))
        .with_records(Some(Bytes::new()))
}
