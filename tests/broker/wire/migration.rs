//! Groups whose members use both protocols, and change their own while they have members.

use std::collections::BTreeSet;

use kafka_protocol::{
    ResponseError as E,
    messages::{
        DescribeGroupsRequest, LeaveGroupRequest, ListGroupsRequest, SyncGroupRequest,
        leave_group_request::MemberIdentity, sync_group_request::SyncGroupRequestAssignment,
    },
};

use super::{
    client::{group_id, says, text},
    members::{JOIN, Member, SYNC, assignment},
    readers::{BEAT, Reader, until_shared},
};
use crate::kit::{Cluster, unique, until};

/// A classic member alone in its group, with the four partitions of a topic.
fn classic(cluster: &Cluster, group: &str, topic: &str, instance: Option<&str>) -> Member {
    let mut member = Member::new(&cluster.bootstrap, group, instance);
    member.begin_join(&[topic]);
    member.joined();
    let all = SyncGroupRequestAssignment::default()
        .with_member_id(text(&member.id))
        .with_assignment(assignment(topic, &[0, 1, 2, 3]));
    let request = member.sync_request(&[]).with_assignments(vec![all]);
    assert_eq!(says(member.wire.ask::<SyncGroupRequest>(SYNC, &request).error_code), None);
    member
}

/// Joins with nothing owned, and takes what the coordinator gives.
fn rejoin(member: &mut Member, topic: &str) -> Vec<i32> {
    member.begin_join(&[topic]);
    let joined = member.joined();
    assert_eq!((joined.leader.as_str(), joined.members.len(), joined.skip_assignment), ("", 0, false));
    member.synced().unwrap()
}

fn leave(member: &mut Member, id: &str) -> Option<E> {
    let identity = MemberIdentity::default().with_member_id(text(id)).with_group_instance_id(None);
    let request =
        LeaveGroupRequest::default().with_group_id(group_id(&member.group)).with_members(vec![identity]);
    says(member.wire.ask(5, &request).members[0].error_code)
}

/// The type and the state of a group as listed.
fn listed(member: &mut Member) -> (String, String) {
    let all = member.wire.ask(5, &ListGroupsRequest::default()).groups;
    let one = all.into_iter().find(|one| *one.group_id.0 == *member.group).unwrap();
    assert_eq!(one.protocol_type.as_str(), "consumer");
    (one.group_type.to_string(), one.group_state.to_string())
}

/// The error and the state of a group that is described as a classic one.
fn described(member: &mut Member) -> (Option<E>, String) {
    let request = DescribeGroupsRequest::default().with_groups(vec![group_id(&member.group)]);
    let told = member.wire.ask(6, &request).groups.remove(0);
    (says(told.error_code), told.group_state.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_upgraded_and_downgraded_while_it_has_members() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(4, &[]).await;
    let group = unique("group");
    let mut member = classic(&cluster, &group, &topic, None);
    assert_eq!(member.commit(&topic, 5, ""), None);
    let mut reader = Reader::new(&cluster, &group, "m", None);
    assert_eq!(reader.error_at(3), Some(E::GroupIdNotFound), "only who joins upgrades");
    reader.join(&[&topic]);
    assert!(reader.owned.is_empty() && reader.epoch > member.generation);
    assert_eq!(listed(&mut member), ("consumer".to_owned(), "Reconciling".to_owned()));
    assert_eq!(described(&mut member), (Some(E::GroupIdNotFound), "Dead".to_owned()));
    let told = reader.described();
    let mut kinds: Vec<_> = told.members.iter().map(|one| (one.member_type, one.member_epoch)).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, [(0, member.generation), (1, reader.epoch)]);
    let other = told.members.iter().find(|one| one.member_type == 0).unwrap();
    assert_eq!(
        (other.member_id.as_str(), &other.subscribed_topic_names[..]),
        (member.id.as_str(), &[super::client::topic_name(&topic)][..])
    );
    // It still commits what it has read, and is told to rejoin.
    assert_eq!(member.commit(&topic, 6, ""), None);
    assert_eq!(member.heartbeat(), Some(E::RebalanceInProgress));
    assert_eq!(member.synced(), Err(E::RebalanceInProgress));
    let kept: BTreeSet<_> = rejoin(&mut member, &topic).into_iter().collect();
    assert_eq!((kept.len(), member.generation), (2, reader.epoch));
    assert_eq!(member.heartbeat(), None);
    until_shared(&mut [&mut reader], &[2]);
    assert!(reader.owned.iter().all(|(_, partition)| !kept.contains(partition)));
    assert_eq!(listed(&mut member), ("consumer".to_owned(), "Stable".to_owned()));
    assert_eq!(reader.fetched(Some("m"), reader.epoch, &topic), (None, Some(6)));
    // Each protocol has its requests, epochs and errors.
    member.generation += 1;
    assert_eq!(member.heartbeat(), Some(E::IllegalGeneration));
    assert_eq!(member.synced(), Err(E::IllegalGeneration));
    assert_eq!(member.commit(&topic, 7, ""), Some(E::IllegalGeneration));
    member.generation -= 1;
    let id = std::mem::replace(&mut member.id, "m".to_owned());
    assert_eq!((member.heartbeat(), member.synced()), (Some(E::UnknownMemberId), Err(E::UnknownMemberId)));
    member.id = id;
    // The last one of the consumer protocol leaves.
    assert_eq!(reader.leave(-1), None);
    assert_eq!(listed(&mut member), ("classic".to_owned(), "PreparingRebalance".to_owned()));
    assert_eq!(says(reader.described().error_code), Some(E::GroupIdNotFound));
    // The others' generation goes on until the rebalance.
    assert_eq!((member.heartbeat(), member.commit(&topic, 7, "")), (Some(E::RebalanceInProgress), None));
    let before = member.generation;
    member.begin_join(&[&topic]);
    let joined = member.joined();
    assert_eq!((joined.leader.to_string(), joined.members.len()), (member.id.clone(), 1));
    assert_eq!(member.generation, before + 1);
    let request = member.sync_request(&[(&member.id, "all")]);
    assert_eq!(&member.wire.ask(SYNC, &request).assignment[..], b"all");
    assert_eq!((described(&mut member), member.commit(&topic, 8, "")), ((None, "Stable".to_owned()), None));
    assert_eq!(reader.fetched(None, -1, &topic), (None, Some(8)));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_group_takes_classic_members() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(4, &[]).await;
    let group = unique("group");
    let mut reader = Reader::new(&cluster, &group, "m", None);
    reader.join(&[&topic]);
    until_shared(&mut [&mut reader], &[4]);
    let mut member = Member::new(&cluster.bootstrap, &group, None);
    let strange = member.join_request(&[&topic]).with_protocol_type(text("connect"));
    assert_eq!(says(member.wire.ask(JOIN, &strange).error_code), Some(E::InconsistentGroupProtocol));
    assert_eq!(rejoin(&mut member, &topic), Vec::<i32>::new());
    let mut other = Member::new(&cluster.bootstrap, &group, None);
    let mut unknown = other.join_request(&[&topic]);
    unknown.protocols[0].name = text("strange");
    assert_eq!(says(other.wire.ask(JOIN, &unknown).error_code), Some(E::InconsistentGroupProtocol));
    // It waits for what the other one has to revoke, and rejoins to get it.
    assert_eq!(member.heartbeat(), None);
    until_shared(&mut [&mut reader], &[2]);
    assert_eq!(member.heartbeat(), Some(E::RebalanceInProgress));
    assert_eq!(rejoin(&mut member, &topic).len(), 2);
    assert_eq!(member.heartbeat(), None);
    // A third one, and the first leaves: the others get its partitions.
    assert_eq!(rejoin(&mut other, &topic), Vec::<i32>::new());
    assert_eq!(leave(&mut member, "m"), None);
    assert_eq!(listed(&mut member).0, "classic", "an administrator may remove the last one as well");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_that_are_not_of_consumers_stay_what_they_are() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(4, &[]).await;
    // The assignment is none of the embedded protocol.
    let malformed = Member::alone(&cluster.bootstrap, &unique("group"), None, &[&topic]);
    let mut connect = Member::new(&cluster.bootstrap, &unique("group"), None);
    let request = connect.join_request(&[&topic]).with_protocol_type(text("connect"));
    connect.id = connect.wire.ask(JOIN, &request).member_id.to_string();
    let request = connect.join_request(&[&topic]).with_protocol_type(text("connect"));
    assert_eq!(says(connect.wire.ask(JOIN, &request).error_code), None);
    let mut custom = Member::new(&cluster.bootstrap, &unique("group"), None);
    custom.begin_join(&[&topic]);
    custom.joined();
    let mut own = assignment(&topic, &[0, 1, 2, 3]).to_vec();
    own.truncate(own.len() - 4);
    own.extend([0, 0, 0, 1, b'x']);
    let all =
        SyncGroupRequestAssignment::default().with_member_id(text(&custom.id)).with_assignment(own.into());
    let request = custom.sync_request(&[]).with_assignments(vec![all]);
    assert_eq!(says(custom.wire.ask(SYNC, &request).error_code), None);
    for (member, reason) in [
        (malformed, "the embedded consumer protocol is malformed"),
        (connect, "the group does not use the consumer embedded protocol"),
        (custom, "an unsupported custom assignor is in use"),
    ] {
        let mut reader = Reader::new(&cluster, &member.group, "m", None);
        let answer = reader.wire.ask(BEAT, &reader.joining(&[&topic]));
        assert_eq!(says(answer.error_code), Some(E::GroupIdNotFound));
        let message = answer.error_message.unwrap();
        assert!(message.contains(reason), "{message}");
        assert_eq!(says(reader.described().error_code), Some(E::GroupIdNotFound));
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_static_member_changes_its_protocol_both_ways() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(4, &[]).await;
    let group = unique("group");
    let mut first = classic(&cluster, &group, &topic, Some("i"));
    assert_eq!(first.commit(&topic, 5, ""), None);
    let mut second = Reader::new(&cluster, &group, "second", Some("i"));
    second.join(&[&topic]);
    until_shared(&mut [&mut second], &[4]);
    assert_eq!(first.heartbeat(), Some(E::FencedInstanceId));
    assert_eq!(second.fetched(Some("second"), second.epoch, &topic), (None, Some(5)));
    let mut third = Member::new(&cluster.bootstrap, &group, Some("i"));
    third.begin_join(&[&topic]);
    third.joined();
    assert_eq!(listed(&mut third).0, "classic");
    assert_eq!(third.synced().unwrap(), [0, 1, 2, 3]);
    assert_eq!((third.heartbeat(), third.generation), (None, second.epoch));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_classic_member_that_does_not_rejoin_is_out() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(4, &[]).await;
    let group = unique("group");
    let mut member = classic(&cluster, &group, &topic, None);
    // Its session is 10 s.
    let mut reader = Reader::new(&cluster, &group, "m", None);
    reader.join(&[&topic]);
    assert_eq!(member.heartbeat(), Some(E::RebalanceInProgress));
    until("all partitions to be with the other one", || {
        reader.beat();
        reader.owned.len() == 4
    });
    assert_eq!(member.heartbeat(), Some(E::UnknownMemberId));
    cluster.stop().await;
}
