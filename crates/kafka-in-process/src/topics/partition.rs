//! A partition: its log behind a lock of its own, and those who wait for what comes.

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Notify;

use crate::{log::Log, syncing::Syncing};

/// A topic's partition.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) index: i32,
    log: Mutex<Log>,
    /// Held by who works on the files beside the writing.
    upkeep: Mutex<()>,
    watchers: Mutex<Vec<Arc<Notify>>>,
    syncing: Syncing,
    /// The disk refused the last write.
    refused: AtomicBool,
}

impl Partition {
    pub(crate) fn new(index: i32, log: Log) -> Self {
        Self {
            index,
            log: Mutex::new(log),
            upkeep: Mutex::default(),
            watchers: Mutex::default(),
            syncing: Syncing::default(),
            refused: AtomicBool::new(false),
        }
    }

    /// The log, for a short time and never across an await.
    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The right to seal, delete or compact segments; waits for who has it.
    pub(crate) fn upkeep(&self) -> MutexGuard<'_, ()> {
        self.upkeep.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same, unless somebody has it.
    pub(crate) fn try_upkeep(&self) -> Option<MutexGuard<'_, ()>> {
        self.upkeep.try_lock().ok()
    }

    fn watchers(&self) -> MutexGuard<'_, Vec<Arc<Notify>>> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes all who wait for records.
    pub(crate) fn announce(&self) {
        for watcher in self.watchers().iter() {
            watcher.notify_one();
        }
    }

    /// Takes note of whether the disk takes what is written; true when that is news.
    pub(crate) fn note_refusal(&self, refused: bool) -> bool {
        self.refused.swap(refused, Ordering::Relaxed) != refused
    }

    /// Puts all that was written so far on the disk itself.
    pub(crate) async fn sync(&self) -> io::Result<()> {
        let lost = self.log().lost();
        self.syncing.sync(&lost, || self.log().unsynced()).await
    }

    /// The same for a thread that may wait.
    pub(crate) fn sync_now(&self) -> io::Result<()> {
        let lost = self.log().lost();
        self.syncing.sync_now(&lost, || self.log().unsynced())
    }
}

/// Someone who waits for records of some partitions; stops watching when dropped.
pub(crate) struct Watch {
    partitions: Vec<Arc<Partition>>,
    notify: Arc<Notify>,
}

impl Watch {
    /// Watches partitions from now on.
    pub(crate) fn new(partitions: Vec<Arc<Partition>>) -> Self {
        let notify = Arc::new(Notify::new());
        for partition in &partitions {
            partition.watchers().push(Arc::clone(&notify));
        }
        Self { partitions, notify }
    }

    /// Returns when something has changed since the last call.
    pub(crate) async fn changed(&self) {
        self.notify.notified().await;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        for partition in &self.partitions {
            partition.watchers().retain(|watcher| !Arc::ptr_eq(watcher, &self.notify));
        }
    }
}
