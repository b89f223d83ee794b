//! The folder of `--out` and the locks on its parts.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use chrono_tz::Tz;
use kafka_in_process::BrokerError;
use rand::RngExt as _;

const CONSUMERS_LOCK: &str = "consumers.lock";
const CONSUMERS_PID: &str = "consumers.pid";

/// The folder of one shop.
#[derive(Debug, Clone)]
pub struct OutDir {
    path: PathBuf,
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OutDirError {
    /// Another process runs the consumers of this folder.
    #[error(
        "{who} runs the consumers of {out} already: stop it, or give this one a folder of its own with --out"
    )]
    Busy {
        /// The folder.
        out: String,
        /// Which process.
        who: String,
    },
    /// Another process works in a folder that is to be emptied.
    #[error("another process serves or reads the shop in {out}: end it before a new one begins there")]
    InUse {
        /// The folder.
        out: String,
    },
    /// The folder's days are those of another zone.
    #[error(
        "the days in {out} are those of {kept}, not of {asked}: give --tz {kept}, or another folder with --out"
    )]
    OtherZone {
        /// The folder.
        out: String,
        /// The zone that the files were begun in.
        kept: String,
        /// The zone that was asked for.
        asked: String,
    },
    /// The folder cannot be written.
    #[error("{path} cannot be used ({error}): {}", kafka_in_process::remedy(error))]
    Io {
        /// Which file or folder.
        path: String,
        /// What the system said.
        error: io::Error,
    },
}

/// Held while this process runs the consumers of a folder.
#[derive(Debug)]
pub struct ConsumersLock {
    _file: File,
}

impl OutDir {
    /// The folder at `out`; nothing is made yet.
    pub fn new(out: &Path) -> Self {
        Self { path: out.to_owned() }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The built-in broker's data.
    pub fn broker_data(&self) -> PathBuf {
        self.path.join("kafka")
    }

    /// Checkpoints and what belongs to them.
    pub fn state(&self) -> PathBuf {
        self.path.join("state")
    }

    /// The log.
    pub fn log(&self) -> PathBuf {
        self.path.join("shop-sim.log")
    }

    /// Removes the state file `first`, then the broker's data, the other state and the output files. All else stays,
    /// lock files too, since a removed one would lock nothing. The lock on the consumers must be held.
    pub fn empty(&self, first: &str) -> Result<(), OutDirError> {
        let state = self.state();
        let kept = state.join(first);
        gone(fs::remove_file(&kept), &kept)?;
        match kafka_in_process::clear(&self.broker_data()) {
            Ok(()) => {}
            Err(BrokerError::Locked { .. }) => {
                return Err(OutDirError::InUse { out: self.path.display().to_string() });
            }
            Err(error) => return Err(failed(&self.broker_data(), io::Error::other(error.to_string()))),
        }
        let entries = fs::read_dir(&state).map_err(|error| failed(&state, error))?;
        for entry in entries {
            let path = entry.map_err(|error| failed(&state, error))?.path();
            if [CONSUMERS_LOCK, CONSUMERS_PID].iter().all(|name| !path.ends_with(name)) {
                remove(&path)?;
            }
        }
        ["reports", "mail", "orders", "handled", "stock.txt"]
            .iter()
            .try_for_each(|name| remove(&self.path.join(name)))
    }

    /// Makes the folder.
    pub fn make(&self) -> Result<(), OutDirError> {
        fs::create_dir_all(&self.path).map_err(|error| failed(&self.path, error))
    }

    /// Locks the consumers of this folder for this process.
    pub fn lock_consumers(&self) -> Result<ConsumersLock, OutDirError> {
        let state = self.state();
        fs::create_dir_all(&state).map_err(|error| failed(&state, error))?;
        let path = state.join(CONSUMERS_LOCK);
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|error| failed(&path, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let who = fs::read_to_string(state.join(CONSUMERS_PID)).unwrap_or_default();
                let who =
                    if who.is_empty() { "another process".to_owned() } else { format!("process {who}") };
                return Err(OutDirError::Busy { out: self.path.display().to_string(), who });
            }
            Err(TryLockError::Error(error)) => return Err(failed(&path, error)),
        }
        let pid = state.join(CONSUMERS_PID);
        fs::write(&pid, std::process::id().to_string()).map_err(|error| failed(&pid, error))?;
        Ok(ConsumersLock { _file: file })
    }

    /// Whether a process runs the consumers of this folder.
    pub fn consumers_run(&self) -> bool {
        let lock = File::open(self.state().join(CONSUMERS_LOCK));
        lock.is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
    }

    /// Stores the time zone of the days in these files. Another zone is refused: its reports, mails and tables could not
    /// be told from the old ones.
    pub fn keep_zone(&self, zone: Tz) -> Result<(), OutDirError> {
        if self.check_zone(zone)? { Ok(()) } else { self.keep("zone", zone.name()) }
    }

    /// Refuses a zone other than the stored one; `false` if none is stored.
    pub fn check_zone(&self, zone: Tz) -> Result<bool, OutDirError> {
        let asked = zone.name();
        match self.kept("zone")? {
            Some(kept) if kept == asked => Ok(true),
            Some(kept) if kept.parse::<Tz>().is_ok() => {
                let out = self.path.display().to_string();
                Err(OutDirError::OtherZone { out, kept, asked: asked.to_owned() })
            }
            // No valid zone is stored.
            _ => Ok(false),
        }
    }

    /// The `group.instance.id` of this folder's consumers: made once, then kept, so that a killed process rejoins
    /// its groups at once (KIP-345).
    pub fn instance(&self) -> Result<String, OutDirError> {
        if let Some(id) = self.kept("instance")?
            && id.len() == 16
            && id.chars().all(|c| c.is_ascii_hexdigit())
        {
            return Ok(id);
        }
        let id = format!("{:016x}", rand::rng().random::<u64>());
        self.keep("instance", &id)?;
        Ok(id)
    }

    /// What a small file beside the checkpoints holds; `None` where there is none.
    pub fn kept(&self, name: &str) -> Result<Option<String>, OutDirError> {
        let path = self.state().join(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&path, error)),
        }
    }

    /// Writes a small file beside the checkpoints, whole or not at all.
    pub fn keep(&self, name: &str, text: &str) -> Result<(), OutDirError> {
        let state = self.state();
        fs::create_dir_all(&state).map_err(|error| failed(&state, error))?;
        let (path, aside) = (state.join(name), state.join(format!("{name}.new")));
        fs::write(&aside, text).map_err(|error| failed(&aside, error))?;
        fs::rename(&aside, &path).map_err(|error| failed(&path, error))
    }
}

/// Removes a file or a folder, where there is one.
fn remove(path: &Path) -> Result<(), OutDirError> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    gone(removed, path)
}

/// What is not there need not be removed.
fn gone(removed: io::Result<()>, path: &Path) -> Result<(), OutDirError> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path, error)),
        _ => Ok(()),
    }
}

fn failed(path: &Path, error: io::Error) -> OutDirError {
    OutDirError::Io { path: path.display().to_string(), error }
}
