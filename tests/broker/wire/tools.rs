//! What administrators' tools ask of a cluster.

use kafka_protocol::{
    ResponseError as E,
    messages::{
        ApiVersionsRequest, DescribeAclsRequest, DescribeClientQuotasRequest, DescribeClusterRequest,
        DescribeConfigsRequest, DescribeGroupsRequest, DescribeQuorumRequest,
        DescribeUserScramCredentialsRequest, ElectLeadersRequest, FindCoordinatorRequest,
        ListPartitionReassignmentsRequest, MetadataRequest, WriteTxnMarkersRequest,
        describe_configs_request::DescribeConfigsResource,
        describe_quorum_request::{PartitionData, TopicData},
        describe_user_scram_credentials_request::UserName,
        elect_leaders_request::TopicPartitions,
        metadata_request::MetadataRequestTopic,
        write_txn_markers_request::{WritableTxnMarker, WritableTxnMarkerTopic},
    },
};

use super::{
    client::{Batch, Wire, group_id, says, text, topic_name},
    members::Member,
    producers::Producer,
};
use crate::kit::{Cluster, read_all, unique, until, values};

#[tokio::test(flavor = "multi_thread")]
async fn everybody_may_do_everything() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let group = unique("group");
    let _member = Member::alone(&cluster.bootstrap, &group, None, &[&topic]);
    let mut wire = Wire::connect(&cluster.bootstrap);
    let asked = MetadataRequestTopic::default().with_name(Some(topic_name(&topic)));
    let request = MetadataRequest::default().with_topics(Some(vec![asked]));
    let request = request
        .with_include_topic_authorized_operations(true)
        .with_include_cluster_authorized_operations(true);
    let told = wire.ask(9, &request);
    assert_eq!(
        (told.topics[0].topic_authorized_operations, told.cluster_authorized_operations),
        (3576, 8096)
    );
    let request = DescribeClusterRequest::default().with_include_cluster_authorized_operations(true);
    assert_eq!(wire.ask(0, &request).cluster_authorized_operations, 8096);
    let request = DescribeGroupsRequest::default()
        .with_groups(vec![group_id(&group)])
        .with_include_authorized_operations(true);
    assert_eq!(wire.ask(5, &request).groups[0].authorized_operations, 3400);
    let request = DescribeAclsRequest::default()
        .with_resource_type_filter(1)
        .with_pattern_type_filter(1)
        .with_operation(1)
        .with_permission_type(1);
    assert_eq!(says(wire.ask(3, &request).error_code), Some(E::SecurityDisabled));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_cluster_has_not_is_told() {
    let cluster = Cluster::start().await;
    let mut wire = Wire::connect(&cluster.bootstrap);
    let told = wire.ask(1, &DescribeClientQuotasRequest::default());
    assert_eq!((says(told.error_code), told.entries), (None, Some(Vec::new())));
    let told =
        wire.ask(0, &ListPartitionReassignmentsRequest::default().with_timeout_ms(1000).with_topics(None));
    assert_eq!((says(told.error_code), told.topics.len()), (None, 0));
    let user = UserName::default().with_name(text("nobody"));
    let request = DescribeUserScramCredentialsRequest::default().with_users(Some(vec![user]));
    let told = wire.ask(0, &request);
    assert_eq!((says(told.error_code), says(told.results[0].error_code)), (None, Some(E::ResourceNotFound)));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_has_a_quorum_leaders_and_a_version() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let mut wire = Wire::connect(&cluster.bootstrap);
    let metadata = TopicData::default()
        .with_topic_name(topic_name("__cluster_metadata"))
        .with_partitions(vec![PartitionData::default()]);
    let told = wire.ask(2, &DescribeQuorumRequest::default().with_topics(vec![metadata]));
    let partition = &told.topics[0].partitions[0];
    assert_eq!((says(told.error_code), says(partition.error_code), partition.leader_id.0), (None, None, 1));
    assert_eq!((partition.current_voters.len(), told.nodes.len()), (1, 1));
    assert!(partition.high_watermark > 0);

    let mut elect = |topic: &str, index| {
        let topic = TopicPartitions::default().with_topic(topic_name(topic)).with_partitions(vec![index]);
        let request = ElectLeadersRequest::default().with_timeout_ms(10_000);
        let told = wire.ask(2, &request.with_topic_partitions(Some(vec![topic])));
        says(told.replica_election_results[0].partition_result[0].error_code)
    };
    assert_eq!(elect(&topic, 0), Some(E::ElectionNotNeeded));
    assert_eq!(elect(&topic, 7), Some(E::UnknownTopicOrPartition));
    let request = ElectLeadersRequest::default().with_timeout_ms(10_000).with_topic_partitions(None);
    let told = wire.ask(2, &request).replica_election_results;
    assert!(told.iter().any(|one| *one.topic.0 == *topic));
    assert!(told.iter().all(|one| one.partition_result.is_empty()), "those that got another leader");

    let request = ApiVersionsRequest::default()
        .with_client_software_name(text("shop"))
        .with_client_software_version(text("1"));
    let told = wire.ask(3, &request);
    let level = told.finalized_features.iter().find(|one| one.name.as_str() == "metadata.version").unwrap();
    assert!(level.max_version_level >= 25 && told.finalized_features_epoch >= 0);
    let told = wire.ask(4, &request);
    let level =
        told.finalized_features.iter().find(|one| one.name.as_str() == "transaction.version").unwrap();
    assert_eq!((level.min_version_level, level.max_version_level), (2, 2), "clients use KIP-890 part 2");
    let known =
        told.supported_features.iter().find(|one| one.name.as_str() == "transaction.version").unwrap();
    assert_eq!((known.min_version, known.max_version), (0, 2));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_tells_its_settings() {
    let cluster = Cluster::start().await;
    let mut wire = Wire::connect(&cluster.bootstrap);
    let mut describe = |keys: Option<&[&str]>| {
        let resource = DescribeConfigsResource::default()
            .with_resource_type(4)
            .with_resource_name(text("1"))
            .with_configuration_keys(keys.map(|keys| keys.iter().map(|key| text(key)).collect()));
        let request =
            DescribeConfigsRequest::default().with_resources(vec![resource]).with_include_documentation(true);
        wire.ask(4, &request).results.remove(0).configs
    };
    let named = describe(Some(&["log.segment.bytes", "auto.create.topics.enable", "log.retention.ms"]));
    for setting in &named {
        let (name, kind) = (setting.name.to_string(), setting.config_type);
        let expected = match name.as_str() {
            "auto.create.topics.enable" => 1,
            "log.segment.bytes" => 3,
            _ => 5,
        };
        assert_eq!(kind, expected, "{name}");
        assert!(setting.documentation.as_ref().is_some_and(|text| !text.is_empty()), "{name}");
    }
    assert_eq!(named.len(), 3);
    assert!(describe(None).len() > 30);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_hangs_is_ended_by_an_administrator() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let mut producer = Producer::new(&cluster.bootstrap, &unique("id"));
    assert_eq!(producer.add(3, &[(&topic, 0)]), [None]);
    assert_eq!(producer.send(&topic, 0, "hanging"), (None, 0));
    let mut wire = Wire::connect(&cluster.bootstrap);
    let marked =
        WritableTxnMarkerTopic::default().with_name(topic_name(&topic)).with_partition_indexes(vec![0]);
    let marker = WritableTxnMarker::default()
        .with_producer_id(producer.me.0.into())
        .with_producer_epoch(producer.me.1)
        .with_topics(vec![marked]);
    let told = wire.ask(1, &WriteTxnMarkersRequest::default().with_markers(vec![marker]));
    assert_eq!(says(told.markers[0].topics[0].partitions[0].error_code), None);
    assert_eq!(values(&read_all(&cluster.bootstrap, &topic, 1, "read_committed")), [""; 0]);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn coordinators_have_topics_that_tools_see_and_nobody_writes_to() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let mut producer = Producer::new(&cluster.bootstrap, &unique("id"));
    let _member = Member::alone(&cluster.bootstrap, &unique("group"), None, &[&topic]);
    let mut wire = Wire::connect(&cluster.bootstrap);
    for internal in ["__consumer_offsets", "__transaction_state"] {
        for coordinator in [0, 1] {
            let request = FindCoordinatorRequest::default()
                .with_key_type(coordinator)
                .with_coordinator_keys(vec![text("key")]);
            wire.ask(4, &request);
        }
        let asked = MetadataRequestTopic::default().with_name(Some(topic_name(internal)));
        let request = MetadataRequest::default().with_topics(Some(vec![asked]));
        until(internal, || says(wire.ask(9, &request).topics[0].error_code).is_none());
        assert!(wire.ask(9, &request).topics[0].is_internal);
        let (code, _) = producer.wire.produce(internal, Batch::of(&["no"]));
        assert_eq!(says(code), Some(E::InvalidTopicException));
    }
    cluster.stop().await;
}
