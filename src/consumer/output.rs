//! What a consumer writes besides its figures.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::{
    sinks::files::Files,
    store::Batch,
    views::{Event, View, figures::ReportNote},
};

/// Bytes to append, by file, that wait for the next checkpoint.
#[derive(Debug, Default)]
pub struct Appends {
    files: BTreeMap<String, Vec<u8>>,
    bytes: usize,
}

impl Appends {
    /// Adds `bytes` behind what waits for the file at `path`.
    pub fn push(&mut self, path: String, bytes: &[u8]) {
        self.files.entry(path).or_default().extend_from_slice(bytes);
        self.bytes += bytes.len();
    }

    /// How many bytes wait in all.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// What waits, by file.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
    }
}

/// The files of one view. Appended files are cut to their checkpoint after a crash; replaced ones are
/// written after the checkpoint that says what they hold, and again after a crash.
pub trait Output<V: View>: Send {
    /// The folders whose files it appends to; nothing else writes there.
    fn folders(&self) -> &'static [&'static str] {
        &[]
    }

    /// Puts back what [`Output::settle`] stored.
    fn restore(&mut self, key: &str, value: &[u8]) -> Result<(), String> {
        let _ = (key, value);
        Ok(())
    }

    /// Forgets everything, because the view starts again from nothing.
    fn reset(&mut self) {}

    /// What an event adds to files.
    fn event(&mut self, event: &Event, appends: &mut Appends) {
        let _ = (event, appends);
    }

    /// Decides from all partitions what the replaced files hold; `rows` go into the same checkpoint.
    /// Days before `closed_before` are closed.
    fn settle(&mut self, parts: &[&V], closed_before: Option<NaiveDate>, rows: &mut Batch) {
        let _ = (parts, closed_before, rows);
    }

    /// Writes the replaced files that are due; called after the checkpoint is stored.
    fn publish(&mut self, files: &mut dyn Files) -> std::io::Result<()> {
        let _ = files;
        Ok(())
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
