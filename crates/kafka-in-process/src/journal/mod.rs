//! The broker's durable state: topics, committed offsets, groups, transactions and producer ids.
//!
//! A map from keys to JSON values in one append-only file. Each write is a frame with a check sum, so that a crash
//! keeps all of its changes or none. When the file is much larger than its content, it is rewritten in the background,
//! and writes continue meanwhile.

mod file;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use file::JournalFile;

use super::{
    fsync::{self, Lost},
    fsync_batching::Syncing,
};

/// The subject of a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Key {
    /// The cluster's id.
    Cluster,
    /// The first unreserved producer id.
    ProducerIds,
    /// A topic by name.
    Topic(String),
    /// The log start offset of a partition, if records were deleted on request.
    LogStart(String, i32),
    /// A consumer group's members and generation.
    Group(String),
    /// A group's configs.
    GroupSettings(String),
    /// A group's committed offset of a topic's partition.
    Offset(String, String, i32),
    /// A transactional id.
    Transaction(String),
}

/// A change; several are written in one frame.
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
    file: JournalFile,
    /// Replaces `file` once it is synced; until then every frame is written to both.
    next: Option<JournalFile>,
}

impl Journal {
    /// Opens or creates the journal at `path`. Cuts a torn last frame and skips damaged frames before it: a key has the
    /// value of the last sound frame that contains it.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let (values, file) = JournalFile::open(path)?;
        let state = Mutex::new(State { values, file, next: None });
        Ok(Self { path: path.to_owned(), state, syncing: Syncing::default(), lost: Lost::default() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes changes in one frame: when this returns, they survive the end of the process.
    pub(crate) fn write(&self, changes: Vec<Change>) -> io::Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let all: Vec<_> = changes.iter().map(|change| (&change.key, change.value.as_deref())).collect();
        let frame = file::encode(&all)?;
        let mut state = self.state();
        state.file.append(&frame)?;
        if let Some(next) = &mut state.next
            && let Err(error) = next.append(&frame)
        {
            tracing::warn!(%error, "the journal is not written anew");
            state.next = None;
        }
        for Change { key, value } in changes {
            match value {
                Some(value) => state.values.insert(key, value),
                None => state.values.remove(&key),
            };
        }
        Ok(())
    }

    /// Rewrites the file if it is much larger than its content. Blocks on the disk; concurrent writes do not wait for
    /// it.
    pub(crate) fn tidy(&self) {
        if self.state().file.is_bloated()
            && let Err(error) = self.write_anew()
        {
            tracing::warn!(%error, "the journal could not be written anew; it grows on");
            let mut state = self.state();
            state.next = None;
            state.file.bear_with_bloat();
            // A partial file is useless, and the disk may be full.
            let _ = fs::remove_file(self.aside());
        }
    }

    fn aside(&self) -> PathBuf {
        self.path.with_extension("next")
    }

    fn write_anew(&self) -> io::Result<()> {
        let (bytes, seen) = {
            let state = self.state();
            (file::encode_all(&state.values)?, state.file.size())
        };
        let path = self.aside();
        let mut next = JournalFile::write(&path, &bytes)?;
        {
            let mut state = self.state();
            next.append(&state.file.read_from(seen)?)?;
            state.next = Some(next.share());
        }
        next.sync()?;
        let mut state = self.state();
        let next =
            state.next.take().ok_or_else(|| io::Error::other("it did not take all that was written"))?;
        fs::rename(&path, &self.path)?;
        state.file = next;
        Ok(())
    }

    /// Waits until all earlier writes are synced to disk.
    pub(crate) async fn sync(&self) -> io::Result<()> {
        self.syncing.sync(&self.lost, || self.files()).await
    }

    /// The same, blocking the thread.
    pub(crate) fn sync_now(&self) -> io::Result<()> {
        self.syncing.sync_now(&self.lost, || self.files())
    }

    /// The file and its folder. After a failed sync the file is rewritten first.
    fn files(&self) -> io::Result<Vec<Arc<File>>> {
        let mut state = self.state();
        let state = &mut *state;
        if self.lost.is_set() {
            state.next = None;
            state.file.rewrite(&self.path, &state.values)?;
            self.lost.clear();
        }
        let both = [&state.file].into_iter().chain(&state.next);
        let mut files: Vec<_> = both.map(|file| Arc::clone(file.handle())).collect();
        files.extend(self.path.parent().map(fsync::folder).transpose()?);
        Ok(files)
    }

    /// One value.
    pub(crate) fn get<T: DeserializeOwned>(&self, key: &Key) -> Option<T> {
        let state = self.state();
        serde_json::from_str(state.values.get(key)?.get()).ok()
    }

    /// Every value whose key `wanted` accepts. A value of the wrong type is skipped with a warning.
    pub(crate) fn all<T: DeserializeOwned, K>(&self, wanted: impl Fn(&Key) -> Option<K>) -> Vec<(K, T)> {
        let state = self.state();
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
