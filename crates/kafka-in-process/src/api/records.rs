//! `DeleteRecords` and `DescribeProducers`: what administrators ask of single partitions.

use std::collections::HashSet;

use kafka_protocol::{
    ResponseError,
    messages::{
        DeleteRecordsRequest, DeleteRecordsResponse, DescribeProducersRequest, DescribeProducersResponse,
        delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult},
        describe_producers_response::{PartitionResponse, ProducerState, TopicResponse},
    },
};

use crate::cluster::Cluster;

pub(super) async fn delete(cluster: &Cluster, request: &DeleteRecordsRequest) -> DeleteRecordsResponse {
    let mut topics = Vec::with_capacity(request.topics.len());
    for wanted in &request.topics {
        let topic = cluster.topics.get(&wanted.name);
        let partitions = wanted.partitions.iter().map(|part| {
            let result = DeleteRecordsPartitionResult::default().with_partition_index(part.partition_index);
            let found =
                topic.as_ref().and_then(|topic| Some((topic, topic.partition(part.partition_index)?)));
            let outcome = match found {
                None => Err(ResponseError::UnknownTopicOrPartition),
                Some((topic, partition)) => cluster
                    .topics
                    .delete_records(topic, &partition, part.offset)
                    .map_err(|error| error.response()),
            };
            match outcome {
                Ok(start) => result.with_low_watermark(start),
                Err(error) => result.with_low_watermark(-1).with_error_code(error.code()),
            }
        });
        topics.push(
            DeleteRecordsTopicResult::default()
                .with_name(wanted.name.clone())
                .with_partitions(partitions.collect()),
        );
    }
    if let Err(error) = cluster.settle().await {
        tracing::error!(%error, "the journal could not be synced");
    }
    DeleteRecordsResponse::default().with_topics(topics)
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
