//! Checkpoints: a consumer's state and its position, stored in sled, one tree per view.

mod memory_store;
mod sled_store;

pub use memory_store::MemoryStore;
pub use sled_store::{SledStore, Stores};

use std::collections::BTreeMap;

/// Rows to write: values, or `None` for rows to remove.
pub type Batch = BTreeMap<String, Option<Vec<u8>>>;

/// Errors of the checkpoints.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has them open.
    #[error(
        "the checkpoints in {folder} are in use by another process: stop it, or give this one a folder of its own with --out"
    )]
    Locked {
        /// The folder.
        folder: String,
    },
    /// The disk or sled failed.
    #[error(
        "the checkpoints in {folder} could not be written or read ({reason}): check that the disk has room and the folder is writable"
    )]
    Failed {
        /// The folder.
        folder: String,
        /// What was said.
        reason: String,
    },
}

/// The rows of one view's checkpoint.
pub trait Store: Send {
    /// The rows whose keys begin with `prefix`, in the order of their keys.
    fn scan(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError>;
    /// Writes all rows or none of them.
    fn write(&mut self, batch: &Batch) -> Result<(), StoreError>;
    /// Removes every row.
    fn clear(&mut self) -> Result<(), StoreError>;
    /// Waits until earlier writes survive the end of the process.
    fn flush(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}
