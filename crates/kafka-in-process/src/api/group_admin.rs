//! `ListGroups`, `DescribeGroups` and `DeleteGroups`.

use bytes::Bytes;
use kafka_protocol::{
    ResponseError,
    messages::{
        DeleteGroupsRequest, DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse,
        ListGroupsRequest, ListGroupsResponse,
        delete_groups_response::DeletableGroupResult,
        describe_groups_response::{DescribedGroup, DescribedGroupMember},
        list_groups_response::ListedGroup,
    },
    protocol::StrBytes,
};

use super::{code, group_id, once, settled, single_node_admin::operations, text};
use crate::{
    cluster::Cluster,
    groups::{AnyGroup, Group, Member, State},
};

pub(super) fn list(cluster: &Cluster, request: &ListGroupsRequest, version: i16) -> ListGroupsResponse {
    let wanted = |filter: &[StrBytes], value: &str| {
        filter.is_empty() || filter.iter().any(|one| one.eq_ignore_ascii_case(value))
    };
    let groups = cluster.groups.list();
    let groups = groups.iter().filter_map(|(id, cell)| {
        let state = cell.lock();
        let (name, kind) = (state.group.state_name(), state.group.type_name());
        if !wanted(&request.states_filter, name) || !wanted(&request.types_filter, kind) {
            return None;
        }
        let listed = ListedGroup::default()
            .with_group_id(group_id(id))
            .with_protocol_type(text(state.group.protocol_type()));
        let listed = if version >= 4 { listed.with_group_state(text(name)) } else { listed };
        Some(if version >= 5 { listed.with_group_type(text(kind)) } else { listed })
    });
    ListGroupsResponse::default().with_groups(groups.collect())
}

pub(super) fn describe(
    cluster: &Cluster,
    request: &DescribeGroupsRequest,
    version: i16,
) -> DescribeGroupsResponse {
    let groups = once(&request.groups, Clone::clone).map(|id| {
        let described = DescribedGroup::default().with_group_id(id.clone());
        let why = match cluster.groups.with(id, |state| match &state.group {
            AnyGroup::Classic(group) => Some(describe_one(group, described.clone())),
            AnyGroup::Consumer(_) => None,
        }) {
            Some(Some(described)) if request.include_authorized_operations => {
                return described.with_authorized_operations(operations::OF_GROUP);
            }
            Some(Some(described)) => return described,
            Some(None) => format!("Group {} is not a classic group.", id.as_str()),
            None => format!("Group {} not found.", id.as_str()),
        };
        let dead = described.with_group_state(text("Dead"));
        // From version 6 on an unknown group is an error (KIP-1043).
        if version < 6 {
            return dead;
        }
        dead.with_error_code(ResponseError::GroupIdNotFound.code()).with_error_message(Some(text(&why)))
    });
    DescribeGroupsResponse::default().with_groups(groups.collect())
}

fn describe_one(group: &Group, described: DescribedGroup) -> DescribedGroup {
    let stable = group.state == State::Stable;
    let protocol = group.protocol.as_deref().unwrap_or_default();
    let member = |member: &Member| {
        let metadata = if stable { member.metadata(protocol) } else { Bytes::new() };
        let assignment = if stable { Bytes::copy_from_slice(&member.assignment) } else { Bytes::new() };
        DescribedGroupMember::default()
            .with_member_id(text(&member.id))
            .with_group_instance_id(member.instance_id.as_deref().map(text))
            .with_client_id(text(&member.client_id))
            .with_client_host(text(&member.client_host))
            .with_member_metadata(metadata)
            .with_member_assignment(assignment)
    };
    described
        .with_group_state(text(group.state.name()))
        .with_protocol_type(text(group.protocol_type.as_deref().unwrap_or_default()))
        .with_protocol_data(text(if stable { protocol } else { "" }))
        .with_members(group.members.values().map(member).collect())
}

pub(super) async fn delete(cluster: &Cluster, request: &DeleteGroupsRequest) -> DeleteGroupsResponse {
    let deleted: Vec<_> = request.groups_names.iter().map(|id| (id, cluster.groups.delete(id))).collect();
    let settled = settled(cluster).await;
    let results = deleted.into_iter().map(|(id, deleted)| {
        DeletableGroupResult::default().with_group_id(id.clone()).with_error_code(code(deleted.and(settled)))
    });
    DeleteGroupsResponse::default().with_results(results.collect())
}
