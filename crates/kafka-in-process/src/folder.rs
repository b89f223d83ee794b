//! The data folder: locked by one process, which publishes its address.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use super::{BrokerError, fsync, log};

const LOCK: &str = "lock";
const ADDRESS: &str = "address";

/// The data folder, locked until dropped. The lock of a killed process is released by the system.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    lock: File,
}

impl Folder {
    /// Makes and locks the folder.
    pub(super) fn lock(path: &Path) -> Result<Self, BrokerError> {
        let io = |source| BrokerError::Io { data: path.to_owned(), source };
        make(path).map_err(io)?;
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
        // The address that a killed process has left is stale.
        folder.withdraw().map_err(io)?;
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the folder is still at its path: a removed one exists until its open files are closed, and is lost then.
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

    /// Publishes the broker's address.
    pub(super) fn publish(&self, address: SocketAddr) -> io::Result<()> {
        log::replace_file(&self.path.join(ADDRESS), address.to_string().as_bytes()).map(drop)
    }

    /// Removes the published address.
    pub(super) fn withdraw(&self) -> io::Result<()> {
        match fs::remove_file(self.path.join(ADDRESS)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Creates a folder and its missing parents, so that they survive a power cut.
fn make(path: &Path) -> io::Result<()> {
    let missing: Vec<_> = path.ancestors().take_while(|folder| !folder.exists()).collect();
    fs::create_dir_all(path)?;
    let parents = missing.iter().filter_map(|folder| folder.parent());
    parents
        .map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent })
        .try_for_each(|parent| fsync::sync(&*fsync::folder(parent)?))
}

/// Removes a broker's data from its folder, if there are any.
///
/// # Errors
///
/// [`BrokerError::Locked`] if a process serves it; then nothing is removed.
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
                // The lock file stays: locking a removed file has no effect.
                fs::remove_file(&path)?;
            }
        }
        Ok(())
    })();
    drop(folder);
    removed.map_err(|source| BrokerError::Io { data: data.to_owned(), source })
}

/// The address of the broker that serves a data folder, as published by the process that holds its lock. `None` if
/// there is none, or it is not ready yet.
pub fn published_address(data: &Path) -> Option<SocketAddr> {
    fs::read_to_string(data.join(ADDRESS)).ok()?.trim().parse().ok()
}
