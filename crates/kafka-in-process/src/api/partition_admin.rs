//! `DeleteRecords` and `DescribeProducers`: admin requests for partitions.

use std::collections::HashSet;

use kafka_protocol::{
    ResponseError,
    messages::{
        DeleteRecordsRequest, DeleteRecordsResponse, DescribeProducersRequest, DescribeProducersResponse,
        delete_records_request::DeleteRecordsPartition,
        delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult},
        describe_producers_response::{PartitionResponse, ProducerState, TopicResponse},
    },
};

use crate::cluster::Cluster;

pub(super) async fn delete(cluster: &Cluster, request: &DeleteRecordsRequest) -> DeleteRecordsResponse {
    let delete = |name: &str, part: &DeleteRecordsPartition| {
        let topic = cluster.topics.get(name).ok_or(ResponseError::UnknownTopicOrPartition)?;
        let partition = topic.partition(part.partition_index);
        let partition = partition.ok_or(ResponseError::UnknownTopicOrPartition)?;
        let deleted = cluster.topics.delete_records(&topic, &partition, part.offset);
        deleted.map_err(|error| error.response())
    };
    let all = request.topics.iter().flat_map(|topic| topic.partitions.iter().map(move |part| (topic, part)));
    let deleted: Vec<_> = all.map(|(topic, part)| delete(&topic.name, part)).collect();
    let settled = cluster.settle().await.map_err(|error| {
        tracing::error!(%error, "the journal could not be synced");
        ResponseError::KafkaStorageError
    });
    let mut deleted = deleted.into_iter();
    let topics = request.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().zip(deleted.by_ref()).map(|(part, deleted)| {
            let result = DeleteRecordsPartitionResult::default().with_partition_index(part.partition_index);
            match deleted.and_then(|start| settled.map(|()| start)) {
                Ok(start) => result.with_low_watermark(start),
                Err(error) => result.with_low_watermark(-1).with_error_code(error.code()),
            }
        });
        DeleteRecordsTopicResult::default()
            .with_name(topic.name.clone())
            .with_partitions(partitions.collect())
    });
    DeleteRecordsResponse::default().with_topics(topics.collect())
}

pub(super) fn producers(cluster: &Cluster, request: &DescribeProducersRequest) -> DescribeProducersResponse {
    let mut asked = HashSet::new();
    let topics = request.topics.iter().map(|wanted| {
        let topic = cluster.topics.get(&wanted.name);
        let once = wanted.partition_indexes.iter().filter(|index| asked.insert((&wanted.name, **index)));
        let partitions = once.map(|index| {
            let response = PartitionResponse::default().with_partition_index(*index);
            let Some(partition) = topic.as_ref().and_then(|topic| topic.partition(*index)) else {
                return response.with_error_code(ResponseError::UnknownTopicOrPartition.code());
            };
            let log = partition.log();
            let producers = log.producers().map(|(id, producer)| {
                ProducerState::default()
                    .with_producer_id(id.into())
                    .with_producer_epoch(producer.epoch.into())
                    .with_last_sequence(producer.batches.back().map_or(-1, |batch| batch.last_sequence))
                    .with_last_timestamp(producer.last_timestamp)
                    .with_current_txn_start_offset(producer.open_from.unwrap_or(-1))
            });
            response.with_active_producers(producers.collect())
        });
        TopicResponse::default().with_name(wanted.name.clone()).with_partitions(partitions.collect())
    });
    DescribeProducersResponse::default().with_topics(topics.collect())
}
