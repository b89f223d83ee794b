//! What administrators do.

use std::collections::BTreeMap;

use rdkafka::{
    Offset, TopicPartitionList,
    admin::{
        AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
    },
    client::DefaultClientContext,
    consumer::{BaseConsumer, CommitMode, Consumer},
    types::RDKafkaErrorCode,
};

use crate::kit::{Cluster, PATIENCE, read_all, send, unique, until, values};

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(PATIENCE)).operation_timeout(Some(PATIENCE))
}

async fn create(
    admin: &AdminClient<DefaultClientContext>,
    topic: NewTopic<'_>,
) -> Result<(), RDKafkaErrorCode> {
    let made = admin.create_topics(&[topic], &options()).await.unwrap().remove(0);
    made.map(|_| ()).map_err(|(_, code)| code)
}

async fn settings(admin: &AdminClient<DefaultClientContext>, topic: &str) -> BTreeMap<String, String> {
    let asked = [ResourceSpecifier::Topic(topic)];
    let described = admin.describe_configs(&asked, &options()).await.unwrap().remove(0).unwrap();
    let entries = described.entries.into_iter();
    entries.map(|entry| (entry.name, entry.value.unwrap_or_default())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_that_make_no_sense_are_refused() {
    let cluster = Cluster::start().await;
    let admin = cluster.admin();
    let one = || TopicReplication::Fixed(1);
    let name = unique("topic");
    let refused = |topic| create(&admin, topic);
    assert_eq!(refused(NewTopic::new("white space", 1, one())).await, Err(RDKafkaErrorCode::InvalidTopic));
    assert_eq!(
        refused(NewTopic::new(&name, 1, TopicReplication::Fixed(9))).await,
        Err(RDKafkaErrorCode::InvalidReplicationFactor)
    );
    for (setting, value) in [
        ("no.such.setting", "1"),
        ("retention.ms", "soon"),
        ("cleanup.policy", "shred"),
        ("segment.bytes", "10"),
    ] {
        let topic = NewTopic::new(&name, 1, one()).set(setting, value);
        assert_eq!(refused(topic).await, Err(RDKafkaErrorCode::InvalidConfig), "{setting}={value}");
    }
    let checked =
        admin.create_topics(&[NewTopic::new(&name, 1, one())], &options().validate_only(true)).await.unwrap();
    assert!(checked[0].is_ok());
    assert_eq!(refused(NewTopic::new(&name, 1, one())).await, Ok(()), "only validated before");
    assert_eq!(refused(NewTopic::new(&name, 1, one())).await, Err(RDKafkaErrorCode::TopicAlreadyExists));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_can_be_read_and_changed() {
    let cluster = Cluster::start().await;
    let admin = cluster.admin();
    let topic = cluster.topic(1, &[("retention.ms", "-1"), ("cleanup.policy", "compact,delete")]).await;
    let found = settings(&admin, &topic).await;
    for (name, value) in [
        ("retention.ms", "-1"),
        ("cleanup.policy", "compact,delete"),
        ("segment.bytes", "1073741824"),
        ("message.timestamp.type", "CreateTime"),
        ("message.timestamp.after.max.ms", "3600000"),
        ("min.insync.replicas", "1"),
    ] {
        assert_eq!(found[name], value, "{name}");
    }
    let change = AlterConfig::new(ResourceSpecifier::Topic(&topic)).set("max.message.bytes", "5000");
    admin.alter_configs(&[change], &options()).await.unwrap().remove(0).unwrap();
    until("the change", || {
        let found = futures::executor::block_on(settings(&admin, &topic));
        found["max.message.bytes"] == "5000" && found["retention.ms"] == "604800000"
    });
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_grow_and_go() {
    let cluster = Cluster::start().await;
    let admin = cluster.admin();
    let topic = cluster.topic(1, &[]).await;
    // A consumer: unlike a producer, its metadata request creates no topic.
    let onlooker: BaseConsumer = cluster.client().set("group.id", unique("group")).create().unwrap();
    let partitions = || {
        let metadata = onlooker.fetch_metadata(Some(&topic), PATIENCE).unwrap();
        let of = &metadata.topics()[0];
        of.error().is_none().then(|| of.partitions().len())
    };
    until("one partition", || partitions() == Some(1));
    admin.create_partitions(&[NewPartitions::new(&topic, 3)], &options()).await.unwrap().remove(0).unwrap();
    until("three partitions", || partitions() == Some(3));
    let fewer =
        admin.create_partitions(&[NewPartitions::new(&topic, 2)], &options()).await.unwrap().remove(0);
    assert_eq!(fewer.unwrap_err().1, RDKafkaErrorCode::InvalidPartitions);
    let producer = cluster.producer(&[]);
    assert_eq!(send(&producer, &topic, 2, "key", "value").await, 0);
    admin.delete_topics(&[&topic], &options()).await.unwrap().remove(0).unwrap();
    until("no topic", || partitions().is_none());
    let gone = admin.delete_topics(&[&topic], &options()).await.unwrap().remove(0);
    assert_eq!(gone.unwrap_err().1, RDKafkaErrorCode::UnknownTopicOrPartition);
    // A new topic of the same name is empty.
    create(&admin, NewTopic::new(&topic, 3, TopicReplication::Fixed(1))).await.unwrap();
    assert_eq!(read_all(&cluster.bootstrap, &topic, 3, "read_uncommitted"), []);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_listed_and_deleted() {
    let cluster = Cluster::start().await;
    let admin = cluster.admin();
    let topic = cluster.topic(1, &[]).await;
    let group = unique("group");
    let member = |session: &str| -> BaseConsumer {
        cluster
            .client()
            .set("group.id", &group)
            .set("session.timeout.ms", session)
            .set("client.id", "me")
            .create()
            .unwrap()
    };
    let consumer = member("6000");
    consumer.subscribe(&[&topic]).unwrap();
    until("an assignment", || {
        let _ = consumer.poll(std::time::Duration::from_millis(20));
        consumer.assignment().unwrap().count() == 1
    });
    let described = || consumer.fetch_group_list(Some(&group), PATIENCE).unwrap();
    let list = described();
    let found = &list.groups()[0];
    assert_eq!((found.name(), found.state(), found.protocol_type()), (group.as_str(), "Stable", "consumer"));
    assert_eq!(found.members().len(), 1);
    assert_eq!(found.members()[0].client_id(), "me");
    let busy = admin.delete_groups(&[&group], &options()).await.unwrap().remove(0);
    assert_eq!(busy.unwrap_err().1, RDKafkaErrorCode::NonEmptyGroup);
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset(&topic, 0, Offset::Offset(3)).unwrap();
    consumer.commit(&offsets, CommitMode::Sync).unwrap();
    drop(consumer);
    until("an empty group", || {
        let deleted =
            futures::executor::block_on(admin.delete_groups(&[&group], &options())).unwrap().remove(0);
        deleted.is_ok()
    });
    let mut asked = TopicPartitionList::new();
    asked.add_partition(&topic, 0);
    let committed = member("6000").committed_offsets(asked, PATIENCE).unwrap();
    assert_eq!(committed.elements()[0].offset(), Offset::Invalid);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_can_be_deleted_up_to_an_offset() {
    let cluster = Cluster::start().await;
    let topic = cluster.topic(1, &[]).await;
    let producer = cluster.producer(&[]);
    for n in 0..10 {
        send(&producer, &topic, 0, "key", &n.to_string()).await;
    }
    let mut before = TopicPartitionList::new();
    before.add_partition_offset(&topic, 0, Offset::Offset(7)).unwrap();
    cluster.admin().delete_records(&before, &options()).await.unwrap();
    let consumer: BaseConsumer = cluster.client().set("group.id", unique("group")).create().unwrap();
    assert_eq!(consumer.fetch_watermarks(&topic, 0, PATIENCE).unwrap(), (7, 10));
    assert_eq!(values(&read_all(&cluster.bootstrap, &topic, 1, "read_committed")), ["7", "8", "9"]);
    cluster.stop().await;
}
