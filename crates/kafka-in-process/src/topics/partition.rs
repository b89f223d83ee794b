//! A partition: its log behind a lock, and the fetches that wait for new records.

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Notify;

use crate::{fsync_batching::Syncing, log::Log};

/// A topic's partition.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) index: i32,
    log: Mutex<Log>,
    /// Held while files are sealed, deleted or compacted.
    upkeep: Mutex<()>,
    watchers: Mutex<Vec<Arc<Notify>>>,
    syncing: Syncing,
    /// Whether the last write was refused.
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

    /// Locks the log: briefly, and never across an await.
    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lock for sealing, deleting and compacting segments; waits for it.
    pub(crate) fn upkeep(&self) -> MutexGuard<'_, ()> {
        self.upkeep.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same, if the lock is free.
    pub(crate) fn try_upkeep(&self) -> Option<MutexGuard<'_, ()>> {
        self.upkeep.try_lock().ok()
    }

    fn watchers(&self) -> MutexGuard<'_, Vec<Arc<Notify>>> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes all fetches that wait.
    pub(crate) fn announce(&self) {
        for watcher in self.watchers().iter() {
            watcher.notify_one();
        }
    }

    /// Notes whether the disk refused a write; true if that has changed.
    pub(crate) fn note_refusal(&self, refused: bool) -> bool {
        self.refused.swap(refused, Ordering::Relaxed) != refused
    }

    /// Syncs everything that was written so far.
    pub(crate) async fn sync(&self) -> io::Result<()> {
        let lost = self.log().lost();
        self.syncing.sync(&lost, || self.log().unsynced()).await
    }

    /// The same, blocking the thread.
    pub(crate) fn sync_now(&self) -> io::Result<()> {
        let lost = self.log().lost();
        self.syncing.sync_now(&lost, || self.log().unsynced())
    }
}

/// A wait for new records of some partitions; ends when dropped.
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

    /// Waits for a change since the last call.
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
