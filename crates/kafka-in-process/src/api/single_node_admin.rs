//! Requests of admin tools: the quorum, leader elections, and features that this broker lacks (ACLs, quotas, passwords,
//! reassignments).

use kafka_protocol::{
    ResponseError,
    messages::{
        DescribeAclsResponse, DescribeClientQuotasResponse, DescribeQuorumRequest, DescribeQuorumResponse,
        DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse, ElectLeadersRequest,
        ElectLeadersResponse, ListConfigResourcesRequest, ListConfigResourcesResponse,
        describe_quorum_request,
        describe_quorum_response::{Listener, Node, PartitionData, ReplicaState, TopicData},
        describe_user_scram_credentials_response::DescribeUserScramCredentialsResult,
        elect_leaders_response::{PartitionResult, ReplicaElectionResult},
        list_config_resources_response::ConfigResource,
    },
    protocol::StrBytes,
};

use super::{LEADER_EPOCH, NODE, Peer, configs, once, text, topic_name};
use crate::cluster::Cluster;

/// The metadata log of a Kafka cluster; here the journal is used instead.
const CLUSTER_METADATA: &str = "__cluster_metadata";

/// Bit sets of the authorized operations (KIP-430): as without an authorizer, all operations of each resource.
pub(super) mod operations {
    /// Read, write, create, delete, alter, describe, and describe and alter settings.
    pub(in super::super) const OF_TOPIC: i32 = 3576;
    /// Create, alter, describe, act for the cluster, describe and alter settings, write idempotently.
    pub(in super::super) const OF_CLUSTER: i32 = 8096;
    /// Read, delete, describe, and describe and alter settings.
    pub(in super::super) const OF_GROUP: i32 = 3400;
}

pub(super) fn acls() -> DescribeAclsResponse {
    DescribeAclsResponse::default()
        .with_error_code(ResponseError::SecurityDisabled.code())
        .with_error_message(Some(StrBytes::from_static_str("No Authorizer is configured.")))
}

pub(super) fn quotas() -> DescribeClientQuotasResponse {
    DescribeClientQuotasResponse::default().with_entries(Some(Vec::new()))
}

pub(super) fn passwords(
    request: &DescribeUserScramCredentialsRequest,
) -> DescribeUserScramCredentialsResponse {
    let users = once(request.users.as_deref().unwrap_or_default(), |user| user.name.clone());
    let unknown = users.map(|user| {
        let message =
            format!("Attempt to describe a user credential that does not exist: {}", user.name.as_str());
        DescribeUserScramCredentialsResult::default()
            .with_user(user.name.clone())
            .with_error_code(ResponseError::ResourceNotFound.code())
            .with_error_message(Some(text(&message)))
    });
    DescribeUserScramCredentialsResponse::default().with_results(unknown.collect())
}

/// The quorum consists of this broker.
pub(super) fn quorum(
    cluster: &Cluster,
    peer: &Peer,
    request: &DescribeQuorumRequest,
    version: i16,
) -> DescribeQuorumResponse {
    let (host, port) = cluster.address_for(peer);
    let me = ReplicaState::default().with_replica_id(NODE).with_log_end_offset(1);
    let me =
        if version >= 1 { me.with_last_fetch_timestamp(-1).with_last_caught_up_timestamp(-1) } else { me };
    let topics = once(&request.topics, |topic| topic.topic_name.clone()).map(|topic| {
        let known = topic.topic_name.as_str() == CLUSTER_METADATA;
        let describe = |partition: &describe_quorum_request::PartitionData| {
            let described = PartitionData::default().with_partition_index(partition.partition_index);
            if known && partition.partition_index == 0 {
                described
                    .with_leader_id(NODE)
                    .with_leader_epoch(LEADER_EPOCH)
                    .with_high_watermark(1)
                    .with_current_voters(vec![me.clone()])
            } else {
                described.with_error_code(ResponseError::UnknownTopicOrPartition.code())
            }
        };
        let partitions = once(&topic.partitions, |one| one.partition_index).map(describe);
        TopicData::default().with_topic_name(topic.topic_name.clone()).with_partitions(partitions.collect())
    });
    let response = DescribeQuorumResponse::default().with_topics(topics.collect());
    if version < 2 {
        return response;
    }
    let listener = Listener::default()
        .with_name(StrBytes::from_static_str("CONTROLLER"))
        .with_host(text(&host))
        .with_port(port);
    response.with_nodes(vec![Node::default().with_node_id(NODE).with_listeners(vec![listener])])
}

/// Each partition has only one possible leader, so no election changes one: a request for all partitions returns none.
pub(super) fn elect(cluster: &Cluster, request: &ElectLeadersRequest) -> ElectLeadersResponse {
    let Some(asked) = &request.topic_partitions else {
        let all = cluster.topics.all();
        let none =
            all.iter().map(|topic| ReplicaElectionResult::default().with_topic(topic_name(&topic.name)));
        return ElectLeadersResponse::default().with_replica_election_results(none.collect());
    };
    let topics = once(asked, |topic| topic.topic.clone()).map(|topic| {
        let found = cluster.topics.get(&topic.topic);
        let partitions = once(&topic.partitions, |index| *index).map(|index| {
            let known = found.as_ref().is_some_and(|topic| topic.partition(*index).is_some());
            let error =
                if known { ResponseError::ElectionNotNeeded } else { ResponseError::UnknownTopicOrPartition };
            PartitionResult::default()
                .with_partition_id(*index)
                .with_error_code(error.code())
                .with_error_message(Some(text(&error.to_string())))
        });
        ReplicaElectionResult::default()
            .with_topic(topic.topic.clone())
            .with_partition_result(partitions.collect())
    });
    ElectLeadersResponse::default().with_replica_election_results(topics.collect())
}

/// The resources that have settings (KIP-1142); before version 1 the request was for client metrics only, of which
/// there are none.
pub(super) fn config_resources(
    cluster: &Cluster,
    request: &ListConfigResourcesRequest,
    version: i16,
) -> ListConfigResourcesResponse {
    let wanted = |kind: i8| {
        version >= 1 && (request.resource_types.is_empty() || request.resource_types.contains(&kind))
    };
    let resource = |kind: i8, name: &str| {
        ConfigResource::default().with_resource_type(kind).with_resource_name(text(name))
    };
    let topics = if wanted(configs::TOPIC) { cluster.topics.all() } else { Vec::new() };
    let topics = topics.iter().map(|topic| resource(configs::TOPIC, &topic.name));
    let groups = if wanted(configs::GROUP) { cluster.groups.with_settings() } else { Vec::new() };
    let groups = groups.iter().map(|group| resource(configs::GROUP, group));
    let broker = wanted(configs::BROKER).then(|| resource(configs::BROKER, &NODE.0.to_string()));
    ListConfigResourcesResponse::default().with_config_resources(topics.chain(broker).chain(groups).collect())
}
