//! Compaction, compared with a naive model of what must stay.

use std::{collections::BTreeMap, fs};

use proptest::prelude::*;

use super::kit::{Given, NOBODY, NOW, Writer, append, compressed, config, given, read_from, seal};
use crate::log::{Batch, Isolation, Log, LogConfig, Marker};

const DAY: i64 = 86_400_000;
const MEMORY: usize = 1 << 20;

fn compacted() -> LogConfig {
    LogConfig { segment_bytes: 500, compact: true, delete: false, min_dirty_ratio: 0.0, ..config() }
}

/// One pass, if it is due.
fn clean(log: &mut Log, now: i64, config: &LogConfig) -> bool {
    seal(log);
    let Some(plan) = log.plan_compaction(now, config, MEMORY) else { return false };
    log.install_compaction(plan.run(now, config).unwrap()).unwrap().write().unwrap();
    true
}

#[derive(Clone, Debug)]
enum Step {
    /// Key and value of each record; no value is a tombstone.
    Plain(Vec<(u8, Option<u8>)>),
    Transaction {
        producer: i64,
        records: Vec<(u8, Option<u8>)>,
        commit: bool,
    },
    Clean,
    Reopen,
}

fn records() -> impl Strategy<Value = Vec<(u8, Option<u8>)>> {
    proptest::collection::vec((0..6u8, proptest::option::weighted(0.8, any::<u8>())), 1..4)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => records().prop_map(Step::Plain),
        4 => (1..3i64, records(), any::<bool>())
            .prop_map(|(producer, records, commit)| Step::Transaction { producer, records, commit }),
        1 => Just(Step::Clean),
        1 => Just(Step::Reopen),
    ]
}

fn record((key, value): (u8, Option<u8>)) -> Given {
    given(&key.to_string(), value.map(|value| value.to_string()).as_deref(), NOW)
}

/// The latest value of each key, as seen by a full read.
fn table(seen: &[(i64, Given)]) -> BTreeMap<Vec<u8>, (i64, Vec<u8>)> {
    let mut table = BTreeMap::new();
    for (offset, record) in seen {
        let key = record.key.clone().unwrap();
        match &record.value {
            Some(value) => table.insert(key, (*offset, value.clone())),
            None => table.remove(&key),
        };
    }
    table
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn the_present_state_stays_as_it_was(
        steps in proptest::collection::vec(step(), 1..60),
        later in prop_oneof![Just(0), Just(2 * DAY)],
    ) {
        let folder = tempfile::tempdir().unwrap();
        let config = compacted();
        let mut log = Log::open(folder.path(), 0, NOW).unwrap();
        let mut committed: Vec<(i64, Given)> = Vec::new();
        let mut sequences: BTreeMap<i64, i32> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Plain(pairs) => {
                    let records: Vec<_> = pairs.into_iter().map(record).collect();
                    let base = append(&mut log, &records, NOBODY, &config).unwrap();
                    committed.extend((base..).zip(records));
                }
                Step::Transaction { producer, records, commit } => {
                    let records: Vec<_> = records.into_iter().map(record).collect();
                    let next = sequences.entry(producer).or_default();
                    let writer = Writer { id: producer, epoch: 0, sequence: *next, transactional: true };
                    *next += i32::try_from(records.len()).unwrap();
                    let base = append(&mut log, &records, writer, &config).unwrap();
                    let marker = if commit { Marker::Commit } else { Marker::Abort };
                    log.append_marker(marker, producer, 0, NOW, &config).unwrap();
                    if commit {
                        committed.extend((base..).zip(records));
                    }
                }
                Step::Clean => {
                    clean(&mut log, NOW, &config);
                }
                Step::Reopen => log = Log::open(folder.path(), 0, NOW).unwrap(),
            }
            let seen = read_from(&log, 0, Isolation::Committed);
            prop_assert_eq!(table(&seen), table(&committed));
        }
        clean(&mut log, NOW, &config);
        for _ in 0..10 {
            let filler = [given("filler", Some("something to make a segment full"), NOW)];
            let base = append(&mut log, &filler, NOBODY, &config).unwrap();
            committed.extend((base..).zip(filler));
        }
        prop_assert!(clean(&mut log, NOW + later, &config));
        // All records were committed, in this order, and in the cleaned part each key occurs at most once.
        let seen = read_from(&log, 0, Isolation::Committed);
        prop_assert!(seen.iter().all(|one| committed.contains(one)));
        prop_assert!(seen.is_sorted_by_key(|(offset, _)| *offset));
        let active = log.segments.last().unwrap().base;
        let mut cleaned: Vec<_> =
            seen.iter().filter(|(offset, _)| *offset < active).map(|(_, record)| record.key.clone()).collect();
        cleaned.sort();
        let count = cleaned.len();
        cleaned.dedup();
        prop_assert_eq!(cleaned.len(), count);
        // A read from any offset finds the next existing record.
        for from in 0..=log.end() {
            let rest: Vec<_> = seen.iter().filter(|(offset, _)| *offset >= from).cloned().collect();
            prop_assert_eq!(read_from(&log, from, Isolation::Committed), rest);
        }
        // The same after a crash in any state.
        let reopened = Log::open(folder.path(), 0, NOW).unwrap();
        prop_assert_eq!(read_from(&reopened, 0, Isolation::Committed), seen);
        prop_assert_eq!(reopened.last_stable(), reopened.end());
        // Even without indexes and snapshots: no transaction lost a marker that its records need.
        drop(reopened);
        for entry in fs::read_dir(folder.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension != "log" && extension != "json") {
                fs::remove_file(path).unwrap();
            }
        }
        let bare = Log::open(folder.path(), 0, NOW).unwrap();
        prop_assert_eq!(bare.last_stable(), bare.end());
        prop_assert_eq!(table(&read_from(&bare, 0, Isolation::Committed)), table(&committed));
    }
}

/// Segments that were filled since the last housekeeping are compacted before they are sealed.
#[test]
fn an_index_is_that_of_the_compacted_segment() {
    let folder = tempfile::tempdir().unwrap();
    let config = compacted();
    let mut log = Log::open(folder.path(), 0, NOW).unwrap();
    for n in 0..40 {
        let value = n.to_string();
        let record = given(if n % 5 == 0 { &value } else { "the same" }, Some(&value), NOW);
        append(&mut log, &[record], NOBODY, &config).unwrap();
    }
    for _ in 0..2 {
        if let Some(plan) = log.plan_compaction(NOW, &config, MEMORY) {
            log.install_compaction(plan.run(NOW, &config).unwrap()).unwrap().write().unwrap();
        }
        seal(&mut log);
    }
    let seen = read_from(&log, 0, Isolation::Uncommitted);
    assert!(seen.len() < 20, "it is compacted");
    let reopened = Log::open(folder.path(), 0, NOW).unwrap();
    assert_eq!(read_from(&reopened, 0, Isolation::Uncommitted), seen);
}

#[test]
fn a_hot_topic_stays_small() {
    let folder = tempfile::tempdir().unwrap();
    let config = LogConfig { min_dirty_ratio: 0.5, ..compacted() };
    let mut log = Log::open(folder.path(), 0, NOW).unwrap();
    for n in 0..2000 {
        append(&mut log, &[given("key", Some(&n.to_string()), NOW)], NOBODY, &config).unwrap();
        if n % 20 == 0 {
            clean(&mut log, NOW + n, &config);
        }
    }
    assert!(log.size() < 4000, "{}", log.size());
    assert_eq!(log.end(), 2000);
}

#[test]
fn a_tombstone_is_kept_for_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let config = compacted();
    let mut log = Log::open(folder.path(), 0, NOW).unwrap();
    let fill = |log: &mut Log| {
        for _ in 0..10 {
            append(log, &[given("other", Some("filler of some length"), NOW)], NOBODY, &config).unwrap();
        }
    };
    append(&mut log, &[given("key", Some("value"), NOW)], NOBODY, &config).unwrap();
    append(&mut log, &[given("key", None, NOW)], NOBODY, &config).unwrap();
    let tombstones = |log: &Log| {
        read_from(log, 0, Isolation::Committed).iter().filter(|(_, record)| record.value.is_none()).count()
    };
    fill(&mut log);
    assert!(clean(&mut log, NOW, &config));
    assert_eq!(read_from(&log, 0, Isolation::Committed)[0].1, given("key", None, NOW));
    fill(&mut log);
    assert!(clean(&mut log, NOW + DAY - 1, &config));
    assert_eq!(tombstones(&log), 1);
    let mut log = Log::open(folder.path(), 0, NOW).unwrap();
    fill(&mut log);
    assert!(clean(&mut log, NOW + DAY, &config));
    assert_eq!(tombstones(&log), 0);
}

#[test]
fn what_is_undecided_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let config = compacted();
    let mut log = Log::open(folder.path(), 0, NOW).unwrap();
    let open = Writer { id: 1, epoch: 0, sequence: 0, transactional: true };
    append(&mut log, &[given("key", Some("open"), NOW)], open, &config).unwrap();
    for _ in 0..20 {
        append(&mut log, &[given("key", Some("plain"), NOW)], NOBODY, &config).unwrap();
    }
    assert!(!clean(&mut log, NOW, &config));
    log.append_marker(Marker::Commit, 1, 0, NOW, &config).unwrap();
    assert!(clean(&mut log, NOW, &config));
}

#[test]
fn a_crash_while_segments_are_exchanged_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let config = LogConfig { segment_bytes: 300, ..compacted() };
    let mut log = Log::open(folder.path(), 0, NOW).unwrap();
    for n in 0..30 {
        append(&mut log, &[given(&(n % 3).to_string(), Some(&n.to_string()), NOW)], NOBODY, &config).unwrap();
    }
    seal(&mut log);
    let before = table(&read_from(&log, 0, Isolation::Committed));
    let compacted = log.plan_compaction(NOW, &config, MEMORY).unwrap().run(NOW, &config).unwrap();
    // Incomplete: dropped.
    let reopened = Log::open(folder.path(), 0, NOW).unwrap();
    assert_eq!(table(&read_from(&reopened, 0, Isolation::Committed)), before);
    assert!(
        fs::read_dir(folder.path())
            .unwrap()
            .all(|entry| entry.unwrap().path().extension().unwrap() != "cleaned")
    );
    drop(compacted);
    // Complete, with some of the old segments already removed: installed.
    let cleaned = log.plan_compaction(NOW, &config, MEMORY).unwrap().run(NOW, &config).unwrap().cleaned;
    let swap = cleaned[0].ready().unwrap();
    assert!(cleaned[0].sources.len() > 1);
    crate::log::sidecar_files::remove_segment(folder.path(), cleaned[0].sources[1].base).unwrap();
    let reopened = Log::open(folder.path(), 0, NOW).unwrap();
    assert!(!swap.exists());
    assert_eq!(table(&read_from(&reopened, 0, Isolation::Committed)), before);
    assert_eq!(reopened.end(), 30);
}

#[test]
fn what_is_compacted_at_the_latest_after_a_time_is_not_kept_in_the_segment_being_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let overrides = [("cleanup.policy", "compact"), ("max.compaction.lag.ms", "60000")];
    let overrides = overrides.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = crate::topics::config::log_config(&BTreeMap::new(), &overrides.into());
    let mut log = Log::open(folder.path(), 0, NOW).unwrap();
    append(&mut log, &[given("key", Some("old"), NOW)], NOBODY, &config).unwrap();
    append(&mut log, &[given("key", Some("new"), NOW)], NOBODY, &config).unwrap();
    log.roll_if_old(NOW + 59_999, &config).unwrap();
    assert!(!clean(&mut log, NOW + 59_999, &config));
    log.roll_if_old(NOW + 60_000, &config).unwrap();
    assert!(clean(&mut log, NOW + 60_000, &config));
    assert_eq!(read_from(&log, 0, Isolation::Committed).len(), 1);
}

/// A topic with more keys than a pass can hold.
#[test]
fn a_pass_takes_no_more_memory_than_it_may() {
    let folder = tempfile::tempdir().unwrap();
    let config = compacted();
    let mut log = Log::open(folder.path(), 0, NOW).unwrap();
    for round in 0..3 {
        // Several keys to a batch: a pass may end inside one.
        for first in (0..60).step_by(3) {
            let records: Vec<_> = (first..first + 3)
                .map(|key| given(&format!("{key:0>40}"), Some(&round.to_string()), NOW))
                .collect();
            append(&mut log, &records, NOBODY, &config).unwrap();
        }
    }
    let before = table(&read_from(&log, 0, Isolation::Committed));
    let mut passes = 0;
    seal(&mut log);
    while let Some(plan) = log.plan_compaction(NOW, &config, 2000) {
        log.install_compaction(plan.run(NOW, &config).unwrap()).unwrap().write().unwrap();
        assert_eq!(table(&read_from(&log, 0, Isolation::Committed)), before);
        passes += 1;
    }
    assert!((3..20).contains(&passes), "{passes}");
    let active = log.segments.last().unwrap().base;
    let cleaned = read_from(&log, 0, Isolation::Committed);
    let mut keys: Vec<_> =
        cleaned.iter().filter(|(offset, _)| *offset < active).map(|(_, record)| record.key.clone()).collect();
    // Later passes may leave some records that an earlier one has written, but remove most.
    keys.sort();
    let count = keys.len();
    keys.dedup();
    assert_eq!(keys.len(), count);
}

#[test]
fn what_compaction_thins_out_stays_compressed() {
    let value = "the same over and over ".repeat(20);
    for codec in 1..=4 {
        let folder = tempfile::tempdir().unwrap();
        let config = LogConfig { segment_bytes: 4000, ..compacted() };
        let mut log = Log::open(folder.path(), 0, NOW).unwrap();
        let records: Vec<_> = (0..20).map(|key| given(&key.to_string(), Some(&value), NOW)).collect();
        let batch = Batch::check(compressed(&records, codec), NOW, &config).unwrap();
        log.append(&batch, None, NOW, &config).unwrap();
        append(&mut log, &[given("7", Some("new"), NOW)], NOBODY, &config).unwrap();
        log.roll(NOW).unwrap();
        assert!(clean(&mut log, NOW, &config));
        let seen = read_from(&log, 0, Isolation::Committed);
        assert_eq!(seen.len(), 20);
        assert_eq!(seen[7], (8, records[8].clone()));
        assert!(log.size() < 1500, "codec {codec}: {} bytes", log.size());
    }
}
