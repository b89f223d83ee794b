//! Groups: who may do what, and when.

use kafka_protocol::{
    ResponseError as E,
    messages::{
        FindCoordinatorRequest, HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest, SyncGroupRequest,
        leave_group_request::MemberIdentity,
    },
};

use super::{
    client::{Wire, group_id, says, text},
    members::{JOIN, Member, SYNC},
};
use crate::kit::{Cluster, unique, until};

#[tokio::test(flavor = "multi_thread")]
async fn joining_has_its_rules() {
    let cluster = Cluster::start().await;
    let group = unique("group");
    let mut member = Member::new(&cluster.bootstrap, &group, None);
    let request = member.join_request(&["topic"]);
    let mut refused = |request: &JoinGroupRequest, error| {
        let answer = member.wire.ask(JOIN, request);
        assert_eq!((says(answer.error_code), answer.generation_id), (Some(error), -1));
    };
    refused(&request.clone().with_group_id(group_id("")), E::InvalidGroupId);
    refused(&request.clone().with_session_timeout_ms(10), E::InvalidSessionTimeout);
    refused(&request.clone().with_session_timeout_ms(i32::MAX), E::InvalidSessionTimeout);
    refused(&request.clone().with_member_id(text("me")), E::UnknownMemberId);
    refused(&request.clone().with_protocols(Vec::new()), E::InconsistentGroupProtocol);
    refused(&request.clone().with_protocol_type(text("")), E::InconsistentGroupProtocol);
    // Before version 4 a member joins without a member id.
    let old = member.wire.ask(3, &request);
    assert_eq!((says(old.error_code), old.generation_id, &old.leader), (None, 1, &old.member_id));
    let mut other = Member::new(&cluster.bootstrap, &group, None);
    let request = other.join_request(&["topic"]);
    let answer = other.wire.ask(JOIN, &request.clone().with_protocol_type(text("connect")));
    assert_eq!(says(answer.error_code), Some(E::InconsistentGroupProtocol));
    let mut strange = request.clone();
    strange.protocols[0].name = text("strange");
    assert_eq!(says(other.wire.ask(JOIN, &strange).error_code), Some(E::InconsistentGroupProtocol));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_known_by_id_generation_and_instance() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let mut member = Member::alone(&cluster.bootstrap, &unique("group"), None, &[&topic]);
    assert_eq!(member.heartbeat(), None);
    assert_eq!(member.commit(&topic, 1, ""), None);

    member.generation += 1;
    assert_eq!(member.heartbeat(), Some(E::IllegalGeneration));
    assert_eq!(member.commit(&topic, 1, ""), Some(E::IllegalGeneration));
    let request = member.sync_request(&[]);
    assert_eq!(says(member.wire.ask(SYNC, &request).error_code), Some(E::IllegalGeneration));
    member.generation -= 1;

    let mut request = member.sync_request(&[]);
    request.protocol_name = Some(text("roundrobin"));
    assert_eq!(says(member.wire.ask(SYNC, &request).error_code), Some(E::InconsistentGroupProtocol));
    let request = member.sync_request(&[]);
    assert_eq!(&member.wire.ask(SYNC, &request).assignment[..], b"all");

    let id = std::mem::replace(&mut member.id, "somebody".to_owned());
    assert_eq!(member.heartbeat(), Some(E::UnknownMemberId));
    assert_eq!(member.commit(&topic, 1, ""), Some(E::UnknownMemberId));
    let request = member.sync_request(&[]);
    assert_eq!(says(member.wire.ask(SYNC, &request).error_code), Some(E::UnknownMemberId));
    member.id = id;

    member.instance = Some("nobody".to_owned());
    assert_eq!(member.heartbeat(), Some(E::UnknownMemberId));
    member.instance = None;

    let group = std::mem::replace(&mut member.group, unique("absent"));
    assert_eq!(member.heartbeat(), Some(E::UnknownMemberId));
    assert_eq!(member.commit(&topic, 1, ""), Some(E::IllegalGeneration));
    let request = member.sync_request(&[]);
    assert_eq!(says(member.wire.ask(SYNC, &request).error_code), Some(E::UnknownMemberId));
    member.group = group;
    assert_eq!(member.heartbeat(), None);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_have_their_rules() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let mut member = Member::alone(&cluster.bootstrap, &unique("group"), None, &[&topic]);
    assert_eq!(member.commit(&unique("absent"), 1, ""), Some(E::UnknownTopicOrPartition));
    assert_eq!(member.commit(&topic, 1, &"x".repeat(5000)), Some(E::OffsetMetadataTooLarge));
    assert_eq!(member.commit(&topic, 1, &"x".repeat(4096)), None);
    // The topic is checked before the member is.
    member.generation += 1;
    assert_eq!(member.commit(&unique("absent"), 1, ""), Some(E::UnknownTopicOrPartition));
    member.generation -= 1;
    // A non-member cannot commit while the group is active.
    let mut outside = Member::new(&cluster.bootstrap, &member.group, None);
    assert_eq!(outside.commit(&topic, 9, ""), Some(E::UnknownMemberId));
    outside.group = String::new();
    assert_eq!(
        outside.commit(&topic, 9, ""),
        None,
        "the empty name is a group for who manages its offsets alone"
    );
    outside.group = unique("own");
    assert_eq!(outside.commit(&topic, 9, ""), None);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebalance_is_told_step_by_step() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(2, &[]).await;
    let group = unique("group");
    let mut first = Member::alone(&cluster.bootstrap, &group, None, &[&topic]);
    let mut second = Member::new(&cluster.bootstrap, &group, None);
    second.begin_join(&[&topic]);
    until("the rebalance to begin", || first.heartbeat() == Some(E::RebalanceInProgress));
    // Members of the old generation may still commit.
    assert_eq!(first.commit(&topic, 5, ""), None);
    let request = first.sync_request(&[]);
    assert_eq!(says(first.wire.ask(SYNC, &request).error_code), Some(E::RebalanceInProgress));
    let old = first.generation;
    first.begin_join(&[&topic]);
    let (one, two) = (first.joined(), second.joined());
    assert_eq!((one.generation_id, two.generation_id), (old + 1, old + 1));
    assert_eq!((one.leader.to_string(), one.members.len()), (first.id.clone(), 2));
    assert_eq!((two.leader.to_string(), two.members.len()), (first.id.clone(), 0));
    assert_eq!(one.protocol_name.as_deref(), Some("range"));
    // During the sync commits fail, but heartbeats succeed.
    assert_eq!(first.commit(&topic, 6, ""), Some(E::RebalanceInProgress));
    assert_eq!(first.heartbeat(), None);
    // The others wait for the leader's assignment.
    let request = second.sync_request(&[]);
    second.wire.tell(SYNC, &request);
    let request = first.sync_request(&[(&first.id, "mine"), (&second.id, "yours")]);
    assert_eq!(&first.wire.ask(SYNC, &request).assignment[..], b"mine");
    assert_eq!(&second.wire.answer::<SyncGroupRequest>(SYNC).assignment[..], b"yours");
    assert_eq!((first.heartbeat(), second.heartbeat()), (None, None));
    assert_eq!(first.commit(&topic, 6, ""), None);
    // A member that left is unknown; the other starts anew.
    let leave = |group: &str, id: &str| {
        let identity = MemberIdentity::default().with_member_id(text(id)).with_group_instance_id(None);
        LeaveGroupRequest::default().with_group_id(group_id(group)).with_members(vec![identity])
    };
    let answer = second.wire.ask(5, &leave(&group, &second.id));
    assert_eq!((says(answer.error_code), says(answer.members[0].error_code)), (None, None));
    assert_eq!(second.heartbeat(), Some(E::UnknownMemberId));
    assert_eq!(first.heartbeat(), Some(E::RebalanceInProgress));
    let answer = second.wire.ask(5, &leave(&group, &second.id));
    assert_eq!(says(answer.members[0].error_code), Some(E::UnknownMemberId));
    let answer = second.wire.ask(5, &leave(&unique("absent"), "me"));
    assert_eq!(says(answer.members[0].error_code), Some(E::UnknownMemberId));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_static_member_that_was_replaced_is_fenced() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let group = unique("group");
    let mut first = Member::alone(&cluster.bootstrap, &group, Some("one"), &[&topic]);
    let mut second = Member::new(&cluster.bootstrap, &group, Some("one"));
    second.begin_join(&[&topic]);
    let joined = second.joined();
    assert_eq!(joined.generation_id, first.generation, "no rebalance");
    assert_ne!(second.id, first.id);
    assert!(joined.skip_assignment, "it leads, and has nothing to assign");
    let request = second.sync_request(&[]);
    assert_eq!(&second.wire.ask(SYNC, &request).assignment[..], b"all");
    assert_eq!(first.heartbeat(), Some(E::FencedInstanceId));
    assert_eq!(first.commit(&topic, 1, ""), Some(E::FencedInstanceId));
    let request = first.sync_request(&[]);
    assert_eq!(says(first.wire.ask(SYNC, &request).error_code), Some(E::FencedInstanceId));
    let request = first.join_request(&[&topic]);
    assert_eq!(says(first.wire.ask(JOIN, &request).error_code), Some(E::FencedInstanceId));
    assert_eq!(second.heartbeat(), None);
    // An admin client removes it by its instance id alone.
    let leave = |instance| {
        let identity =
            MemberIdentity::default().with_member_id(text("")).with_group_instance_id(Some(text(instance)));
        LeaveGroupRequest::default().with_group_id(group_id(&group)).with_members(vec![identity])
    };
    let answer = second.wire.ask(5, &leave("two"));
    assert_eq!(says(answer.members[0].error_code), Some(E::UnknownMemberId));
    let answer = second.wire.ask(5, &leave("one"));
    assert_eq!(says(answer.members[0].error_code), None);
    assert_eq!(second.heartbeat(), Some(E::UnknownMemberId));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn coordinators_are_found_for_what_has_one() {
    let cluster = Cluster::start().await;
    let mut wire = Wire::connect(&cluster.bootstrap);
    for (kind, expected) in [(0, None), (1, None), (9, Some(E::InvalidRequest))] {
        let request =
            FindCoordinatorRequest::default().with_key_type(kind).with_coordinator_keys(vec![text("key")]);
        let mut found = None;
        // Kafka creates its topics first.
        until("the coordinator", || {
            let answer = wire.ask(4, &request).coordinators.remove(0);
            let code = says(answer.error_code);
            found = Some((code, answer.node_id.0));
            code != Some(E::CoordinatorNotAvailable)
        });
        assert_eq!(found, Some((expected, if expected.is_none() { 1 } else { -1 })), "{kind}");
    }
    // Members belong to a group with a name.
    let request = HeartbeatRequest::default().with_group_id(group_id(""));
    assert_eq!(says(wire.ask(4, &request).error_code), Some(E::InvalidGroupId));
    let named = Some(text("range"));
    let request = SyncGroupRequest::default().with_group_id(group_id(""));
    let complete = request.clone().with_protocol_name(named.clone()).with_protocol_type(named);
    assert_eq!(says(wire.ask(SYNC, &complete).error_code), Some(E::InvalidGroupId));
    // From version 5 on the protocol must be named.
    let request = request.with_protocol_name(None);
    assert_eq!(says(wire.ask(SYNC, &request).error_code), Some(E::InconsistentGroupProtocol));
    let request = LeaveGroupRequest::default().with_group_id(group_id(""));
    assert_eq!(says(wire.ask(5, &request).error_code), Some(E::InvalidGroupId));
    cluster.stop().await;
}
