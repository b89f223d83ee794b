//! Produce: appends batches.

use std::{collections::HashMap, io, sync::Arc};

use bytes::Bytes;
use kafka_protocol::{
    ResponseError,
    messages::{
        ProduceRequest, ProduceResponse,
        produce_response::{BatchIndexAndErrorMessage, PartitionProduceResponse, TopicProduceResponse},
    },
};

use super::{off_thread, settled, text};
use crate::{
    cluster::Cluster,
    config::Durability,
    log::{Appended, Batch, LogError},
    topics::{Partition, Topic, Topics, is_internal},
    transactions::{ProducerId, Transactions},
};

/// Larger requests are checked and written on the blocking pool.
const WRITE_INLINE: usize = 64 << 10;
/// The first version in which a transactional batch adds its partition to the transaction (KIP-890 part 2).
const ADDS_PARTITIONS: i16 = 12;
/// Attempts to verify a batch whose transaction ends while it is being verified.
const VERIFY_TRIES: usize = 3;

pub(super) async fn produce(
    cluster: &Cluster,
    request: ProduceRequest,
    version: i16,
) -> Option<ProduceResponse> {
    let (topics, transactions) = (Arc::clone(&cluster.topics), Arc::clone(&cluster.transactions));
    let acks = request.acks;
    let all = request.topic_data.iter().flat_map(|topic| &topic.partition_data);
    let weight: usize = all.map(|part| part.records.as_deref().map_or(0, Batch::weight)).sum();
    let unadded =
        if version >= ADDS_PARTITIONS { add_partitions(cluster, &request).await } else { Unadded::new() };
    let work = move || write(&topics, &transactions, request, version, &unadded);
    let (written, mut responses) = if weight > WRITE_INLINE { off_thread(work).await } else { work() };
    let to_sync =
        if cluster.durability == Durability::Power && acks != 0 { written.all } else { written.to_flush };
    if !to_sync.is_empty() {
        sync(&to_sync, &mut responses).await;
    }
    (acks != 0).then(|| ProduceResponse::default().with_responses(responses))
}

/// The partitions that could not be added to their transaction.
type Unadded = HashMap<(String, i32), ResponseError>;

/// Adds the partitions of transactional batches to their transactions, durably before a batch is appended: otherwise a
/// power cut could keep an acknowledged batch of which the coordinator knows nothing. Answers as Kafka's
/// `AddPartitionsToTxnManager` and `ReplicaManager`.
async fn add_partitions(cluster: &Cluster, request: &ProduceRequest) -> Unadded {
    let mut wanted: HashMap<_, Vec<_>> = HashMap::new();
    for data in request.topic_data.iter().filter(|_| matches!(request.acks, -1..=1)) {
        for part in &data.partition_data {
            let Some(producer) = part.records.as_deref().and_then(Batch::transaction_of) else { continue };
            let topic = cluster.topics.get(&data.name).filter(|topic| !is_internal(&topic.name));
            let Some(partition) = topic.and_then(|topic| topic.partition(part.index)) else { continue };
            if request.transactional_id.is_none() || !partition.log().is_open(producer) {
                wanted.entry(producer).or_default().push((data.name.to_string(), part.index));
            }
        }
    }
    let mut unadded = Unadded::new();
    for ((id, epoch), places) in wanted {
        let outcome = match &request.transactional_id {
            None => Err(ResponseError::TransactionalIdAuthorizationFailed),
            Some(of) => {
                match cluster.transactions.add_partitions(of, ProducerId { id, epoch }, places.clone()) {
                    Ok(()) => settled(cluster).await,
                    refused => refused,
                }
            }
        };
        let error = match outcome {
            Ok(()) => continue,
            Err(ResponseError::ProducerFenced) => ResponseError::InvalidProducerEpoch,
            Err(ResponseError::CoordinatorNotAvailable) => ResponseError::NotEnoughReplicas,
            Err(other) => other,
        };
        unadded.extend(places.into_iter().map(|place| (place, error)));
    }
    unadded
}

/// The partitions that were written to.
#[derive(Default)]
struct Written {
    all: Vec<Arc<Partition>>,
    /// Those whose topic requires a sync now.
    to_flush: Vec<Arc<Partition>>,
}

fn write(
    topics: &Topics,
    transactions: &Transactions,
    request: ProduceRequest,
    version: i16,
    unadded: &Unadded,
) -> (Written, Vec<TopicProduceResponse>) {
    let refused = |topic: &Topic, index| {
        if unadded.is_empty() { None } else { unadded.get(&(topic.name.clone(), index)).copied() }
    };
    let acks = request.acks;
    let now = topics.wall();
    let mut written = Written::default();
    let mut responses = Vec::with_capacity(request.topic_data.len());
    for data in request.topic_data {
        let topic = topics.get(&data.name);
        let mut partitions = Vec::with_capacity(data.partition_data.len());
        for part in data.partition_data {
            let response = PartitionProduceResponse::default().with_index(part.index);
            let found = topic.as_ref().and_then(|topic| Some((topic, topic.partition(part.index)?)));
            let outcome = match found {
                _ if !matches!(acks, -1..=1) => Err(Refusal::Code(ResponseError::InvalidRequiredAcks)),
                None => Err(Refusal::Code(ResponseError::UnknownTopicOrPartition)),
                Some((topic, _)) if is_internal(&topic.name) => {
                    Err(Refusal::Code(ResponseError::InvalidTopicException))
                }
                Some((topic, _)) if acks == -1 && topic.log_config().min_insync_replicas > 1 => {
                    Err(Refusal::Code(ResponseError::NotEnoughReplicas))
                }
                Some((topic, partition)) => {
                    let adds = version >= ADDS_PARTITIONS;
                    let outcome = match refused(topic, part.index) {
                        Some(error) => Err(Refusal::Code(error)),
                        None => append(transactions, topic, &partition, part.records, now, adds),
                    };
                    report(topic, &partition, &outcome);
                    if partition.log().is_flush_due(now, &topic.log_config()) {
                        written.to_flush.push(Arc::clone(&partition));
                    }
                    written.all.push(partition);
                    outcome
                }
            };
            partitions.push(describe(response, outcome, version));
        }
        responses
            .push(TopicProduceResponse::default().with_name(data.name).with_partition_responses(partitions));
    }
    (written, responses)
}

enum Refusal {
    Code(ResponseError),
    Log(LogError),
}

fn append(
    transactions: &Transactions,
    topic: &Arc<Topic>,
    partition: &Arc<Partition>,
    records: Option<Bytes>,
    now: i64,
    adds: bool,
) -> Result<(Appended, i64), Refusal> {
    let config = topic.log_config();
    let batch = Batch::check(records.unwrap_or_default(), now, &config).map_err(Refusal::Log)?;
    let mut verified = None;
    for _ in 0..VERIFY_TRIES {
        let mut log = partition.log();
        if verified != Some(log.markers()) && log.needs_verifying(&batch) {
            verified = Some(log.markers());
            // The coordinator is called without the log lock: it takes this lock to write markers.
            drop(log);
            if let Some((id, epoch)) = batch.transaction() {
                let place = (topic.name.clone(), partition.index);
                transactions.verify(ProducerId { id, epoch }, &place).map_err(Refusal::Code)?;
            }
            continue;
        }
        // As in Kafka, which accepts any first sequence of older clients: it may have forgotten the producer.
        if adds && batch.transaction().is_some() && log.lacks_beginning(&batch) {
            return Err(Refusal::Log(LogError::OutOfOrder));
        }
        let appended = log.append(&batch, verified, now, &config).map_err(Refusal::Log)?;
        let start = log.start();
        drop(log);
        partition.announce();
        return Ok((appended, start));
    }
    Err(Refusal::Log(LogError::NotInTransaction))
}

/// Logs when the disk starts to refuse appends, and when it accepts them again.
fn report(topic: &Topic, partition: &Partition, outcome: &Result<(Appended, i64), Refusal>) {
    match outcome {
        Err(Refusal::Log(error @ (LogError::Io(_) | LogError::Lost))) if partition.note_refusal(true) => {
            tracing::error!(topic = topic.name, partition = partition.index, %error, "the disk takes no records");
        }
        Ok(_) if partition.note_refusal(false) => {
            tracing::info!(topic = topic.name, partition = partition.index, "the disk takes records again");
        }
        _ => {}
    }
}

fn describe(
    response: PartitionProduceResponse,
    outcome: Result<(Appended, i64), Refusal>,
    version: i16,
) -> PartitionProduceResponse {
    match outcome {
        Ok((appended, start)) => {
            let response =
                response.with_base_offset(appended.base_offset).with_log_append_time_ms(appended.append_time);
            if version >= 5 { response.with_log_start_offset(start) } else { response }
        }
        Err(Refusal::Code(error)) => {
            let error = known_to(version, error);
            refuse(response, error, &error.to_string(), &[], version)
        }
        Err(Refusal::Log(error)) => {
            let bad: &[i32] = match &error {
                LogError::Keyless(records) => records,
                LogError::InvalidRecord(_) | LogError::InvalidTimestamp => &[0],
                _ => &[],
            };
            refuse(response, known_to(version, error.response()), &error.to_string(), bad, version)
        }
    }
}

/// From version 11 on a producer learns that its transaction can only be aborted (KIP-890).
fn known_to(version: i16, error: ResponseError) -> ResponseError {
    match error {
        ResponseError::InvalidTxnState if version >= 11 => ResponseError::TransactionAbortable,
        other => other,
    }
}

fn refuse(
    response: PartitionProduceResponse,
    error: ResponseError,
    message: &str,
    bad_records: &[i32],
    version: i16,
) -> PartitionProduceResponse {
    let response = response
        .with_error_code(error.code())
        .with_base_offset(-1)
        .with_log_append_time_ms(-1)
        .with_log_start_offset(-1);
    if version < 8 {
        return response;
    }
    let message = text(message);
    let records = bad_records.iter().map(|index| {
        BatchIndexAndErrorMessage::default()
            .with_batch_index(*index)
            .with_batch_index_error_message(Some(message.clone()))
    });
    response.with_record_errors(records.collect()).with_error_message(Some(message))
}

/// Syncs the partitions that were written to, all in parallel.
async fn sync(written: &[Arc<Partition>], responses: &mut [TopicProduceResponse]) {
    let synced = futures::future::join_all(written.iter().map(|partition| partition.sync())).await;
    if let Some(error) = synced.iter().find_map(|result| result.as_ref().err()) {
        tracing::error!(%error, "records could not be synced");
        for partition in responses.iter_mut().flat_map(|topic| &mut topic.partition_responses) {
            if partition.error_code == 0 {
                partition.error_code = ResponseError::KafkaStorageError.code();
            }
        }
    }
}

impl LogError {
    /// Kafka's error code.
    pub(crate) fn response(&self) -> ResponseError {
        match self {
            Self::InvalidRecord(_) | Self::Keyless(_) | Self::UnsupportedFormat => {
                ResponseError::InvalidRecord
            }
            Self::CorruptBatch => ResponseError::CorruptMessage,
            Self::TooLarge => ResponseError::MessageTooLarge,
            Self::InvalidTimestamp => ResponseError::InvalidTimestamp,
            Self::StaleEpoch => ResponseError::InvalidProducerEpoch,
            Self::OutOfOrder => ResponseError::OutOfOrderSequenceNumber,
            Self::NotInTransaction => ResponseError::InvalidTxnState,
            Self::Closed => ResponseError::UnknownTopicOrPartition,
            Self::OutOfRange => ResponseError::OffsetOutOfRange,
            Self::Io(error) if error.kind() == io::ErrorKind::InvalidData => ResponseError::CorruptMessage,
            Self::Io(_) | Self::Lost => ResponseError::KafkaStorageError,
        }
    }
}
