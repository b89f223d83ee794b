//! What administrators learn of groups, and may remove of them.

use kafka_protocol::{
    ResponseError as E,
    messages::{
        DeleteGroupsRequest, DescribeGroupsRequest, LeaveGroupRequest, ListGroupsRequest,
        OffsetDeleteRequest, OffsetFetchRequest,
        leave_group_request::MemberIdentity,
        offset_delete_request::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic},
        offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopics},
    },
};

use super::{
    client::{Wire, group_id, says, text, topic_name},
    members::Member,
};
use crate::kit::{Cluster, unique};

fn fetched(wire: &mut Wire, group: &str, topic: &str) -> (Option<E>, i64) {
    let asked =
        OffsetFetchRequestTopics::default().with_name(topic_name(topic)).with_partition_indexes(vec![0]);
    let of = OffsetFetchRequestGroup::default()
        .with_group_id(group_id(group))
        .with_member_epoch(-1)
        .with_topics(Some(vec![asked]));
    let answer = wire.ask(8, &OffsetFetchRequest::default().with_groups(vec![of])).groups.remove(0);
    assert_eq!(says(answer.error_code), None);
    let one = &answer.topics[0].partitions[0];
    (says(one.error_code), one.committed_offset)
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_can_be_looked_at_and_removed() {
    let cluster = Cluster::start().await;
    let (topic, other) = (cluster.topic(1, &[]).await, cluster.topic(1, &[]).await);
    let group = unique("group");
    let mut wire = Wire::connect(&cluster.bootstrap);
    let absent = unique("absent");
    assert_eq!(fetched(&mut wire, &absent, &topic), (None, -1));
    let describe = |group: &str| DescribeGroupsRequest::default().with_groups(vec![group_id(group)]);
    let old = wire.ask(5, &describe(&absent)).groups.remove(0);
    assert_eq!((says(old.error_code), old.group_state.to_string()), (None, "Dead".to_owned()));
    let new = wire.ask(6, &describe(&absent)).groups.remove(0);
    assert_eq!(
        (says(new.error_code), new.group_state.to_string()),
        (Some(E::GroupIdNotFound), "Dead".to_owned())
    );
    let delete = |group: &str| DeleteGroupsRequest::default().with_groups_names(vec![group_id(group)]);
    assert_eq!(says(wire.ask(2, &delete(&absent)).results[0].error_code), Some(E::GroupIdNotFound));
    let forget = |group: &str, topic: &str| {
        let partition = OffsetDeleteRequestPartition::default();
        OffsetDeleteRequest::default().with_group_id(group_id(group)).with_topics(vec![
            OffsetDeleteRequestTopic::default().with_name(topic_name(topic)).with_partitions(vec![partition]),
        ])
    };
    assert_eq!(says(wire.ask(0, &forget(&absent, &topic)).error_code), Some(E::GroupIdNotFound));

    let mut member = Member::alone(&cluster.bootstrap, &group, None, &[&topic]);
    assert_eq!((member.commit(&topic, 5, ""), member.commit(&other, 6, "")), (None, None));
    let described = wire.ask(5, &describe(&group)).groups.remove(0);
    assert_eq!(described.group_state.to_string(), "Stable");
    assert_eq!(described.protocol_data.to_string(), "range");
    assert_eq!(described.protocol_type.to_string(), "consumer");
    let found = &described.members[0];
    assert_eq!(
        (found.member_id.to_string(), found.client_id.to_string()),
        (member.id.clone(), "wire".to_owned())
    );
    assert_eq!(
        (found.client_host.to_string(), &found.member_assignment[..]),
        ("/127.0.0.1".to_owned(), &b"all"[..])
    );
    let mut listed = |states: &[&str], types: &[&str]| {
        let texts = |all: &[&str]| all.iter().map(|one| text(one)).collect();
        let request =
            ListGroupsRequest::default().with_states_filter(texts(states)).with_types_filter(texts(types));
        let groups = wire.ask(5, &request).groups;
        let of = groups.into_iter().find(|listed| listed.group_id.as_str() == group);
        of.map(|one| {
            (
                one.group_state.to_string(),
                one.protocol_type.to_string(),
                one.group_type.to_string().to_lowercase(),
            )
        })
    };
    let stable = Some(("Stable".to_owned(), "consumer".to_owned(), "classic".to_owned()));
    assert_eq!(listed(&[], &[]), stable);
    assert_eq!(listed(&["stable"], &["Classic"]), stable);
    assert_eq!(listed(&["Empty"], &[]), None);
    assert_eq!(listed(&[], &["consumer"]), None);

    assert_eq!(says(wire.ask(2, &delete(&group)).results[0].error_code), Some(E::NonEmptyGroup));
    // The offsets of a topic that its members do not read can go while they are at work.
    let mut forgotten = |topic: &str| {
        let answer = wire.ask(0, &forget(&group, topic));
        assert_eq!(says(answer.error_code), None);
        says(answer.topics[0].partitions[0].error_code)
    };
    assert_eq!(forgotten(&topic), Some(E::GroupSubscribedToTopic));
    assert_eq!(forgotten(&other), None);
    assert_eq!(forgotten(&unique("absent")), Some(E::UnknownTopicOrPartition));
    assert_eq!(
        (fetched(&mut wire, &group, &topic), fetched(&mut wire, &group, &other)),
        ((None, 5), (None, -1))
    );
    let identity = MemberIdentity::default().with_member_id(text(&member.id)).with_group_instance_id(None);
    let leave = LeaveGroupRequest::default().with_group_id(group_id(&group)).with_members(vec![identity]);
    assert_eq!(says(wire.ask(5, &leave).members[0].error_code), None);
    assert_eq!(fetched(&mut wire, &group, &topic), (None, 5));
    assert_eq!(says(wire.ask(2, &delete(&group)).results[0].error_code), None);
    assert_eq!(fetched(&mut wire, &group, &topic), (None, -1));
    cluster.stop().await;
}
