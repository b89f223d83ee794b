//! `InitProducerId`, `AddPartitionsToTxn`, `AddOffsetsToTxn`, `TxnOffsetCommit`, `EndTxn`, and admin requests.

use std::collections::BTreeMap;

use kafka_protocol::{
    ResponseError,
    messages::{
        AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, AddPartitionsToTxnRequest,
        AddPartitionsToTxnResponse, DescribeTransactionsRequest, DescribeTransactionsResponse, EndTxnRequest,
        EndTxnResponse, InitProducerIdRequest, InitProducerIdResponse, ListTransactionsRequest,
        ListTransactionsResponse, TransactionalId, TxnOffsetCommitRequest, TxnOffsetCommitResponse,
        WriteTxnMarkersRequest, WriteTxnMarkersResponse,
        add_partitions_to_txn_response::{AddPartitionsToTxnPartitionResult, AddPartitionsToTxnTopicResult},
        describe_transactions_response::{TopicData, TransactionState},
        list_transactions_response::TransactionState as ListedTransaction,
        txn_offset_commit_response::{TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic},
        write_txn_markers_response::{
            WritableTxnMarkerPartitionResult, WritableTxnMarkerResult, WritableTxnMarkerTopicResult,
        },
    },
    protocol::StrBytes,
};

use super::{
    code,
    offsets::{Sorted, wishes},
    once, settled, text, topic_name,
};
use crate::{
    cluster::Cluster,
    groups::Committer,
    log::Marker,
    transactions::{ProducerId, State},
};

/// The first version of `EndTxn` that bumps the epoch (KIP-890 part 2).
const BUMPS_EPOCH: i16 = 5;
/// The first version of `TxnOffsetCommit` that knows that a transaction can only be aborted (KIP-890 part 1).
const KNOWS_ABORTABLE: i16 = 4;
/// The first version of `TxnOffsetCommit` that adds its group to the transaction (KIP-890 part 2).
const ADDS_GROUP: i16 = 5;

/// Clients before `since` do not know `PRODUCER_FENCED` (KIP-588).
fn known_to(version: i16, since: i16, error: ResponseError) -> ResponseError {
    match error {
        ResponseError::ProducerFenced if version < since => ResponseError::InvalidProducerEpoch,
        other => other,
    }
}

pub(super) async fn init(
    cluster: &Cluster,
    request: &InitProducerIdRequest,
    version: i16,
) -> InitProducerIdResponse {
    let id = request.transactional_id.as_ref().map(|id| id.to_string());
    let claimed = (request.producer_id.0 >= 0).then_some((request.producer_id.0, request.producer_epoch));
    let timeout_ms = request.transaction_timeout_ms;
    let given = cluster.on_transactions(move |all| all.init(id.as_deref(), timeout_ms, claimed)).await;
    match settled(cluster).await.and(given) {
        Ok(ProducerId { id, epoch }) => {
            InitProducerIdResponse::default().with_producer_id(id.into()).with_producer_epoch(epoch)
        }
        Err(error) => InitProducerIdResponse::default()
            .with_error_code(known_to(version, 4, error).code())
            .with_producer_id((-1).into())
            .with_producer_epoch(-1),
    }
}

pub(super) async fn add_partitions(
    cluster: &Cluster,
    request: &AddPartitionsToTxnRequest,
    version: i16,
) -> AddPartitionsToTxnResponse {
    let producer =
        ProducerId { id: request.v3_and_below_producer_id.0, epoch: request.v3_and_below_producer_epoch };
    let topics = &request.v3_and_below_topics;
    let all = topics
        .iter()
        .flat_map(|topic| topic.partitions.iter().map(|partition| (topic.name.to_string(), *partition)));
    let exists = |(topic, partition): &(String, i32)| {
        cluster.topics.get(topic).and_then(|topic| topic.partition(*partition)).is_some()
    };
    let (known, unknown): (Vec<_>, Vec<_>) = all.partition(exists);
    let outcome = if unknown.is_empty() {
        let added =
            cluster.transactions.add_partitions(&request.v3_and_below_transactional_id, producer, known);
        settled(cluster).await.and(added).map_err(|error| known_to(version, 2, error))
    } else {
        Err(ResponseError::OperationNotAttempted)
    };
    let results = topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            let missing = unknown.contains(&(topic.name.to_string(), *partition));
            let outcome = if missing { Err(ResponseError::UnknownTopicOrPartition) } else { outcome };
            AddPartitionsToTxnPartitionResult::default()
                .with_partition_index(*partition)
                .with_partition_error_code(code(outcome))
        });
        AddPartitionsToTxnTopicResult::default()
            .with_name(topic.name.clone())
            .with_results_by_partition(partitions.collect())
    });
    AddPartitionsToTxnResponse::default().with_results_by_topic_v3_and_below(results.collect())
}

pub(super) async fn add_offsets(
    cluster: &Cluster,
    request: &AddOffsetsToTxnRequest,
    version: i16,
) -> AddOffsetsToTxnResponse {
    let producer = ProducerId { id: request.producer_id.0, epoch: request.producer_epoch };
    let added = cluster.transactions.add_group(&request.transactional_id, producer, &request.group_id);
    let outcome = settled(cluster).await.and(added).map_err(|error| known_to(version, 2, error));
    AddOffsetsToTxnResponse::default().with_error_code(code(outcome))
}

pub(super) async fn commit_offsets(
    cluster: &Cluster,
    request: &TxnOffsetCommitRequest,
    version: i16,
) -> TxnOffsetCommitResponse {
    let who = Committer {
        member_id: &request.member_id,
        instance_id: request.group_instance_id.as_deref(),
        generation: request.generation_id,
        knows_epochs: true,
    };
    let mut sorted = Sorted::new(cluster, wishes!(request));
    let taken = std::mem::take(&mut sorted.taken);
    let producer = ProducerId { id: request.producer_id.0, epoch: request.producer_epoch };
    let id = &request.transactional_id;
    let group = &request.group_id;
    let added = if version >= ADDS_GROUP && !taken.is_empty() {
        // As Produce it is answered with INVALID_PRODUCER_EPOCH in every version (`AddPartitionsToTxnManager`).
        cluster
            .transactions
            .add_group(id, producer, group)
            .map_err(|error| known_to(version, i16::MAX, error))
    } else {
        Ok(())
    };
    let add = |()| cluster.transactions.add_offsets(id, producer, (group, &who), &taken);
    let added = added.and_then(add);
    let outcome = settled(cluster).await.and(added).map_err(|error| match error {
        ResponseError::InvalidTxnState if version >= KNOWS_ABORTABLE => ResponseError::TransactionAbortable,
        other => other,
    });
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            TxnOffsetCommitResponsePartition::default()
                .with_partition_index(partition.partition_index)
                .with_error_code(sorted.code(&topic.name, partition.partition_index, outcome))
        });
        TxnOffsetCommitResponseTopic::default()
            .with_name(topic.name.clone())
            .with_partitions(partitions.collect())
    });
    TxnOffsetCommitResponse::default().with_topics(topics.collect())
}

pub(super) async fn end(cluster: &Cluster, request: &EndTxnRequest, version: i16) -> EndTxnResponse {
    let producer = ProducerId { id: request.producer_id.0, epoch: request.producer_epoch };
    let marker = if request.committed { Marker::Commit } else { Marker::Abort };
    let id = request.transactional_id.to_string();
    let bumps = version >= BUMPS_EPOCH;
    let ended = cluster.on_transactions(move |all| all.end(&id, producer, marker, bumps)).await;
    match settled(cluster).await.and(ended) {
        Ok(next) if bumps => {
            EndTxnResponse::default().with_producer_id(next.id.into()).with_producer_epoch(next.epoch)
        }
        outcome => EndTxnResponse::default()
            .with_error_code(code(outcome.map(drop).map_err(|error| known_to(version, 2, error)))),
    }
}

/// Ends hanging transactions in single partitions, whatever the coordinator knows of them (KIP-664).
pub(super) async fn write_markers(
    cluster: &Cluster,
    request: WriteTxnMarkersRequest,
) -> WriteTxnMarkersResponse {
    let all = request.markers.into_iter().map(|wanted| {
        let marker = if wanted.transaction_result { Marker::Commit } else { Marker::Abort };
        let producer = ProducerId { id: wanted.producer_id.0, epoch: wanted.producer_epoch };
        let topics = wanted.topics.into_iter().map(|topic| {
            let places = topic.partition_indexes.iter().map(|index| {
                let place = (topic.name.to_string(), *index);
                (*index, cluster.on_transactions(move |all| all.end_in(&place, producer, marker)))
            });
            (topic.name.clone(), places.collect::<Vec<_>>())
        });
        (wanted.producer_id, topics.collect::<Vec<_>>())
    });
    let mut markers = Vec::new();
    for (producer, topics) in all.collect::<Vec<_>>() {
        let mut results = Vec::new();
        for (name, places) in topics {
            let mut partitions = Vec::new();
            for (index, ended) in places {
                partitions.push(
                    WritableTxnMarkerPartitionResult::default()
                        .with_partition_index(index)
                        .with_error_code(code(ended.await)),
                );
            }
            results.push(WritableTxnMarkerTopicResult::default().with_name(name).with_partitions(partitions));
        }
        markers.push(WritableTxnMarkerResult::default().with_producer_id(producer).with_topics(results));
    }
    WriteTxnMarkersResponse::default().with_markers(markers)
}

pub(super) fn list(cluster: &Cluster, request: &ListTransactionsRequest) -> ListTransactionsResponse {
    let now = cluster.topics.wall();
    let named = |filter: &StrBytes| State::ALL.iter().any(|state| state.name() == filter.as_str());
    let unknown = request.state_filters.iter().filter(|filter| !named(filter)).cloned();
    let all = cluster.transactions.list().into_iter().filter(|(_, transaction)| {
        let states = &request.state_filters;
        let producers = &request.producer_id_filters;
        let state = transaction.state.name();
        let old = now.saturating_sub(transaction.began) > request.duration_filter;
        (states.is_empty() || states.iter().any(|one| one.as_str() == state))
            && (producers.is_empty() || producers.iter().any(|one| one.0 == transaction.producer_id))
            && (request.duration_filter < 0 || old)
    });
    let listed = all.map(|(id, transaction)| {
        ListedTransaction::default()
            .with_transactional_id(TransactionalId(text(&id)))
            .with_producer_id(transaction.producer_id.into())
            .with_transaction_state(text(transaction.state.name()))
    });
    ListTransactionsResponse::default()
        .with_unknown_state_filters(unknown.collect())
        .with_transaction_states(listed.collect())
}

pub(super) fn describe(
    cluster: &Cluster,
    request: &DescribeTransactionsRequest,
) -> DescribeTransactionsResponse {
    let states = once(&request.transactional_ids, Clone::clone).map(|id| {
        let state = TransactionState::default().with_transactional_id(id.clone());
        let Some(transaction) = cluster.transactions.get(id) else {
            return state.with_error_code(ResponseError::TransactionalIdNotFound.code());
        };
        let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
        for (topic, partition) in &transaction.partitions {
            topics.entry(topic).or_default().push(*partition);
        }
        let topics = topics.into_iter().map(|(topic, partitions)| {
            TopicData::default().with_topic(topic_name(topic)).with_partitions(partitions)
        });
        state
            .with_transaction_state(text(transaction.state.name()))
            .with_transaction_timeout_ms(transaction.timeout_ms)
            .with_transaction_start_time_ms(transaction.began)
            .with_producer_id(transaction.producer_id.into())
            .with_producer_epoch(transaction.epoch)
            .with_topics(topics.collect())
    });
    DescribeTransactionsResponse::default().with_transaction_states(states.collect())
}
