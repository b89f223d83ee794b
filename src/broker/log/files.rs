//! The files beside a segment: its index once nothing more is written to it, and snapshots of the producers.
//!
//! An index is believed when its check sum is right and the segment is at least as long as it says; it is written
//! only after the segment is synced. So a start reads indexes and checks only what lies behind them.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    producers::{Aborted, Producer, Producers},
    segment::{Entry, Segment, file_name},
};

const INDEX: &str = "index";
const PRODUCERS: &str = "producers";
const ENTRY: usize = 16;

/// What an index file says of its segment besides the entries.
#[derive(Serialize, Deserialize)]
struct Summary {
    size: u64,
    next_offset: i64,
    max_timestamp: i64,
    born: i64,
    aborted: Vec<Aborted>,
}

/// Writes a file aside, syncs it and puts it in its place.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let aside = path.with_extension("new");
    let mut file = File::create(&aside)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    fs::rename(&aside, path)
}

/// A check sum, then what it covers.
fn sealed(payload: &[u8]) -> Vec<u8> {
    [&crc32c::crc32c(payload).to_le_bytes(), payload].concat()
}

fn unsealed(bytes: &[u8]) -> Option<&[u8]> {
    let (crc, payload) = bytes.split_at_checked(4)?;
    (crc == crc32c::crc32c(payload).to_le_bytes()).then_some(payload)
}

/// The index of a segment as bytes, to be written when the segment is synced.
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
    replace(&folder.join(file_name(base, INDEX)), bytes)
}

/// Takes a segment's content from its index file. `None` when there is no index to believe.
pub(crate) fn read_index(folder: &Path, segment: &mut Segment) -> Option<Vec<Aborted>> {
    let bytes = fs::read(folder.join(file_name(segment.base, INDEX))).ok()?;
    let (length, rest) = unsealed(&bytes)?.split_at_checked(4)?;
    let length = usize::try_from(u32::from_le_bytes(length.try_into().ok()?)).ok()?;
    let (summary, entries) = rest.split_at_checked(length)?;
    let summary: Summary = serde_json::from_slice(summary).ok()?;
    if segment.file.metadata().ok()?.len() < summary.size {
        return None;
    }
    segment.index = entries.chunks_exact(ENTRY).map(entry).collect::<Option<_>>()?;
    segment.size = summary.size;
    segment.next_offset = summary.next_offset;
    segment.max_timestamp = summary.max_timestamp;
    segment.born = summary.born;
    Some(summary.aborted)
}

fn entry(raw: &[u8]) -> Option<Entry> {
    Some(Entry {
        offset: u32::from_le_bytes(raw.get(..4)?.try_into().ok()?),
        position: u32::from_le_bytes(raw.get(4..8)?.try_into().ok()?),
        max_timestamp_before: i64::from_le_bytes(raw.get(8..16)?.try_into().ok()?),
    })
}

/// The producers as bytes, to be written by [`write_producers`].
pub(crate) fn producers_bytes(producers: &Producers) -> Vec<u8> {
    let all: Vec<(i64, &Producer)> = producers.iter().collect();
    sealed(&serde_json::to_vec(&all).unwrap_or_default())
}

/// Writes what is known of the producers before `offset`, and removes all older snapshots but one.
pub(crate) fn write_producers(folder: &Path, offset: i64, bytes: &[u8]) -> io::Result<()> {
    replace(&folder.join(file_name(offset, PRODUCERS)), bytes)?;
    for (_, path) in listed(folder, PRODUCERS)?.into_iter().rev().skip(2) {
        fs::remove_file(path)?;
    }
    Ok(())
}

/// The newest sound snapshot that was taken at or before `trusted`, with its offset; those beyond the `end` of the log
/// are removed.
pub(crate) fn read_producers(folder: &Path, trusted: i64, end: i64) -> io::Result<Option<(i64, Producers)>> {
    for (offset, path) in listed(folder, PRODUCERS)?.into_iter().rev() {
        if offset > end {
            fs::remove_file(path)?;
            continue;
        }
        if offset > trusted {
            continue;
        }
        let bytes = fs::read(path)?;
        let all = unsealed(&bytes).and_then(|json| serde_json::from_slice::<Vec<(i64, Producer)>>(json).ok());
        if let Some(all) = all {
            return Ok(Some((offset, all.into_iter().collect())));
        }
    }
    Ok(None)
}

/// A folder's files of one kind with the offsets they are named by, in order.
pub(crate) fn listed(folder: &Path, extension: &str) -> io::Result<Vec<(i64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == extension)
            && let Some(offset) = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok())
        {
            found.push((offset, path));
        }
    }
    found.sort();
    Ok(found)
}

/// Removes a segment's files. Readers that hold the file open read on.
pub(crate) fn remove_segment(folder: &Path, base: i64) -> io::Result<()> {
    match fs::remove_file(folder.join(file_name(base, INDEX))) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::remove_file(folder.join(file_name(base, "log")))
}
