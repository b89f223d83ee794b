//! One `fsync` for all who wait for one.

use std::{
    fs::File,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::disk;

/// Groups concurrent requests to sync files: whoever comes while one runs is served by the next.
#[derive(Debug, Default)]
pub(crate) struct Syncing {
    wanted: AtomicU64,
    done: AtomicU64,
    turn: tokio::sync::Mutex<()>,
}

impl Syncing {
    /// Returns when a sync that began after this call has ended. `files` is asked when the sync begins.
    pub(crate) async fn sync(&self, files: impl FnOnce() -> io::Result<Vec<Arc<File>>>) -> io::Result<()> {
        let mine = self.wanted.fetch_add(1, Ordering::SeqCst) + 1;
        let _turn = self.turn.lock().await;
        if self.done.load(Ordering::SeqCst) >= mine {
            return Ok(());
        }
        let covers = self.wanted.load(Ordering::SeqCst);
        let files = files()?;
        let work = move || files.iter().try_for_each(|file| disk::sync(file));
        tokio::task::spawn_blocking(work).await.map_err(io::Error::other)??;
        self.done.store(covers, Ordering::SeqCst);
        Ok(())
    }
}
