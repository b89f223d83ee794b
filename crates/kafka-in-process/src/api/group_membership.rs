//! `JoinGroup`, `SyncGroup`, Heartbeat and `LeaveGroup`.

use kafka_protocol::{
    ResponseError,
    messages::{
        GroupId, HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest,
        LeaveGroupResponse, SyncGroupRequest, SyncGroupResponse,
        join_group_response::JoinGroupResponseMember, leave_group_request::MemberIdentity,
        leave_group_response::MemberResponse,
    },
    protocol::StrBytes,
};
use uuid::Uuid;

use super::{Peer, code, settled, text};
use crate::{
    cluster::Cluster,
    groups::{Join, Joined, Sync, Synced},
};

pub(super) async fn join(
    cluster: &Cluster,
    peer: &Peer,
    request: JoinGroupRequest,
    version: i16,
) -> JoinGroupResponse {
    let member_id = request.member_id.to_string();
    let refusal = if request.group_id.is_empty() {
        Some(ResponseError::InvalidGroupId)
    } else if cluster.settings.session_timeouts_ms.contains(&request.session_timeout_ms) {
        None
    } else {
        Some(ResponseError::InvalidSessionTimeout)
    };
    let joined = match refusal {
        Some(error) => Joined::refused(error, &member_id),
        None => cluster.groups.join(&request.group_id, asked(&request, peer, version)).await,
    };
    // Before version 7 a client cannot read null.
    let protocol = joined.protocol.as_deref().map(text);
    let protocol = if version < 7 { protocol.or(Some(StrBytes::new())) } else { protocol };
    let members = joined.members.into_iter().map(|(id, instance, metadata)| {
        let member = JoinGroupResponseMember::default().with_member_id(text(&id)).with_metadata(metadata);
        if version >= 5 { member.with_group_instance_id(instance.as_deref().map(text)) } else { member }
    });
    JoinGroupResponse::default()
        .with_error_code(joined.error.map_or(0, |error| error.code()))
        .with_generation_id(joined.generation)
        .with_protocol_type(joined.protocol_type.as_deref().filter(|_| version >= 7).map(text))
        .with_protocol_name(protocol)
        .with_leader(text(&joined.leader))
        .with_skip_assignment(joined.skip_assignment)
        .with_member_id(text(&joined.member_id))
        .with_members(members.collect())
}

fn asked(request: &JoinGroupRequest, peer: &Peer, version: i16) -> Join {
    let millis = |value: i32| u64::try_from(value).unwrap_or(0);
    let session_timeout_ms = millis(request.session_timeout_ms);
    // Version 0 has one time-out for both.
    let rebalance_timeout_ms =
        if version == 0 { session_timeout_ms } else { millis(request.rebalance_timeout_ms) };
    let instance_id = request.group_instance_id.as_ref().map(ToString::to_string);
    let prefix = instance_id.as_ref().unwrap_or(&peer.client_id);
    Join {
        member_id: request.member_id.to_string(),
        client_id: peer.client_id.clone(),
        client_host: format!("/{}", peer.remote.ip()),
        session_timeout_ms,
        rebalance_timeout_ms,
        protocol_type: request.protocol_type.to_string(),
        protocols: request
            .protocols
            .iter()
            .map(|protocol| (protocol.name.to_string(), protocol.metadata.clone()))
            .collect(),
        asks_for_id: version >= 4,
        may_skip_assignment: version >= 9,
        fresh_id: format!("{prefix}-{}", Uuid::from_bytes(rand::random())),
        instance_id,
    }
}

pub(super) async fn sync(cluster: &Cluster, request: SyncGroupRequest, version: i16) -> SyncGroupResponse {
    if version >= 5 && (request.protocol_type.is_none() || request.protocol_name.is_none()) {
        return SyncGroupResponse::default().with_error_code(ResponseError::InconsistentGroupProtocol.code());
    }
    let owned = |text: &Option<StrBytes>| text.as_ref().map(ToString::to_string);
    let assignments = request.assignments.into_iter();
    let sync = Sync {
        member_id: request.member_id.to_string(),
        instance_id: owned(&request.group_instance_id),
        generation: request.generation_id,
        protocol_type: owned(&request.protocol_type),
        protocol: owned(&request.protocol_name),
        assignments: assignments.map(|one| (one.member_id.to_string(), one.assignment)).collect(),
    };
    let synced = cluster.groups.sync(&request.group_id, sync).await;
    let settled = settled(cluster).await;
    match named(&request.group_id).and(settled).and(synced) {
        Err(error) => SyncGroupResponse::default().with_error_code(error.code()),
        Ok(Synced { protocol_type, protocol, assignment }) => {
            let names = version >= 5;
            SyncGroupResponse::default()
                .with_protocol_type(protocol_type.as_deref().filter(|_| names).map(text))
                .with_protocol_name(protocol.as_deref().filter(|_| names).map(text))
                .with_assignment(assignment)
        }
    }
}

/// The group id must not be empty.
fn named(group: &GroupId) -> Result<(), ResponseError> {
    if group.is_empty() { Err(ResponseError::InvalidGroupId) } else { Ok(()) }
}

pub(super) fn heartbeat(cluster: &Cluster, request: &HeartbeatRequest) -> HeartbeatResponse {
    let instance = request.group_instance_id.as_deref();
    let alive =
        cluster.groups.heartbeat(&request.group_id, &request.member_id, instance, request.generation_id);
    HeartbeatResponse::default().with_error_code(code(named(&request.group_id).and(alive)))
}

pub(super) async fn leave(
    cluster: &Cluster,
    request: &LeaveGroupRequest,
    version: i16,
) -> LeaveGroupResponse {
    if let Err(error) = named(&request.group_id) {
        return LeaveGroupResponse::default().with_error_code(error.code());
    }
    if version < 3 {
        let left = cluster.groups.leave(&request.group_id, &request.member_id, None);
        let settled = settled(cluster).await;
        return LeaveGroupResponse::default().with_error_code(code(left.and(settled)));
    }
    let leave = |member: &MemberIdentity| {
        let instance = member.group_instance_id.as_deref();
        cluster.groups.leave(&request.group_id, &member.member_id, instance)
    };
    let left: Vec<_> = request.members.iter().map(leave).collect();
    let settled = settled(cluster).await;
    let members = request.members.iter().zip(left).map(|(member, left)| {
        MemberResponse::default()
            .with_member_id(member.member_id.clone())
            .with_group_instance_id(member.group_instance_id.clone())
            .with_error_code(code(left.and(settled)))
    });
    LeaveGroupResponse::default().with_members(members.collect())
}
