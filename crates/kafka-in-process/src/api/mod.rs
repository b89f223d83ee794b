//! Request handlers: one file for each family of requests.

mod cluster;
mod configs;
mod consumer_group_heartbeat;
mod fetch;
mod group_admin;
mod group_membership;
mod group_offsets;
mod injected_error;
mod list_offsets;
mod log_dirs;
mod metadata;
mod offsets;
mod partition_admin;
mod produce;
mod single_node_admin;
mod topics;
mod transactions;

use std::{collections::HashSet, hash::Hash, net::SocketAddr, panic::resume_unwind};

use kafka_protocol::{
    ResponseError,
    messages::{BrokerId, GroupId, ListPartitionReassignmentsResponse, RequestKind, ResponseKind, TopicName},
    protocol::StrBytes,
};
use tokio::task::JoinError;

pub(crate) use cluster::api_versions;
pub(crate) use fetch::{Fetched, fetch};
pub(crate) use injected_error::refuse;

use super::{cluster::Cluster, topics::TopicError};

/// This broker's id in its cluster of one.
const NODE: BrokerId = BrokerId(1);
/// The epoch of every partition's leader: it never changes.
const LEADER_EPOCH: i32 = 0;

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// The address by which this client reached the broker.
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    pub(crate) client_id: String,
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn topic_name(name: &str) -> TopicName {
    TopicName(text(name))
}

fn group_id(id: &str) -> GroupId {
    GroupId(text(id))
}

fn code(result: Result<(), ResponseError>) -> i16 {
    result.map_or_else(|error| error.code(), |()| 0)
}

/// Each item once. As in Kafka, duplicates in a request are answered once: otherwise a small request could cause a
/// response of gigabytes.
fn once<T, K: Hash + Eq>(items: &[T], key: impl Fn(&T) -> K) -> impl Iterator<Item = &T> {
    let mut seen = HashSet::new();
    items.iter().filter(move |item| seen.insert(key(item)))
}

/// Waits until the journal's changes are as durable as configured.
async fn settled(cluster: &Cluster) -> Result<(), ResponseError> {
    cluster.settle().await.map_err(|_| ResponseError::CoordinatorNotAvailable)
}

/// Runs blocking work on the blocking pool. A panic in it ends only its own connection.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await.map_err(JoinError::try_into_panic) {
        Ok(done) => done,
        Err(Ok(panic)) => resume_unwind(panic),
        // The runtime shuts down.
        Err(Err(_)) => std::future::pending().await,
    }
}

impl TopicError {
    fn response(&self) -> ResponseError {
        match self {
            Self::Exists(_) => ResponseError::TopicAlreadyExists,
            Self::Unknown => ResponseError::UnknownTopicOrPartition,
            Self::InvalidName(_) | Self::Collides(..) => ResponseError::InvalidTopicException,
            Self::InvalidPartitions(_) => ResponseError::InvalidPartitions,
            Self::InvalidConfig(_) => ResponseError::InvalidConfig,
            Self::InvalidRequest(_) => ResponseError::InvalidRequest,
            Self::Kept => ResponseError::PolicyViolation,
            Self::Log(error) => error.response(),
            Self::Io(_) => ResponseError::KafkaStorageError,
        }
    }
}

/// Handles a request; `None` if there is no response (a produce request with `acks=0`).
pub(crate) async fn answer(
    cluster: &Cluster,
    peer: &Peer,
    request: RequestKind,
    version: i16,
) -> Option<ResponseKind> {
    use RequestKind as Q;
    use ResponseKind as A;
    Some(match request {
        Q::Produce(request) => A::Produce(produce::produce(cluster, request, version).await?),
        Q::Fetch(request) => A::Fetch(fetch(cluster, request, version).await.load().await.0),
        Q::ListOffsets(request) => {
            A::ListOffsets(list_offsets::list_offsets(cluster, request, version).await)
        }
        Q::OffsetForLeaderEpoch(request) => {
            A::OffsetForLeaderEpoch(list_offsets::end_of_epoch(cluster, &request))
        }
        Q::Metadata(request) => A::Metadata(metadata::metadata(cluster, peer, &request, version).await),
        Q::DescribeTopicPartitions(request) => {
            A::DescribeTopicPartitions(metadata::describe_partitions(cluster, &request))
        }
        Q::ApiVersions(request) => A::ApiVersions(cluster::versions(&request, version)),
        Q::FindCoordinator(request) => {
            A::FindCoordinator(cluster::find_coordinator(cluster, peer, &request, version).await)
        }
        Q::DescribeCluster(request) => {
            A::DescribeCluster(cluster::describe(cluster, peer, &request, version))
        }
        Q::CreateTopics(request) => A::CreateTopics(topics::create(cluster, &request, version).await),
        Q::DeleteTopics(request) => A::DeleteTopics(topics::delete(cluster, &request, version).await),
        Q::CreatePartitions(request) => {
            A::CreatePartitions(topics::create_partitions(cluster, &request).await)
        }
        Q::DeleteRecords(request) => A::DeleteRecords(partition_admin::delete(cluster, &request).await),
        Q::DescribeLogDirs(request) => A::DescribeLogDirs(log_dirs::describe(cluster, request)),
        Q::DescribeProducers(request) => A::DescribeProducers(partition_admin::producers(cluster, &request)),
        Q::DescribeConfigs(request) => A::DescribeConfigs(configs::describe(cluster, peer, &request)),
        Q::AlterConfigs(request) => A::AlterConfigs(configs::alter(cluster, &request).await),
        Q::IncrementalAlterConfigs(request) => {
            A::IncrementalAlterConfigs(configs::alter_incrementally(cluster, &request).await)
        }
        other => return answer_coordinators(cluster, peer, other, version).await,
    })
}

/// Admin tool requests.
fn answer_tools(cluster: &Cluster, peer: &Peer, request: RequestKind, version: i16) -> Option<ResponseKind> {
    use RequestKind as Q;
    use ResponseKind as A;
    Some(match request {
        Q::DescribeAcls(_) => A::DescribeAcls(single_node_admin::acls()),
        Q::DescribeClientQuotas(_) => A::DescribeClientQuotas(single_node_admin::quotas()),
        Q::DescribeUserScramCredentials(request) => {
            A::DescribeUserScramCredentials(single_node_admin::passwords(&request))
        }
        Q::ListPartitionReassignments(_) => {
            A::ListPartitionReassignments(ListPartitionReassignmentsResponse::default())
        }
        Q::DescribeQuorum(request) => {
            A::DescribeQuorum(single_node_admin::quorum(cluster, peer, &request, version))
        }
        Q::ElectLeaders(request) => A::ElectLeaders(single_node_admin::elect(cluster, &request)),
        Q::ListConfigResources(request) => {
            A::ListConfigResources(single_node_admin::config_resources(cluster, &request, version))
        }
        // The version table admits no other requests.
        _ => return None,
    })
}

/// Requests to the group and transaction coordinators.
async fn answer_coordinators(
    cluster: &Cluster,
    peer: &Peer,
    request: RequestKind,
    version: i16,
) -> Option<ResponseKind> {
    use RequestKind as Q;
    use ResponseKind as A;
    Some(match request {
        Q::JoinGroup(request) => A::JoinGroup(group_membership::join(cluster, peer, request, version).await),
        Q::SyncGroup(request) => A::SyncGroup(group_membership::sync(cluster, request, version).await),
        Q::Heartbeat(request) => A::Heartbeat(group_membership::heartbeat(cluster, &request)),
        Q::LeaveGroup(request) => A::LeaveGroup(group_membership::leave(cluster, &request, version).await),
        Q::ConsumerGroupHeartbeat(request) => A::ConsumerGroupHeartbeat(
            consumer_group_heartbeat::heartbeat(cluster, peer, &request, version).await,
        ),
        Q::ConsumerGroupDescribe(request) => {
            A::ConsumerGroupDescribe(consumer_group_heartbeat::describe(cluster, &request, version))
        }
        Q::OffsetCommit(request) => A::OffsetCommit(group_offsets::commit(cluster, &request, version).await),
        Q::OffsetFetch(request) => A::OffsetFetch(group_offsets::fetch(cluster, &request, version)),
        Q::OffsetDelete(request) => A::OffsetDelete(group_offsets::delete(cluster, &request).await),
        Q::ListGroups(request) => A::ListGroups(group_admin::list(cluster, &request, version)),
        Q::DescribeGroups(request) => A::DescribeGroups(group_admin::describe(cluster, &request, version)),
        Q::DeleteGroups(request) => A::DeleteGroups(group_admin::delete(cluster, &request).await),
        Q::InitProducerId(request) => A::InitProducerId(transactions::init(cluster, &request, version).await),
        Q::AddPartitionsToTxn(request) => {
            A::AddPartitionsToTxn(transactions::add_partitions(cluster, &request, version).await)
        }
        Q::AddOffsetsToTxn(request) => {
            A::AddOffsetsToTxn(transactions::add_offsets(cluster, &request, version).await)
        }
        Q::TxnOffsetCommit(request) => {
            A::TxnOffsetCommit(transactions::commit_offsets(cluster, &request, version).await)
        }
        Q::EndTxn(request) => A::EndTxn(transactions::end(cluster, &request, version).await),
        Q::ListTransactions(request) => A::ListTransactions(transactions::list(cluster, &request)),
        Q::DescribeTransactions(request) => {
            A::DescribeTransactions(transactions::describe(cluster, &request))
        }
        Q::WriteTxnMarkers(request) => {
            A::WriteTxnMarkers(transactions::write_markers(cluster, request).await)
        }
        other => return answer_tools(cluster, peer, other, version),
    })
}

#[cfg(test)]
mod tests;
