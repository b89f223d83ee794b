use std::fs;

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
fn damage_in_the_middle_is_not_taken_for_a_torn_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let journal = Journal::open(&path).unwrap();
    for n in 0..3 {
        journal.write(vec![Change::set(topic(n), &7).unwrap()]).unwrap();
    }
    let mut bytes = fs::read(&path).unwrap();
    bytes[10] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(matches!(Journal::open(&path), Err(JournalError::Damaged(0))));
}

#[test]
fn a_journal_that_says_the_same_over_and_over_stays_small() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let journal = Journal::open(&path).unwrap();
    for n in 0..60_000u64 {
        journal.write(vec![Change::set(topic(1), &n).unwrap()]).unwrap();
    }
    assert!(fs::metadata(&path).unwrap().len() <= 1 << 20);
    drop(journal);
    assert_eq!(value(&Journal::open(&path).unwrap(), &topic(1)), Some(59_999));
}
