//! Checkpoints in sled.

use std::path::{Path, PathBuf};

use super::{Batch, Store, StoreError};

/// The database of one `--out`; each view has a tree of its own in it.
#[derive(Debug)]
pub struct Stores {
    db: sled::Db,
    folder: PathBuf,
}

impl Stores {
    /// Opens `folder/sled`. A database that sled cannot open is moved aside, and the second value says so:
    /// everything in it can be computed again from Kafka.
    pub fn open(folder: &Path) -> Result<(Self, Option<String>), StoreError> {
        let path = folder.join("sled");
        let failed = |reason: String| StoreError::Failed { folder: folder.display().to_string(), reason };
        let (db, told) = match open(&path) {
            Ok(db) => (db, None),
            Err(error) if is_locked(&error) => {
                return Err(StoreError::Locked { folder: folder.display().to_string() });
            }
            Err(error) => {
                let aside = free_name(&folder.join("set-aside"), "sled");
                std::fs::create_dir_all(folder.join("set-aside"))
                    .and_then(|()| std::fs::rename(&path, &aside))
                    .map_err(|io| failed(format!("{error}; {io}")))?;
                let told = format!(
                    "The checkpoints could not be opened ({error}): they were moved to {} and all figures are computed again from Kafka.",
                    aside.display()
                );
                (open(&path).map_err(|error| failed(error.to_string()))?, Some(told))
            }
        };
        Ok((Self { db, folder: folder.to_owned() }, told))
    }

    /// The checkpoint of one view.
    pub fn view(&self, name: &str) -> Result<SledStore, StoreError> {
        let tree = self.db.open_tree(name).map_err(|error| self.failed(&error))?;
        Ok(SledStore { tree, folder: self.folder.clone() })
    }

    /// Waits until all that was written is on disk.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.db.flush().map(drop).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &sled::Error) -> StoreError {
        StoreError::Failed { folder: self.folder.display().to_string(), reason: error.to_string() }
    }
}

fn open(path: &Path) -> sled::Result<sled::Db> {
    // What was not flushed when a process is killed is read again from Kafka.
    sled::Config::new().path(path).cache_capacity(16 << 20).flush_every_ms(Some(500)).open()
}

fn is_locked(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(io) if io.kind() == std::io::ErrorKind::WouldBlock
        || io.to_string().contains("could not acquire lock"))
}

/// A path in `folder` that nothing has yet.
fn free_name(folder: &Path, name: &str) -> PathBuf {
    let mut number = 1_u64;
    loop {
        let path = folder.join(format!("{name}-{number}"));
        if !path.exists() {
            return path;
        }
        number += 1;
    }
}

/// One view's tree.
#[derive(Debug, Clone)]
pub struct SledStore {
    tree: sled::Tree,
    folder: PathBuf,
}

impl SledStore {
    fn failed(&self, error: &sled::Error) -> StoreError {
        StoreError::Failed { folder: self.folder.display().to_string(), reason: error.to_string() }
    }
}

impl Store for SledStore {
    fn scan(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.tree
            .scan_prefix(prefix)
            .map(|row| {
                let (key, value) = row.map_err(|error| self.failed(&error))?;
                Ok((String::from_utf8_lossy(&key).into_owned(), value.to_vec()))
            })
            .collect()
    }

    fn write(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let mut rows = sled::Batch::default();
        for (key, value) in batch {
            match value {
                Some(value) => rows.insert(key.as_bytes(), value.as_slice()),
                None => rows.remove(key.as_bytes()),
            }
        }
        self.tree.apply_batch(rows).map_err(|error| self.failed(&error))
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        self.tree.clear().map_err(|error| self.failed(&error))
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.tree.flush().map(drop).map_err(|error| self.failed(&error))
    }
}
