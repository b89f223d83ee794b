//! Reads files that the program wrote.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
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
                // Removed between the listing and this call.
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

/// Merges the files of several machines `into` one folder; with `may_repeat`, drops repeated rows and mails.
pub fn unite(outs: &[PathBuf], into: &Path, may_repeat: bool) {
    let mut whole = BTreeSet::new();
    for out in outs {
        for path in tree(out).into_keys().filter(|path| is_output(path)) {
            let (from, to) = (out.join(&path), into.join(&path));
            fs::create_dir_all(to.parent().expect("a folder")).expect("made");
            let Ok(text) = fs::read_to_string(&from) else { continue };
            if path.starts_with("reports") || path.ends_with("last.txt") || path.ends_with("stock.txt") {
                let written = fs::metadata(&from).and_then(|data| data.modified()).expect("its time");
                whole.insert((written, from, to));
            } else if let Ok(mut all) = fs::read_to_string(&to) {
                let are_mails = path.starts_with("mail");
                let before = all.clone();
                let known: HashSet<&str> = pieces(&before, are_mails).collect();
                for (at, piece) in pieces(&text, are_mails).enumerate() {
                    let is_heading = at == 0 && !are_mails;
                    if !(is_heading || may_repeat && known.contains(piece)) {
                        all.push_str(piece);
                    }
                }
                fs::write(&to, all).expect("written");
            } else {
                fs::write(&to, &text).expect("written");
            }
        }
    }
    // Of files for the whole shop the latest version counts.
    for (_, from, to) in whole {
        fs::copy(from, to).expect("copied");
    }
}

fn is_output(path: &Path) -> bool {
    ["reports", "mail", "orders", "handled", "stock.txt"].iter().any(|name| path.starts_with(name))
}

/// The rows of a table, or the mails of a box; an incomplete last one counts, too.
pub fn pieces(text: &str, are_mails: bool) -> impl Iterator<Item = &str> {
    let is_start = move |at: usize| !are_mails || text[at..].starts_with("From ");
    let ends = text.match_indices('\n').map(|(at, _)| at + 1);
    let ends = ends.filter(move |end| *end < text.len() && is_start(*end)).chain([text.len()]);
    ends.scan(0, move |from, end| Some(&text[std::mem::replace(from, end)..end]))
}
