//! `DescribeConfigs`, `AlterConfigs` and `IncrementalAlterConfigs`.

use std::collections::HashSet;

use kafka_protocol::{
    ResponseError,
    messages::{
        AlterConfigsRequest, AlterConfigsResponse, DescribeConfigsRequest, DescribeConfigsResponse,
        IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
        alter_configs_response::AlterConfigsResourceResponse,
        describe_configs_request::DescribeConfigsResource,
        describe_configs_response::{
            DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
        },
        incremental_alter_configs_request::AlterableConfig,
        incremental_alter_configs_response::AlterConfigsResourceResponse as IncrementalResponse,
    },
    protocol::StrBytes,
};

use super::{NODE, once, text};
use crate::{
    cluster::Cluster,
    topics::{
        TopicError, check_name,
        config::{self, Kind, Overrides, SETTINGS, Setting},
    },
};

/// Resource types.
const TOPIC: i8 = 2;
const BROKER: i8 = 4;
/// Sources of a value.
const OF_TOPIC: i8 = 1;
const STATIC_OF_BROKER: i8 = 4;
const DEFAULT: i8 = 5;

/// A setting with its present value.
pub(super) struct Described<'a> {
    pub(super) setting: &'static Setting,
    pub(super) value: &'a str,
    pub(super) source: i8,
}

/// All settings of a topic that has these of its own.
pub(super) fn described(own: &Overrides) -> impl Iterator<Item = Described<'_>> {
    SETTINGS.iter().map(|setting| match own.get(setting.name) {
        Some(value) => Described { setting, value, source: OF_TOPIC },
        None => Described { setting, value: setting.default, source: DEFAULT },
    })
}

/// What the broker itself says of its settings.
const OF_BROKER: [(&str, &str); 6] = [
    ("auto.create.topics.enable", "true"),
    ("default.replication.factor", "1"),
    ("group.min.session.timeout.ms", "6000"),
    ("num.partitions", "1"),
    ("offsets.retention.minutes", "-1"),
    ("transaction.max.timeout.ms", "900000"),
];

pub(super) fn describe(cluster: &Cluster, request: &DescribeConfigsRequest) -> DescribeConfigsResponse {
    let asked = |one: &DescribeConfigsResource| {
        (one.resource_type, one.resource_name.clone(), one.configuration_keys.clone())
    };
    let results = once(&request.resources, asked).map(|resource| {
        let result = DescribeConfigsResult::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone());
        let wanted = |name: &str| {
            resource.configuration_keys.as_ref().is_none_or(|keys| keys.iter().any(|key| **key == *name))
        };
        match resource.resource_type {
            TOPIC => match cluster.topics.get(&resource.resource_name) {
                None => {
                    let known = check_name(&resource.resource_name).map_err(|error| error.response());
                    let error = known.err().unwrap_or(ResponseError::UnknownTopicOrPartition);
                    result.with_error_code(error.code()).with_error_message(Some(text(&error.to_string())))
                }
                Some(topic) => {
                    let own = topic.overrides();
                    let all = described(&own).filter(|described| wanted(described.setting.name));
                    result.with_configs(all.map(|one| describe_one(&one, request.include_synonyms)).collect())
                }
            },
            BROKER
                if *resource.resource_name != *NODE.0.to_string() && !resource.resource_name.is_empty() =>
            {
                result
                    .with_error_code(ResponseError::InvalidRequest.code())
                    .with_error_message(Some(text(&format!("The only broker here is {}.", NODE.0))))
            }
            BROKER => {
                let all = OF_BROKER.iter().filter(|(name, _)| wanted(name)).map(|(name, value)| {
                    DescribeConfigsResourceResult::default()
                        .with_name(StrBytes::from_static_str(name))
                        .with_value(Some(StrBytes::from_static_str(value)))
                        .with_read_only(true)
                        .with_config_source(STATIC_OF_BROKER)
                });
                result.with_configs(all.collect())
            }
            _ => result
                .with_error_code(ResponseError::InvalidRequest.code())
                .with_error_message(Some(text("Only topics and this broker have settings here."))),
        }
    });
    DescribeConfigsResponse::default().with_results(results.collect())
}

fn describe_one(described: &Described<'_>, synonyms: bool) -> DescribeConfigsResourceResult {
    let name = StrBytes::from_static_str(described.setting.name);
    let own = (described.source == OF_TOPIC).then_some((described.value, OF_TOPIC));
    let chain = own.into_iter().chain([(described.setting.default, DEFAULT)]).map(|(value, source)| {
        DescribeConfigsSynonym::default()
            .with_name(name.clone())
            .with_value(Some(text(value)))
            .with_source(source)
    });
    DescribeConfigsResourceResult::default()
        .with_name(name.clone())
        .with_value(Some(text(described.value)))
        .with_config_source(described.source)
        .with_synonyms(if synonyms { chain.collect() } else { Vec::new() })
        .with_config_type(match described.setting.kind {
            Kind::Boolean => 1,
            Kind::Text | Kind::OneOf(_) => 2,
            Kind::Int { .. } => 3,
            Kind::Long { .. } => 5,
            Kind::Ratio => 6,
            Kind::ListOf(_) => 7,
        })
}

/// Changes a topic's settings; a refusal comes with its sentence.
async fn change(
    cluster: &Cluster,
    resource_type: i8,
    name: &str,
    only_check: bool,
    change: impl FnOnce(Overrides) -> Result<Overrides, TopicError>,
) -> Result<(), (ResponseError, String)> {
    if resource_type != TOPIC {
        let message = "Only topics' settings can be changed here.".to_owned();
        return Err((ResponseError::InvalidRequest, message));
    }
    let changed = cluster.topics.configure(name, only_check, change);
    changed.map_err(|error| (error.response(), error.to_string()))?;
    cluster.settle().await.map_err(|error| (ResponseError::KafkaStorageError, error.to_string()))
}

pub(super) async fn alter(cluster: &Cluster, request: &AlterConfigsRequest) -> AlterConfigsResponse {
    let mut responses = Vec::with_capacity(request.resources.len());
    for resource in &request.resources {
        let new = |_| {
            let pairs = resource.configs.iter().map(|config| match &config.value {
                Some(value) => Ok((config.name.to_string(), value.to_string())),
                None => Err(null(&config.name)),
            });
            pairs.collect()
        };
        let (kind, name) = (resource.resource_type, &resource.resource_name);
        let outcome = change(cluster, kind, name, request.validate_only, new).await;
        let (error, message) = said(outcome);
        responses.push(
            AlterConfigsResourceResponse::default()
                .with_resource_type(kind)
                .with_resource_name(name.clone())
                .with_error_code(error)
                .with_error_message(message),
        );
    }
    AlterConfigsResponse::default().with_responses(responses)
}

pub(super) async fn alter_incrementally(
    cluster: &Cluster,
    request: &IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    let mut responses = Vec::with_capacity(request.resources.len());
    for resource in &request.resources {
        let apply = |settings| {
            let mut named = HashSet::new();
            match resource.configs.iter().find(|config| !named.insert(&config.name)) {
                Some(twice) => Err(TopicError::InvalidRequest(format!("{} is named twice.", twice.name))),
                None => resource.configs.iter().try_fold(settings, step),
            }
        };
        let (kind, name) = (resource.resource_type, &resource.resource_name);
        let outcome = change(cluster, kind, name, request.validate_only, apply).await;
        let (error, message) = said(outcome);
        responses.push(
            IncrementalResponse::default()
                .with_resource_type(kind)
                .with_resource_name(name.clone())
                .with_error_code(error)
                .with_error_message(message),
        );
    }
    IncrementalAlterConfigsResponse::default().with_responses(responses)
}

/// One incremental change (KIP-339).
fn step(mut settings: Overrides, wanted: &AlterableConfig) -> Result<Overrides, TopicError> {
    const SET: i8 = 0;
    const DELETE: i8 = 1;
    const APPEND: i8 = 2;
    const SUBTRACT: i8 = 3;
    let name = wanted.name.to_string();
    let invalid = |message: String| TopicError::InvalidConfig(message);
    let setting = config::find(&name).ok_or_else(|| invalid(format!("Unknown topic config name: {name}")))?;
    if wanted.config_operation == DELETE {
        settings.remove(&name);
        return Ok(settings);
    }
    let value = wanted.value.as_ref().ok_or_else(|| null(&name))?;
    let present = settings.get(&name).map_or(setting.default, String::as_str);
    let listed = |text: &str| text.split(',').map(|one| one.trim().to_owned()).collect::<Vec<_>>();
    let value = match wanted.config_operation {
        SET => value.to_string(),
        APPEND | SUBTRACT if !matches!(setting.kind, Kind::ListOf(_)) => {
            return Err(invalid(format!("Config value append is not allowed for config key: {name}")));
        }
        APPEND => {
            let mut all = listed(present);
            all.extend(listed(value).into_iter().filter(|one| !present.contains(one.as_str())));
            all.join(",")
        }
        SUBTRACT => {
            let gone = listed(value);
            let left = listed(present).into_iter().filter(|one| !gone.contains(one));
            left.collect::<Vec<_>>().join(",")
        }
        other => return Err(TopicError::InvalidRequest(format!("Unknown operation {other} for {name}"))),
    };
    settings.insert(name, value);
    Ok(settings)
}

fn null(name: &str) -> TopicError {
    TopicError::InvalidRequest(format!("Null value not supported for {name}"))
}

fn said(outcome: Result<(), (ResponseError, String)>) -> (i16, Option<StrBytes>) {
    match outcome {
        Ok(()) => (0, None),
        Err((error, message)) => (error.code(), Some(text(&message))),
    }
}
