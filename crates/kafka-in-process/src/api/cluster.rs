//! `ApiVersions`, `FindCoordinator` and `DescribeCluster`: the broker's identity and features.

use std::sync::Arc;

use kafka_protocol::{
    ResponseError,
    messages::{
        ApiVersionsRequest, ApiVersionsResponse, DescribeClusterRequest, DescribeClusterResponse,
        FindCoordinatorRequest, FindCoordinatorResponse,
        api_versions_response::{ApiVersion, FinalizedFeatureKey, SupportedFeatureKey},
        describe_cluster_response::DescribeClusterBroker,
        find_coordinator_response::Coordinator,
    },
    protocol::StrBytes,
};

use super::{NODE, Peer, off_thread, single_node_admin::operations, text};
use crate::{
    cluster::Cluster,
    topics::{CONSUMER_OFFSETS, TRANSACTION_STATE, TopicError, config::Overrides},
    wire::versions,
};

/// By their levels tools tell what a cluster can do (KIP-584, KIP-778). By `transaction.version` 2 clients use KIP-890
/// part 2.
///
/// The features with their lowest and highest level, of which the highest is in force. Those of the metadata are Kafka's
/// lowest and that of Kafka 4.0; the group's is the consumer protocol.
const FEATURES: [(StrBytes, i16, i16); 3] = [
    (StrBytes::from_static_str("metadata.version"), 7, 25),
    (StrBytes::from_static_str("group.version"), 0, 1),
    (StrBytes::from_static_str("transaction.version"), 0, 2),
];

/// The supported requests and their versions.
pub(crate) fn api_versions(error: Option<ResponseError>) -> ApiVersionsResponse {
    let keys = versions::advertised().map(|(key, min, max)| {
        ApiVersion::default().with_api_key(key as i16).with_min_version(min).with_max_version(max)
    });
    ApiVersionsResponse::default()
        .with_error_code(error.map_or(0, |error| error.code()))
        .with_api_keys(keys.collect())
        .with_finalized_features_epoch(-1)
}

/// From version 3 on clients send their name and version (KIP-511).
pub(super) fn versions(request: &ApiVersionsRequest, version: i16) -> ApiVersionsResponse {
    let names = [&request.client_software_name, &request.client_software_version];
    let sensible = version < 3 || names.into_iter().all(|name| is_software_name(name));
    let versions = api_versions((!sensible).then_some(ResponseError::InvalidRequest));
    if version < 3 {
        return versions;
    }
    // Before version 4 a level of 0 is none (KAFKA-17011).
    let told = || FEATURES.into_iter().filter(|(_, least, _)| version >= 4 || *least > 0);
    let supported = told().map(|(name, least, level)| {
        SupportedFeatureKey::default().with_name(name).with_min_version(least).with_max_version(level)
    });
    let finalized = FEATURES.into_iter().map(|(name, _, level)| {
        FinalizedFeatureKey::default()
            .with_name(name)
            .with_min_version_level(level)
            .with_max_version_level(level)
    });
    versions
        .with_supported_features(supported.collect())
        .with_finalized_features_epoch(0)
        .with_finalized_features(finalized.collect())
}

fn is_software_name(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let at_the_ends = |c: char| c.is_ascii_alphanumeric();
    name.chars().all(legal) && name.starts_with(at_the_ends) && name.ends_with(at_the_ends)
}

pub(super) async fn find_coordinator(
    cluster: &Cluster,
    peer: &Peer,
    request: &FindCoordinatorRequest,
    version: i16,
) -> FindCoordinatorResponse {
    const GROUP: i8 = 0;
    const TRANSACTION: i8 = 1;
    let known = matches!(request.key_type, GROUP | TRANSACTION);
    let error = (!known).then_some(ResponseError::InvalidRequest);
    match request.key_type {
        GROUP => make_internal(cluster, CONSUMER_OFFSETS).await,
        TRANSACTION => make_internal(cluster, TRANSACTION_STATE).await,
        _ => {}
    }
    let (host, port) = cluster.address_for(peer);
    let (host, port) = (text(&host), i32::from(port));
    if version >= 4 {
        let keys = request.coordinator_keys.iter().map(|key| {
            let coordinator = Coordinator::default().with_key(key.clone());
            match error {
                Some(error) => {
                    coordinator.with_error_code(error.code()).with_node_id((-1).into()).with_port(-1)
                }
                None => coordinator.with_node_id(NODE).with_host(host.clone()).with_port(port),
            }
        });
        return FindCoordinatorResponse::default().with_coordinators(keys.collect());
    }
    match error {
        Some(error) => FindCoordinatorResponse::default()
            .with_error_code(error.code())
            .with_node_id((-1).into())
            .with_port(-1),
        None => FindCoordinatorResponse::default().with_node_id(NODE).with_host(host).with_port(port),
    }
}

/// Creates the internal topic of a coordinator at the first request for it, as Kafka does.
async fn make_internal(cluster: &Cluster, name: &'static str) {
    if cluster.topics.get(name).is_some() {
        return;
    }
    let topics = Arc::clone(&cluster.topics);
    let settings = Overrides::from([("cleanup.policy".to_owned(), "compact".to_owned())]);
    let made = off_thread(move || topics.create(name, 1, settings, false)).await;
    match made {
        // Another request has created it.
        Ok(_) | Err(TopicError::Exists(_)) => {}
        // The coordinator does not need it.
        Err(error) => tracing::warn!(topic = name, %error, "a topic for tools to see could not be made"),
    }
}

pub(super) fn describe(
    cluster: &Cluster,
    peer: &Peer,
    request: &DescribeClusterRequest,
    version: i16,
) -> DescribeClusterResponse {
    const BROKERS: i8 = 1;
    let response =
        DescribeClusterResponse::default().with_cluster_id(text(&cluster.id)).with_controller_id((-1).into());
    let response = if version >= 1 { response.with_endpoint_type(request.endpoint_type) } else { response };
    if version >= 1 && request.endpoint_type != BROKERS {
        return response.with_error_code(ResponseError::MismatchedEndpointType.code());
    }
    let (host, port) = cluster.address_for(peer);
    let broker = DescribeClusterBroker::default()
        .with_broker_id(NODE)
        .with_host(text(&host))
        .with_port(i32::from(port));
    let response = if request.include_cluster_authorized_operations {
        response.with_cluster_authorized_operations(operations::OF_CLUSTER)
    } else {
        response
    };
    response.with_controller_id(NODE).with_brokers(vec![broker])
}
