//! Metadata and `DescribeTopicPartitions`: which topics there are.

use std::sync::Arc;

use kafka_protocol::{
    ResponseError,
    messages::{
        DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, MetadataRequest, MetadataResponse,
        describe_topic_partitions_response::{
            Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
        },
        metadata_response::{MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic},
    },
};

use super::{LEADER_EPOCH, NODE, Peer, off_thread, once, single_node_admin::operations, text, topic_name};
use crate::{
    cluster::Cluster,
    topics::{Topic, TopicError, config::Overrides, is_internal},
};

pub(super) async fn metadata(
    cluster: &Cluster,
    peer: &Peer,
    request: &MetadataRequest,
    version: i16,
) -> MetadataResponse {
    // In version 0 an empty list means all topics, in later ones null does.
    let wanted = request.topics.as_ref().filter(|topics| version > 0 || !topics.is_empty());
    let mut topics: Vec<_> = match wanted {
        None => cluster.topics.all().iter().map(describe).collect(),
        Some(wanted) => {
            // Before version 4 it was always allowed.
            let create = request.allow_auto_topic_creation || version < 4;
            let mut topics = Vec::with_capacity(wanted.len());
            for topic in once(wanted, |topic| (topic.name.clone(), topic.topic_id)) {
                // With a topic id the name is null, or empty as in Java's admin client.
                let name = topic.name.as_ref().filter(|name| topic.topic_id.is_nil() || !name.is_empty());
                topics.push(match name {
                    Some(name) => by_name(cluster, name, create).await,
                    None => match cluster.topics.by_id(topic.topic_id) {
                        Some(found) => describe(&found),
                        None => MetadataResponseTopic::default()
                            .with_error_code(ResponseError::UnknownTopicId.code())
                            .with_topic_id(topic.topic_id)
                            .with_name((version < 12).then(|| topic_name(""))),
                    },
                });
            }
            topics
        }
    };
    if request.include_topic_authorized_operations {
        for topic in topics.iter_mut().filter(|topic| topic.error_code == 0) {
            topic.topic_authorized_operations = operations::OF_TOPIC;
        }
    }
    let (host, port) = cluster.address_for(peer);
    let broker = MetadataResponseBroker::default()
        .with_node_id(NODE)
        .with_host(text(&host))
        .with_port(i32::from(port));
    let response = if request.include_cluster_authorized_operations {
        MetadataResponse::default().with_cluster_authorized_operations(operations::OF_CLUSTER)
    } else {
        MetadataResponse::default()
    };
    response
        .with_brokers(vec![broker])
        .with_cluster_id(Some(text(&cluster.id)))
        .with_controller_id(NODE)
        .with_topics(topics)
}

async fn by_name(cluster: &Cluster, name: &str, create: bool) -> MetadataResponseTopic {
    if let Some(topic) = cluster.topics.get(name) {
        return describe(&topic);
    }
    let refuse = |error: ResponseError| {
        MetadataResponseTopic::default().with_error_code(error.code()).with_name(Some(topic_name(name)))
    };
    if let Err(error) = crate::topics::check_name(name) {
        return refuse(error.response());
    }
    if !create || !cluster.settings.auto_create_topics {
        return refuse(ResponseError::UnknownTopicOrPartition);
    }
    let (topics, owned) = (Arc::clone(&cluster.topics), name.to_owned());
    // This may block on the creation or deletion of another topic.
    let made = off_thread(move || {
        topics.create(&owned, topics.settings.default_partitions, Overrides::new(), false)
    })
    .await;
    let made = made.map(|_| ()).or_else(|error| match error {
        // Another request has created it.
        TopicError::Exists(_) => Ok(()),
        error => Err(error.response()),
    });
    let settled = cluster.settle().await.map_err(|_| ResponseError::KafkaStorageError);
    match (made.and(settled), cluster.topics.get(name)) {
        (Ok(()), Some(topic)) => describe(&topic),
        (Err(error), _) => refuse(error),
        (Ok(()), None) => refuse(ResponseError::LeaderNotAvailable),
    }
}

fn describe(topic: &Arc<Topic>) -> MetadataResponseTopic {
    let partitions = topic.partitions().into_iter().map(|partition| {
        MetadataResponsePartition::default()
            .with_partition_index(partition.index)
            .with_leader_id(NODE)
            .with_leader_epoch(LEADER_EPOCH)
            .with_replica_nodes(vec![NODE])
            .with_isr_nodes(vec![NODE])
    });
    MetadataResponseTopic::default()
        .with_name(Some(topic_name(&topic.name)))
        .with_topic_id(topic.id)
        .with_is_internal(is_internal(&topic.name))
        .with_partitions(partitions.collect())
}

/// The same for admin clients, paged (KIP-966).
pub(super) fn describe_partitions(
    cluster: &Cluster,
    request: &DescribeTopicPartitionsRequest,
) -> DescribeTopicPartitionsResponse {
    let mut names: Vec<String> = request.topics.iter().map(|topic| topic.name.to_string()).collect();
    if names.is_empty() {
        names = cluster.topics.all().iter().map(|topic| topic.name.clone()).collect();
    }
    names.sort();
    names.dedup();
    let (from_topic, from_partition) = match &request.cursor {
        Some(cursor) => (cursor.topic_name.to_string(), cursor.partition_index.max(0)),
        None => (String::new(), 0),
    };
    let mut room = usize::try_from(request.response_partition_limit).unwrap_or(0).clamp(1, 2000);
    let mut response = DescribeTopicPartitionsResponse::default();
    for name in names.into_iter().filter(|name| *name >= from_topic) {
        let first = if name == from_topic { from_partition } else { 0 };
        if room == 0 {
            response.next_cursor = Some(cursor(&name, first));
            break;
        }
        let described = DescribeTopicPartitionsResponseTopic::default().with_name(Some(topic_name(&name)));
        let Some(topic) = cluster.topics.get(&name) else {
            let unknown = ResponseError::UnknownTopicOrPartition.code();
            response.topics.push(described.with_error_code(unknown));
            continue;
        };
        let all = topic.partitions();
        let left = all.iter().filter(|partition| partition.index >= first);
        let shown: Vec<_> = left.take(room).map(|partition| described_partition(partition.index)).collect();
        room -= shown.len();
        let next = shown.last().map_or(first, |last| last.partition_index + 1);
        response.topics.push(
            described
                .with_topic_id(topic.id)
                .with_is_internal(is_internal(&name))
                .with_topic_authorized_operations(operations::OF_TOPIC)
                .with_partitions(shown),
        );
        if usize::try_from(next).is_ok_and(|next| next < all.len()) {
            response.next_cursor = Some(cursor(&name, next));
            break;
        }
    }
    response
}

fn cursor(topic: &str, partition: i32) -> Cursor {
    Cursor::default().with_topic_name(topic_name(topic)).with_partition_index(partition)
}

fn described_partition(index: i32) -> DescribeTopicPartitionsResponsePartition {
    DescribeTopicPartitionsResponsePartition::default()
        .with_partition_index(index)
        .with_leader_id(NODE)
        .with_leader_epoch(LEADER_EPOCH)
        .with_replica_nodes(vec![NODE])
        .with_isr_nodes(vec![NODE])
        .with_eligible_leader_replicas(Some(Vec::new()))
        .with_last_known_elr(Some(Vec::new()))
}
