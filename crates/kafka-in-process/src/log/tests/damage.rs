//! Damage of any kind in any file: the log serves an intact prefix of what was appended or, if a trusted segment is
//! damaged, all but the damaged part. It never serves a record that was not written, and never panics.

use std::{collections::BTreeSet, fs, path::Path};

use proptest::prelude::*;

use super::kit::{Given, NOBODY, NOW, Writer, append, config, given, seal};
use crate::log::{
    Isolation, Log, LogConfig, LogError, Marker,
    batch::{self, HEADER},
    record,
    segment::file_name,
    sidecar_files,
};

fn small() -> LogConfig {
    LogConfig { segment_bytes: 300, ..config() }
}

/// A log of several segments, sealed but for the last two, with transactions and idempotent batches; and its records.
fn written(folder: &Path) -> Vec<(i64, Given)> {
    let config = small();
    let mut log = Log::open(folder, 0, NOW).unwrap();
    let mut model = Vec::new();
    for n in 0..12 {
        let records: Vec<_> =
            (0..=n % 3).map(|i| given(&n.to_string(), Some(&i.to_string()), NOW + n)).collect();
        let sequence = i32::try_from(n).unwrap();
        let writer = match n % 4 {
            0 => Writer { id: 100 + n, epoch: 0, sequence: 0, transactional: false },
            1 => Writer { id: 7, epoch: i16::try_from(n).unwrap(), sequence: 0, transactional: true },
            _ => NOBODY,
        };
        let base = append(&mut log, &records, writer, &config).unwrap();
        model.extend((base..).zip(records));
        if writer.transactional {
            let kind = if sequence % 8 == 1 { Marker::Commit } else { Marker::Abort };
            log.append_marker(kind, 7, writer.epoch, NOW + n, &config).unwrap();
        }
        if n == 7 {
            seal(&mut log);
            log.sealing_of_active().run().unwrap();
        }
    }
    assert!(log.segments.len() > 4, "{}", log.segments.len());
    model
}

/// All records that consecutive fetches return, and the error if they stop before the end of the log.
fn readable(log: &Log) -> (Vec<(i64, Given)>, Option<LogError>) {
    let mut seen = Vec::new();
    let mut next = log.start();
    loop {
        let read = log
            .read(next, 300, Isolation::Uncommitted)
            .and_then(|reading| reading.slice.map(|slice| slice.read()).transpose().map_err(LogError::from));
        let bytes = match read {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return (seen, None),
            Err(error) => return (seen, Some(error)),
        };
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let header = batch::intact(rest).expect("what is served is intact");
            assert_eq!(rest[12..16], [0; 4], "leader epoch 0");
            for record in record::iterate(&rest[HEADER..header.size]).map(Result::unwrap) {
                let offset = header.base_offset + record.offset_delta;
                if !header.is_control() && offset >= next {
                    let timestamp = header.base_timestamp + record.timestamp_delta;
                    let (key, value) = (record.key.map(<[u8]>::to_vec), record.value.map(<[u8]>::to_vec));
                    seen.push((offset, Given { key, value, timestamp }));
                }
            }
            next = header.next_offset();
            rest = &rest[header.size..];
        }
    }
}

fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.path().join(path.file_name().unwrap())).unwrap();
    }
    to
}

/// The first, the middle and the last file of each kind.
fn telling(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for extension in ["log", "index", "producers"] {
        let all = sidecar_files::listed(folder, extension).unwrap();
        let places = BTreeSet::from([0, all.len() / 2, all.len() - 1]);
        names.extend(places.iter().map(|at| file_name(all[*at].0, extension)));
    }
    names
}

/// Opens the damaged log, and returns the number of records served.
fn check(folder: &Path, model: &[(i64, Given)], what: &str) -> usize {
    let log = Log::open(folder, 0, NOW).unwrap_or_else(|error| panic!("{what}: {error}"));
    let (seen, error) = readable(&log);
    assert_eq!(seen, model[..seen.len()], "{what}: the beginning of what was written");
    let wanted = model.iter().filter(|(offset, _)| *offset < log.end()).count();
    assert!(seen.len() == wanted || error.is_some(), "{what}: a reader learns that records are missing");
    let (end, stable) = (log.end(), log.last_stable());
    drop(log);

    let mut log = Log::open(folder, 0, NOW).unwrap();
    assert_eq!((log.end(), log.last_stable()), (end, stable), "{what}: the second start finds the same");
    assert_eq!(readable(&log).0, seen, "{what}: the second start finds the same");
    let late = given("late", Some("record"), NOW);
    assert_eq!(append(&mut log, std::slice::from_ref(&late), NOBODY, &small()).unwrap(), end, "{what}");
    if error.is_none() {
        assert_eq!(readable(&log).0.last(), Some(&(end, late)), "{what}: appending goes on");
    }
    seen.len()
}

#[test]
fn a_flip_at_any_byte_of_any_file_shows_no_other_record() {
    let folder = tempfile::tempdir().unwrap();
    let model = written(folder.path());
    for name in telling(folder.path()) {
        let whole = fs::read(folder.path().join(&name)).unwrap();
        for at in 0..whole.len() {
            let harmed = copy(folder.path());
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            fs::write(harmed.path().join(&name), bytes).unwrap();
            let what = format!("{name} flipped at {at}");
            let served = check(harmed.path(), &model, &what);
            if !what.contains(".log") {
                assert_eq!(served, model.len(), "{what}: the records are all there");
            }
        }
    }
}

#[test]
fn a_flip_of_any_bit_of_the_place_of_a_batch_shows_no_other_record() {
    let folder = tempfile::tempdir().unwrap();
    let model = written(folder.path());
    for (base, path) in sidecar_files::listed(folder.path(), "log").unwrap() {
        let name = file_name(base, "log");
        let whole = fs::read(path).unwrap();
        let mut batch_at = 0;
        while let Some(header) = batch::intact(&whole[batch_at..]) {
            // The CRC of a batch does not cover its offset. No offset here is above 255.
            for bit in 0..8 {
                let harmed = copy(folder.path());
                let mut bytes = whole.clone();
                bytes[batch_at + 7] ^= 1 << bit;
                fs::write(harmed.path().join(&name), bytes).unwrap();
                check(harmed.path(), &model, &format!("{name}: bit {bit} of offset {}", header.base_offset));
            }
            batch_at += header.size;
        }
        assert_eq!(batch_at, whole.len());
    }
}

#[test]
fn a_cut_anywhere_in_any_file_leaves_the_beginning() {
    let folder = tempfile::tempdir().unwrap();
    let model = written(folder.path());
    for name in telling(folder.path()) {
        let whole = fs::read(folder.path().join(&name)).unwrap();
        for length in 0..whole.len() {
            let harmed = copy(folder.path());
            fs::write(harmed.path().join(&name), &whole[..length]).unwrap();
            let what = format!("{name} cut to {length}");
            let served = check(harmed.path(), &model, &what);
            let log = what.contains(".log");
            assert!(log || served == model.len(), "{what}: the records are all there");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn several_harms_at_once_show_no_other_record(
        harms in proptest::collection::vec(
            (any::<prop::sample::Index>(), any::<prop::sample::Index>(), proptest::collection::vec(any::<u8>(), 0..40), 0..3u8),
            1..5,
        ),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let model = written(folder.path());
        for (file, at, garbage, kind) in &harms {
            let mut paths: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
            paths.sort();
            let path = file.get(&paths);
            let mut bytes = fs::read(path).unwrap();
            let at = at.index(bytes.len() + 1);
            match kind {
                // Overwrites, truncates, or truncates and appends garbage.
                0 => for (byte, other) in bytes.iter_mut().skip(at).zip(garbage) { *byte = *other },
                1 => bytes.truncate(at),
                _ => { bytes.truncate(at); bytes.extend(garbage) },
            }
            fs::write(path, bytes).unwrap();
        }
        check(folder.path(), &model, &format!("{harms:?}"));
    }
}
