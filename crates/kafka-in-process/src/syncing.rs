//! One `fsync` for all who wait for one.

use std::{
    fs::File,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::disk::Lost;

/// Groups concurrent requests to sync files: whoever comes while one runs is served by the next.
#[derive(Debug, Default)]
pub(crate) struct Syncing {
    wanted: AtomicU64,
    done: AtomicU64,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Syncing {
    /// Returns when a sync that began after this call has ended. `files` is asked when the sync begins; what the disk refuses
    /// is noted in `lost` before anybody else's turn.
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
        // It has the turn to its end, also when nobody waits for it any more.
        let work = move || (lost.sync(files.iter()), turn);
        let (synced, _turn) = tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?;
        synced?;
        self.done.store(covers, Ordering::SeqCst);
        Ok(())
    }

    /// The same for a thread that may wait.
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

    /// Which requests a sync serves that begins now, unless the one numbered `mine` is served already.
    fn begin(&self, mine: u64) -> Option<u64> {
        (self.done.load(Ordering::SeqCst) < mine).then(|| self.wanted.load(Ordering::SeqCst))
    }
}
