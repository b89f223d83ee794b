//! Arbitrary files in a partition's folder and as the journal: a log that opens is intact and can be appended to.
//!
//! The input is a list of files: a kind, two numbers for the name, and the bytes after a four-byte length. Its first
//! byte says whether check sums are corrected, so that a fuzzer gets past them.

use std::{fs, path::Path};

use super::served;
use crate::{
    config::{Durability, Settings},
    housekeeping, journal, log,
    log::{Batch, Isolation, Log, LogConfig, Marker, find_latest_time, find_time},
    open,
    topics::config::{Overrides, log_config},
};

/// More files find nothing new.
const MOST_FILES: usize = 12;
/// The partition in the journal of the seeds.
const PARTITION: &str = "t-0";

/// A file of the input.
pub(super) struct Part<'a> {
    pub(super) kind: u8,
    pub(super) numbers: [u8; 2],
    pub(super) bytes: &'a [u8],
}

impl Part<'_> {
    fn name(&self) -> String {
        let [base, end] = self.numbers;
        match self.kind % 8 {
            0 | 1 => format!("{PARTITION}/{base:020}.log"),
            2 => format!("{PARTITION}/{base:020}.index"),
            3 => format!("{PARTITION}/{base:020}.producers"),
            4 => format!("{PARTITION}/cleaned.json"),
            5 => format!("{PARTITION}/{base}-{end}.swap"),
            6 => format!("{PARTITION}/{base:020}.cleaned"),
            _ => "journal".to_owned(),
        }
    }

    fn resealed(&self) -> Vec<u8> {
        let mut bytes = self.bytes.to_vec();
        match self.kind % 8 {
            0 | 1 | 5 | 6 => log::reseal_all(&mut bytes),
            2..=4 => {
                if let Some((sum, payload)) = bytes.split_first_chunk_mut::<4>() {
                    *sum = crc32c::crc32c(payload).to_le_bytes();
                }
            }
            _ => journal::reseal_all(&mut bytes),
        }
        bytes
    }
}

/// Decodes a file of the input.
fn take<'a>(input: &mut &'a [u8]) -> Option<Part<'a>> {
    let (&[kind, base, end], rest) = input.split_first_chunk::<3>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let length = (u32::from_le_bytes(*length) as usize).min(rest.len());
    let (bytes, rest) = rest.split_at(length);
    *input = rest;
    Some(Part { kind, numbers: [base, end], bytes })
}

/// Writes the input's files to the empty `folder` and opens them.
pub fn recovery(folder: &Path, input: &[u8]) {
    let Some((&flags, mut rest)) = input.split_first() else { return };
    fs::create_dir_all(folder.join(PARTITION)).unwrap();
    for part in std::iter::from_fn(|| take(&mut rest)).take(MOST_FILES) {
        let bytes = if flags & 1 == 1 { part.resealed() } else { part.bytes.to_vec() };
        fs::write(folder.join(part.name()), bytes).unwrap();
    }
    log_alone(&folder.join(PARTITION));
    whole_broker(folder);
}

fn log_alone(folder: &Path) {
    let config = config();
    let now = 1_800_000_000_000;
    let log = Log::open(folder, 0, now).unwrap();
    let (start, end, first) = (log.start(), log.end(), readable(&log));
    drop(log);

    let mut log = Log::open(folder, 0, now).unwrap();
    assert_eq!((log.start(), log.end()), (start, end), "opened twice, it is the same");
    assert_eq!(readable(&log), first, "opened twice, it holds the same");
    let _ = find_time(|| &log, now, Isolation::Uncommitted);
    let _ = find_latest_time(|| &log);

    let mut batch = log::marker(Marker::Commit, 7, 0, now);
    // As a producer's: no control batch, no producer id.
    batch[21..23].fill(0);
    batch[43..57].fill(0xff);
    log::reseal(&mut batch);
    let batch = Batch::check(batch.into(), now, &config).unwrap();
    let appended = log.append(&batch, None, now, &config).unwrap();
    assert_eq!(appended.base_offset, end, "what is appended lies at the end");
    let with_it = readable(&log);
    if let (Some(with_it), Some(first)) = (&with_it, &first) {
        assert!(with_it.starts_with(first) && with_it.len() > first.len(), "what is appended is served");
    }
    log.roll_if_old(now, &config).unwrap();
    while let Some(sealing) = log.to_seal() {
        sealing.run().unwrap();
        log.sealed();
    }
    log.sealing_of_active().run().unwrap();
    drop(log);
    let mut log = Log::open(folder, 0, now).unwrap();
    assert_eq!((log.start(), log.end()), (start, end + 1), "an orderly stop changes nothing");
    assert_eq!(readable(&log), with_it, "an orderly stop changes no record");

    // Compaction and retention may refuse damaged records, but must not panic.
    let compact = LogConfig { compact: true, min_dirty_ratio: 0.0, ..config.clone() };
    if let Some(plan) = log.plan_compaction(now, &compact, 1 << 20)
        && let Ok(compacted) = plan.run(now, &compact)
    {
        let _ = log.install_compaction(compacted).and_then(|installed| installed.write());
    }
    let _ = log.retain(now, &config);
    let _ = readable(&log);
    let last = log.end();
    drop(log);
    assert_eq!(Log::open(folder, 0, now).unwrap().end(), last);
}

/// The batches of a log; `None` if it reports damage.
fn readable(log: &Log) -> Option<Vec<u8>> {
    served(log).ok()
}

fn whole_broker(folder: &Path) {
    for _ in 0..2 {
        if let Ok(cluster) = open(folder, Durability::Process, Settings::default()) {
            housekeeping::look_after(&cluster);
            housekeeping::put_to_bed(&cluster);
        }
    }
}

pub(super) fn config() -> LogConfig {
    log_config(&Overrides::new(), &Overrides::from([("segment.bytes".to_owned(), "16384".to_owned())]))
}
