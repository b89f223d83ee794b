//! The data folder: one process at a time, and where others find it.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use super::{BrokerError, log};

const LOCK: &str = "lock";
const ADDRESS: &str = "address";

/// The data folder, locked until dropped. The system releases the lock of a process that is killed.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    lock: File,
}

impl Folder {
    /// Makes and locks the folder.
    pub(super) fn lock(path: &Path) -> Result<Self, BrokerError> {
        let io = |source| BrokerError::Io { data: path.to_owned(), source };
        fs::create_dir_all(path).map_err(io)?;
        let lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path.join(LOCK))
            .map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(BrokerError::Locked { data: path.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        let folder = Self { path: path.to_owned(), lock };
        // What a process that was killed left behind leads nowhere.
        folder.withdraw().map_err(io)?;
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the folder still is where it was locked: one that was removed lives on for as long as its files are open,
    /// and is gone with them.
    pub(super) fn is_there(&self) -> bool {
        let same = |held: fs::Metadata, found: fs::Metadata| {
            use std::os::unix::fs::MetadataExt;
            (held.dev(), held.ino()) == (found.dev(), found.ino())
        };
        match (self.lock.metadata(), fs::metadata(self.path.join(LOCK))) {
            (Ok(held), Ok(found)) => same(held, found),
            (_, Err(error)) => error.kind() != io::ErrorKind::NotFound,
            (Err(_), Ok(_)) => true,
        }
    }

    /// Tells other processes where the broker is.
    pub(super) fn publish(&self, address: SocketAddr) -> io::Result<()> {
        log::replace_file(&self.path.join(ADDRESS), address.to_string().as_bytes()).map(drop)
    }

    /// Takes back what [`Self::publish`] told.
    pub(super) fn withdraw(&self) -> io::Result<()> {
        match fs::remove_file(self.path.join(ADDRESS)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Removes everything that a broker has in its data folder, where there is one.
///
/// # Errors
///
/// [`BrokerError::Locked`] where a process serves it: then nothing is removed.
pub fn clear(data: &Path) -> Result<(), BrokerError> {
    if !data.exists() {
        return Ok(());
    }
    let folder = Folder::lock(data)?;
    let removed = (|| {
        for entry in fs::read_dir(data)? {
            let path = entry?.path();
            if path.is_dir() {
                fs::remove_dir_all(&path)?;
            } else if !path.ends_with(LOCK) {
                // The lock's file stays: one that was removed would lock nothing any more.
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    })();
    drop(folder);
    removed.map_err(|source| BrokerError::Io { data: data.to_owned(), source })
}

/// The address of the broker that serves a data folder, as the process that holds its lock wrote it. `None` while
/// there is none, and while one that has just started is not ready yet.
pub fn published_address(data: &Path) -> Option<SocketAddr> {
    fs::read_to_string(data.join(ADDRESS)).ok()?.trim().parse().ok()
}
