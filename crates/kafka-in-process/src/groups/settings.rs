//! Group configs: session time-out and heartbeat interval of the consumer protocol.

use std::{
    collections::BTreeMap,
    ops::RangeInclusive,
    sync::{MutexGuard, PoisonError},
};

use super::{Change, Groups, Journal, Key};
use crate::{
    config::Settings,
    topics::{
        TopicError,
        config::{Kind, Overrides, Setting},
    },
};

const MILLIS: Kind = Kind::Int { least: 0 };
const SESSION: &str = "consumer.session.timeout.ms";
const HEARTBEAT: &str = "consumer.heartbeat.interval.ms";

/// All group configs.
pub(crate) const SETTINGS: &[Setting] = &[
    Setting {
        name: HEARTBEAT,
        kind: MILLIS,
        default: "5000",
        documentation: "The interval of heartbeats under the consumer protocol.",
    },
    Setting {
        name: SESSION,
        kind: MILLIS,
        default: "45000",
        documentation: "The session timeout of members under the consumer protocol.",
    },
];

/// The heartbeat settings under the consumer protocol (ms).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    pub(crate) session_timeout_ms: u64,
    pub(crate) heartbeat_interval_ms: i32,
}

/// The limits of group configs: Kafka's, extended to the broker's own values.
pub(crate) fn limits(settings: &Settings) -> [(&'static str, RangeInclusive<i32>); 2] {
    let around = |least: i32, own: i32, most: i32| least.min(own)..=most.max(own);
    [
        (HEARTBEAT, around(5_000, settings.consumer_heartbeat_interval_ms, 15_000)),
        (SESSION, around(45_000, settings.consumer_session_timeout_ms, 60_000)),
    ]
}

/// The persisted configs by group.
pub(super) fn kept(journal: &Journal) -> BTreeMap<String, Overrides> {
    let kept = journal.all::<Overrides, _>(|key| match key {
        Key::GroupSettings(id) => Some(id.clone()),
        _ => None,
    });
    kept.into_iter().collect()
}

/// The effective values of a group with these configs.
pub(super) fn timing(settings: &Settings, own: Option<&Overrides>) -> Timing {
    let value = |name: &str, default: i32| own.and_then(|own| own.get(name)?.parse().ok()).unwrap_or(default);
    let session = value(SESSION, settings.consumer_session_timeout_ms);
    Timing {
        session_timeout_ms: u64::try_from(session).unwrap_or(0),
        heartbeat_interval_ms: value(HEARTBEAT, settings.consumer_heartbeat_interval_ms),
    }
}

impl Groups {
    fn own(&self) -> MutexGuard<'_, BTreeMap<String, Overrides>> {
        self.own_settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn timing(&self, id: &str) -> Timing {
        timing(&self.settings, self.own().get(id))
    }

    /// The configs of a group, which need not exist.
    pub(crate) fn own_settings(&self, id: &str) -> Overrides {
        self.own().get(id).cloned().unwrap_or_default()
    }

    /// The groups with configs.
    pub(crate) fn with_settings(&self) -> Vec<String> {
        self.own().keys().cloned().collect()
    }

    /// The broker's values that differ from the defaults, by the names of group configs.
    pub(crate) fn default_settings(&self) -> Overrides {
        let Timing { session_timeout_ms, heartbeat_interval_ms } = timing(&self.settings, None);
        let all = [(SESSION, session_timeout_ms.to_string()), (HEARTBEAT, heartbeat_interval_ms.to_string())];
        let is_default =
            |name: &str, value: &str| SETTINGS.iter().any(|one| one.name == name && one.default == value);
        let changed = all.into_iter().filter(|(name, value)| !is_default(name, value));
        changed.map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Changes the configs of a group; `change` gets the present ones.
    pub(crate) fn configure(
        &self,
        id: &str,
        only_check: bool,
        change: impl FnOnce(Overrides) -> Result<Overrides, TopicError>,
    ) -> Result<(), TopicError> {
        if id.is_empty() {
            return Err(TopicError::InvalidRequest("Default group resources are not allowed.".to_owned()));
        }
        let mut own = self.own();
        let settings = change(own.get(id).cloned().unwrap_or_default())?;
        self.check(&settings).map_err(TopicError::InvalidConfig)?;
        if !only_check {
            let key = Key::GroupSettings(id.to_owned());
            self.journal.write(vec![Change::set(key, &settings)?])?;
            own.insert(id.to_owned(), settings);
        }
        Ok(())
    }

    fn check(&self, settings: &Overrides) -> Result<(), String> {
        let limits = limits(&self.settings);
        for (name, value) in settings {
            let Some((_, range)) = limits.iter().find(|(limited, _)| limited == name) else {
                return Err(format!("Unknown group config name: {name}"));
            };
            let value: i32 = value.parse().map_err(|_| {
                format!("Invalid value {value} for configuration {name}: Not a number of type INT")
            })?;
            if !range.contains(&value) {
                let (least, most) = (range.start(), range.end());
                return Err(format!("{name} must be between {least} and {most} here."));
            }
        }
        let Timing { session_timeout_ms, heartbeat_interval_ms } = timing(&self.settings, Some(settings));
        if i64::from(heartbeat_interval_ms) >= session_timeout_ms.cast_signed() {
            return Err(format!("{SESSION} must be greater than {HEARTBEAT}"));
        }
        Ok(())
    }
}
