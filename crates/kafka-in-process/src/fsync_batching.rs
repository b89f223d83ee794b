//! One `fsync` for all waiting requests.

use std::{
    fs::File,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::fsync::Lost;

/// Groups concurrent requests to sync files: those that arrive during a sync share the next one.
#[derive(Debug, Default)]
pub(crate) struct Syncing {
    wanted: AtomicU64,
    done: AtomicU64,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Syncing {
    /// Waits for a sync that began after this call. `files` is called when the sync begins; a failure is noted in
    /// `lost` before the next sync.
    pub(crate) async fn sync(
        &self,
        lost: &Lost,
        files: impl FnOnce() -> io::Result<Vec<Arc<File>>>,
    ) -> io::Result<()> {
        let mine = self.wanted.fetch_add(1, Ordering::SeqCst) + 1;
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let Some(covers) = self.begin(mine) else { return Ok(()) };
        let files = files()?;
        let lost = lost.clone();
        // The task keeps the lock until the sync ends, even if this future is dropped.
        let work = move || (lost.sync(files.iter()), turn);
        let (synced, _turn) = tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?;
        synced?;
        self.done.store(covers, Ordering::SeqCst);
        Ok(())
    }

    /// The same, blocking the thread.
    pub(crate) fn sync_now(
        &self,
        lost: &Lost,
        files: impl FnOnce() -> io::Result<Vec<Arc<File>>>,
    ) -> io::Result<()> {
        let mine = self.wanted.fetch_add(1, Ordering::SeqCst) + 1;
        let _turn = futures::executor::block_on(self.turn.lock());
        let Some(covers) = self.begin(mine) else { return Ok(()) };
        lost.sync(files()?.iter())?;
        self.done.store(covers, Ordering::SeqCst);
        Ok(())
    }

    /// The requests that a sync covers if it begins now; `None` if request `mine` is done.
    fn begin(&self, mine: u64) -> Option<u64> {
        (self.done.load(Ordering::SeqCst) < mine).then(|| self.wanted.load(Ordering::SeqCst))
    }
}
