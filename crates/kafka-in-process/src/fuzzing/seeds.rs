//! Makes seeds: `cargo test --lib fuzzing::seeds -- --ignored` writes them to `fuzz/seeds`.
//!
//! The requests beside these were recorded from the clients of `tests/broker.rs`.

use std::{fs, path::Path};

use super::recovery::config;
use crate::{
    config::{Durability, Settings},
    log::{
        Log, LogConfig, Marker,
        tests::kit::{NOBODY, NOW, Writer, append, given},
    },
    open,
    topics::config::Overrides,
};

/// A partition's folder with transactions, idempotent batches, full segments, an index, snapshots and a compacted part.
fn written(folder: &Path, records: i64, seal: bool, compact: bool) {
    let config = LogConfig { segment_bytes: 900, compact, min_dirty_ratio: 0.0, ..config() };
    let mut log = Log::open(folder, 0, NOW).unwrap();
    for n in 0..records {
        let value = n.to_string();
        let key = (n % 5).to_string();
        let epoch = i16::try_from(n).unwrap();
        let writer = match n % 4 {
            0 => Writer { id: 9, epoch, sequence: 0, transactional: true },
            1 => Writer { id: 100 + n, epoch: 0, sequence: 0, transactional: false },
            _ => NOBODY,
        };
        append(&mut log, &[given(&key, Some(&value), NOW + n), given(&key, None, NOW)], writer, &config)
            .unwrap();
        if writer.transactional {
            let kind = if n % 8 == 0 { Marker::Commit } else { Marker::Abort };
            log.append_marker(kind, 9, epoch, NOW, &config).unwrap();
        }
    }
    if seal {
        while let Some(sealing) = log.to_seal() {
            sealing.run().unwrap();
            log.sealed();
        }
        log.sealing_of_active().run().unwrap();
    }
    if let Some(plan) = log.plan_compaction(NOW, &config, 1 << 20) {
        let compacted = plan.run(NOW, &config).unwrap();
        log.install_compaction(compacted).unwrap().write().unwrap();
    }
}

fn pack(data: &Path) -> Vec<u8> {
    let mut packed = vec![1];
    let mut add = |kind: u8, base: u8, path: &Path| {
        let bytes = fs::read(path).unwrap();
        packed.extend([kind, base, 0]);
        packed.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
        packed.extend(bytes);
    };
    for entry in fs::read_dir(data.join("t-0")).unwrap() {
        let path = entry.unwrap().path();
        let kind = match path.extension().and_then(|extension| extension.to_str()) {
            Some("log") => 0,
            Some("index") => 2,
            Some("producers") => 3,
            Some("json") => 4,
            _ => continue,
        };
        let base = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok()).unwrap_or(0);
        add(kind, base, &path);
    }
    add(7, 0, &data.join("journal"));
    packed
}

#[test]
#[ignore = "writes to fuzz/seeds"]
fn seeds() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    fs::create_dir_all(seeds.join("recovery")).unwrap();
    for (name, records, seal, compact) in [
        ("torn", 3, false, false),
        ("segments", 16, false, false),
        ("sealed", 16, true, false),
        ("compacted", 24, true, true),
    ] {
        let data = tempfile::tempdir().unwrap();
        let cluster = open(data.path(), Durability::Process, Settings::default()).unwrap();
        cluster.topics.create("t", 1, Overrides::new(), false).unwrap();
        drop(cluster);
        written(&data.path().join("t-0"), records, seal, compact);
        fs::write(seeds.join("recovery").join(name), pack(data.path())).unwrap();
    }
    fs::create_dir_all(seeds.join("requests")).unwrap();
    for (name, frames) in crate::wire::tests::samples() {
        fs::write(seeds.join("requests").join(name), frames).unwrap();
    }
}
