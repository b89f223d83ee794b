//! Topic settings: which there are, what they may be, and what they are by default (as in Kafka 4).

use std::collections::BTreeMap;

use crate::log::LogConfig;

/// What values a setting takes.
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
}

const fn setting(name: &'static str, kind: Kind, default: &'static str) -> Setting {
    Setting { name, kind, default }
}

const FOREVER: &str = "9223372036854775807";
const CODECS: &[&str] = &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"];

/// Every topic setting, by name.
pub(crate) const SETTINGS: &[Setting] = &[
    setting("cleanup.policy", Kind::ListOf(&["compact", "delete"]), "delete"),
    setting("compression.gzip.level", Kind::Int { least: -1 }, "-1"),
    setting("compression.lz4.level", Kind::Int { least: 1 }, "9"),
    setting("compression.type", Kind::OneOf(CODECS), "producer"),
    setting("compression.zstd.level", Kind::Int { least: -131_072 }, "3"),
    setting("delete.retention.ms", Kind::Long { least: 0 }, "86400000"),
    setting("file.delete.delay.ms", Kind::Long { least: 0 }, "60000"),
    setting("flush.messages", Kind::Long { least: 1 }, FOREVER),
    setting("flush.ms", Kind::Long { least: 0 }, FOREVER),
    setting("follower.replication.throttled.replicas", Kind::Text, ""),
    setting("index.interval.bytes", Kind::Int { least: 0 }, "4096"),
    setting("leader.replication.throttled.replicas", Kind::Text, ""),
    setting("local.retention.bytes", Kind::Long { least: -2 }, "-2"),
    setting("local.retention.ms", Kind::Long { least: -2 }, "-2"),
    setting("max.compaction.lag.ms", Kind::Long { least: 1 }, FOREVER),
    setting("max.message.bytes", Kind::Int { least: 0 }, "1048588"),
    setting("message.timestamp.after.max.ms", Kind::Long { least: 0 }, "3600000"),
    setting("message.timestamp.before.max.ms", Kind::Long { least: 0 }, FOREVER),
    setting("message.timestamp.type", Kind::OneOf(&["CreateTime", "LogAppendTime"]), "CreateTime"),
    setting("min.cleanable.dirty.ratio", Kind::Ratio, "0.5"),
    setting("min.compaction.lag.ms", Kind::Long { least: 0 }, "0"),
    setting("min.insync.replicas", Kind::Int { least: 1 }, "1"),
    setting("preallocate", Kind::Boolean, "false"),
    setting("remote.log.copy.disable", Kind::Boolean, "false"),
    setting("remote.log.delete.on.disable", Kind::Boolean, "false"),
    setting("remote.storage.enable", Kind::Boolean, "false"),
    setting("retention.bytes", Kind::Long { least: -1 }, "-1"),
    setting("retention.ms", Kind::Long { least: -1 }, "604800000"),
    setting("segment.bytes", Kind::Int { least: 1_048_576 }, "1073741824"),
    setting("segment.index.bytes", Kind::Int { least: 4 }, "10485760"),
    setting("segment.jitter.ms", Kind::Long { least: 0 }, "0"),
    setting("segment.ms", Kind::Long { least: 1 }, "604800000"),
    setting("unclean.leader.election.enable", Kind::Boolean, "false"),
];

/// Finds a setting.
pub(crate) fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

impl Setting {
    /// Whether a value fits; the error is for the person who set it.
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

/// The settings that a topic has of its own.
pub(crate) type Overrides = BTreeMap<String, String>;

/// Checks a topic's own settings.
pub(crate) fn check(overrides: &Overrides) -> Result<(), String> {
    for (name, value) in overrides {
        let setting = find(name).ok_or_else(|| format!("Unknown topic config name: {name}"))?;
        setting.check(value)?;
    }
    Ok(())
}

/// What a topic's log goes by.
pub(crate) fn log_config(overrides: &Overrides) -> LogConfig {
    let text = |name: &str| {
        let own = overrides.get(name).map(String::as_str);
        own.or_else(|| find(name).map(|setting| setting.default)).unwrap_or_default()
    };
    // Values were checked when they were set; a default stands in for one that no longer fits.
    let number = |name: &str| {
        let default = || find(name).and_then(|setting| setting.default.parse().ok()).unwrap_or(0);
        text(name).trim().parse::<i64>().unwrap_or_else(|_| default())
    };
    let policy = |wanted: &str| text("cleanup.policy").split(',').any(|one| one.trim() == wanted);
    LogConfig {
        segment_bytes: number("segment.bytes").unsigned_abs(),
        segment_ms: number("segment.ms"),
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
    }
}
