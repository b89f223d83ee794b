//! What administrators are refused.

use kafka_protocol::{
    ResponseError as E,
    messages::{
        AlterConfigsRequest, CreatePartitionsRequest, CreateTopicsRequest, DeleteRecordsRequest,
        DeleteTopicsRequest, DescribeClusterRequest, DescribeConfigsRequest, DescribeLogDirsRequest,
        DescribeTopicPartitionsRequest, IncrementalAlterConfigsRequest, MetadataRequest,
        alter_configs_request,
        create_partitions_request::{CreatePartitionsAssignment, CreatePartitionsTopic},
        create_topics_request::{CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig},
        delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic},
        delete_topics_request::DeleteTopicState,
        describe_configs_request::DescribeConfigsResource,
        describe_log_dirs_request::DescribableLogDirTopic,
        describe_topic_partitions_request::TopicRequest,
        incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig},
        metadata_request::MetadataRequestTopic,
    },
};

use super::client::{Batch, Wire, says, text, topic_name};
use crate::kit::{Cluster, unique, until};

const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;
/// Where a value comes from.
const OF_TOPIC: i8 = 1;
const DEFAULT: i8 = 5;

fn change(topic: &str, changes: &[(&str, i8, Option<&str>)]) -> IncrementalAlterConfigsRequest {
    let changes = changes.iter().map(|(name, operation, value)| {
        AlterableConfig::default()
            .with_name(text(name))
            .with_config_operation(*operation)
            .with_value(value.map(text))
    });
    let resource = AlterConfigsResource::default()
        .with_resource_type(2)
        .with_resource_name(text(topic))
        .with_configs(changes.collect());
    IncrementalAlterConfigsRequest::default().with_resources(vec![resource])
}

/// Sets one of a topic's settings.
pub(super) fn set(topic: &str, name: &str, value: &str) -> IncrementalAlterConfigsRequest {
    change(topic, &[(name, SET, Some(value))])
}

fn new_topic(name: &str, partitions: i32, replicas: i16) -> CreatableTopic {
    CreatableTopic::default()
        .with_name(topic_name(name))
        .with_num_partitions(partitions)
        .with_replication_factor(replicas)
}

fn create(wire: &mut Wire, topics: Vec<CreatableTopic>) -> Vec<Option<E>> {
    let request = CreateTopicsRequest::default().with_timeout_ms(10_000).with_topics(topics);
    wire.ask(7, &request).topics.iter().map(|topic| says(topic.error_code)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_are_made_by_the_rules() {
    let cluster = Cluster::start().await;
    let mut wire = Wire::connect(&cluster.bootstrap);
    let name = unique("topic");
    let config = |name: &str, value: Option<&str>| {
        CreatableTopicConfig::default().with_name(text(name)).with_value(value.map(text))
    };
    let assigned = |partition: i32, brokers: &[i32]| {
        CreatableReplicaAssignment::default()
            .with_partition_index(partition)
            .with_broker_ids(brokers.iter().map(|id| (*id).into()).collect())
    };
    for (topic, expected) in [
        (new_topic("", 1, 1), E::InvalidTopicException),
        (new_topic(".", 1, 1), E::InvalidTopicException),
        (new_topic("..", 1, 1), E::InvalidTopicException),
        (new_topic("white space", 1, 1), E::InvalidTopicException),
        (new_topic("öre", 1, 1), E::InvalidTopicException),
        (new_topic(&"x".repeat(250), 1, 1), E::InvalidTopicException),
        (new_topic(&name, 0, 1), E::InvalidPartitions),
        (new_topic(&name, -2, 1), E::InvalidPartitions),
        (new_topic(&name, 1, 0), E::InvalidReplicationFactor),
        (new_topic(&name, 1, -2), E::InvalidReplicationFactor),
        (new_topic(&name, 1, 2), E::InvalidReplicationFactor),
        (new_topic(&name, 1, 1).with_configs(vec![config("no.such", Some("1"))]), E::InvalidConfig),
        (new_topic(&name, 1, 1).with_configs(vec![config("retention.ms", None)]), E::InvalidConfig),
        (new_topic(&name, 1, 1).with_configs(vec![config("retention.ms", Some("soon"))]), E::InvalidConfig),
        (new_topic(&name, 1, 1).with_assignments(vec![assigned(0, &[1])]), E::InvalidRequest),
        (new_topic(&name, -1, -1).with_assignments(vec![assigned(1, &[1])]), E::InvalidReplicaAssignment),
        (new_topic(&name, -1, -1).with_assignments(vec![assigned(0, &[9])]), E::InvalidReplicaAssignment),
        (new_topic(&name, -1, -1).with_assignments(vec![assigned(0, &[1, 1])]), E::InvalidReplicaAssignment),
    ] {
        assert_eq!(create(&mut wire, vec![topic.clone()]), [Some(expected)], "{topic:?}");
    }
    let twice = create(&mut wire, vec![new_topic(&name, 1, 1), new_topic(&name, 1, 1)]);
    assert!(twice.iter().all(|code| *code == Some(E::InvalidRequest)), "{twice:?}");
    let manual = new_topic(&name, -1, -1).with_assignments(vec![assigned(1, &[1]), assigned(0, &[1])]);
    assert_eq!(create(&mut wire, vec![manual]), [None]);
    assert_eq!(create(&mut wire, vec![new_topic(&name, 1, 1)]), [Some(E::TopicAlreadyExists)]);
    // Names that differ only in '.' and '_' would collide in metrics.
    let (dotted, lined) = (format!("{name}.x"), format!("{name}_x"));
    assert_eq!(create(&mut wire, vec![new_topic(&dotted, 1, 1)]), [None]);
    assert_eq!(create(&mut wire, vec![new_topic(&lined, 1, 1)]), [Some(E::InvalidTopicException)]);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_grow_and_go_by_the_rules() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(2, &[]).await;
    let absent = unique("absent");
    let mut wire = Wire::connect(&cluster.bootstrap);
    let mut grow = |topics: &[(&str, i32, Option<&[i32]>)]| {
        let topics = topics.iter().map(|(name, count, assignments)| {
            let one = |id: &i32| CreatePartitionsAssignment::default().with_broker_ids(vec![(*id).into()]);
            let assignments = assignments.map(|brokers| brokers.iter().map(one).collect());
            CreatePartitionsTopic::default()
                .with_name(topic_name(name))
                .with_count(*count)
                .with_assignments(assignments)
        });
        let request =
            CreatePartitionsRequest::default().with_timeout_ms(10_000).with_topics(topics.collect());
        wire.ask(3, &request).results.iter().map(|one| says(one.error_code)).collect::<Vec<_>>()
    };
    assert_eq!(grow(&[(&absent, 3, None)]), [Some(E::UnknownTopicOrPartition)]);
    for count in [2, 1, 0, -1] {
        assert_eq!(grow(&[(&topic, count, None)]), [Some(E::InvalidPartitions)], "{count}");
    }
    assert_eq!(grow(&[(&topic, 4, Some(&[1]))]), [Some(E::InvalidReplicaAssignment)]);
    assert_eq!(grow(&[(&topic, 3, Some(&[9]))]), [Some(E::InvalidReplicaAssignment)]);
    let twice = grow(&[(&topic, 3, None), (&topic, 4, None)]);
    assert!(twice.iter().all(|code| *code == Some(E::InvalidRequest)), "{twice:?}");
    assert_eq!(grow(&[(&topic, 3, Some(&[1]))]), [None]);
    assert_eq!(grow(&[(&topic, 4, None)]), [None]);

    let mut delete = |name: Option<&str>, id: uuid::Uuid| {
        let state = DeleteTopicState::default().with_name(name.map(topic_name)).with_topic_id(id);
        let request = DeleteTopicsRequest::default().with_timeout_ms(10_000).with_topics(vec![state]);
        says(wire.ask(6, &request).responses[0].error_code)
    };
    assert_eq!(delete(Some(&absent), uuid::Uuid::nil()), Some(E::UnknownTopicOrPartition));
    assert_eq!(delete(None, uuid::Uuid::from_u128(5)), Some(E::UnknownTopicId));
    assert_eq!(delete(Some(&topic), uuid::Uuid::from_u128(5)), Some(E::InvalidRequest));
    assert_eq!(delete(None, uuid::Uuid::nil()), Some(E::InvalidRequest));
    assert_eq!(delete(Some(&topic), uuid::Uuid::nil()), None);
    cluster.stop().await;
}

fn value_of(wire: &mut Wire, topic: &str, name: &str) -> (String, i8) {
    let resource = DescribeConfigsResource::default()
        .with_resource_type(2)
        .with_resource_name(text(topic))
        .with_configuration_keys(Some(vec![text(name)]));
    let answer = wire.ask(4, &DescribeConfigsRequest::default().with_resources(vec![resource]));
    let config = &answer.results[0].configs[0];
    (config.value.as_deref().unwrap_or_default().to_owned(), config.config_source)
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_change_by_the_rules() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let mut wire = Wire::connect(&cluster.bootstrap);
    let mut apply = |name: &str, changes: &[(&str, i8, Option<&str>)]| {
        says(wire.ask(1, &change(name, changes)).responses[0].error_code)
    };
    assert_eq!(
        apply(&unique("absent"), &[("retention.ms", SET, Some("1"))]),
        Some(E::UnknownTopicOrPartition)
    );
    assert_eq!(apply(&topic, &[("no.such", SET, Some("1"))]), Some(E::InvalidConfig));
    assert_eq!(apply(&topic, &[("retention.ms", SET, Some("soon"))]), Some(E::InvalidConfig));
    assert_eq!(apply(&topic, &[("retention.ms", APPEND, Some("1"))]), Some(E::InvalidConfig));
    assert_eq!(apply(&topic, &[("retention.ms", SET, None)]), Some(E::InvalidRequest));
    let twice = [("retention.ms", SET, Some("1")), ("retention.ms", SET, Some("2"))];
    assert_eq!(apply(&topic, &twice), Some(E::InvalidRequest));
    assert_eq!(
        apply(&topic, &[("retention.ms", SET, Some("5000")), ("cleanup.policy", APPEND, Some("compact"))]),
        None
    );
    until("the change", || value_of(&mut wire, &topic, "retention.ms") == ("5000".to_owned(), OF_TOPIC));
    assert_eq!(value_of(&mut wire, &topic, "cleanup.policy"), ("delete,compact".to_owned(), OF_TOPIC));
    let mut apply = |name: &str, changes: &[(&str, i8, Option<&str>)]| {
        says(wire.ask(1, &change(name, changes)).responses[0].error_code)
    };
    assert_eq!(
        apply(&topic, &[("retention.ms", DELETE, None), ("cleanup.policy", SUBTRACT, Some("delete"))]),
        None
    );
    until("the change", || value_of(&mut wire, &topic, "retention.ms") == ("604800000".to_owned(), DEFAULT));
    assert_eq!(value_of(&mut wire, &topic, "cleanup.policy"), ("compact".to_owned(), OF_TOPIC));

    let old = |value: Option<&str>| {
        let config = alter_configs_request::AlterableConfig::default()
            .with_name(text("segment.ms"))
            .with_value(value.map(text));
        let resource = alter_configs_request::AlterConfigsResource::default()
            .with_resource_type(2)
            .with_resource_name(text(&topic))
            .with_configs(vec![config]);
        AlterConfigsRequest::default().with_resources(vec![resource])
    };
    assert_eq!(says(wire.ask(2, &old(None)).responses[0].error_code), Some(E::InvalidRequest));
    assert_eq!(says(wire.ask(2, &old(Some("0"))).responses[0].error_code), Some(E::InvalidConfig));
    assert_eq!(says(wire.ask(2, &old(Some("5000"))).responses[0].error_code), None);
    until("the change", || value_of(&mut wire, &topic, "segment.ms") == ("5000".to_owned(), OF_TOPIC));
    assert_eq!(value_of(&mut wire, &topic, "cleanup.policy").1, DEFAULT, "what is not named goes back");

    let mut describe = |kind: i8, name: &str| {
        let resource = DescribeConfigsResource::default()
            .with_resource_type(kind)
            .with_resource_name(text(name))
            .with_configuration_keys(None);
        let answer =
            wire.ask(4, &DescribeConfigsRequest::default().with_resources(vec![resource])).results.remove(0);
        (says(answer.error_code), answer.configs.len() > 5)
    };
    assert_eq!(describe(2, &topic), (None, true));
    assert_eq!(describe(4, "1"), (None, true));
    assert_eq!(describe(2, &unique("absent")), (Some(E::UnknownTopicOrPartition), false));
    assert_eq!(describe(2, "white space"), (Some(E::InvalidTopicException), false));
    assert_eq!(describe(4, "9"), (Some(E::InvalidRequest), false));
    assert_eq!(describe(4, "one"), (Some(E::InvalidRequest), false));
    assert_eq!(describe(99, "what"), (Some(E::InvalidRequest), false));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_deleted_by_the_rules() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let compacted = cluster.topic(1, &[("cleanup.policy", "compact")]).await;
    let mut wire = Wire::connect(&cluster.bootstrap);
    for _ in 0..5 {
        assert_eq!(wire.produce(&topic, Batch::of(&["value"])).0, 0);
    }
    let mut delete = |topic: &str, partition: i32, offset: i64| {
        let partition = DeleteRecordsPartition::default().with_partition_index(partition).with_offset(offset);
        let request = DeleteRecordsRequest::default().with_timeout_ms(10_000).with_topics(vec![
            DeleteRecordsTopic::default().with_name(topic_name(topic)).with_partitions(vec![partition]),
        ]);
        let answer = wire.ask(2, &request).topics.remove(0).partitions.remove(0);
        (says(answer.error_code), answer.low_watermark)
    };
    assert_eq!(delete(&topic, 0, 2), (None, 2));
    assert_eq!(delete(&topic, 0, 1), (None, 2), "what is gone is gone");
    assert_eq!(delete(&topic, 0, 6), (Some(E::OffsetOutOfRange), -1));
    assert_eq!(delete(&topic, 0, -2), (Some(E::OffsetOutOfRange), -1));
    assert_eq!(delete(&topic, 1, 0), (Some(E::UnknownTopicOrPartition), -1));
    assert_eq!(delete(&unique("absent"), 0, 0), (Some(E::UnknownTopicOrPartition), -1));
    assert_eq!(delete(&compacted, 0, 0), (Some(E::PolicyViolation), -1));
    assert_eq!(delete(&topic, 0, -1), (None, 5), "all there is");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cluster_describes_itself() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(3, &[]).await;
    let absent = unique("absent");
    let mut wire = Wire::connect(&cluster.bootstrap);
    let described = wire.ask(2, &DescribeClusterRequest::default().with_endpoint_type(1));
    assert_eq!(
        (says(described.error_code), described.brokers.len(), described.controller_id.0),
        (None, 1, 1)
    );
    assert_eq!(described.brokers[0].port.to_string(), cluster.bootstrap.rsplit(':').next().unwrap());
    assert!(!described.cluster_id.is_empty());
    let names = |names: &[&str]| {
        names.iter().map(|name| TopicRequest::default().with_name(topic_name(name))).collect()
    };
    let request = |topics| {
        DescribeTopicPartitionsRequest::default().with_topics(topics).with_response_partition_limit(2)
    };
    let answer = wire.ask(0, &request(names(&[&topic])));
    assert_eq!(answer.topics[0].partitions.len(), 2);
    let cursor = answer.next_cursor.unwrap();
    assert_eq!((cursor.topic_name.as_str(), cursor.partition_index), (topic.as_str(), 2));
    let answer = wire.ask(0, &request(names(&[&absent])));
    assert_eq!(says(answer.topics[0].error_code), Some(E::UnknownTopicOrPartition));
    let named = |name: &str| MetadataRequestTopic::default().with_name(Some(topic_name(name)));
    let request = MetadataRequest::default()
        .with_topics(Some(vec![named(&topic), named(&absent), named("white space")]))
        .with_allow_auto_topic_creation(false);
    let mut answer = wire.ask(12, &request);
    answer.topics.sort_by_key(|topic| topic.error_code);
    let codes: Vec<_> =
        answer.topics.iter().map(|topic| (says(topic.error_code), topic.partitions.len())).collect();
    let expected = [(None, 3), (Some(E::UnknownTopicOrPartition), 0), (Some(E::InvalidTopicException), 0)];
    assert_eq!(codes, expected);
    assert_eq!(wire.produce(&topic, Batch::of(&["value"])).0, 0);
    let of = DescribableLogDirTopic::default().with_topic(topic_name(&topic)).with_partitions(vec![0, 1, 2]);
    let answer = wire.ask(4, &DescribeLogDirsRequest::default().with_topics(Some(vec![of])));
    assert_eq!((says(answer.error_code), answer.results.len()), (None, 1));
    let folder = &answer.results[0];
    let mut sizes: Vec<_> =
        folder.topics[0].partitions.iter().map(|one| (one.partition_index, one.partition_size)).collect();
    sizes.sort_unstable();
    let size = i64::try_from(Batch::of(&["value"]).encode().len()).unwrap();
    assert_eq!(sizes, [(0, size), (1, 0), (2, 0)]);
    cluster.stop().await;
}
