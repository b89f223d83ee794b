//! The broker's own settings, by Kafka's names.

use crate::{
    api::{NODE, Peer},
    cluster::Cluster,
    config::Settings,
    groups::settings,
    topics::config::{Kind, SETTINGS},
};

/// A setting with its value.
pub(super) struct BrokerSetting {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) value: String,
    pub(super) documentation: &'static str,
}

const INT: Kind = Kind::Int { least: 0 };
const LONG: Kind = Kind::Long { least: 0 };
const ROLES: Kind = Kind::ListOf(&["broker", "controller"]);
const NODE_ID: &str = "The broker's id in its cluster of one.";

/// Constant settings: name, kind, value and documentation.
const FIXED: &[(&str, Kind, &str, &str)] = &[
    (
        "authorizer.class.name",
        Kind::Text,
        "",
        "What decides who may do what. Everybody may do everything here.",
    ),
    ("connections.max.idle.ms", LONG, "600000", "After so long without a request a connection is closed."),
    ("default.replication.factor", INT, "1", "Replicas of a topic: there is one broker."),
    ("delete.topic.enable", Kind::Boolean, "true", "Whether topics can be deleted."),
    ("fetch.max.bytes", INT, "57671680", "The most bytes of records in one answer."),
    (
        "group.consumer.assignment.interval.ms",
        INT,
        "0",
        "The least time between two assignments of a group under the consumer protocol.",
    ),
    (
        "group.consumer.assignors",
        Kind::ListOf(&["uniform", "range"]),
        "uniform,range",
        "The server-side assignors of the consumer protocol.",
    ),
    (
        "group.consumer.migration.policy",
        Kind::Text,
        "bidirectional",
        "Which groups with members can be converted to the other protocol: those of both.",
    ),
    ("group.initial.rebalance.delay.ms", INT, "0", "How long the first members of a group wait for others."),
    ("log.cleaner.enable", Kind::Boolean, "true", "Whether topics are compacted that ask for it."),
    (
        "offsets.retention.minutes",
        INT,
        "-1",
        "How long offsets of a group without members are kept: for ever.",
    ),
    ("process.roles", ROLES, "broker,controller", "What it does in its cluster of one."),
    ("socket.request.max.bytes", INT, "104857600", "The largest request."),
];

/// Defaults of topic settings: the broker's name, and the topics' name.
const OF_TOPICS: &[(&str, &str)] = &[
    ("compression.type", "compression.type"),
    ("log.cleaner.delete.retention.ms", "delete.retention.ms"),
    ("log.cleaner.max.compaction.lag.ms", "max.compaction.lag.ms"),
    ("log.cleaner.min.cleanable.ratio", "min.cleanable.dirty.ratio"),
    ("log.cleaner.min.compaction.lag.ms", "min.compaction.lag.ms"),
    ("log.cleanup.policy", "cleanup.policy"),
    ("log.flush.interval.messages", "flush.messages"),
    ("log.flush.interval.ms", "flush.ms"),
    ("log.message.timestamp.after.max.ms", "message.timestamp.after.max.ms"),
    ("log.message.timestamp.before.max.ms", "message.timestamp.before.max.ms"),
    ("log.message.timestamp.type", "message.timestamp.type"),
    ("log.retention.bytes", "retention.bytes"),
    ("log.retention.ms", "retention.ms"),
    ("log.roll.ms", "segment.ms"),
    ("log.segment.bytes", "segment.bytes"),
    ("message.max.bytes", "max.message.bytes"),
    ("min.insync.replicas", "min.insync.replicas"),
];

/// All settings, by name.
pub(super) fn settings(cluster: &Cluster, peer: &Peer) -> Vec<BrokerSetting> {
    let defaults = &cluster.settings.topic_defaults;
    let fixed = FIXED.iter().map(|(name, kind, value, documentation)| BrokerSetting {
        name,
        kind: *kind,
        value: (*value).to_owned(),
        documentation,
    });
    let of_topics = OF_TOPICS.iter().filter_map(|(name, of_topics)| {
        let setting = SETTINGS.iter().find(|setting| setting.name == *of_topics)?;
        let value = defaults.get(setting.name).map_or(setting.default, String::as_str).to_owned();
        Some(BrokerSetting { name, kind: setting.kind, value, documentation: setting.documentation })
    });
    let mut all: Vec<_> =
        fixed.chain(of_topics).chain(own(cluster, peer)).chain(of_consumers(&cluster.settings)).collect();
    all.sort_by_key(|setting| setting.name);
    all
}

/// The settings of the broker's start.
fn own(cluster: &Cluster, peer: &Peer) -> Vec<BrokerSetting> {
    let broker = &cluster.settings;
    let (host, port) = cluster.address_for(peer);
    let listeners = format!("PLAINTEXT://{host}:{port}");
    let connections = broker.most_connections.map_or(i32::MAX.to_string(), |most| most.to_string());
    let sessions = &broker.session_timeouts_ms;
    let all: [(_, _, &dyn ToString, _); 13] = [
        ("advertised.listeners", Kind::Text, &listeners, "Where clients are told to find it."),
        (
            "auto.create.topics.enable",
            Kind::Boolean,
            &broker.auto_create_topics,
            "Whether a topic is made that a client asks for.",
        ),
        ("broker.id", INT, &NODE.0, NODE_ID),
        (
            "group.max.session.timeout.ms",
            INT,
            sessions.end(),
            "The longest session time-out that a member may ask for.",
        ),
        (
            "group.min.session.timeout.ms",
            INT,
            sessions.start(),
            "The shortest session time-out that a member may ask for.",
        ),
        (
            "log.cleaner.dedupe.buffer.size",
            LONG,
            &broker.compaction_memory,
            "Bytes that a compaction remembers keys in.",
        ),
        ("log.dirs", Kind::Text, &cluster.folder.path().display(), "Where the records lie."),
        ("max.connections", INT, &connections, "The most connections at once."),
        ("node.id", INT, &NODE.0, NODE_ID),
        (
            "num.partitions",
            INT,
            &broker.default_partitions,
            "Partitions of a topic whose maker names no number.",
        ),
        (
            "producer.id.expiration.ms",
            INT,
            &broker.producer_id_expiry_ms,
            "A producer that was silent for so long is forgotten.",
        ),
        (
            "transaction.max.timeout.ms",
            INT,
            &broker.longest_transaction_ms,
            "The longest time-out that a transaction may ask for.",
        ),
        (
            "transactional.id.expiration.ms",
            INT,
            &broker.transactional_id_expiry_ms,
            "A transactional id that nobody uses for so long is forgotten.",
        ),
    ];
    described(all)
}

/// Those of the consumer protocol.
fn of_consumers(broker: &Settings) -> Vec<BrokerSetting> {
    let [heartbeats, sessions] = settings::limits(broker).map(|(_, limits)| limits);
    described::<6>([
        (
            "group.consumer.heartbeat.interval.ms",
            INT,
            &broker.consumer_heartbeat_interval_ms,
            "The interval of heartbeats under the consumer protocol.",
        ),
        (
            "group.consumer.max.heartbeat.interval.ms",
            INT,
            heartbeats.end(),
            "The longest heartbeat interval of a group.",
        ),
        (
            "group.consumer.max.session.timeout.ms",
            INT,
            sessions.end(),
            "The longest session timeout of a group.",
        ),
        (
            "group.consumer.min.heartbeat.interval.ms",
            INT,
            heartbeats.start(),
            "The shortest heartbeat interval of a group.",
        ),
        (
            "group.consumer.min.session.timeout.ms",
            INT,
            sessions.start(),
            "The shortest session timeout of a group.",
        ),
        (
            "group.consumer.session.timeout.ms",
            INT,
            &broker.consumer_session_timeout_ms,
            "The session timeout of members under the consumer protocol.",
        ),
    ])
}

fn described<const N: usize>(
    all: [(&'static str, Kind, &dyn ToString, &'static str); N],
) -> Vec<BrokerSetting> {
    let described = all.into_iter().map(|(name, kind, value, documentation)| BrokerSetting {
        name,
        kind,
        value: value.to_string(),
        documentation,
    });
    described.collect()
}
