//! The broker's own durable memory: topics, committed offsets, groups, transactions and producer ids.
//!
//! A map from keys to JSON values, kept in one file that is appended to: every change is one frame with a check
//! sum, so that a group of changes is there after a crash as a whole or not at all. When the file has grown well
//! beyond what it says, it is written anew, aside, and put in place.

mod file;

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{
    disk::{self, Lost},
    syncing::Syncing,
};

/// What a value is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Key {
    /// The cluster's id.
    Cluster,
    /// The first producer id not given out yet.
    ProducerIds,
    /// A topic by name.
    Topic(String),
    /// The first readable offset of a partition, where records were deleted on request.
    LogStart(String, i32),
    /// A consumer group's members and generation.
    Group(String),
    /// A group's committed offset of a topic's partition.
    Offset(String, String, i32),
    /// A transactional id.
    Transaction(String),
}

/// One change; several are written as one.
pub(crate) struct Change {
    key: Key,
    value: Option<Box<RawValue>>,
}

impl Change {
    /// Sets a value.
    pub(crate) fn set(key: Key, value: &impl Serialize) -> io::Result<Self> {
        let value = serde_json::value::to_raw_value(value)?;
        Ok(Self { key, value: Some(value) })
    }

    /// Removes a value.
    pub(crate) fn remove(key: Key) -> Self {
        Self { key, value: None }
    }
}

type Values = BTreeMap<Key, Box<RawValue>>;

/// The journal, open for writing.
pub(crate) struct Journal {
    path: PathBuf,
    state: Mutex<State>,
    syncing: Syncing,
    lost: Lost,
}

struct State {
    values: Values,
    file: file::JournalFile,
}

impl Journal {
    /// Opens the journal at `path`, making it where it is missing; a torn last frame is cut, and a damaged one before it
    /// left out: a key has the value of the last sound frame that tells of it.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let (values, file) = file::JournalFile::open(path)?;
        let state = Mutex::new(State { values, file });
        Ok(Self { path: path.to_owned(), state, syncing: Syncing::default(), lost: Lost::default() })
    }

    /// Writes changes as one: when this returns they survive the end of the process.
    pub(crate) fn write(&self, changes: Vec<Change>) -> io::Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        state.file.append(changes.iter().map(|change| (&change.key, change.value.as_deref())))?;
        for Change { key, value } in changes {
            match value {
                Some(value) => state.values.insert(key, value),
                None => state.values.remove(&key),
            };
        }
        if state.file.is_bloated()
            && let Err(error) = state.file.rewrite(&self.path, &state.values)
        {
            // The changes are kept nevertheless: what was written is not to be taken for refused.
            tracing::warn!(%error, "the journal could not be written anew; it grows on");
            state.file.bear_with_bloat();
        }
        Ok(())
    }

    /// Waits until all that was written before is on the disk itself.
    pub(crate) async fn sync(&self) -> io::Result<()> {
        self.syncing.sync(&self.lost, || self.files()).await
    }

    /// The same for a thread that may wait.
    pub(crate) fn sync_now(&self) -> io::Result<()> {
        self.syncing.sync_now(&self.lost, || self.files())
    }

    /// The file, and the folder that knows of it. A file that the disk has lost something of is written anew first.
    fn files(&self) -> io::Result<Vec<Arc<File>>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        if self.lost.is_set() {
            state.file.rewrite(&self.path, &state.values)?;
            self.lost.clear();
        }
        let mut files = vec![Arc::clone(state.file.handle())];
        files.extend(self.path.parent().map(disk::folder).transpose()?);
        Ok(files)
    }

    /// One value.
    pub(crate) fn get<T: DeserializeOwned>(&self, key: &Key) -> Option<T> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        serde_json::from_str(state.values.get(key)?.get()).ok()
    }

    /// Every value that `wanted` recognizes by its key. One that does not fit its type is left out with a warning.
    pub(crate) fn all<T: DeserializeOwned, K>(&self, wanted: impl Fn(&Key) -> Option<K>) -> Vec<(K, T)> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = Vec::new();
        for (key, value) in &state.values {
            let Some(wanted) = wanted(key) else { continue };
            match serde_json::from_str(value.get()) {
                Ok(value) => found.push((wanted, value)),
                Err(error) => tracing::warn!(?key, %error, "left out a journal entry that makes no sense"),
            }
        }
        found
    }
}

#[cfg(any(test, fuzzing))]
pub(crate) use file::reseal_all;

#[cfg(test)]
mod tests;
