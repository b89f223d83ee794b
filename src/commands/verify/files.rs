//! Reads the files under `--out` for an audit.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, BufReader, Read, Take},
    path::{Path, PathBuf},
};

use chrono::NaiveDate;

use super::Failure;
use crate::verify::{Reports, Rows, Table};

/// Bytes read at once.
const BUFFER: usize = 1 << 18;

/// The lengths of appended files at the checkpoint, if the consumers do not run: they cut the rest when they start.
pub(super) type Lengths<'a> = Option<&'a HashMap<String, u64>>;

/// `orders/DATE.txt` or `handled/DATE.txt`.
pub(super) fn tables(out: &Path, table: Table, lengths: Lengths<'_>) -> Result<Rows, Failure> {
    let folder = table.folder();
    days(out, folder, "txt", lengths, |rows, date, file| rows.read_table(table, date, file))
}

/// `mail/DATE.mbox`.
pub(super) fn mails(out: &Path, lengths: Lengths<'_>) -> Result<Rows, Failure> {
    days(out, "mail", "mbox", lengths, Rows::read_mbox)
}

/// Reads each file of a folder that is named after a day.
fn days(
    out: &Path,
    folder: &'static str,
    extension: &str,
    lengths: Lengths<'_>,
    read: impl Fn(&mut Rows, NaiveDate, BufReader<Take<File>>) -> io::Result<()>,
) -> Result<Rows, Failure> {
    let mut rows = Rows::default();
    for (name, path) in list(&out.join(folder))? {
        if folder == "orders" && name == "last.txt" {
            continue;
        }
        match day(&name, extension) {
            Some(date) => {
                let written =
                    |lengths: &HashMap<String, u64>| lengths.get(&format!("{folder}/{name}")).copied();
                let length = lengths.map_or(u64::MAX, |lengths| written(lengths).unwrap_or(0));
                if length == 0 {
                    continue;
                }
                let file = File::open(&path).map_err(|error| unreadable(&path, &error))?;
                read(&mut rows, date, BufReader::with_capacity(BUFFER, file.take(length)))
                    .map_err(|error| unreadable(&path, &error))?;
            }
            None => rows.does_not_belong(&format!("{folder}/{name}")),
        }
    }
    Ok(rows)
}

/// `reports/DATE.txt` and `reports/DATE.json`.
pub(super) fn reports(out: &Path) -> Result<Reports, Failure> {
    let mut reports = Reports::default();
    for (name, path) in list(&out.join("reports"))? {
        let into = match (day(&name, "txt"), day(&name, "json")) {
            (Some(date), _) => reports.texts.entry(date),
            (_, Some(date)) => reports.jsons.entry(date),
            (None, None) => {
                reports.others.push(name);
                continue;
            }
        };
        into.or_insert(text(&path)?.unwrap_or_default());
    }
    Ok(reports)
}

/// A file's text; `None` if it does not exist.
pub(super) fn text(path: &Path) -> Result<Option<String>, Failure> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(path, &error)),
    }
}

/// The files of a folder by name; empty if it does not exist.
fn list(folder: &Path) -> Result<Vec<(String, PathBuf)>, Failure> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(folder, &error)),
    };
    let mut files: Vec<(String, PathBuf)> = entries
        .flatten()
        .filter(|entry| entry.path().is_file())
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .collect();
    files.sort_unstable();
    Ok(files)
}

fn day(name: &str, extension: &str) -> Option<NaiveDate> {
    name.strip_suffix(extension)?.strip_suffix('.')?.parse().ok()
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::Other(format!("{} cannot be read ({error}): make it readable and verify again", path.display()))
}
