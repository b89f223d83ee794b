//! Appended records survive a crash, and look-ups find them.

use std::fs;

use proptest::prelude::*;

use super::kit::{Given, NOBODY, NOW, append, config, given, read_from, seal};
use crate::log::{
    Found, Isolation::Uncommitted, Log, LogConfig, find_latest_time, find_time, handle::Handle,
};

fn small_segments() -> LogConfig {
    LogConfig { segment_bytes: 600, ..config() }
}

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<i64>),
    /// The process is killed.
    Crash,
    /// It stops cleanly.
    Stop,
    Seal,
    DeleteBefore(prop::sample::Index),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => proptest::collection::vec(0..1000i64, 1..5).prop_map(Step::Append),
        1 => Just(Step::Crash),
        1 => Just(Step::Stop),
        1 => Just(Step::Seal),
        1 => any::<prop::sample::Index>().prop_map(Step::DeleteBefore),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn a_log_is_what_was_appended(steps in proptest::collection::vec(step(), 1..40), asked in 0..1100i64) {
        let folder = tempfile::tempdir().unwrap();
        let config = small_segments();
        let mut log = Log::open(folder.path(), 0, NOW).unwrap();
        let mut model: Vec<(i64, Given)> = Vec::new();
        let mut start = 0;
        for step in steps {
            match step {
                Step::Append(times) => {
                    let records: Vec<_> =
                        times.iter().map(|time| given("key", Some("some value"), NOW + time)).collect();
                    let base = append(&mut log, &records, NOBODY, &config).unwrap();
                    model.extend((base..).zip(records));
                }
                Step::Crash => log = Log::open(folder.path(), start, NOW).unwrap(),
                Step::Stop => {
                    seal(&mut log);
                    log.sealing_of_active().run().unwrap();
                    log = Log::open(folder.path(), start, NOW).unwrap();
                }
                Step::Seal => seal(&mut log),
                Step::DeleteBefore(at) => {
                    let offset = i64::try_from(at.index(model.len() + 1)).unwrap();
                    start = log.delete_before(offset).unwrap();
                    seal(&mut log);
                    log.retain(NOW, &config).unwrap();
                }
            }
            let readable: Vec<_> = model.iter().filter(|(offset, _)| *offset >= start).cloned().collect();
            prop_assert_eq!(log.end(), i64::try_from(model.len()).unwrap());
            prop_assert_eq!(log.start(), start);
            prop_assert_eq!(read_from(&log, start, Uncommitted), readable.clone());
            let expected = readable.iter().find(|(_, record)| record.timestamp >= NOW + asked)
                .map(|(offset, record)| Found { offset: *offset, timestamp: record.timestamp });
            prop_assert_eq!(find_time(|| &log, NOW + asked, Uncommitted).unwrap(), expected);
            if start == 0 {
                let latest = readable.iter().map(|(_, record)| record.timestamp).max();
                prop_assert_eq!(find_latest_time(|| &log).unwrap().map(|found| found.timestamp), latest);
            }
        }
        for from in start..log.end() {
            let expected: Vec<_> = model.iter().filter(|(offset, _)| *offset >= from).cloned().collect();
            prop_assert_eq!(read_from(&log, from, Uncommitted), expected);
        }
    }
}

#[test]
fn a_tail_torn_at_any_byte_costs_the_last_batch_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::open(folder.path(), 0, NOW).unwrap();
    for n in 0..3 {
        append(&mut log, &[given("key", Some(&n.to_string()), NOW)], NOBODY, &config()).unwrap();
    }
    drop(log);
    let path = folder.path().join("00000000000000000000.log");
    let whole = fs::read(&path).unwrap();
    let batch = whole.len() / 3;
    for cut in 1..=batch {
        fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        let log = Log::open(folder.path(), 0, NOW).unwrap();
        assert_eq!(log.end(), 2, "cut by {cut}");
        assert_eq!(fs::metadata(&path).unwrap().len(), 2 * batch as u64);
    }
    for flipped in 0..batch {
        let mut damaged = whole.clone();
        // The CRC does not cover offset and leader epoch.
        let at = 2 * batch + flipped;
        damaged[at] ^= 1;
        fs::write(&path, &damaged).unwrap();
        let log = Log::open(folder.path(), 0, NOW).unwrap();
        assert!(log.end() == 2 || flipped < 8 || (12..16).contains(&flipped), "byte {flipped}");
    }
}

#[test]
fn a_failed_write_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::open(folder.path(), 0, NOW).unwrap();
    append(&mut log, &[given("key", Some("one"), NOW)], NOBODY, &config()).unwrap();
    // A read-only handle fails writes, as a full disk does.
    let path = folder.path().join("00000000000000000000.log");
    let writable = std::mem::replace(
        &mut log.segments[0].file,
        Handle::of(path.clone(), fs::File::open(&path).unwrap()),
    );
    assert!(append(&mut log, &[given("key", Some("two"), NOW)], NOBODY, &config()).is_err());
    assert_eq!(log.end(), 1);
    log.segments[0].file = writable;
    assert_eq!(append(&mut log, &[given("key", Some("three"), NOW)], NOBODY, &config()).unwrap(), 1);
    let reopened = Log::open(folder.path(), 0, NOW).unwrap();
    assert_eq!(read_from(&reopened, 0, Uncommitted), read_from(&log, 0, Uncommitted));
}

#[test]
fn retention_goes_by_time_and_by_size() {
    let folder = tempfile::tempdir().unwrap();
    let by_time = LogConfig { retention_ms: 1000, ..small_segments() };
    let mut log = Log::open(folder.path(), 0, NOW).unwrap();
    for n in 0..40 {
        append(&mut log, &[given("key", Some("value"), NOW + n * 100)], NOBODY, &by_time).unwrap();
    }
    seal(&mut log);
    assert_eq!(log.retain(NOW + 900, &by_time).unwrap(), 0);
    assert!(log.retain(NOW + 2500, &by_time).unwrap() > 0);
    // Everything younger than a second is still there, and nothing that is two segments older.
    assert!((5..=15).contains(&log.start()), "{}", log.start());
    let by_size = LogConfig { retention_bytes: 1200, ..small_segments() };
    log.retain(NOW + 2500, &by_size).unwrap();
    assert!((1200..=1800).contains(&log.size()), "{}", log.size());
    // When everything is old, even the active segment is deleted.
    log.roll_if_old(NOW + 100_000, &by_time).unwrap();
    log.retain(NOW + 100_000, &by_time).unwrap();
    assert_eq!((log.start(), log.end(), log.size()), (40, 40, 0));
}

/// Bytes that this thread has read from files.
fn bytes_read() -> u64 {
    let counters = fs::read_to_string("/proc/thread-self/io").unwrap();
    counters.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn a_start_reads_the_tail_alone() {
    let folder = tempfile::tempdir().unwrap();
    let config = LogConfig { segment_bytes: 1 << 20, ..config() };
    let value = "v".repeat(10_000);
    let fill = |log: &mut Log, records: u64| {
        for _ in 0..records {
            append(log, &[given("key", Some(&value), NOW)], NOBODY, &config).unwrap();
        }
    };
    let mut log = Log::open(folder.path(), 0, NOW).unwrap();
    fill(&mut log, 2000);
    seal(&mut log);
    log.sealing_of_active().run().unwrap();
    let opening = || {
        let before = bytes_read();
        let log = Log::open(folder.path(), 0, NOW).unwrap();
        (bytes_read() - before, log.size())
    };
    // After a clean stop: reads the indexes, and the end of each segment to check that its index fits.
    let (read, size) = opening();
    assert!(size > 20_000_000 && read < 200_000, "{read} of {size} bytes");
    // After a kill: reads the tail twice, to check it and to restore its producers.
    fill(&mut log, 50);
    let tail = 50 * 10_200;
    let (read, _) = opening();
    assert!(read < 2 * tail + 300_000, "{read} bytes for a tail of {tail}");
    // Without indexes all is read: the counter works.
    for (base, _) in super::super::sidecar_files::listed(folder.path(), "index").unwrap() {
        super::super::sidecar_files::remove_index(folder.path(), base).unwrap();
    }
    let (read, size) = opening();
    assert!(read > size);
}

/// Files of a folder that this process has open.
fn open_files(folder: &std::path::Path) -> usize {
    let open =
        fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    open.filter(|file| file.starts_with(folder)).count()
}

#[test]
fn a_segment_that_nobody_reads_takes_no_file_of_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let config = LogConfig { segment_bytes: 500, ..config() };
    let mut log = Log::open(folder.path(), 0, NOW).unwrap();
    for n in 0..100 {
        append(&mut log, &[given("key", Some(&n.to_string()), NOW)], NOBODY, &config).unwrap();
    }
    assert!(log.segments.len() > 10);
    log.close_idle_files();
    log.close_idle_files();
    assert_eq!(open_files(folder.path()), log.segments.len(), "what is not sealed is to be synced yet");
    seal(&mut log);
    log.close_idle_files();
    log.close_idle_files();
    assert_eq!(open_files(folder.path()), 1);
    // What was read stays open for a while.
    assert_eq!(read_from(&log, 0, Uncommitted).len(), 100);
    log.close_idle_files();
    assert_eq!(open_files(folder.path()), log.segments.len());
    log.close_idle_files();
    assert_eq!(open_files(folder.path()), 1);
    drop(log);
    let log = Log::open(folder.path(), 0, NOW).unwrap();
    assert_eq!(open_files(folder.path()), 1);
    assert_eq!(read_from(&log, 0, Uncommitted).len(), 100);
}
