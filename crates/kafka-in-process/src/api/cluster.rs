//! `ApiVersions`, `FindCoordinator` and `DescribeCluster`: who is here and what it can do.

use kafka_protocol::{
    ResponseError,
    messages::{
        ApiVersionsRequest, ApiVersionsResponse, DescribeClusterRequest, DescribeClusterResponse,
        FindCoordinatorRequest, FindCoordinatorResponse, api_versions_response::ApiVersion,
        describe_cluster_response::DescribeClusterBroker, find_coordinator_response::Coordinator,
    },
};

use super::{NODE, Peer, text};
use crate::{cluster::Cluster, wire::versions};

/// The requests that are understood, with their versions.
pub(crate) fn api_versions(error: Option<ResponseError>) -> ApiVersionsResponse {
    let keys = versions::advertised().map(|(key, min, max)| {
        ApiVersion::default().with_api_key(key as i16).with_min_version(min).with_max_version(max)
    });
    ApiVersionsResponse::default()
        .with_error_code(error.map_or(0, |error| error.code()))
        .with_api_keys(keys.collect())
        .with_finalized_features_epoch(-1)
}

/// Who connects says from version 3 on what it is (KIP-511).
pub(super) fn versions(request: &ApiVersionsRequest, version: i16) -> ApiVersionsResponse {
    let names = [&request.client_software_name, &request.client_software_version];
    let sensible = version < 3 || names.into_iter().all(|name| is_software_name(name));
    api_versions((!sensible).then_some(ResponseError::InvalidRequest))
}

fn is_software_name(name: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let at_the_ends = |c: char| c.is_ascii_alphanumeric();
    name.chars().all(legal) && name.starts_with(at_the_ends) && name.ends_with(at_the_ends)
}

pub(super) fn find_coordinator(
    peer: &Peer,
    request: &FindCoordinatorRequest,
    version: i16,
) -> FindCoordinatorResponse {
    const GROUP: i8 = 0;
    const TRANSACTION: i8 = 1;
    let known = matches!(request.key_type, GROUP | TRANSACTION);
    let error = (!known).then_some(ResponseError::InvalidRequest);
    let host = text(&peer.local.ip().to_string());
    let port = i32::from(peer.local.port());
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
    let broker = DescribeClusterBroker::default()
        .with_broker_id(NODE)
        .with_host(text(&peer.local.ip().to_string()))
        .with_port(i32::from(peer.local.port()));
    response.with_controller_id(NODE).with_brokers(vec![broker])
}
