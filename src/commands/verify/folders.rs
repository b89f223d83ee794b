//! The audited folders: which records each holds, by its checkpoints and by its consumers' published states.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::{
    super::counted,
    Failure,
    checkpoints::Checkpoints,
    files::{self, Lengths},
};
use crate::{
    consumer::Part,
    shop::number_format::thousands,
    verify::{Coverage, Differences, FolderRows, Shares, Table},
    views::Source,
};

/// The partition whose owner writes the files over all partitions.
const FIRST: Part = Part { source: Source::Orders, partition: 0 };

/// A folder that is audited.
pub(super) struct Audited<'a> {
    pub(super) out: &'a Path,
    /// Its consumers' instance id.
    pub(super) instance: String,
    pub(super) checkpoints: Checkpoints,
}

impl Audited<'_> {
    /// The records with rows in a view's files in this folder: by its checkpoint and its consumers' published
    /// positions. `None` if that is unknown.
    pub(super) fn shares(&self, view: &'static str, told: &Told) -> Shares {
        let mut shares = self.checkpoints.written.get(view)?.clone();
        for (part, (who, next)) in told.get(view).into_iter().flatten() {
            if *who == self.instance {
                let share = shares.entry(*part).or_default();
                *share = std::mem::take(share).up_to(*next);
            }
        }
        Some(shares)
    }

    /// The valid lengths of the appended files, if these consumers do not run.
    fn lengths(&self, view: &str, told: &Told) -> Lengths<'_> {
        let runs = told.get(view).is_some_and(|parts| parts.values().any(|(who, _)| *who == self.instance));
        (!runs && self.checkpoints.written.contains_key(view)).then_some(&self.checkpoints.lengths)
    }

    /// The rows and mails in its files.
    pub(super) fn rows(&self, told: &Told) -> Result<FolderRows, Failure> {
        let (journal, mail) = (self.lengths("journal", told), self.lengths("mail", told));
        Ok(FolderRows {
            journal: files::tables(self.out, Table::Orders, journal)?,
            register: files::tables(self.out, Table::Handled, mail)?,
            mails: files::mails(self.out, mail)?,
        })
    }

    /// A path for a message: with the folder if there are several.
    pub(super) fn path(&self, path: &str, alone: bool) -> String {
        if alone { path.to_owned() } else { self.out.join(path).display().to_string() }
    }
}

/// By view and partition: the last publisher and its position.
pub(super) type Told = BTreeMap<&'static str, BTreeMap<Part, (String, i64)>>;

/// Which views have reached the end offsets, and which folder has their files.
pub(super) struct Workload<'a> {
    pub(super) behind: &'a BTreeMap<&'static str, u64>,
    pub(super) told: &'a Told,
}

impl Workload<'_> {
    /// Whether a view's rows in a folder are to be compared; if not, adds the reason to `not`.
    pub(super) fn has_rows(
        &self,
        view: &'static str,
        folder: &Audited<'_>,
        not: &mut BTreeSet<String>,
    ) -> bool {
        if !self.is_at_end(view, not) {
            return false;
        }
        let is_whole = || {
            self.told.get(view).is_some_and(|parts| parts.values().all(|(who, _)| *who == folder.instance))
        };
        let known = folder.checkpoints.written.contains_key(view) || is_whole();
        if !known {
            let out = folder.out.display();
            not.insert(format!("{view} is shared with consumers of another folder than {out}"));
        }
        known
    }

    /// The folder with a view's files over all partitions; if there is none, adds the reason to `not`.
    pub(super) fn writer<'f>(
        &self,
        view: &'static str,
        folders: &'f [Audited<'f>],
        not: &mut BTreeSet<String>,
    ) -> Option<&'f Audited<'f>> {
        if !self.is_at_end(view, not) {
            return None;
        }
        let Some((who, _)) = self.told.get(view).and_then(|told| told.get(&FIRST)) else {
            not.insert(format!(
                "no owner of the first partition of {view}, who writes its files of the whole shop, is known"
            ));
            return None;
        };
        let writer = folders.iter().find(|folder| folder.instance == *who);
        if writer.is_none() {
            not.insert(format!("what {view} writes of the whole shop lies in another folder"));
        }
        writer
    }

    /// Reports rows that are in no folder, or in several.
    pub(super) fn coverage(
        &self,
        (journal, mails): (Coverage, Coverage),
        alone: bool,
        found: &mut Differences,
        not: &mut BTreeSet<String>,
        notes: &mut Vec<String>,
    ) {
        for (view, what, coverage) in [("journal", "orders", journal), ("mail", "handled orders", mails)] {
            if self.behind.get(view) != Some(&0) {
                continue;
            }
            let [nowhere, twice] = [coverage.nowhere, coverage.twice].map(thousands);
            if coverage.nowhere > 0 && alone {
                not.insert(format!(
                    "{view}: {nowhere} {what} have theirs in other folders, to be named with --with"
                ));
            } else if coverage.nowhere > 0 {
                found.add(
                    "folders",
                    format!("{what} that are in the files of none of these folders"),
                    0,
                    nowhere,
                );
            }
            if coverage.twice > 0 {
                notes.push(format!(
                    "In more than one folder: {twice} {what}; machines ended before Kafka knew that they had written them."
                ));
            }
        }
    }

    fn is_at_end(&self, view: &'static str, not: &mut BTreeSet<String>) -> bool {
        match self.behind.get(view) {
            Some(0) => return true,
            Some(behind) => not.insert(format!("{view} has a lag of {}", counted(*behind, "record"))),
            None => not.insert(format!("{view} has not begun")),
        };
        false
    }
}
