//! Why a checkpoint could not be made.

use crate::{consumer::Rule, store::StoreError};

/// Why a checkpoint could not be made; nothing is lost, it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file failed.
    #[error("{path} could not be written ({error}): check that the disk has room and the folder is writable")]
    File {
        /// Which file, or kind of file.
        path: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// What was stored is not readable.
    #[error("the checkpoint of {view} is not readable ({reason})")]
    Unreadable {
        /// The view.
        view: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// What was stored goes by another rule on duplicates.
    #[error("the checkpoint of {view} goes by --ids {kept} and not by {asked}: it is computed again")]
    OtherIds {
        /// The view.
        view: &'static str,
        /// The rule that it goes by.
        kept: Rule,
        /// The rule that was asked for.
        asked: Rule,
    },
    /// The worker is no longer the one that writes.
    #[error("{view} has let go of what it had not saved: it goes on from its last checkpoint")]
    Retired {
        /// The view.
        view: &'static str,
    },
}

impl Trouble {
    /// A file, or a kind of file, failed.
    pub(super) fn file(path: &str, error: std::io::Error) -> Self {
        Self::File { path: path.to_owned(), error }
    }
}
