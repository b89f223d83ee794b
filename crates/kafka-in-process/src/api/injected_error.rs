//! Responses that contain only an error, for injected faults.

use bytes::Bytes;
use kafka_protocol::{
    ResponseError,
    messages::{
        AddOffsetsToTxnResponse, AddPartitionsToTxnResponse, ConsumerGroupHeartbeatResponse,
        CreateTopicsResponse, DeleteTopicsResponse, EndTxnResponse, FetchResponse, FindCoordinatorResponse,
        HeartbeatResponse, InitProducerIdResponse, JoinGroupResponse, LeaveGroupResponse, ListGroupsResponse,
        ListOffsetsResponse, OffsetCommitResponse, OffsetFetchResponse, ProduceResponse, RequestKind,
        ResponseKind, SyncGroupResponse, TxnOffsetCommitResponse,
        add_partitions_to_txn_response::{AddPartitionsToTxnPartitionResult, AddPartitionsToTxnTopicResult},
        create_topics_response::CreatableTopicResult,
        delete_topics_response::DeletableTopicResult,
        fetch_response::{FetchableTopicResponse, PartitionData},
        find_coordinator_response::Coordinator,
        list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse},
        offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic},
        offset_fetch_response::OffsetFetchResponseGroup,
        produce_response::{PartitionProduceResponse, TopicProduceResponse},
        txn_offset_commit_response::{TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic},
    },
};

use super::{Peer, metadata};
use crate::cluster::Cluster;

/// Answers a request with an error; `None` if its response has no error field.
pub(crate) async fn refuse(
    cluster: &Cluster,
    peer: &Peer,
    request: &RequestKind,
    version: i16,
    error: ResponseError,
) -> Option<ResponseKind> {
    use RequestKind as Q;
    use ResponseKind as A;
    let code = error.code();
    Some(match request {
        Q::Metadata(request) => {
            let request = request.clone().with_allow_auto_topic_creation(false);
            let mut told = metadata::metadata(cluster, peer, &request, version.max(4)).await;
            for topic in &mut told.topics {
                topic.error_code = code;
                topic.partitions.clear();
            }
            A::Metadata(told)
        }
        Q::FindCoordinator(request) if version >= 4 => {
            let keys = request.coordinator_keys.iter().map(|key| {
                let coordinator = Coordinator::default().with_key(key.clone());
                coordinator.with_error_code(code).with_node_id((-1).into()).with_port(-1)
            });
            A::FindCoordinator(FindCoordinatorResponse::default().with_coordinators(keys.collect()))
        }
        Q::FindCoordinator(_) => A::FindCoordinator(
            FindCoordinatorResponse::default().with_error_code(code).with_node_id((-1).into()).with_port(-1),
        ),
        Q::CreateTopics(request) => {
            let topics = request.topics.iter().map(|topic| {
                CreatableTopicResult::default().with_name(topic.name.clone()).with_error_code(code)
            });
            A::CreateTopics(CreateTopicsResponse::default().with_topics(topics.collect()))
        }
        Q::DeleteTopics(request) => {
            let by_name = request.topic_names.iter().map(|name| Some(name.clone()));
            let named = by_name.chain(request.topics.iter().map(|topic| topic.name.clone()));
            let topics =
                named.map(|name| DeletableTopicResult::default().with_name(name).with_error_code(code));
            A::DeleteTopics(DeleteTopicsResponse::default().with_responses(topics.collect()))
        }
        other => return refuse_records(other, code).or_else(|| refuse_coordinators(other, version, code)),
    })
}

fn refuse_records(request: &RequestKind, code: i16) -> Option<ResponseKind> {
    use RequestKind as Q;
    use ResponseKind as A;
    Some(match request {
        Q::Produce(request) if request.acks != 0 => {
            let topics = request.topic_data.iter().map(|topic| {
                let partitions = topic.partition_data.iter().map(|partition| {
                    PartitionProduceResponse::default()
                        .with_index(partition.index)
                        .with_error_code(code)
                        .with_base_offset(-1)
                });
                TopicProduceResponse::default()
                    .with_name(topic.name.clone())
                    .with_partition_responses(partitions.collect())
            });
            A::Produce(ProduceResponse::default().with_responses(topics.collect()))
        }
        Q::Fetch(request) => {
            let topics = request.topics.iter().map(|topic| {
                let partitions = topic.partitions.iter().map(|partition| {
                    PartitionData::default()
                        .with_partition_index(partition.partition)
                        .with_error_code(code)
                        .with_high_watermark(-1)
                        .with_records(Some(Bytes::new()))
                });
                FetchableTopicResponse::default()
                    .with_topic(topic.topic.clone())
                    .with_topic_id(topic.topic_id)
                    .with_partitions(partitions.collect())
            });
            A::Fetch(FetchResponse::default().with_responses(topics.collect()))
        }
        Q::ListOffsets(request) => {
            let topics = request.topics.iter().map(|topic| {
                let partitions = topic.partitions.iter().map(|partition| {
                    ListOffsetsPartitionResponse::default()
                        .with_partition_index(partition.partition_index)
                        .with_error_code(code)
                });
                ListOffsetsTopicResponse::default()
                    .with_name(topic.name.clone())
                    .with_partitions(partitions.collect())
            });
            A::ListOffsets(ListOffsetsResponse::default().with_topics(topics.collect()))
        }
        _ => return None,
    })
}

fn refuse_coordinators(request: &RequestKind, version: i16, code: i16) -> Option<ResponseKind> {
    use RequestKind as Q;
    use ResponseKind as A;
    Some(match request {
        Q::JoinGroup(request) => A::JoinGroup(
            JoinGroupResponse::default()
                .with_error_code(code)
                .with_protocol_name((version < 7).then(Default::default))
                .with_member_id(request.member_id.clone()),
        ),
        Q::SyncGroup(_) => A::SyncGroup(SyncGroupResponse::default().with_error_code(code)),
        Q::ConsumerGroupHeartbeat(_) => {
            A::ConsumerGroupHeartbeat(ConsumerGroupHeartbeatResponse::default().with_error_code(code))
        }
        Q::Heartbeat(_) => A::Heartbeat(HeartbeatResponse::default().with_error_code(code)),
        Q::LeaveGroup(_) => A::LeaveGroup(LeaveGroupResponse::default().with_error_code(code)),
        Q::ListGroups(_) => A::ListGroups(ListGroupsResponse::default().with_error_code(code)),
        Q::OffsetCommit(request) => {
            let topics = request.topics.iter().map(|topic| {
                let partitions = topic.partitions.iter().map(|partition| {
                    OffsetCommitResponsePartition::default()
                        .with_partition_index(partition.partition_index)
                        .with_error_code(code)
                });
                OffsetCommitResponseTopic::default()
                    .with_name(topic.name.clone())
                    .with_partitions(partitions.collect())
            });
            A::OffsetCommit(OffsetCommitResponse::default().with_topics(topics.collect()))
        }
        Q::OffsetFetch(request) if version >= 8 => {
            let groups = request.groups.iter().map(|group| {
                OffsetFetchResponseGroup::default()
                    .with_group_id(group.group_id.clone())
                    .with_error_code(code)
            });
            A::OffsetFetch(OffsetFetchResponse::default().with_groups(groups.collect()))
        }
        Q::OffsetFetch(_) if version >= 2 => {
            A::OffsetFetch(OffsetFetchResponse::default().with_error_code(code))
        }
        Q::InitProducerId(_) => A::InitProducerId(
            InitProducerIdResponse::default()
                .with_error_code(code)
                .with_producer_id((-1).into())
                .with_producer_epoch(-1),
        ),
        Q::AddPartitionsToTxn(request) => {
            let topics = request.v3_and_below_topics.iter().map(|topic| {
                let partitions = topic.partitions.iter().map(|partition| {
                    AddPartitionsToTxnPartitionResult::default()
                        .with_partition_index(*partition)
                        .with_partition_error_code(code)
                });
                AddPartitionsToTxnTopicResult::default()
                    .with_name(topic.name.clone())
                    .with_results_by_partition(partitions.collect())
            });
            A::AddPartitionsToTxn(
                AddPartitionsToTxnResponse::default().with_results_by_topic_v3_and_below(topics.collect()),
            )
        }
        Q::AddOffsetsToTxn(_) => A::AddOffsetsToTxn(AddOffsetsToTxnResponse::default().with_error_code(code)),
        Q::TxnOffsetCommit(request) => {
            let topics = request.topics.iter().map(|topic| {
                let partitions = topic.partitions.iter().map(|partition| {
                    TxnOffsetCommitResponsePartition::default()
                        .with_partition_index(partition.partition_index)
                        .with_error_code(code)
                });
                TxnOffsetCommitResponseTopic::default()
                    .with_name(topic.name.clone())
                    .with_partitions(partitions.collect())
            });
            A::TxnOffsetCommit(TxnOffsetCommitResponse::default().with_topics(topics.collect()))
        }
        Q::EndTxn(_) => A::EndTxn(EndTxnResponse::default().with_error_code(code)),
        _ => return None,
    })
}
