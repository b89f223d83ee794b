//! `CreateTopics`, `DeleteTopics` and `CreatePartitions`.

use std::{collections::HashSet, sync::Arc};

use kafka_protocol::{
    ResponseError,
    messages::{
        CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest, CreateTopicsResponse,
        DeleteTopicsRequest, DeleteTopicsResponse,
        create_partitions_request::CreatePartitionsTopic,
        create_partitions_response::CreatePartitionsTopicResult,
        create_topics_request::CreatableTopic,
        create_topics_response::{CreatableTopicConfigs, CreatableTopicResult},
        delete_topics_response::DeletableTopicResult,
    },
    protocol::StrBytes,
};
use uuid::Uuid;

use super::{configs, off_thread, text, topic_name};
use crate::{
    cluster::Cluster,
    topics::{Made, Topics, config::Overrides},
};

/// An error code with a message for the client.
type Refusal = (ResponseError, String);

pub(super) async fn create(
    cluster: &Cluster,
    request: &CreateTopicsRequest,
    version: i16,
) -> CreateTopicsResponse {
    let mut seen = HashSet::new();
    let twice: HashSet<_> =
        request.topics.iter().map(|topic| &topic.name).filter(|name| !seen.insert(*name)).collect();
    let mut results = Vec::with_capacity(request.topics.len());
    for topic in &request.topics {
        let result = CreatableTopicResult::default().with_name(topic.name.clone());
        let outcome = if twice.contains(&topic.name) {
            Err((ResponseError::InvalidRequest, "Found multiple entries for this topic.".to_owned()))
        } else {
            let (topics, topic, only_check) =
                (Arc::clone(&cluster.topics), topic.clone(), request.validate_only);
            off_thread(move || create_one(&topics, &topic, only_check)).await
        };
        let outcome = match cluster.settle().await {
            Err(error) => Err((ResponseError::KafkaStorageError, error.to_string())),
            Ok(()) => outcome,
        };
        results.push(match outcome {
            Ok((made, partitions)) => {
                made_result(result, &made, partitions, (&cluster.settings.topic_defaults, version))
            }
            Err((error, message)) => result
                .with_error_code(error.code())
                .with_error_message(Some(text(&message)))
                .with_num_partitions(-1)
                .with_replication_factor(-1),
        });
    }
    CreateTopicsResponse::default().with_topics(results)
}

fn made_result(
    result: CreatableTopicResult,
    made: &Made,
    partitions: i32,
    (defaults, version): (&Overrides, i16),
) -> CreatableTopicResult {
    if version < 5 {
        return result;
    }
    let configs = configs::described(defaults, &made.settings).map(|described| {
        CreatableTopicConfigs::default()
            .with_name(StrBytes::from_static_str(described.setting.name))
            .with_value(Some(text(described.value)))
            .with_config_source(described.source)
    });
    let result = if version >= 7 { result.with_topic_id(made.id) } else { result };
    result.with_num_partitions(partitions).with_replication_factor(1).with_configs(Some(configs.collect()))
}

fn create_one(topics: &Topics, topic: &CreatableTopic, only_check: bool) -> Result<(Made, i32), Refusal> {
    let partitions = if topic.assignments.is_empty() {
        match topic.num_partitions {
            -1 => topics.settings.default_partitions,
            count => count,
        }
    } else {
        assigned(topic)?
    };
    if topic.assignments.is_empty() && !matches!(topic.replication_factor, -1 | 1) {
        let message = format!(
            "Unable to replicate the partition {} time(s): there is 1 broker.",
            topic.replication_factor
        );
        return Err((ResponseError::InvalidReplicationFactor, message));
    }
    let mut settings = Overrides::new();
    for config in &topic.configs {
        let Some(value) = &config.value else {
            let message = format!("Null value not supported for topic config: {}", config.name);
            return Err((ResponseError::InvalidConfig, message));
        };
        settings.insert(config.name.to_string(), value.to_string());
    }
    let made = topics.create(&topic.name, partitions, settings, only_check);
    made.map(|made| (made, partitions)).map_err(|error| (error.response(), error.to_string()))
}

/// The number of partitions of a manual assignment, which may only name this broker.
fn assigned(topic: &CreatableTopic) -> Result<i32, Refusal> {
    let mut indexes: Vec<i32> = topic.assignments.iter().map(|one| one.partition_index).collect();
    indexes.sort_unstable();
    let consecutive = (0..).zip(&indexes).all(|(expected, index)| expected == *index);
    let here = topic.assignments.iter().all(|one| one.broker_ids == [super::NODE]);
    if topic.num_partitions != -1 || topic.replication_factor != -1 {
        let message = "A manual assignment leaves numPartitions and replicationFactor at -1.".to_owned();
        return Err((ResponseError::InvalidRequest, message));
    }
    if !consecutive || !here {
        let message = "A manual assignment names partitions from 0 on, each on broker 1.".to_owned();
        return Err((ResponseError::InvalidReplicaAssignment, message));
    }
    Ok(i32::try_from(indexes.len()).unwrap_or(i32::MAX))
}

pub(super) async fn delete(
    cluster: &Cluster,
    request: &DeleteTopicsRequest,
    version: i16,
) -> DeleteTopicsResponse {
    let by_name = request.topic_names.iter().map(|name| (Some(name.to_string()), Uuid::nil()));
    let by_state = request
        .topics
        .iter()
        .map(|topic| (topic.name.as_ref().map(|name| name.0.to_string()), topic.topic_id));
    let mut responses = Vec::new();
    for (name, id) in by_name.chain(by_state) {
        let topic = match &name {
            Some(name) => cluster.topics.get(name),
            None => cluster.topics.by_id(id),
        };
        let unknown = if name.is_some() {
            ResponseError::UnknownTopicOrPartition
        } else {
            ResponseError::UnknownTopicId
        };
        let result = DeletableTopicResult::default()
            .with_name(
                topic.as_ref().map(|topic| topic_name(&topic.name)).or(name.as_deref().map(topic_name)),
            )
            .with_topic_id(topic.as_ref().filter(|_| version >= 6).map_or(id, |topic| topic.id));
        let outcome = match &topic {
            _ if name.is_some() != id.is_nil() => {
                Err((ResponseError::InvalidRequest, "Name a topic, or give its id.".to_owned()))
            }
            Some(topic) => delete_one(cluster, &topic.name).await,
            None => Err((unknown, unknown.to_string())),
        };
        responses.push(match outcome {
            Ok(()) => result,
            Err((error, message)) => {
                result.with_error_code(error.code()).with_error_message(Some(text(&message)))
            }
        });
    }
    DeleteTopicsResponse::default().with_responses(responses)
}

async fn delete_one(cluster: &Cluster, name: &str) -> Result<(), Refusal> {
    let (topics, owned) = (Arc::clone(&cluster.topics), name.to_owned());
    // This may block until a compaction ends.
    let deleted = off_thread(move || topics.delete(&owned)).await;
    deleted.map_err(|error| (error.response(), error.to_string()))?;
    let storage = |error: std::io::Error| (ResponseError::KafkaStorageError, error.to_string());
    cluster.groups.forget_topic(name).map_err(storage)?;
    cluster.settle().await.map_err(storage)
}

fn grow_one(topics: &Topics, topic: &CreatePartitionsTopic, only_check: bool) -> Result<(), Refusal> {
    if let (Some(assignments), Some(found)) = (&topic.assignments, topics.get(&topic.name)) {
        let added = i64::from(topic.count) - i64::try_from(found.partitions().len()).unwrap_or(i64::MAX);
        let here = assignments.iter().all(|one| one.broker_ids == [super::NODE]);
        if added > 0 && (!here || i64::try_from(assignments.len()) != Ok(added)) {
            let message = "An assignment names broker 1 once for each new partition.".to_owned();
            return Err((ResponseError::InvalidReplicaAssignment, message));
        }
    }
    let grown = topics.grow(&topic.name, topic.count, only_check);
    grown.map_err(|error| (error.response(), error.to_string()))
}

pub(super) async fn create_partitions(
    cluster: &Cluster,
    request: &CreatePartitionsRequest,
) -> CreatePartitionsResponse {
    let mut results = Vec::with_capacity(request.topics.len());
    for topic in &request.topics {
        let twice = request.topics.iter().filter(|other| other.name == topic.name).count() > 1;
        let mut outcome = if twice {
            Err((ResponseError::InvalidRequest, "Found multiple entries for this topic.".to_owned()))
        } else {
            let (topics, topic, only_check) =
                (Arc::clone(&cluster.topics), topic.clone(), request.validate_only);
            off_thread(move || grow_one(&topics, &topic, only_check)).await
        };
        if let Err(error) = cluster.settle().await {
            outcome = Err((ResponseError::KafkaStorageError, error.to_string()));
        }
        let result = CreatePartitionsTopicResult::default().with_name(topic.name.clone());
        results.push(match outcome {
            Ok(()) => result.with_error_message(None),
            Err((error, message)) => {
                result.with_error_code(error.code()).with_error_message(Some(text(&message)))
            }
        });
    }
    CreatePartitionsResponse::default().with_results(results)
}
