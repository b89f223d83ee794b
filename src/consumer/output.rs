//! What a consumer writes besides its figures.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::{
    shop::Pulse,
    sinks::files::Files,
    store::Batch,
    views::{Event, View, shop_figures::ReportNote},
};

/// The appended files of a view: how long each is in the checkpoint, and what waits for the next one.
#[derive(Debug, Default)]
pub struct Appends {
    lengths: BTreeMap<String, u64>,
    waiting: BTreeMap<String, Vec<u8>>,
    bytes: usize,
}

impl Appends {
    /// Adds pending bytes for the file at `path`; a new file begins with `heading`.
    pub fn push(&mut self, path: &str, heading: &str, write: impl FnOnce(&mut Vec<u8>)) {
        let waiting = if let Some(waiting) = self.waiting.get_mut(path) {
            waiting
        } else {
            let begin = if self.lengths.contains_key(path) { "" } else { heading };
            self.waiting.entry(path.to_owned()).or_insert(begin.as_bytes().to_vec())
        };
        let before = waiting.len();
        write(waiting);
        self.bytes += waiting.len() - before;
    }

    /// How many bytes wait in all.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// What waits: file, length in the checkpoint, bytes.
    pub fn waiting(&self) -> impl Iterator<Item = (&str, u64, &[u8])> {
        self.waiting.iter().map(|(path, bytes)| (path.as_str(), self.length(path), bytes.as_slice()))
    }

    /// A file's length in the checkpoint.
    pub fn length(&self, path: &str) -> u64 {
        self.lengths.get(path).copied().unwrap_or(0)
    }

    /// All lengths in the checkpoint.
    pub fn lengths(&self) -> impl Iterator<Item = (&str, u64)> {
        self.lengths.iter().map(|(path, length)| (path.as_str(), *length))
    }

    /// Puts back a length from the checkpoint.
    pub fn restore(&mut self, path: String, length: u64) {
        self.lengths.insert(path, length);
    }

    /// The pending bytes are in files and checkpoint.
    pub fn settle(&mut self) {
        for (path, bytes) in std::mem::take(&mut self.waiting) {
            *self.lengths.entry(path).or_default() += bytes.len() as u64;
        }
        self.bytes = 0;
    }
}

/// The path of a day's file, kept as long as the day stays the same: it is asked for with every row.
#[derive(Debug)]
pub struct DayPath {
    file: fn(NaiveDate) -> String,
    date: Option<NaiveDate>,
    path: String,
}

impl DayPath {
    /// Paths that `file` gives.
    pub fn new(file: fn(NaiveDate) -> String) -> Self {
        Self { file, date: None, path: String::new() }
    }

    /// The path of the file of `date`.
    pub fn of(&mut self, date: NaiveDate) -> &str {
        if self.date != Some(date) {
            self.date = Some(date);
            self.path = (self.file)(date);
        }
        &self.path
    }
}

/// The files of one view. After a crash appended files are truncated to their checkpoint. Replaced files are written
/// after the checkpoint with their content, and again after a crash.
pub trait Output<V: View>: Send {
    /// The folders that are its own; nothing else writes there.
    fn folders(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether a file in those folders is one that it appends to.
    fn is_appended(&self, path: &str) -> bool {
        let _ = path;
        true
    }

    /// The files of the whole shop that it replaces again and again.
    fn single_files(&self) -> &'static [&'static str] {
        &[]
    }

    /// Puts back what [`Output::settle`] stored.
    fn restore(&mut self, key: &str, value: &[u8]) -> Result<(), String> {
        let _ = (key, value);
        Ok(())
    }

    /// Forgets everything, because the view starts again from nothing.
    fn reset(&mut self) {}

    /// Makes all replaced files due: the known ones were written to another folder, or moved away.
    fn rewrite(&mut self) {}

    /// What an event adds to files.
    fn event(&mut self, event: &Event, appends: &mut Appends) {
        let _ = (event, appends);
    }

    /// Takes in the simulator's pulse; returns whether the content of the replaced files changes by it.
    fn hear(&mut self, pulse: &Pulse) -> bool {
        let _ = pulse;
        false
    }

    /// Computes the content of the replaced files; `rows` go into the same checkpoint. Called with all partitions of
    /// the view's logs, never with a subset. Days before `closed_before` are closed.
    fn settle(&mut self, parts: &[&V], closed_before: Option<NaiveDate>, rows: &mut Batch) {
        let _ = (parts, closed_before, rows);
    }

    /// Writes the replaced files that are due; called after the checkpoint is stored. `true` if the next
    /// checkpoint must record it.
    fn publish(&mut self, files: &mut dyn Files) -> std::io::Result<bool> {
        let _ = files;
        Ok(false)
    }

    /// The daily reports on disk, oldest first.
    fn reports(&self) -> Vec<ReportNote> {
        Vec::new()
    }
}

/// For views that are figures only.
#[derive(Debug, Default)]
pub struct NoOutput;

impl<V: View> Output<V> for NoOutput {}
