//! A topic: its id, its settings and its partitions.

use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Partition,
    config::{self, Overrides},
};
use crate::{config::Settings, log::LogConfig};

/// A topic in the journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) id: String,
    pub(super) partitions: i32,
    pub(super) settings: Overrides,
}

/// A topic.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: String,
    pub(crate) id: Uuid,
    settings: RwLock<Own>,
    /// The defaults for settings without an override.
    broker: Arc<Settings>,
    partitions: RwLock<Vec<Arc<Partition>>>,
}

#[derive(Debug)]
struct Own {
    own: Overrides,
    log: Arc<LogConfig>,
}

impl Own {
    fn new(own: Overrides, broker: &Settings) -> Self {
        Self { log: Arc::new(config::log_config(&broker.topic_defaults, &own)), own }
    }
}

impl Topic {
    /// A topic of the journal.
    pub(super) fn new(
        name: String,
        kept: Kept,
        partitions: Vec<Arc<Partition>>,
        broker: Arc<Settings>,
    ) -> Self {
        Self {
            id: Uuid::parse_str(&kept.id).unwrap_or_else(|_| fresh_id()),
            settings: RwLock::new(Own::new(kept.settings, &broker)),
            broker,
            partitions: RwLock::new(partitions),
            name,
        }
    }

    /// Adds partitions behind the last.
    pub(super) fn grow(&self, added: Vec<Arc<Partition>>) {
        self.partitions.write().unwrap_or_else(PoisonError::into_inner).extend(added);
    }

    /// Replaces its overrides.
    pub(super) fn configure(&self, own: Overrides) {
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = Own::new(own, &self.broker);
    }

    /// Its overrides.
    pub(crate) fn overrides(&self) -> Overrides {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).own.clone()
    }

    /// Its logs' configuration.
    pub(crate) fn log_config(&self) -> Arc<LogConfig> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner).log)
    }

    /// One partition.
    pub(crate) fn partition(&self, index: i32) -> Option<Arc<Partition>> {
        let partitions = self.partitions.read().unwrap_or_else(PoisonError::into_inner);
        partitions.get(usize::try_from(index).ok()?).map(Arc::clone)
    }

    /// All partitions.
    pub(crate) fn partitions(&self) -> Vec<Arc<Partition>> {
        self.partitions.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its journal entry.
    pub(super) fn kept(&self) -> Kept {
        let partitions = self.partitions.read().unwrap_or_else(PoisonError::into_inner).len();
        Kept {
            id: self.id.to_string(),
            partitions: i32::try_from(partitions).unwrap_or(i32::MAX),
            settings: self.overrides(),
        }
    }
}

/// An id that nobody has.
pub(super) fn fresh_id() -> Uuid {
    Uuid::from_bytes(rand::random())
}
