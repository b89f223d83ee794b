//! An index as bytes: a file beside its runs.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Index, Known, Rule,
    progressions::{Progression, Progressions},
    seen_ids::{Disk, Seen, Set},
    sorted_run::{Run, number_of},
    varint::{Reader, put},
};
use crate::consumer::position::Fingerprint;

/// The format version.
const FORM: u64 = 1;
/// The file's name.
const NAME: &str = "index";

/// A copy of an index for its file: made under the lock, written without it.
#[derive(Debug)]
pub struct Snapshot {
    bytes: Vec<u8>,
    folder: PathBuf,
    /// The files that it goes with.
    runs: Vec<Arc<File>>,
    /// Their numbers and that of a merge in progress; all other runs below `next_run` are obsolete.
    kept: Vec<u64>,
    next_run: u64,
}

impl Snapshot {
    /// Writes it, and removes the files that no longer belong to it. Waits for the disk.
    ///
    /// # Errors
    ///
    /// If the write fails: then the previous file stays valid.
    pub fn write(&self) -> io::Result<()> {
        for run in &self.runs {
            run.sync_all()?;
        }
        let (path, aside) = (self.folder.join(NAME), self.folder.join("index.new"));
        let mut file = File::create(&aside)?;
        file.write_all(&self.bytes)?;
        file.sync_all()?;
        fs::rename(&aside, &path)?;
        File::open(&self.folder)?.sync_all()?;
        remove(&self.folder, |number| number < self.next_run && !self.kept.contains(&number));
        Ok(())
    }
}

/// Removes files of runs; one that stays is removed the next time.
fn remove(folder: &Path, which: impl Fn(u64) -> bool) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_str().and_then(number_of).is_some_and(&which) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

impl Index {
    /// What is to be written of it; `None` where it has no folder.
    pub fn snapshot(&self) -> Option<Snapshot> {
        let folder = self.disk.as_ref()?.folder().to_owned();
        let mut snapshot =
            Snapshot { bytes: self.bytes(), folder, runs: Vec::new(), kept: Vec::new(), next_run: 0 };
        if let Known::Seen(seen) = &self.known {
            snapshot.next_run = seen.next_run;
            for set in seen.sets() {
                snapshot.runs.extend(set.runs.iter().map(Run::file));
                snapshot.kept.extend(set.runs.iter().map(|run| run.number).chain(set.in_the_making()));
            }
        }
        Some(snapshot)
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, FORM);
        let rule = self.rule.to_string();
        put(&mut out, rule.len() as u64);
        out.extend_from_slice(rule.as_bytes());
        put(&mut out, self.next.cast_unsigned());
        option(&mut out, self.last.map(|last| last.offset));
        if let Some(last) = self.last {
            put(&mut out, last.timestamp.cast_unsigned());
            put(&mut out, last.hash.into());
        }
        match &self.known {
            Known::Nothing => {}
            Known::Last(last) => option(&mut out, last.map(u64::cast_signed)),
            Known::Seen(seen) => self::seen(&mut out, seen),
        }
        put(&mut out, self.duplicates.len() as u64);
        let mut before = 0;
        for (word, bits) in &self.duplicates {
            put(&mut out, (word - before).cast_unsigned());
            out.extend_from_slice(&bits.to_le_bytes());
            before = *word;
        }
        let sum = crc32c::crc32c(&out);
        out.extend_from_slice(&sum.to_le_bytes());
        out
    }

    /// The index of a folder; an empty one where there is none, or where it is damaged or goes by another rule: what
    /// is there is removed then, and it is read from the log again.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be used.
    pub fn open(rule: Rule, folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let found = match fs::read(folder.join(NAME)) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let disk = Some(Disk::new(folder.to_owned()));
        let index = found.as_deref().and_then(|bytes| Self::restore(rule, disk, bytes));
        if index.is_none() && found.is_some() {
            tracing::warn!(
                "the order ids in {} are damaged or of another rule: they are read again",
                folder.display()
            );
        }
        Ok(match index {
            Some(index) => {
                // Those that a crash left.
                let kept = index.snapshot().map(|snapshot| snapshot.kept).unwrap_or_default();
                remove(folder, |number| !kept.contains(&number));
                index
            }
            None => Self::clear(rule, folder)?,
        })
    }

    /// An empty index for a folder, from which everything is removed.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be used.
    pub fn clear(rule: Rule, folder: &Path) -> io::Result<Self> {
        match fs::remove_file(folder.join(NAME)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        remove(folder, |_| true);
        Ok(Self::new(rule, Some(folder.to_owned())))
    }

    /// What a snapshot says; `None` where it is damaged, goes by another rule, or lacks its files.
    fn restore(rule: Rule, disk: Option<Disk>, bytes: &[u8]) -> Option<Self> {
        let (bytes, sum) = bytes.split_last_chunk()?;
        if crc32c::crc32c(bytes) != u32::from_le_bytes(*sum) {
            return None;
        }
        let mut reader = Reader(bytes);
        if reader.next()? != FORM || slice(&mut reader)? != rule.to_string().as_bytes() {
            return None;
        }
        let next = reader.next()?.cast_signed();
        let last = match get_option(&mut reader)? {
            Some(offset) => {
                let timestamp = reader.next()?.cast_signed();
                Some(Fingerprint { offset, timestamp, hash: u32::try_from(reader.next()?).ok()? })
            }
            None => None,
        };
        let known = match rule {
            Rule::None => Known::Nothing,
            Rule::Ascending => Known::Last(get_option(&mut reader)?.map(i64::cast_unsigned)),
            Rule::Seen { days } => {
                let folder = disk.as_ref().map(Disk::folder);
                Known::Seen(Box::new(get_seen(&mut reader, Seen::new(days), folder)?))
            }
        };
        let mut duplicates = BTreeMap::new();
        let mut word = 0_i64;
        for _ in 0..reader.next()? {
            word = word.checked_add_unsigned(reader.next()?)?;
            let (bits, rest) = reader.0.split_first_chunk()?;
            reader.0 = rest;
            duplicates.insert(word, u64::from_le_bytes(*bits));
        }
        Some(Self { rule, disk, next, last, known, duplicates })
    }
}

fn option(out: &mut Vec<u8>, number: Option<i64>) {
    put(out, number.is_some().into());
    if let Some(number) = number {
        put(out, number.cast_unsigned());
    }
}

#[expect(clippy::option_option, reason = "a torn file, and a number that is not there, are two things")]
fn get_option(reader: &mut Reader<'_>) -> Option<Option<i64>> {
    match reader.next()? {
        0 => Some(None),
        _ => Some(Some(reader.next()?.cast_signed())),
    }
}

fn slice<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let length = usize::try_from(reader.next()?).ok()?;
    let (bytes, rest) = reader.0.split_at_checked(length)?;
    reader.0 = rest;
    Some(bytes)
}

fn seen(out: &mut Vec<u8>, seen: &Seen) {
    put(out, seen.next_run);
    option(out, seen.come);
    option(out, seen.begun);
    put(out, seen.block.len() as u64);
    seen.block.iter().for_each(|day| put(out, day.cast_unsigned()));
    for set in seen.sets() {
        put(out, set.runs.len() as u64);
        set.runs.iter().for_each(|run| put(out, run.number));
        put(out, set.recent.len() as u64);
        let mut before = 0;
        for Progression { first, last, step } in set.recent.iter() {
            put(out, first - before);
            put(out, step);
            put(out, (last - first) / step);
            before = first;
        }
    }
}

fn get_seen(reader: &mut Reader<'_>, mut seen: Seen, folder: Option<&Path>) -> Option<Seen> {
    seen.next_run = reader.next()?;
    seen.come = get_option(reader)?;
    seen.begun = get_option(reader)?;
    for _ in 0..reader.next()? {
        seen.block.push(reader.next()?.cast_signed());
    }
    let mut set = || {
        let mut runs = Vec::new();
        for _ in 0..reader.next()? {
            let number = reader.next()?;
            let run = Run::open(folder?, number);
            runs.push(run.inspect_err(|error| tracing::debug!("order ids, run {number}: {error}")).ok()?);
        }
        let (mut recent, mut first) = (Progressions::default(), 0_u64);
        for _ in 0..reader.next()? {
            first = first.checked_add(reader.next()?)?;
            let step = reader.next()?.max(1);
            let last = first.checked_add(step.checked_mul(reader.next()?)?)?;
            recent.put(Progression { first, last, step });
        }
        Some(Set::restored(recent, runs))
    };
    (seen.current, seen.previous) = (set()?, set()?);
    Some(seen)
}
