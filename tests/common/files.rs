//! Reading what the program wrote.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Every file below a folder with its size, by its path from there; empty where there is no folder.
pub fn tree(folder: &Path) -> BTreeMap<PathBuf, u64> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let Ok(entries) = fs::read_dir(&next) else { continue };
        for entry in entries.flatten() {
            match entry.metadata() {
                Ok(data) if data.is_dir() => folders.push(entry.path()),
                Ok(data) => {
                    found.insert(entry.path().strip_prefix(folder).expect("below it").to_owned(), data.len());
                }
                // Gone between the listing and the question.
                Err(_) => {}
            }
        }
    }
    found
}

/// The sum of the sizes of the files below a folder, in bytes.
pub fn bytes(folder: &Path) -> u64 {
    tree(folder).values().sum()
}

/// A tab-separated file: its heading and its rows.
pub struct Table {
    pub heading: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Reads one; the error is a sentence.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        if !text.ends_with('\n') {
            return Err(format!("{}: the last row is not whole", path.display()));
        }
        let mut rows =
            text.split_terminator('\n').map(|row| row.split('\t').map(str::to_owned).collect::<Vec<_>>());
        let heading = rows.next().ok_or_else(|| format!("{}: no heading", path.display()))?;
        Ok(Self { heading, rows: rows.collect() })
    }
}
