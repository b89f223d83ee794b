//! Topics: names, settings and partitions.

mod adopt;
pub(crate) mod config;
mod open;
mod partition;
mod rules;
mod topic;

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use uuid::Uuid;

pub(crate) use partition::{Partition, Watch};
pub(crate) use rules::{CONSUMER_OFFSETS, TRANSACTION_STATE, check_count, check_name, is_internal};
pub(crate) use topic::Topic;

use self::config::Overrides;
use super::{
    config::Settings,
    folder::Folder,
    journal::{Change, Journal, Key},
    log::{Log, LogError},
};
use topic::{Kept, fresh_id};

/// Why a topic cannot be changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TopicError {
    #[error("Topic '{0}' already exists.")]
    Exists(String),
    #[error("Topic '{0}' collides with existing topic: {1}")]
    Collides(String, String),
    #[error("This server does not host this topic-partition.")]
    Unknown,
    #[error("{0}")]
    InvalidName(&'static str),
    #[error("{0}")]
    InvalidPartitions(String),
    #[error("{0}")]
    InvalidConfig(String),
    #[error("{0}")]
    InvalidRequest(String),
    #[error("records can only be deleted from topics whose cleanup.policy contains delete")]
    Kept,
    #[error("{0}")]
    Log(#[from] LogError),
    #[error("the disk refused: {0}")]
    Io(#[from] io::Error),
}

/// All topics.
pub(crate) struct Topics {
    /// The lock is held while files may be written.
    folder: Arc<Folder>,
    journal: Arc<Journal>,
    pub(crate) settings: Arc<Settings>,
    by_name: RwLock<BTreeMap<String, Arc<Topic>>>,
    /// Serializes changes.
    changing: Mutex<()>,
    /// Whether deleted folders remain to be removed.
    littered: AtomicBool,
    /// Counts creations, deletions and added partitions.
    version: AtomicU64,
}

impl Topics {
    fn open_topic(&self, name: String, kept: Kept) -> Result<Topic, TopicError> {
        let partitions = (0..kept.partitions).map(|index| self.open_partition(&name, index));
        let partitions = partitions.collect::<Result<_, _>>()?;
        Ok(Topic::new(name, kept, partitions, Arc::clone(&self.settings)))
    }

    /// The broker's clock: milliseconds since 1970.
    pub(crate) fn wall(&self) -> i64 {
        self.settings.clock.wall()
    }

    fn open_partition(&self, name: &str, index: i32) -> Result<Arc<Partition>, LogError> {
        let start = self.journal.get(&Key::LogStart(name.to_owned(), index)).unwrap_or(0);
        let log = Log::open(&self.log_folder(name, index), start, self.wall())?;
        Ok(Arc::new(Partition::new(index, log)))
    }

    fn log_folder(&self, name: &str, index: i32) -> PathBuf {
        self.folder.path().join(format!("{name}-{index}"))
    }

    fn publish(&self, topic: Topic) -> Arc<Topic> {
        let topic = Arc::new(topic);
        let mut by_name = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
        by_name.insert(topic.name.clone(), Arc::clone(&topic));
        self.has_changed();
        topic
    }

    /// To be called after a change is visible: a reader of the version then sees at least that change.
    fn has_changed(&self) {
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Changes whenever a topic is created, deleted or given partitions.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// A topic by name.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Topic>> {
        self.by_name.read().unwrap_or_else(PoisonError::into_inner).get(name).map(Arc::clone)
    }

    /// A topic by id.
    pub(crate) fn by_id(&self, id: Uuid) -> Option<Arc<Topic>> {
        let by_name = self.by_name.read().unwrap_or_else(PoisonError::into_inner);
        by_name.values().find(|topic| topic.id == id).map(Arc::clone)
    }

    /// All topics by name.
    pub(crate) fn all(&self) -> Vec<Arc<Topic>> {
        self.by_name.read().unwrap_or_else(PoisonError::into_inner).values().map(Arc::clone).collect()
    }

    /// Creates a topic; with `only_check`, only validates the request.
    pub(crate) fn create(
        &self,
        name: &str,
        partitions: i32,
        settings: Overrides,
        only_check: bool,
    ) -> Result<Made, TopicError> {
        check_name(name)?;
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.get(name).is_some() {
            return Err(TopicError::Exists(name.to_owned()));
        }
        if let Some(other) = self.all().iter().find(|other| rules::collide(name, &other.name)) {
            return Err(TopicError::Collides(name.to_owned(), other.name.clone()));
        }
        check_count(partitions)?;
        config::check(&settings).map_err(TopicError::InvalidConfig)?;
        let id = fresh_id();
        if only_check {
            return Ok(Made { id, settings });
        }
        let kept = Kept { id: id.to_string(), partitions, settings: settings.clone() };
        for index in 0..partitions {
            self.put_away(name, index)?;
        }
        self.journal.write(vec![Change::set(Key::Topic(name.to_owned()), &kept)?])?;
        match self.open_topic(name.to_owned(), kept) {
            Ok(topic) => self.publish(topic),
            Err(error) => {
                self.journal.write(vec![Change::remove(Key::Topic(name.to_owned()))])?;
                return Err(error);
            }
        };
        tracing::info!(topic = name, partitions, "made a topic");
        Ok(Made { id, settings })
    }

    /// Deletes a topic with its records.
    pub(crate) fn delete(&self, name: &str) -> Result<(), TopicError> {
        let topic = self.get(name).ok_or(TopicError::Unknown)?;
        // No compaction or sealing may touch the folder of a new topic of the same name. A compaction takes its time,
        // so the lock for other changes is taken after it.
        let partitions = topic.partitions();
        let _resting: Vec<_> = partitions.iter().map(|partition| partition.upkeep()).collect();
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.get(name).is_some_and(|found| Arc::ptr_eq(&found, &topic)) {
            return Err(TopicError::Unknown);
        }
        let added = topic.partitions().split_off(partitions.len());
        let _resting_too: Vec<_> = added.iter().map(|partition| partition.upkeep()).collect();
        self.by_name.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        self.has_changed();
        let mut changes = vec![Change::remove(Key::Topic(name.to_owned()))];
        for partition in partitions.iter().chain(&added) {
            partition.log().close();
            self.put_away(name, partition.index)?;
            changes.push(Change::remove(Key::LogStart(name.to_owned(), partition.index)));
        }
        self.journal.write(changes)?;
        for partition in partitions.iter().chain(&added) {
            partition.announce();
        }
        tracing::info!(topic = name, "deleted a topic");
        Ok(())
    }

    /// Adds partitions to a topic.
    pub(crate) fn grow(&self, name: &str, count: i32, only_check: bool) -> Result<(), TopicError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let topic = self.get(name).ok_or(TopicError::Unknown)?;
        let mut kept = topic.kept();
        if count <= kept.partitions {
            return Err(TopicError::InvalidPartitions(format!(
                "The topic {name} currently has {} partition(s); {count} would not be an increase.",
                kept.partitions
            )));
        }
        check_count(count)?;
        if only_check {
            return Ok(());
        }
        let mut added = Vec::new();
        for index in kept.partitions..count {
            self.put_away(name, index)?;
            added.push(self.open_partition(name, index)?);
        }
        kept.partitions = count;
        self.journal.write(vec![Change::set(Key::Topic(name.to_owned()), &kept)?])?;
        topic.grow(added);
        self.has_changed();
        Ok(())
    }

    /// Changes a topic's overrides; `change` gets the current ones.
    pub(crate) fn configure(
        &self,
        name: &str,
        only_check: bool,
        change: impl FnOnce(Overrides) -> Result<Overrides, TopicError>,
    ) -> Result<(), TopicError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let topic = self.get(name).ok_or(TopicError::Unknown)?;
        let settings = change(topic.overrides())?;
        config::check(&settings).map_err(TopicError::InvalidConfig)?;
        if only_check {
            return Ok(());
        }
        let kept = Kept { settings: settings.clone(), ..topic.kept() };
        self.journal.write(vec![Change::set(Key::Topic(name.to_owned()), &kept)?])?;
        topic.configure(settings);
        Ok(())
    }

    /// Raises and stores the log start offset of a partition.
    pub(crate) fn delete_records(
        &self,
        topic: &Topic,
        partition: &Partition,
        before: i64,
    ) -> Result<i64, TopicError> {
        if !topic.log_config().delete {
            return Err(TopicError::Kept);
        }
        let start = partition.log().delete_before(before)?;
        let key = Key::LogStart(topic.name.clone(), partition.index);
        self.journal.write(vec![Change::set(key, &start)?])?;
        Ok(start)
    }

    /// Removes the folders of deleted topics, which takes time for large files.
    pub(crate) fn clear_away(&self) -> io::Result<()> {
        if self.littered.swap(false, Ordering::Relaxed) { remove_deleted(self.folder.path()) } else { Ok(()) }
    }

    /// Renames a partition's folder, so that no later topic finds its files.
    fn put_away(&self, name: &str, index: i32) -> io::Result<()> {
        let folder = self.log_folder(name, index);
        if !folder.exists() {
            return Ok(());
        }
        fs::rename(&folder, self.folder.path().join(format!("{}.{DELETED}", fresh_id())))?;
        self.littered.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// A created topic, or with `only_check` one that could be.
pub(crate) struct Made {
    pub(crate) id: Uuid,
    pub(crate) settings: Overrides,
}

/// The extension of folders that are to be removed.
const DELETED: &str = "deleted";

fn remove_deleted(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == DELETED) {
            fs::remove_dir_all(path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
