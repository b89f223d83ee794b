//! How a worker starts: from its checkpoint, with the files truncated to it, or from nothing.

use std::collections::BTreeMap;

use super::{Held, Trouble, Worker};
use crate::{
    consumer::{Output, output::Appends},
    views::View,
};

impl<V: View, O: Output<V>> Worker<V, O> {
    pub(super) fn restore(&mut self) -> Result<bool, Trouble> {
        for (key, value) in self.store.scan("file/")? {
            let Ok(length) = serde_json::from_slice(&value) else { return Ok(false) };
            self.appends.restore(key.trim_start_matches("file/").to_owned(), length);
        }
        for (_, value) in self.store.scan("closed")? {
            let Ok(date) = serde_json::from_slice(&value) else { return Ok(false) };
            self.closed_before = Some(date);
        }
        for (key, value) in self.store.scan("out/")? {
            if self.output.restore(key.trim_start_matches("out/"), &value).is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Cuts appended files to the lengths in the checkpoint; `false` where one is shorter than that.
    pub(super) fn mend(&mut self) -> Result<bool, Trouble> {
        let found = self.appended()?;
        let lengths: BTreeMap<&str, u64> =
            found.iter().map(|(path, length)| (path.as_str(), *length)).collect();
        if self.appends.lengths().any(|(path, length)| lengths.get(path).copied().unwrap_or(0) < length) {
            return Ok(false);
        }
        for (path, length) in found {
            let kept = self.appends.length(&path);
            // An empty file is removed too.
            if length > kept || length == 0 {
                self.files.cut(&path, kept).map_err(|error| Trouble::file(&path, error))?;
            }
        }
        Ok(true)
    }

    /// The files on disk that are appended to, with their lengths.
    fn appended(&self) -> Result<Vec<(String, u64)>, Trouble> {
        let mut found = self.listed()?;
        found.retain(|(path, _)| self.output.is_appended(path));
        Ok(found)
    }

    /// The files in the output's folders, with their lengths.
    fn listed(&self) -> Result<Vec<(String, u64)>, Trouble> {
        let mut found = Vec::new();
        for folder in self.output.folders() {
            found.extend(self.files.list(folder).map_err(|error| Trouble::file(folder, error))?);
        }
        Ok(found)
    }

    /// Starts again from nothing: the checkpoint is emptied, the output's files are moved aside. Partitions stay, to
    /// be read from their beginning.
    pub fn reset(&mut self) -> Result<(), Trouble> {
        // Files first: after a crash in between, the next start finds the checkpoint without its files.
        let listed = self.listed()?.into_iter().map(|(path, _)| path);
        for path in listed.chain(self.output.single_files().iter().map(|path| (*path).to_owned())) {
            self.files.set_aside(&path).map_err(|error| Trouble::file(&path, error))?;
        }
        self.store.clear()?;
        self.output.reset();
        self.appends = Appends::default();
        self.batch.clear();
        self.others.clear();
        self.closed_before = None;
        self.unsettled = true;
        for held in self.held.values_mut() {
            *held = Held::default();
        }
        Ok(())
    }
}
