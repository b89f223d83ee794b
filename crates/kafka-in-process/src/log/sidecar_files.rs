//! The files beside a segment: its index once it is sealed, and snapshots of the producers.
//!
//! An index is trusted if its check sum is right and the segment is not shorter than recorded; it is written only after
//! the segment is synced. So a start only checks what the indexes do not cover.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    batch::{HEADER, HIGHEST_OFFSET},
    batch_scan::{Scan, is_damage},
    producers::{Aborted, Producer, Producers},
    segment::{Entry, Segment, file_name},
};
use crate::fsync;

const INDEX: &str = "index";
const PRODUCERS: &str = "producers";
const ENTRY: usize = 16;

/// The fields of an index file besides the entries.
#[derive(Serialize, Deserialize)]
struct Summary {
    size: u64,
    next_offset: i64,
    max_timestamp: i64,
    born: i64,
    aborted: Vec<Aborted>,
}

/// Replaces a file: writes a temporary one, syncs and renames it. Returns it, open for writing.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let aside = path.with_extension("new");
    let write = || {
        let mut file = File::create(&aside)?;
        file.write_all(bytes)?;
        fsync::sync(&file)?;
        fs::rename(&aside, path)?;
        Ok(file)
    };
    write().inspect_err(|_| {
        // A partial file is useless, and the disk may be full.
        let _ = fs::remove_file(&aside);
    })
}

/// A check sum, then the payload.
pub(super) fn sealed(payload: &[u8]) -> Vec<u8> {
    [&crc32c::crc32c(payload).to_le_bytes(), payload].concat()
}

pub(super) fn unsealed(bytes: &[u8]) -> Option<&[u8]> {
    let (crc, payload) = bytes.split_at_checked(4)?;
    (crc == crc32c::crc32c(payload).to_le_bytes()).then_some(payload)
}

/// Encodes the index of a segment, to be written after the segment is synced.
pub(crate) fn index_bytes(segment: &Segment, aborted: Vec<Aborted>) -> Vec<u8> {
    let summary = Summary {
        size: segment.size,
        next_offset: segment.next_offset,
        max_timestamp: segment.max_timestamp,
        born: segment.born,
        aborted,
    };
    let summary = serde_json::to_vec(&summary).unwrap_or_default();
    let mut payload = Vec::with_capacity(4 + summary.len() + segment.index.len() * ENTRY);
    payload.extend_from_slice(&u32::try_from(summary.len()).unwrap_or(0).to_le_bytes());
    payload.extend_from_slice(&summary);
    for entry in &segment.index {
        payload.extend_from_slice(&entry.offset.to_le_bytes());
        payload.extend_from_slice(&entry.position.to_le_bytes());
        payload.extend_from_slice(&entry.max_timestamp_before.to_le_bytes());
    }
    sealed(&payload)
}

/// Writes the index of the segment at `base`.
pub(crate) fn write_index(folder: &Path, base: i64, bytes: &[u8]) -> io::Result<()> {
    replace(&folder.join(file_name(base, INDEX)), bytes).map(drop)
}

/// The result of reading an index.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Index {
    Missing,
    /// The segment was filled from it; holds the segment's aborted transactions.
    Sound(Vec<Aborted>),
    Damaged,
    /// The index is sound, but the segment is shorter than recorded, by this many bytes.
    Outlived(u64),
}

/// Fills a segment from its index file, if that is trusted.
pub(crate) fn read_index(folder: &Path, segment: &mut Segment) -> io::Result<Index> {
    let bytes = match fs::read(folder.join(file_name(segment.base, INDEX))) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Index::Missing),
        read => read?,
    };
    let Some((summary, index)) = decode_index(&bytes) else { return Ok(Index::Damaged) };
    let length = segment.file.open()?.metadata()?.len();
    if length < summary.size {
        return Ok(Index::Outlived(summary.size - length));
    }
    if !fits(segment, &summary, &index)? {
        return Ok(Index::Damaged);
    }
    segment.index = index;
    segment.size = summary.size;
    segment.next_offset = summary.next_offset;
    segment.max_timestamp = summary.max_timestamp;
    segment.born = summary.born;
    Ok(Index::Sound(summary.aborted))
}

fn decode_index(bytes: &[u8]) -> Option<(Summary, Vec<Entry>)> {
    let (length, rest) = unsealed(bytes)?.split_at_checked(4)?;
    let length = usize::try_from(u32::from_le_bytes(length.try_into().ok()?)).ok()?;
    let (summary, entries) = rest.split_at_checked(length)?;
    let summary = serde_json::from_slice(summary).ok()?;
    let index = entries.chunks(ENTRY).map(entry).collect::<Option<_>>()?;
    Some((summary, index))
}

/// Whether an index belongs to this segment: its entries are in order, and the batches after the last entry end at the
/// recorded size and offset.
fn fits(segment: &Segment, summary: &Summary, index: &[Entry]) -> io::Result<bool> {
    let rising = |pair: &[Entry]| pair[0].offset < pair[1].offset && pair[0].position < pair[1].position;
    let first = index.first().is_none_or(|entry| entry.position == 0);
    let last = index.last().map_or(0, |entry| u64::from(entry.position));
    let within = (segment.base..=HIGHEST_OFFSET).contains(&summary.next_offset);
    if !(first && within && last <= summary.size && index.windows(2).all(rising)) {
        return Ok(false);
    }
    let mut scan = Scan::new(segment.file.open()?, last, summary.size, HEADER);
    let mut next_offset = segment.base;
    loop {
        match scan.header() {
            Ok(Some((_, header))) if header.base_offset >= next_offset => next_offset = header.next_offset(),
            Ok(Some(_)) => return Ok(false),
            Ok(None) => return Ok(next_offset <= summary.next_offset),
            Err(error) if is_damage(&error) => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

/// Removes a file, if it is there.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes the index of the segment at `base`.
pub(crate) fn remove_index(folder: &Path, base: i64) -> io::Result<()> {
    remove(&folder.join(file_name(base, INDEX)))
}

fn entry(raw: &[u8]) -> Option<Entry> {
    Some(Entry {
        offset: u32::from_le_bytes(raw.get(..4)?.try_into().ok()?),
        position: u32::from_le_bytes(raw.get(4..8)?.try_into().ok()?),
        max_timestamp_before: i64::from_le_bytes(raw.get(8..16)?.try_into().ok()?),
    })
}

/// Encodes the producers for [`write_producers`].
pub(crate) fn producers_bytes(producers: &Producers) -> Vec<u8> {
    let all: Vec<(i64, &Producer)> = producers.iter().collect();
    sealed(&serde_json::to_vec(&all).unwrap_or_default())
}

/// Writes a snapshot of the producers up to `offset`, and removes all older snapshots but one.
pub(crate) fn write_producers(folder: &Path, offset: i64, bytes: &[u8]) -> io::Result<()> {
    replace(&folder.join(file_name(offset, PRODUCERS)), bytes)?;
    for (_, path) in listed(folder, PRODUCERS)?.into_iter().rev().skip(2) {
        fs::remove_file(path)?;
    }
    Ok(())
}

/// Reads the newest sound snapshot at or before `trusted`, with its offset; removes damaged ones, and those beyond the
/// `end` of the log.
pub(crate) fn read_producers(folder: &Path, trusted: i64, end: i64) -> io::Result<Option<(i64, Producers)>> {
    for (offset, path) in listed(folder, PRODUCERS)?.into_iter().rev() {
        if offset > end {
            fs::remove_file(path)?;
            continue;
        }
        if offset > trusted {
            continue;
        }
        let bytes = fs::read(&path)?;
        let all = unsealed(&bytes).and_then(|json| serde_json::from_slice::<Vec<(i64, Producer)>>(json).ok());
        if let Some(all) = all {
            return Ok(Some((offset, all.into_iter().collect())));
        }
        let file = path.display();
        tracing::warn!(%file, "a snapshot of the producers is damaged: they are found in the log again");
        fs::remove_file(path)?;
    }
    Ok(None)
}

/// The files with an extension, sorted by the offset in their names. Ignores names that are not ours.
pub(crate) fn listed(folder: &Path, extension: &str) -> io::Result<Vec<(i64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        if let Some(offset) = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok())
            && (0..=HIGHEST_OFFSET).contains(&offset)
            && name.to_str() == Some(&file_name(offset, extension))
        {
            found.push((offset, path));
        }
    }
    found.sort();
    Ok(found)
}

/// Removes a segment's files. Readers with an open handle keep reading.
pub(crate) fn remove_segment(folder: &Path, base: i64) -> io::Result<()> {
    remove_index(folder, base)?;
    fs::remove_file(folder.join(file_name(base, "log")))
}

/// Removes a segment from the log, but keeps its file for inspection.
pub(crate) fn set_aside(folder: &Path, base: i64) -> io::Result<()> {
    remove_index(folder, base)?;
    fs::rename(folder.join(file_name(base, "log")), folder.join(file_name(base, "aside")))
}

/// Replaces the source segments with a complete compacted one.
pub(super) fn install_swap(folder: &Path, swap: &Path, base: i64, end: i64) -> io::Result<()> {
    for (old, _) in listed(folder, "log")? {
        if (base..end).contains(&old) {
            remove_segment(folder, old)?;
        }
    }
    fs::rename(swap, folder.join(file_name(base, "log")))
}
