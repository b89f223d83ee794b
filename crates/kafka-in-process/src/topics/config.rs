//! Topic settings: names, types and defaults (as in Kafka 4).

use std::collections::BTreeMap;

use crate::log::LogConfig;

/// The type of a setting's values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Boolean,
    Text,
    Int { least: i64 },
    Long { least: i64 },
    Ratio,
    OneOf(&'static [&'static str]),
    ListOf(&'static [&'static str]),
}

/// A setting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) default: &'static str,
    /// Its documentation, for admin tools.
    pub(crate) documentation: &'static str,
}

const fn setting(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    documentation: &'static str,
) -> Setting {
    Setting { name, kind, default, documentation }
}

const FOREVER: &str = "9223372036854775807";
const CODECS: &[&str] = &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"];

/// Every topic setting, by name.
pub(crate) const SETTINGS: &[Setting] = &[
    setting(
        "cleanup.policy",
        Kind::ListOf(&["compact", "delete"]),
        "delete",
        "What becomes of old records: delete removes them by age and size, compact keeps the last record of each key.",
    ),
    setting(
        "compression.gzip.level",
        Kind::Int { least: -1 },
        "-1",
        "The level of gzip, where compression.type is gzip. Batches stay as they came here.",
    ),
    setting(
        "compression.lz4.level",
        Kind::Int { least: 1 },
        "9",
        "The level of lz4, where compression.type is lz4. Batches stay as they came here.",
    ),
    setting(
        "compression.type",
        Kind::OneOf(CODECS),
        "producer",
        "How batches are compressed. Here they stay as their producer sent them.",
    ),
    setting(
        "compression.zstd.level",
        Kind::Int { least: -131_072 },
        "3",
        "The level of zstd, where compression.type is zstd. Batches stay as they came here.",
    ),
    setting(
        "delete.retention.ms",
        Kind::Long { least: 0 },
        "86400000",
        "How long a tombstone stays in a compacted topic after the first compaction that saw it.",
    ),
    setting(
        "file.delete.delay.ms",
        Kind::Long { least: 0 },
        "60000",
        "How long a deleted file stays. Here it goes with the next look of the housekeeping.",
    ),
    setting(
        "flush.messages",
        Kind::Long { least: 1 },
        FOREVER,
        "So many records are synced to the disk at the latest.",
    ),
    setting(
        "flush.ms",
        Kind::Long { least: 0 },
        FOREVER,
        "Records are synced to the disk after this time at the latest.",
    ),
    setting(
        "follower.replication.throttled.replicas",
        Kind::Text,
        "",
        "Replicas whose following is throttled. There is no replication here.",
    ),
    setting(
        "index.interval.bytes",
        Kind::Int { least: 0 },
        "4096",
        "Bytes between two entries of an index. Here there are 16 KiB between them.",
    ),
    setting(
        "leader.replication.throttled.replicas",
        Kind::Text,
        "",
        "Replicas whose leading is throttled. There is no replication here.",
    ),
    setting(
        "local.retention.bytes",
        Kind::Long { least: -2 },
        "-2",
        "Bytes that stay here of a partition that is kept elsewhere too. There is no tiered storage here.",
    ),
    setting(
        "local.retention.ms",
        Kind::Long { least: -2 },
        "-2",
        "How long records stay here that are kept elsewhere too. There is no tiered storage here.",
    ),
    setting(
        "max.compaction.lag.ms",
        Kind::Long { least: 1 },
        FOREVER,
        "How long a record may stay uncompacted at the most.",
    ),
    setting(
        "max.message.bytes",
        Kind::Int { least: 0 },
        "1048588",
        "The largest record batch that is taken.",
    ),
    setting(
        "message.timestamp.after.max.ms",
        Kind::Long { least: 0 },
        "3600000",
        "How far a record's time may lie ahead of the broker's.",
    ),
    setting(
        "message.timestamp.before.max.ms",
        Kind::Long { least: 0 },
        FOREVER,
        "How far a record's time may lie behind the broker's.",
    ),
    setting(
        "message.timestamp.type",
        Kind::OneOf(&["CreateTime", "LogAppendTime"]),
        "CreateTime",
        "Whether a record has the time that its producer gives it, or that of its append.",
    ),
    setting(
        "min.cleanable.dirty.ratio",
        Kind::Ratio,
        "0.5",
        "The uncompacted part of a log from which on it is compacted.",
    ),
    setting(
        "min.compaction.lag.ms",
        Kind::Long { least: 0 },
        "0",
        "How long a record stays uncompacted at least.",
    ),
    setting(
        "min.insync.replicas",
        Kind::Int { least: 1 },
        "1",
        "Replicas that have to have a batch before it is acknowledged with acks=all. There is one here.",
    ),
    setting(
        "preallocate",
        Kind::Boolean,
        "false",
        "Whether the file of a new segment is made at its full size. Here it is not.",
    ),
    setting(
        "remote.log.copy.disable",
        Kind::Boolean,
        "false",
        "Whether nothing more is copied to tiered storage. There is none here.",
    ),
    setting(
        "remote.log.delete.on.disable",
        Kind::Boolean,
        "false",
        "Whether what lies in tiered storage is deleted when it is switched off. There is none here.",
    ),
    setting(
        "remote.storage.enable",
        Kind::Boolean,
        "false",
        "Whether a topic is kept in tiered storage too. There is none here.",
    ),
    setting(
        "retention.bytes",
        Kind::Long { least: -1 },
        "-1",
        "The size from which on a partition loses its oldest segments; -1 for none.",
    ),
    setting("retention.ms", Kind::Long { least: -1 }, "604800000", "How long records are kept; -1 for ever."),
    setting(
        "segment.bytes",
        Kind::Int { least: 1_048_576 },
        "1073741824",
        "The size of a segment from which on a new one begins.",
    ),
    setting(
        "segment.index.bytes",
        Kind::Int { least: 4 },
        "10485760",
        "The largest size of an index. Here it grows with its segment.",
    ),
    setting(
        "segment.jitter.ms",
        Kind::Long { least: 0 },
        "0",
        "By how much the time for a new segment may vary. Here it does not.",
    ),
    setting(
        "segment.ms",
        Kind::Long { least: 1 },
        "604800000",
        "The age of a segment from which on a new one begins.",
    ),
    setting(
        "unclean.leader.election.enable",
        Kind::Boolean,
        "false",
        "Whether a replica may lead that has not all records. There is one replica here.",
    ),
];

/// Finds a setting.
fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

impl Setting {
    /// Checks a value; the error is for the user who set it.
    pub(crate) fn check(&self, value: &str) -> Result<(), String> {
        let number = |least: i64, most: i64| {
            value.trim().parse().is_ok_and(|value: i64| (least..=most).contains(&value))
        };
        let fits = match self.kind {
            Kind::Boolean => matches!(value.to_ascii_lowercase().as_str(), "true" | "false"),
            Kind::Text => true,
            Kind::Int { least } => number(least, i64::from(i32::MAX)),
            Kind::Long { least } => number(least, i64::MAX),
            Kind::Ratio => value.parse().is_ok_and(|ratio: f64| (0.0..=1.0).contains(&ratio)),
            Kind::OneOf(choices) => choices.contains(&value),
            Kind::ListOf(choices) => {
                !value.is_empty() && value.split(',').all(|one| choices.contains(&one.trim()))
            }
        };
        if fits { Ok(()) } else { Err(format!("Invalid value {value} for configuration {}", self.name)) }
    }
}

/// The overrides of a topic.
pub(crate) type Overrides = BTreeMap<String, String>;

/// Checks a topic's overrides.
pub(crate) fn check(overrides: &Overrides) -> Result<(), String> {
    for (name, value) in overrides {
        let setting = find(name).ok_or_else(|| format!("Unknown topic config name: {name}"))?;
        setting.check(value)?;
    }
    Ok(())
}

/// A log's configuration.
pub(crate) fn log_config(defaults: &Overrides, overrides: &Overrides) -> LogConfig {
    let text = |name: &str| {
        let own = overrides.get(name).or_else(|| defaults.get(name)).map(String::as_str);
        own.or_else(|| find(name).map(|setting| setting.default)).unwrap_or_default()
    };
    // Values were checked when set; one that is invalid by now gives way to the default.
    let number = |name: &str| {
        let default = || find(name).and_then(|setting| setting.default.parse().ok()).unwrap_or(0);
        text(name).trim().parse::<i64>().unwrap_or_else(|_| default())
    };
    let policy = |wanted: &str| text("cleanup.policy").split(',').any(|one| one.trim() == wanted);
    LogConfig {
        segment_bytes: number("segment.bytes").unsigned_abs(),
        // `max.compaction.lag.ms` bounds the age of the active segment, which is not compacted.
        segment_ms: if policy("compact") {
            number("segment.ms").min(number("max.compaction.lag.ms"))
        } else {
            number("segment.ms")
        },
        retention_ms: number("retention.ms"),
        retention_bytes: number("retention.bytes"),
        delete: policy("delete"),
        compact: policy("compact"),
        delete_retention_ms: number("delete.retention.ms"),
        min_compaction_lag_ms: number("min.compaction.lag.ms"),
        max_compaction_lag_ms: number("max.compaction.lag.ms"),
        min_dirty_ratio: text("min.cleanable.dirty.ratio").parse().unwrap_or(0.5),
        max_message_bytes: usize::try_from(number("max.message.bytes")).unwrap_or(usize::MAX),
        append_time: text("message.timestamp.type") == "LogAppendTime",
        timestamp_before_max_ms: number("message.timestamp.before.max.ms"),
        timestamp_after_max_ms: number("message.timestamp.after.max.ms"),
        flush_messages: number("flush.messages"),
        flush_ms: number("flush.ms"),
        min_insync_replicas: number("min.insync.replicas"),
    }
}
