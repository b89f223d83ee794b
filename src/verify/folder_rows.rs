//! The folders whose files are audited: which records have their rows in which of them.

use std::collections::HashMap;

use super::rows_by_day::Rows;
use crate::consumer::{Part, Written};

/// By partition, which records have their rows in a view's files in a folder; `None` if that is not known: then all
/// must be there.
pub type Shares = Option<HashMap<Part, Written>>;

/// The rows and mails of one folder: those expected from the log, or those in its files.
#[derive(Debug, Default)]
pub struct FolderRows {
    /// The rows of `orders/`.
    pub journal: Rows,
    /// The rows of `handled/`.
    pub register: Rows,
    /// The mails of `mail/`.
    pub mails: Rows,
}

impl FolderRows {
    /// How many files hold them.
    pub fn files(&self) -> usize {
        self.journal.files() + self.register.files() + self.mails.files()
    }
}

/// The rows and mails that one folder should have.
#[derive(Debug, Default)]
pub struct Folder {
    pub(super) rows: FolderRows,
    journal_shares: Shares,
    mail_shares: Shares,
}

impl Folder {
    /// A folder whose checkpoints say this of the views `journal` and `mail`.
    pub fn new(journal: Shares, mail: Shares) -> Self {
        Self { journal_shares: journal, mail_shares: mail, ..Self::default() }
    }

    pub(super) fn has_journal(&self, part: Part, offset: i64) -> bool {
        has(&self.journal_shares, part, offset)
    }

    pub(super) fn has_mail(&self, part: Part, offset: i64) -> bool {
        has(&self.mail_shares, part, offset)
    }
}

fn has(shares: &Shares, part: Part, offset: i64) -> bool {
    shares.as_ref().is_none_or(|shares| shares.get(&part).is_some_and(|written| written.has(offset)))
}

/// Orders by how many of the folders have their rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Those in none of them.
    pub nowhere: u64,
    /// Those in more than one.
    pub twice: u64,
}

impl Coverage {
    pub(super) fn count(&mut self, folders: usize) {
        self.nowhere += u64::from(folders == 0);
        self.twice += u64::from(folders > 1);
    }
}
