//! `DescribeConfigs`, `AlterConfigs` and `IncrementalAlterConfigs`.

mod broker;

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

use super::{NODE, Peer, once, text};
use crate::{
    cluster::Cluster,
    groups::settings,
    topics::{
        TopicError, check_name,
        config::{Kind, Overrides, SETTINGS, Setting},
    },
};

/// Resource types.
pub(super) const TOPIC: i8 = 2;
pub(super) const BROKER: i8 = 4;
const CLIENT_METRICS: i8 = 16;
pub(super) const GROUP: i8 = 32;
/// Sources of a value.
const OF_TOPIC: i8 = 1;
const STATIC_OF_BROKER: i8 = 4;
const OF_GROUP: i8 = 8;
const DEFAULT: i8 = 5;

/// A setting with its current value.
pub(super) struct Described<'a> {
    pub(super) setting: &'static Setting,
    pub(super) value: &'a str,
    pub(super) source: i8,
}

/// All settings of a topic with these overrides, on a broker with these defaults.
pub(super) fn described<'a>(
    defaults: &'a Overrides,
    own: &'a Overrides,
) -> impl Iterator<Item = Described<'a>> {
    SETTINGS.iter().map(|setting| {
        let (value, source) =
            values(setting, defaults, (own, OF_TOPIC)).next().unwrap_or((setting.default, DEFAULT));
        Described { setting, value, source }
    })
}

/// The values of a setting with their sources, the effective one first.
fn values<'a>(
    setting: &Setting,
    defaults: &'a Overrides,
    (own, source): (&'a Overrides, i8),
) -> impl Iterator<Item = (&'a str, i8)> {
    let of_itself = own.get(setting.name).map(|value| (value.as_str(), source));
    let of_broker = defaults.get(setting.name).map(|value| (value.as_str(), STATIC_OF_BROKER));
    of_itself.into_iter().chain(of_broker).chain([(setting.default, DEFAULT)])
}

pub(super) fn describe(
    cluster: &Cluster,
    peer: &Peer,
    request: &DescribeConfigsRequest,
) -> DescribeConfigsResponse {
    let asked = |one: &DescribeConfigsResource| {
        (one.resource_type, one.resource_name.clone(), one.configuration_keys.clone())
    };
    let results = once(&request.resources, asked).map(|resource| {
        let result = DescribeConfigsResult::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name.clone());
        let wanted = |name: &str| {
            resource
                .configuration_keys
                .as_ref()
                .is_none_or(|keys| keys.is_empty() || keys.iter().any(|key| **key == *name))
        };
        match resource.resource_type {
            TOPIC => match cluster.topics.get(&resource.resource_name) {
                None => {
                    let known = check_name(&resource.resource_name).map_err(|error| error.response());
                    let error = known.err().unwrap_or(ResponseError::UnknownTopicOrPartition);
                    result.with_error_code(error.code()).with_error_message(Some(text(&error.to_string())))
                }
                Some(topic) => {
                    let (defaults, own) = (&cluster.settings.topic_defaults, topic.overrides());
                    result.with_configs(describe_all(SETTINGS, defaults, (&own, OF_TOPIC), &wanted, request))
                }
            },
            GROUP if !resource.resource_name.is_empty() => {
                let own = cluster.groups.own_settings(&resource.resource_name);
                let (all, defaults) = (settings::SETTINGS, cluster.groups.default_settings());
                result.with_configs(describe_all(all, &defaults, (&own, OF_GROUP), &wanted, request))
            }
            BROKER
                if *resource.resource_name != *NODE.0.to_string() && !resource.resource_name.is_empty() =>
            {
                result
                    .with_error_code(ResponseError::InvalidRequest.code())
                    .with_error_message(Some(text(&format!("The only broker here is {}.", NODE.0))))
            }
            BROKER => {
                let all = broker::settings(cluster, peer);
                let all = all.iter().filter(|setting| wanted(setting.name)).map(|setting| {
                    let values = [(setting.value.as_str(), STATIC_OF_BROKER)];
                    describe_one(setting.name, setting.kind, setting.documentation, &values, request)
                        .with_read_only(true)
                });
                result.with_configs(all.collect())
            }
            // There are no settings of these resources.
            CLIENT_METRICS if !resource.resource_name.is_empty() => result,
            _ => result
                .with_error_code(ResponseError::InvalidRequest.code())
                .with_error_message(Some(text("Only topics, groups and this broker have settings here."))),
        }
    });
    DescribeConfigsResponse::default().with_results(results.collect())
}

/// The settings that are wanted of something that has these of its own, which are of this source.
fn describe_all(
    all: &'static [Setting],
    defaults: &Overrides,
    own: (&Overrides, i8),
    wanted: &dyn Fn(&str) -> bool,
    request: &DescribeConfigsRequest,
) -> Vec<DescribeConfigsResourceResult> {
    let all = all.iter().filter(|setting| wanted(setting.name));
    let all = all.map(|setting| {
        let values: Vec<_> = values(setting, defaults, own).collect();
        describe_one(setting.name, setting.kind, setting.documentation, &values, request)
    });
    all.collect()
}

/// A setting with its values, the effective one first.
fn describe_one(
    name: &'static str,
    kind: Kind,
    documentation: &'static str,
    values: &[(&str, i8)],
    request: &DescribeConfigsRequest,
) -> DescribeConfigsResourceResult {
    let name = StrBytes::from_static_str(name);
    let described = DescribeConfigsResourceResult::default().with_name(name.clone());
    let described = match values {
        [(value, source), ..] => described.with_value(Some(text(value))).with_config_source(*source),
        [] => described,
    };
    let synonyms = values.iter().map(|(value, source)| {
        DescribeConfigsSynonym::default()
            .with_name(name.clone())
            .with_value(Some(text(value)))
            .with_source(*source)
    });
    let documentation = StrBytes::from_static_str(documentation);
    described
        .with_synonyms(if request.include_synonyms { synonyms.collect() } else { Vec::new() })
        .with_documentation(request.include_documentation.then_some(documentation))
        .with_config_type(match kind {
            Kind::Boolean => 1,
            Kind::Text | Kind::OneOf(_) => 2,
            Kind::Int { .. } => 3,
            Kind::Long { .. } => 5,
            Kind::Ratio => 6,
            Kind::ListOf(_) => 7,
        })
}

/// Changes a topic's or a group's settings; a refusal comes with its sentence.
async fn change(
    cluster: &Cluster,
    resource_type: i8,
    name: &str,
    only_check: bool,
    change: impl FnOnce(Overrides) -> Result<Overrides, TopicError>,
) -> Result<(), (ResponseError, String)> {
    let changed = match resource_type {
        TOPIC => cluster.topics.configure(name, only_check, change),
        GROUP => cluster.groups.configure(name, only_check, change),
        _ => {
            let message = "Only settings of topics and groups can be changed here.".to_owned();
            return Err((ResponseError::InvalidRequest, message));
        }
    };
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
                None => resource
                    .configs
                    .iter()
                    .try_fold(settings, |settings, wanted| step(resource.resource_type, settings, wanted)),
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
fn step(
    resource_type: i8,
    mut settings: Overrides,
    wanted: &AlterableConfig,
) -> Result<Overrides, TopicError> {
    const SET: i8 = 0;
    const DELETE: i8 = 1;
    const APPEND: i8 = 2;
    const SUBTRACT: i8 = 3;
    let name = wanted.name.to_string();
    let invalid = |message: String| TopicError::InvalidConfig(message);
    let (what, all) =
        if resource_type == GROUP { ("group", settings::SETTINGS) } else { ("topic", SETTINGS) };
    let setting = all.iter().find(|setting| setting.name == name);
    let setting = setting.ok_or_else(|| invalid(format!("Unknown {what} config name: {name}")))?;
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
