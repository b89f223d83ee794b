//! Compaction, against a naive account of what must stay.

use std::{collections::BTreeMap, fs};

use proptest::prelude::*;

use super::kit::{Given, NOBODY, NOW, Writer, append, config, given, read_from, seal};
use crate::log::{Isolation, Log, LogConfig, Marker};

const DAY: i64 = 86_400_000;

fn compacted() -> LogConfig {
    LogConfig { segment_bytes: 500, compact: true, delete: false, min_dirty_ratio: 0.0, ..config() }
}

/// One pass, if it is due.
fn clean(log: &mut Log, now: i64, config: &LogConfig) -> bool {
    seal(log);
    let Some(plan) = log.plan_compaction(now, config) else { return false };
    let (cleaned, to) = plan.run(now, config).unwrap();
    log.install_compaction(cleaned, to, now, config).unwrap();
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

/// What a reader of all would take for the present state.
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
        // Nothing is there that was not committed, in order, and in what was cleaned every key at most once.
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
        // Reading from any offset still finds the next record that is there.
        for from in 0..=log.end() {
            let rest: Vec<_> = seen.iter().filter(|(offset, _)| *offset >= from).cloned().collect();
            prop_assert_eq!(read_from(&log, from, Isolation::Committed), rest);
        }
        // The same in all states of a crash.
        let reopened = Log::open(folder.path(), 0, NOW).unwrap();
        prop_assert_eq!(read_from(&reopened, 0, Isolation::Committed), seen);
        prop_assert_eq!(reopened.last_stable(), reopened.end());
        // Even without indexes and snapshots: no transaction lost the marker that its records still need.
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

/// Full segments from between two looks of the housekeeping, compacted before they are sealed.
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
        if let Some(plan) = log.plan_compaction(NOW, &config) {
            let (cleaned, to) = plan.run(NOW, &config).unwrap();
            log.install_compaction(cleaned, to, NOW, &config).unwrap();
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
    let (cleaned, _) = log.plan_compaction(NOW, &config).unwrap().run(NOW, &config).unwrap();
    // Not complete: dropped.
    let reopened = Log::open(folder.path(), 0, NOW).unwrap();
    assert_eq!(table(&read_from(&reopened, 0, Isolation::Committed)), before);
    assert!(
        fs::read_dir(folder.path())
            .unwrap()
            .all(|entry| entry.unwrap().path().extension().unwrap() != "cleaned")
    );
    drop(cleaned);
    // Complete, with some of the old segments gone already: installed.
    let (cleaned, to) = log.plan_compaction(NOW, &config).unwrap().run(NOW, &config).unwrap();
    log.expect_gaps(to).unwrap();
    let swap = cleaned[0].ready().unwrap();
    assert!(cleaned[0].sources.len() > 1);
    crate::log::files::remove_segment(folder.path(), cleaned[0].sources[1].base).unwrap();
    let reopened = Log::open(folder.path(), 0, NOW).unwrap();
    assert!(!swap.exists());
    assert_eq!(table(&read_from(&reopened, 0, Isolation::Committed)), before);
    assert_eq!(reopened.end(), 30);
}
