//! Idempotent and transactional producers.

use super::kit::{NOW, Writer, append, config, given, read_from, seal};
use crate::log::{Isolation, Log, LogConfig, LogError, Marker};

fn writer(epoch: i16, sequence: i32) -> Writer {
    Writer { id: 7, epoch, sequence, transactional: false }
}

fn transactional(id: i64, epoch: i16, sequence: i32) -> Writer {
    Writer { id, epoch, sequence, transactional: true }
}

fn one() -> [super::kit::Given; 1] {
    [given("key", Some("value"), NOW)]
}

#[test]
fn a_repeated_batch_is_answered_with_its_first_offset() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::open(folder.path(), 0, NOW).unwrap();
    for round in 0..2 {
        for n in 0..8 {
            let appended = append(&mut log, &one(), writer(0, n), &config());
            match (round, n) {
                (0, n) => assert_eq!(appended.unwrap(), i64::from(n)),
                // The last five are remembered.
                (_, 3..) => assert_eq!(appended.unwrap(), i64::from(n)),
                _ => assert!(matches!(appended, Err(LogError::OutOfOrder)), "{n}"),
            }
        }
    }
    assert_eq!(log.end(), 8);
    drop(log);
    let mut reopened = Log::open(folder.path(), 0, NOW).unwrap();
    assert_eq!(append(&mut reopened, &one(), writer(0, 7), &config()).unwrap(), 7);
    assert_eq!(append(&mut reopened, &one(), writer(0, 8), &config()).unwrap(), 8);
}

#[test]
fn a_producer_is_known_for_a_day_after_its_last_append_whatever_time_its_records_tell() {
    const DAY: i64 = 86_400_000;
    let folder = tempfile::tempdir().unwrap();
    let past = [given("key", Some("value"), NOW - 7 * DAY)];
    let timeless = [given("key", Some("value"), -1)];
    let marked = transactional(9, 0, 0);
    let mut log = Log::open(folder.path(), 0, NOW).unwrap();
    append(&mut log, &past, writer(0, 0), &config()).unwrap();
    append(&mut log, &timeless, Writer { id: 8, ..writer(0, 0) }, &config()).unwrap();
    append(&mut log, &past, marked, &config()).unwrap();
    log.append_marker(Marker::Commit, 9, 0, NOW, &config()).unwrap();
    let known = |log: &mut Log| {
        assert_eq!(append(log, &past, writer(0, 0), &config()).unwrap(), 0);
        assert_eq!(append(log, &timeless, Writer { id: 8, ..writer(0, 0) }, &config()).unwrap(), 1);
        assert_eq!(append(log, &past, marked, &config()).unwrap(), 2);
    };
    log.expire_producers(NOW);
    known(&mut log);
    // After a crash: from the start on, since append times are unknown.
    let later = NOW + 5 * DAY;
    let mut log = Log::open(folder.path(), 0, later).unwrap();
    log.expire_producers(later);
    known(&mut log);
    // After a clean stop: from the snapshot.
    log.sealing_of_active().run().unwrap();
    let mut log = Log::open(folder.path(), 0, later + DAY).unwrap();
    log.expire_producers(later);
    known(&mut log);
    log.expire_producers(later + 1);
    assert_eq!(append(&mut log, &past, writer(0, 0), &config()).unwrap(), 4);
}

#[test]
fn gaps_and_old_epochs_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::open(folder.path(), 0, NOW).unwrap();
    // An unknown producer may start with any sequence.
    append(&mut log, &one(), writer(3, 10), &config()).unwrap();
    assert!(matches!(append(&mut log, &one(), writer(3, 12), &config()), Err(LogError::OutOfOrder)));
    assert!(matches!(append(&mut log, &one(), writer(2, 11), &config()), Err(LogError::StaleEpoch)));
    assert!(matches!(append(&mut log, &one(), writer(4, 1), &config()), Err(LogError::OutOfOrder)));
    append(&mut log, &one(), writer(4, 0), &config()).unwrap();
    assert!(matches!(append(&mut log, &one(), writer(3, 11), &config()), Err(LogError::StaleEpoch)));
}

#[test]
fn sequences_wrap() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::open(folder.path(), 0, NOW).unwrap();
    let two = [given("a", None, NOW), given("b", None, NOW)];
    append(&mut log, &two, writer(0, i32::MAX - 1), &config()).unwrap();
    append(&mut log, &one(), writer(0, 0), &config()).unwrap();
    let across = Writer { id: 8, ..writer(0, i32::MAX) };
    append(&mut log, &two, across, &config()).unwrap();
    append(&mut log, &one(), Writer { sequence: 1, ..across }, &config()).unwrap();
}

#[test]
fn a_transaction_has_to_be_verified_before_its_first_batch() {
    let folder = tempfile::tempdir().unwrap();
    let config = config();
    let mut log = Log::open(folder.path(), 0, NOW).unwrap();
    let batch = |sequence| {
        let bytes = super::kit::bytes(&one(), transactional(7, 0, sequence));
        crate::log::Batch::check(bytes, NOW, &config).unwrap()
    };
    assert!(log.needs_verifying(&batch(0)));
    assert!(matches!(log.append(&batch(0), None, NOW, &config), Err(LogError::NotInTransaction)));
    let verified = Some(log.markers());
    log.append(&batch(0), verified, NOW, &config).unwrap();
    assert!(!log.needs_verifying(&batch(1)));
    log.append(&batch(1), None, NOW, &config).unwrap();
    log.append_marker(Marker::Commit, 7, 0, NOW, &config).unwrap();
    // The marker came after the verification, which is void now.
    assert!(matches!(log.append(&batch(2), verified, NOW, &config), Err(LogError::NotInTransaction)));
}

#[test]
fn readers_of_committed_records_see_what_is_decided() {
    let folder = tempfile::tempdir().unwrap();
    let config = LogConfig { segment_bytes: 300, ..config() };
    let mut log = Log::open(folder.path(), 0, NOW).unwrap();
    let put = |log: &mut Log, id, sequence, value: &str| {
        append(log, &[given("key", Some(value), NOW)], transactional(id, 0, sequence), &config).unwrap();
    };
    let values = |log: &Log, isolation| {
        let seen = read_from(log, 0, isolation);
        seen.into_iter()
            .map(|(_, record)| String::from_utf8(record.value.unwrap()).unwrap())
            .collect::<Vec<_>>()
    };
    put(&mut log, 1, 0, "a1");
    put(&mut log, 2, 0, "b1");
    put(&mut log, 1, 1, "a2");
    assert_eq!(log.last_stable(), 0);
    log.append_marker(Marker::Abort, 1, 0, NOW, &config).unwrap();
    assert_eq!(log.last_stable(), 1);
    put(&mut log, 1, 2, "a3");
    log.append_marker(Marker::Commit, 2, 0, NOW, &config).unwrap();
    assert_eq!(log.last_stable(), 4);
    log.append_marker(Marker::Commit, 1, 0, NOW, &config).unwrap();
    let check = |log: &Log| {
        assert_eq!(values(log, Isolation::Uncommitted), ["a1", "b1", "a2", "a3"]);
        assert_eq!(values(log, Isolation::Committed), ["b1", "a3"]);
        assert_eq!(log.last_stable(), log.end());
    };
    check(&log);
    // The same after a crash at any state of sealing.
    check(&Log::open(folder.path(), 0, NOW).unwrap());
    seal(&mut log);
    check(&Log::open(folder.path(), 0, NOW).unwrap());
    log.sealing_of_active().run().unwrap();
    check(&Log::open(folder.path(), 0, NOW).unwrap());
}

#[test]
fn a_transaction_that_is_open_at_a_crash_is_open_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::open(folder.path(), 0, NOW).unwrap();
    append(&mut log, &one(), transactional(1, 0, 0), &config()).unwrap();
    let mut reopened = Log::open(folder.path(), 0, NOW).unwrap();
    assert_eq!(reopened.last_stable(), 0);
    reopened.append_marker(Marker::Abort, 1, 1, NOW, &config()).unwrap();
    assert_eq!(reopened.last_stable(), 2);
    assert!(matches!(
        append(&mut reopened, &one(), transactional(1, 0, 1), &config()),
        Err(LogError::StaleEpoch)
    ));
    // A repeated marker is written once.
    reopened.append_marker(Marker::Abort, 1, 1, NOW, &config()).unwrap();
    assert_eq!(reopened.end(), 2);
}

#[test]
fn what_is_stable_does_not_end_before_the_log_begins() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::open(folder.path(), 0, NOW).unwrap();
    append(&mut log, &one(), transactional(1, 0, 0), &config()).unwrap();
    append(&mut log, &one(), writer(0, 0), &config()).unwrap();
    assert_eq!(log.last_stable(), 0);
    log.delete_before(1).unwrap();
    assert_eq!((log.start(), log.last_stable()), (1, 1));
}
