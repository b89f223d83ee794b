//! Reading what the program wrote.

use std::{
    collections::{BTreeMap, HashSet},
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

/// Writes the files of one machine `into` a folder, with the rows and mails that only another one has.
pub fn unite(one: &Path, other: &Path, into: &Path) {
    let theirs = tree(other);
    for path in tree(one).keys().chain(theirs.keys()) {
        let kind = path.iter().next().and_then(|first| first.to_str()).unwrap_or_default();
        let text = |folder: &Path| fs::read_to_string(folder.join(path)).unwrap_or_default();
        let (mine, theirs) = (text(one), text(other));
        let is_appended = matches!(kind, "orders" | "handled" | "mail") && !path.ends_with("last.txt");
        let mut all = mine.clone();
        if is_appended {
            let known: HashSet<&str> = pieces(&mine, kind == "mail").collect();
            pieces(&theirs, kind == "mail")
                .filter(|piece| !known.contains(piece))
                .for_each(|piece| all.push_str(piece));
        }
        if is_appended || !mine.is_empty() {
            let to = into.join(path);
            fs::create_dir_all(to.parent().expect("a folder")).expect("made");
            fs::write(to, all).expect("written");
        }
    }
}

/// The rows of a table, or the mails of a box.
fn pieces(text: &str, are_mails: bool) -> impl Iterator<Item = &str> {
    let is_start = move |at: usize| !are_mails || text[at..].starts_with("From ");
    let ends = text.match_indices('\n').map(|(at, _)| at + 1);
    let ends = ends.filter(move |end| *end == text.len() || is_start(*end));
    ends.scan(0, move |from, end| Some(&text[std::mem::replace(from, end)..end]))
}
