//! A topic: its id, its settings and its partitions.

use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Partition,
    config::{self, Overrides},
};
use crate::log::LogConfig;

/// What is kept of a topic.
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
    settings: RwLock<Settings>,
    partitions: RwLock<Vec<Arc<Partition>>>,
}

#[derive(Debug)]
struct Settings {
    own: Overrides,
    log: Arc<LogConfig>,
}

impl Settings {
    fn new(own: Overrides) -> Self {
        Self { log: Arc::new(config::log_config(&own)), own }
    }
}

impl Topic {
    /// A topic as it was kept.
    pub(super) fn new(name: String, kept: Kept, partitions: Vec<Arc<Partition>>) -> Self {
        Self {
            id: Uuid::parse_str(&kept.id).unwrap_or_else(|_| fresh_id()),
            settings: RwLock::new(Settings::new(kept.settings)),
            partitions: RwLock::new(partitions),
            name,
        }
    }

    /// Adds partitions behind the last.
    pub(super) fn grow(&self, added: Vec<Arc<Partition>>) {
        self.partitions.write().unwrap_or_else(PoisonError::into_inner).extend(added);
    }

    /// Gives it other settings of its own.
    pub(super) fn configure(&self, own: Overrides) {
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = Settings::new(own);
    }

    /// The settings that it has of its own.
    pub(crate) fn overrides(&self) -> Overrides {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).own.clone()
    }

    /// What its logs go by.
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

    /// What is to be kept of it.
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
