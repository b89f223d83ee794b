use std::{
    fs,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use proptest::prelude::*;

use super::*;

fn value(journal: &Journal, key: &Key) -> Option<u64> {
    journal.get(key)
}

fn topic(n: u8) -> Key {
    Key::Topic(n.to_string())
}

proptest! {
    #[test]
    fn a_journal_cut_anywhere_holds_whole_frames(
        frames in proptest::collection::vec(proptest::collection::vec((0..5u8, proptest::option::of(any::<u64>())), 1..4), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut ends = vec![0];
        let mut states = vec![BTreeMap::new()];
        {
            let journal = Journal::open(&path).unwrap();
            for frame in &frames {
                let mut state: BTreeMap<u8, u64> = states.last().unwrap().clone();
                let changes = frame.iter().map(|(key, value)| if let Some(value) = value { state.insert(*key, *value); Change::set(topic(*key), value).unwrap() } else { state.remove(key); Change::remove(topic(*key)) }).collect();
                journal.write(changes).unwrap();
                states.push(state);
                ends.push(fs::metadata(&path).unwrap().len());
            }
        }
        let bytes = fs::read(&path).unwrap();
        let cut = cut.index(bytes.len() + 1);
        fs::write(&path, &bytes[..cut]).unwrap();
        let whole = ends.iter().rposition(|end| *end <= cut as u64).unwrap();
        let journal = Journal::open(&path).unwrap();
        for key in 0..5 {
            prop_assert_eq!(value(&journal, &topic(key)), states[whole].get(&key).copied());
        }
        prop_assert_eq!(fs::metadata(&path).unwrap().len(), ends[whole]);
    }
}

#[test]
fn a_flip_anywhere_costs_its_frame_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let journal = Journal::open(&path).unwrap();
    let mut ends = Vec::new();
    for n in 0..3 {
        journal.write(vec![Change::set(topic(n), &7).unwrap(), Change::set(topic(9), &n).unwrap()]).unwrap();
        ends.push(fs::metadata(&path).unwrap().len());
    }
    drop(journal);
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            fs::write(&path, bytes).unwrap();
            let harmed = ends.iter().position(|end| (at as u64) < *end).unwrap();
            let last = (0..3).rev().find(|n| *n != harmed).unwrap();
            // Twice: the second start finds what the first has repaired.
            for _ in 0..2 {
                let journal = Journal::open(&path).unwrap();
                for n in 0..3 {
                    let expected = (usize::from(n) != harmed).then_some(7);
                    assert_eq!(value(&journal, &topic(n)), expected, "bit {bit} of byte {at}");
                }
                assert_eq!(value(&journal, &topic(9)), Some(last as u64), "bit {bit} of byte {at}");
            }
        }
    }
}

#[test]
fn what_was_damaged_is_kept_beside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let journal = Journal::open(&path).unwrap();
    for n in 0..3 {
        journal.write(vec![Change::set(topic(n), &7).unwrap()]).unwrap();
    }
    let mut bytes = fs::read(&path).unwrap();
    bytes[10] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let journal = Journal::open(&path).unwrap();
    assert_eq!(fs::read(folder.path().join("journal.damaged")).unwrap(), bytes);
    journal.write(vec![Change::set(topic(0), &8).unwrap()]).unwrap();
    drop(journal);
    assert_eq!(value(&Journal::open(&path).unwrap(), &topic(0)), Some(8));
}

#[test]
fn a_journal_that_says_the_same_over_and_over_stays_small() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let journal = Journal::open(&path).unwrap();
    for n in 0..60_000u64 {
        journal.write(vec![Change::set(topic(1), &n).unwrap()]).unwrap();
        if n % 1000 == 0 {
            journal.tidy();
        }
    }
    assert!(fs::metadata(&path).unwrap().len() <= 1 << 20);
    drop(journal);
    assert_eq!(value(&Journal::open(&path).unwrap(), &topic(1)), Some(59_999));
}

#[test]
fn a_journal_that_cannot_be_written_anew_grows_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let journal = Journal::open(&path).unwrap();
    // A folder at that path makes the rewrite fail.
    fs::create_dir(path.with_extension("next")).unwrap();
    let write = |n: u64| journal.write(vec![Change::set(topic(1), &n).unwrap()]).unwrap();
    (0..60_000).for_each(write);
    journal.tidy();
    assert!(fs::metadata(&path).unwrap().len() > 1 << 20);
    assert_eq!(value(&Journal::open(&path).unwrap(), &topic(1)), Some(59_999));
    fs::remove_dir(path.with_extension("next")).unwrap();
    (60_000..200_000).for_each(write);
    journal.tidy();
    assert!(fs::metadata(&path).unwrap().len() <= 1 << 20);
    assert_eq!(value(&Journal::open(&path).unwrap(), &topic(1)), Some(199_999));
}

/// Synced changes survive a power cut at any moment while the journal is rewritten repeatedly.
#[test]
fn what_is_written_while_the_journal_is_written_anew_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let journal = Journal::open(&path).unwrap();
    for n in 0..40_000u64 {
        journal.write(vec![Change::set(topic(1), &n).unwrap()]).unwrap();
    }
    let (done, written) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                let n = written.load(Ordering::SeqCst) + 1;
                journal.write(vec![Change::set(topic(2), &n).unwrap()]).unwrap();
                journal.sync_now().unwrap();
                written.store(n, Ordering::SeqCst);
            }
        });
        let mut times = 0;
        while times < 20 || (written.load(Ordering::SeqCst) == 0 && !writing.is_finished()) {
            journal.write_anew().unwrap();
            times += 1;
        }
        done.store(true, Ordering::SeqCst);
    });
    let written = written.into_inner();
    let rest = tempfile::tempdir().unwrap();
    crate::fsync::record::power_cut(folder.path(), rest.path());
    for folder in [folder.path(), rest.path()] {
        let journal = Journal::open(&folder.join("journal")).unwrap();
        assert_eq!(value(&journal, &topic(1)), Some(39_999));
        assert_eq!(value(&journal, &topic(2)), Some(written));
    }
}
