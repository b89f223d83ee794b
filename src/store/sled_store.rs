//! Checkpoints in sled.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::{Duration, Instant},
};

use super::{Batch, Store, StoreError};

/// How long threads of a closed database may still hold its lock.
const PATIENCE: Duration = Duration::from_secs(2);

/// The database of an `--out` folder, with a tree per view.
///
/// After a failed write sled refuses all others, and unflushed data are lost. The database is then reopened, and every
/// earlier [`SledStore`] fails: its consumer restarts from the data on disk.
#[derive(Debug, Clone)]
pub struct Stores(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    open: RwLock<Open>,
}

#[derive(Debug)]
struct Open {
    /// `None` after a failed reopening.
    db: Option<sled::Db>,
    /// How many times it was opened.
    generation: u64,
    /// The first failure since it was opened.
    trouble: Option<Trouble>,
}

/// What is wrong with a database.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Trouble {
    /// A disk or system failure: the data are intact.
    System(String),
    /// The data are damaged.
    Damage(String),
}

impl Stores {
    /// Opens `folder/sled`. A damaged database is moved aside, and the second value reports it: everything in it can be
    /// recomputed from Kafka.
    pub fn open(folder: &Path) -> Result<(Self, Option<String>), StoreError> {
        let shared = Shared {
            folder: folder.to_owned(),
            open: RwLock::new(Open { db: None, generation: 0, trouble: None }),
        };
        let told = shared.open_again(&mut shared.write())?;
        Ok((Self(Arc::new(shared)), told))
    }

    /// The checkpoint of a view. Reopens a failed database first.
    pub fn view(&self, name: &'static str) -> Result<SledStore, StoreError> {
        let generation = self.0.sound()?.generation;
        Ok(SledStore { shared: Arc::clone(&self.0), name, generation })
    }

    /// Waits until all writes are on disk. If the database has failed, reopening it is enough: lost data are read from
    /// Kafka again.
    pub fn flush(&self) -> Result<(), StoreError> {
        let generation = self.0.sound()?.generation;
        match self.0.with(generation, |db| db.flush().map(drop)) {
            Err(_) => self.0.sound().map(drop),
            flushed => flushed,
        }
    }
}

impl Shared {
    fn read(&self) -> RwLockReadGuard<'_, Open> {
        self.open.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Open> {
        self.open.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The database, reopened first if it has failed.
    fn sound(&self) -> Result<RwLockWriteGuard<'_, Open>, StoreError> {
        let mut open = self.write();
        if (open.db.is_none() || open.trouble.is_some())
            && let Some(told) = self.open_again(&mut open)?
        {
            tracing::warn!("{told}");
        }
        Ok(open)
    }

    /// Opens the database; moves a damaged one aside, and reports that.
    fn open_again(&self, open: &mut Open) -> Result<Option<String>, StoreError> {
        let path = self.folder.join("sled");
        // Closed first: it holds a lock.
        open.db = None;
        let damage = match open.trouble.take() {
            Some(Trouble::Damage(reason)) => Some(reason),
            _ => None,
        };
        let found = match damage {
            Some(reason) => Err(Trouble::Damage(reason)),
            None => Self::unlocked(&path),
        };
        let told = match found {
            Ok(db) => {
                open.db = Some(db);
                None
            }
            Err(trouble) if trouble.is_lock() => {
                return Err(StoreError::Locked { folder: self.folder.display().to_string() });
            }
            Err(Trouble::System(reason)) => {
                // Clients of the old database get this reason.
                open.trouble = Some(Trouble::System(reason.clone()));
                return Err(self.failed(reason));
            }
            Err(Trouble::Damage(reason)) => {
                let aside = self.move_aside(&path).map_err(|io| self.failed(format!("{reason}; {io}")))?;
                let again = attempt(|| database(&path));
                open.db = Some(again.map_err(|trouble| self.failed(trouble.reason()))?);
                Some(format!(
                    "The checkpoints could not be read ({reason}): they were moved to {} and all figures are computed again from Kafka.",
                    aside.display()
                ))
            }
        };
        open.generation += 1;
        Ok(told)
    }

    /// Opens the database; threads of a closed one may hold its lock for a moment.
    fn unlocked(path: &Path) -> Result<sled::Db, Trouble> {
        let begun = Instant::now();
        loop {
            match attempt(|| database(path)) {
                Err(trouble) if trouble.is_lock() && begun.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                opened => return opened,
            }
        }
    }

    fn move_aside(&self, path: &Path) -> io::Result<PathBuf> {
        let folder = self.folder.join("set-aside");
        std::fs::create_dir_all(&folder)?;
        let aside = free_name(&folder, "sled");
        std::fs::rename(path, &aside)?;
        Ok(aside)
    }

    /// Accesses the database of a generation.
    fn with<T>(
        &self,
        generation: u64,
        act: impl FnOnce(&sled::Db) -> sled::Result<T>,
    ) -> Result<T, StoreError> {
        let trouble = {
            let open = self.read();
            match &open.db {
                Some(db) if open.generation == generation && open.trouble.is_none() => {
                    match attempt(|| act(db)) {
                        Ok(done) => return Ok(done),
                        Err(trouble) => trouble,
                    }
                }
                _ => {
                    let reason = open.trouble.clone().map(Trouble::reason);
                    return Err(self.failed(reason.unwrap_or_else(|| "they were opened again".to_owned())));
                }
            }
        };
        let reason = trouble.clone().reason();
        let mut open = self.write();
        if open.generation == generation {
            open.trouble.get_or_insert(trouble);
        }
        Err(self.failed(reason))
    }

    fn failed(&self, reason: String) -> StoreError {
        StoreError::Failed { folder: self.folder.display().to_string(), reason }
    }
}

impl Trouble {
    /// Whether another process has the database open; sled reports it in the text only.
    fn is_lock(&self) -> bool {
        matches!(self, Self::System(reason) if reason.contains("could not acquire lock"))
    }

    fn reason(self) -> String {
        match self {
            Self::System(reason) | Self::Damage(reason) => reason,
        }
    }
}

impl From<sled::Error> for Trouble {
    fn from(error: sled::Error) -> Self {
        let reason = error.to_string();
        match error {
            // sled reports damage with these kinds, and the system uses others.
            sled::Error::Io(io)
                if !matches!(
                    io.kind(),
                    io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput
                ) =>
            {
                Self::System(reason)
            }
            _ => Self::Damage(reason),
        }
    }
}

/// Runs an operation that may fail; a panic of sled counts as damage.
fn attempt<T>(act: impl FnOnce() -> sled::Result<T>) -> Result<T, Trouble> {
    match catch_unwind(AssertUnwindSafe(act)) {
        Ok(done) => Ok(done?),
        Err(_) => Err(Trouble::Damage("sled panicked over them".to_owned())),
    }
}

fn database(path: &Path) -> sled::Result<sled::Db> {
    // Unflushed data are read from Kafka again after a kill. Flushed before the next checkpoint.
    sled::Config::new().path(path).cache_capacity(16 << 20).flush_every_ms(Some(800)).open()
}

/// An unused path in `folder`.
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
    shared: Arc<Shared>,
    name: &'static str,
    generation: u64,
}

impl SledStore {
    fn with<T>(&self, act: impl FnOnce(sled::Tree) -> sled::Result<T>) -> Result<T, StoreError> {
        self.shared.with(self.generation, |db| act(db.open_tree(self.name)?))
    }
}

impl Store for SledStore {
    fn scan(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.with(|tree| {
            let rows = tree.scan_prefix(prefix).map(|row| {
                let (key, value) = row?;
                Ok((String::from_utf8_lossy(&key).into_owned(), value.to_vec()))
            });
            rows.collect()
        })
    }

    fn write(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let mut rows = sled::Batch::default();
        for (key, value) in batch {
            match value {
                Some(value) => rows.insert(key.as_bytes(), value.as_slice()),
                None => rows.remove(key.as_bytes()),
            }
        }
        self.with(|tree| tree.apply_batch(rows))
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        self.with(|tree| tree.clear())
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.with(|tree| tree.flush()).map(drop)
    }
}

#[cfg(test)]
mod tests;
