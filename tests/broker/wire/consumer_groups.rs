//! Groups under the consumer protocol (KIP-848), member by member.

use kafka_protocol::{
    ResponseError as E,
    messages::{
        DeleteGroupsRequest, DescribeConfigsRequest, DescribeGroupsRequest, HeartbeatRequest,
        IncrementalAlterConfigsRequest, LeaveGroupRequest, ListGroupsRequest, OffsetDeleteRequest,
        consumer_group_heartbeat_request::TopicPartitions,
        describe_configs_request::DescribeConfigsResource,
        incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig},
        leave_group_request::MemberIdentity,
        offset_delete_request::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic},
    },
};

use super::{
    client::{group_id, says, text, topic_name},
    members::Member,
    readers::{BEAT, Reader, until_shared},
};
use crate::kit::{Cluster, unique, until};

/// A group's resource type.
const GROUP: i8 = 32;

/// Two members that share a topic of four partitions, and the first one's epoch while it was alone.
fn two_members(cluster: &Cluster, group: &str, topic: &str) -> (Reader, Reader, i32) {
    let mut a = Reader::new(cluster, group, "a", None);
    a.join(&[topic]);
    until_shared(&mut [&mut a], &[4]);
    let alone = a.epoch;
    let mut b = Reader::new(cluster, group, "b", None);
    b.join(&[topic]);
    until_shared(&mut [&mut a, &mut b], &[2, 2]);
    (a, b, alone)
}

#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_that_make_no_sense_are_refused() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let mut reader = Reader::new(&cluster, &unique("group"), "m", None);
    let join = reader.joining(&[&topic]);
    let invalid = Some(E::InvalidRequest);
    for (request, error) in [
        (join.clone().with_member_id(text("")), invalid),
        (join.clone().with_group_id(group_id(" ")), invalid),
        (join.clone().with_instance_id(Some(text(""))), invalid),
        (join.clone().with_rack_id(Some(text(""))), invalid),
        (join.clone().with_rebalance_timeout_ms(-1), invalid),
        (join.clone().with_topic_partitions(None), invalid),
        (join.clone().with_topic_partitions(Some(vec![TopicPartitions::default()])), invalid),
        (join.clone().with_subscribed_topic_names(None), invalid),
        (join.clone().with_member_epoch(-2), invalid),
        (join.clone().with_member_epoch(-3), invalid),
        (join.clone().with_server_assignor(Some(text("best"))), Some(E::UnsupportedAssignor)),
        (join.clone().with_subscribed_topic_regex(Some(text("("))), Some(E::InvalidRegularExpression)),
        (join.clone().with_member_epoch(5), Some(E::GroupIdNotFound)),
        (join.with_member_epoch(-1), Some(E::GroupIdNotFound)),
    ] {
        let answer = reader.wire.ask(BEAT, &request);
        assert_eq!((says(answer.error_code), answer.member_id, answer.assignment), (error, None, None));
    }
    // Nothing of it has made a group.
    assert_eq!(says(reader.described().error_code), Some(E::GroupIdNotFound));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_get_what_others_have_given_up() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(4, &[]).await;
    let group = unique("group");
    let (mut a, mut b, alone) = two_members(&cluster, &group, &topic);
    assert!(a.epoch > alone && a.epoch == b.epoch);
    let told = a.described();
    assert_eq!(told.group_state.as_str(), "Stable");
    assert_eq!(
        (told.group_epoch, told.assignment_epoch, told.assignor_name.as_str()),
        (a.epoch, a.epoch, "uniform")
    );
    for member in &told.members {
        assert_eq!(
            (member.member_epoch, member.member_type, member.client_id.as_str()),
            (a.epoch, 1, "wire")
        );
        assert_eq!(member.assignment, member.target_assignment);
        assert_eq!(member.assignment.topic_partitions[0].topic_name.as_str(), topic);
    }
    assert_eq!(a.error_at(a.epoch + 1), Some(E::FencedMemberEpoch));
    assert_eq!(a.error_at(alone - 1), Some(E::FencedMemberEpoch));
    let mut stranger = Reader::new(&cluster, &group, "stranger", None);
    assert_eq!(stranger.error_at(a.epoch), Some(E::UnknownMemberId));
    assert_eq!(b.leave(-1), None);
    until_shared(&mut [&mut a], &[4]);
    assert_eq!(a.leave(-1), None);
    assert_eq!(a.leave(-1), Some(E::UnknownMemberId));
    assert_eq!(a.described().group_state.as_str(), "Empty");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_go_by_the_members_epochs() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(4, &[]).await;
    let group = unique("group");
    let (mut a, mut b, alone) = two_members(&cluster, &group, &topic);
    let kept = a.owned.first().unwrap().1;
    let given = b.owned.first().unwrap().1;
    assert_eq!(a.commit(9, a.epoch, &topic, kept), None);
    // What it has had since then may still be committed by the epoch of then.
    assert_eq!(a.commit(9, alone, &topic, kept), None);
    assert_eq!(a.commit(9, alone, &topic, given), Some(E::StaleMemberEpoch));
    assert_eq!(b.commit(9, alone, &topic, given), Some(E::StaleMemberEpoch));
    assert_eq!(a.commit(9, a.epoch + 1, &topic, kept), Some(E::StaleMemberEpoch));
    assert_eq!(a.commit(8, a.epoch, &topic, kept), Some(E::UnsupportedVersion));
    let mut stranger = Reader::new(&cluster, &group, "stranger", None);
    assert_eq!(stranger.commit(9, a.epoch, &topic, kept), Some(E::UnknownMemberId));
    let mut nobody = Reader::new(&cluster, &group, "", None);
    assert_eq!(nobody.commit(9, -1, &topic, kept), Some(E::UnknownMemberId));
    assert_eq!(b.commit(9, b.epoch, &topic, 0), None);
    assert_eq!(a.fetched(Some("a"), a.epoch, &topic), (None, Some(7)));
    assert_eq!(a.fetched(None, -1, &topic), (None, Some(7)));
    assert_eq!(a.fetched(Some("a"), alone, &topic), (Some(E::StaleMemberEpoch), None));
    assert_eq!(a.fetched(Some("stranger"), a.epoch, &topic), (Some(E::UnknownMemberId), None));
    for reader in [&mut a, &mut b] {
        assert_eq!(reader.leave(-1), None);
    }
    assert_eq!(nobody.commit(9, -1, &topic, 0), None);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_static_member_leaves_for_a_while_or_for_good() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(2, &[]).await;
    let group = unique("group");
    let mut first = Reader::new(&cluster, &group, "first", Some("i"));
    first.join(&[&topic]);
    until_shared(&mut [&mut first], &[2]);
    let epoch = first.epoch;
    let mut second = Reader::new(&cluster, &group, "second", Some("i"));
    let early = second.wire.ask(BEAT, &second.joining(&[&topic]));
    assert_eq!(says(early.error_code), Some(E::UnreleasedInstanceId));
    assert_eq!(second.error_at(epoch), Some(E::FencedInstanceId));
    let mut other = Reader::new(&cluster, &group, "other", Some("j"));
    assert_eq!(other.error_at(epoch), Some(E::UnknownMemberId));
    assert_eq!(first.leave(-2), None);
    assert_eq!(first.error_at(epoch), Some(E::FencedMemberEpoch));
    second.join(&[&topic]);
    assert_eq!((second.epoch, &second.owned), (epoch, &first.owned));
    assert_eq!(first.error_at(epoch), Some(E::FencedInstanceId));
    // An administrator removes it, by its instance id alone.
    let members = vec![MemberIdentity::default().with_group_instance_id(Some(text("i")))];
    let request = LeaveGroupRequest::default().with_group_id(group_id(&group)).with_members(members);
    let told = second.wire.ask(5, &request);
    assert_eq!((says(told.error_code), says(told.members[0].error_code)), (None, None));
    assert_eq!(says(second.wire.ask(5, &request).members[0].error_code), Some(E::UnknownMemberId));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pattern_reads_the_topics_that_it_is_for() {
    let cluster = Cluster::start().await;
    let (topic, other) = (cluster.topic(3, &[]).await, cluster.topic(1, &[]).await);
    let mut reader = Reader::new(&cluster, &unique("group"), "m", None);
    let pattern = format!("{}.", &topic[..topic.len() - 1]);
    let join = reader.joining(&[]).with_subscribed_topic_names(None);
    reader.send(&join.with_subscribed_topic_regex(Some(text(&pattern))));
    until_shared(&mut [&mut reader], &[3]);
    assert_eq!(reader.described().members[0].subscribed_topic_regex.as_deref(), Some(pattern.as_str()));
    let named = reader.request(reader.epoch).with_subscribed_topic_regex(Some(text("")));
    reader.send(&named.with_subscribed_topic_names(Some(vec![topic_name(&other)])));
    until_shared(&mut [&mut reader], &[1]);
    assert_eq!(reader.leave(-1), None);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_see_what_kind_of_group_it_is() {
    let cluster = Cluster::start().await;
    let (topic, unread) = (cluster.topic(1, &[]).await, cluster.topic(1, &[]).await);
    let group = unique("group");
    let mut reader = Reader::new(&cluster, &group, "m", None);
    reader.join(&[&topic]);
    until_shared(&mut [&mut reader], &[1]);
    let listed = |reader: &mut Reader, kind: &str| {
        let request = ListGroupsRequest::default().with_types_filter(vec![text(kind)]);
        let all = reader.wire.ask(5, &request).groups;
        let one = all.into_iter().find(|one| *one.group_id.0 == *reader.group);
        one.map(|one| {
            [one.group_type.to_string(), one.group_state.to_string(), one.protocol_type.to_string()]
        })
    };
    let expected = ["consumer", "Stable", "consumer"].map(str::to_owned);
    assert_eq!(listed(&mut reader, "Consumer"), Some(expected));
    assert_eq!(listed(&mut reader, "classic"), None);
    let describe = DescribeGroupsRequest::default().with_groups(vec![group_id(&group)]);
    let told = reader.wire.ask(6, &describe).groups.remove(0);
    assert_eq!((says(told.error_code), told.group_state.as_str()), (Some(E::GroupIdNotFound), "Dead"));
    let beat = HeartbeatRequest::default().with_group_id(group_id(&group)).with_member_id(text("nobody"));
    assert_eq!(says(reader.wire.ask(4, &beat).error_code), Some(E::UnknownMemberId));
    let delete = DeleteGroupsRequest::default().with_groups_names(vec![group_id(&group)]);
    assert_eq!(says(reader.wire.ask(2, &delete).results[0].error_code), Some(E::NonEmptyGroup));
    let mut delete_offset = |topic: &str| {
        let partitions = vec![OffsetDeleteRequestPartition::default()];
        let topics = vec![
            OffsetDeleteRequestTopic::default().with_name(topic_name(topic)).with_partitions(partitions),
        ];
        let request = OffsetDeleteRequest::default().with_group_id(group_id(&group)).with_topics(topics);
        let told = reader.wire.ask(0, &request);
        (says(told.error_code), says(told.topics[0].partitions[0].error_code))
    };
    assert_eq!(delete_offset(&topic), (None, Some(E::GroupSubscribedToTopic)));
    assert_eq!(delete_offset(&unread), (None, None));
    assert_eq!(reader.leave(-1), None);
    assert_eq!(says(reader.wire.ask(2, &delete).results[0].error_code), None);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_without_members_may_change_its_protocol() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let group = unique("group");
    let mut classic = Member::alone(&cluster.bootstrap, &group, Some("i"), &[&topic]);
    assert_eq!(classic.commit(&topic, 5, ""), None);
    let mut reader = Reader::new(&cluster, &group, "m", None);
    assert_eq!(says(reader.described().error_code), Some(E::GroupIdNotFound));
    let members = vec![MemberIdentity::default().with_group_instance_id(Some(text("i")))];
    let request = LeaveGroupRequest::default().with_group_id(group_id(&group)).with_members(members);
    assert_eq!(says(classic.wire.ask(5, &request).members[0].error_code), None);
    reader.join(&[&topic]);
    until_shared(&mut [&mut reader], &[1]);
    assert_eq!(reader.fetched(Some("m"), reader.epoch, &topic), (None, Some(5)));
    assert_eq!(reader.leave(-1), None);
    let mut again = Member::alone(&cluster.bootstrap, &group, Some("i"), &[&topic]);
    assert_eq!(again.heartbeat(), None);
    assert_eq!(says(reader.described().error_code), Some(E::GroupIdNotFound));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_may_have_times_of_its_own() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let group = unique("group");
    let mut reader = Reader::new(&cluster, &group, "m", None);
    let mut alter = |name: &str, value: &str| {
        let config = AlterableConfig::default().with_name(text(name)).with_value(Some(text(value)));
        let resource = AlterConfigsResource::default()
            .with_resource_type(GROUP)
            .with_resource_name(text(&group))
            .with_configs(vec![config]);
        let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
        says(reader.wire.ask(1, &request).responses[0].error_code)
    };
    assert_eq!(alter("consumer.heartbeat.interval.ms", "6000"), None);
    assert_eq!(alter("consumer.heartbeat.interval.ms", "soon"), Some(E::InvalidConfig));
    assert_eq!(alter("consumer.session.timeout.ms", "5000"), Some(E::InvalidConfig));
    assert_eq!(alter("no.such.setting", "1"), Some(E::InvalidConfig));
    let resource =
        DescribeConfigsResource::default().with_resource_type(GROUP).with_resource_name(text(&group));
    let told = reader.wire.ask(4, &DescribeConfigsRequest::default().with_resources(vec![resource]));
    let of = |name: &str| {
        let found = told.results[0].configs.iter().find(|one| one.name.as_str() == name).unwrap();
        (found.value.as_deref().unwrap_or_default().to_owned(), found.config_source)
    };
    assert_eq!(of("consumer.heartbeat.interval.ms"), ("6000".to_owned(), 8));
    assert_eq!(of("consumer.session.timeout.ms"), ("45000".to_owned(), 5));
    // Kafka's coordinator hears of it a moment later.
    until("the interval", || {
        let answer = reader.wire.ask(BEAT, &reader.joining(&[&topic]));
        answer.heartbeat_interval_ms == 6_000
    });
    assert_eq!(reader.leave(-1), None);
    cluster.stop().await;
}
