use std::{collections::BTreeMap, fs};

use proptest::prelude::*;

use super::*;

type Rows = BTreeMap<String, Vec<u8>>;

fn rows(store: &SledStore) -> Result<Rows, StoreError> {
    Ok(store.scan("")?.into_iter().collect())
}

/// A database with these batches, each flushed; returns its content after each, starting empty.
fn filled(folder: &Path, batches: &[Vec<(u8, Option<u16>)>]) -> Vec<Rows> {
    let (stores, told) = Stores::open(folder).unwrap();
    assert_eq!(told, None);
    let mut store = stores.view("sales").unwrap();
    let mut states = vec![Rows::new()];
    for batch in batches {
        let batch: Batch = batch
            .iter()
            .map(|(key, length)| (format!("key/{key}"), length.map(|length| vec![*key; length.into()])))
            .collect();
        store.write(&batch).unwrap();
        stores.flush().unwrap();
        let mut state = states.last().unwrap().clone();
        for (key, value) in batch {
            match value {
                Some(value) => state.insert(key, value),
                None => state.remove(&key),
            };
        }
        states.push(state);
    }
    assert_eq!(&rows(&store).unwrap(), states.last().unwrap());
    states
}

fn batches() -> impl Strategy<Value = Vec<Vec<(u8, Option<u16>)>>> {
    let row = (0..30_u8, prop::option::weighted(0.8, 0..900_u16));
    prop::collection::vec(prop::collection::vec(row, 1..12), 1..8)
}

/// The damage done to a file of the database.
#[derive(Debug, Clone)]
enum Harm {
    Flip(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Overwrite(prop::sample::Index, Vec<u8>),
    Remove,
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        4 => (any::<prop::sample::Index>(), 1..=255_u8).prop_map(|(at, bits)| Harm::Flip(at, bits)),
        2 => any::<prop::sample::Index>().prop_map(Harm::Cut),
        2 => (any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 1..600))
            .prop_map(|(at, bytes)| Harm::Overwrite(at, bytes)),
        1 => Just(Harm::Remove),
    ]
}

fn do_harm(path: &Path, harm: &Harm) {
    let mut bytes = fs::read(path).unwrap();
    let length = bytes.len();
    match harm {
        Harm::Flip(at, bits) => bytes[at.index(length)] ^= bits,
        Harm::Cut(at) => bytes.truncate(at.index(bytes.len())),
        Harm::Overwrite(at, new) => {
            let at = at.index(bytes.len());
            let end = bytes.len().min(at + new.len());
            bytes.splice(at..end, new.iter().copied());
        }
        Harm::Remove => return fs::remove_file(path).unwrap(),
    }
    fs::write(path, bytes).unwrap();
}

proptest! {
    #![proptest_config(crate::testing::cases(60))]

    #[test]
    fn a_damaged_database_holds_a_state_that_was_or_is_moved_aside(
        batches in batches(),
        file in prop::sample::select(vec!["db", "db", "db", "conf"]),
        harm in harm(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let states = filled(folder.path(), &batches);
        do_harm(&folder.path().join("sled").join(file), &harm);

        let (stores, told) = Stores::open(folder.path()).unwrap();
        // Damage that only a read finds is found by the next holder at the latest.
        let found = (0..2).find_map(|_| rows(&stores.view("sales").unwrap()).ok());
        let found = found.expect("a damaged database is moved aside");
        prop_assert!(states.contains(&found), "{:?} was never there; {:?}", found, told);
        let is_aside = folder.path().join("set-aside/sled-1").exists();
        prop_assert!(told.is_none() || is_aside);
        prop_assert!(!is_aside || found.is_empty());

        // The new database works.
        let mut store = stores.view("sales").unwrap();
        store.write(&Batch::from([("new".to_owned(), Some(vec![1]))])).unwrap();
        stores.flush().unwrap();
        prop_assert!(rows(&store).unwrap().contains_key("new"));
    }
}

#[test]
fn a_database_in_use_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let batch = [vec![(1, Some(10))]];
    let states = filled(folder.path(), &batch);
    let (first, _) = Stores::open(folder.path()).unwrap();
    assert!(matches!(Stores::open(folder.path()), Err(StoreError::Locked { .. })));
    assert!(!folder.path().join("set-aside").exists());
    assert_eq!(rows(&first.view("sales").unwrap()).unwrap(), states[1]);
}

#[test]
fn after_a_failed_write_the_database_is_opened_again_and_old_holders_fail() {
    let folder = tempfile::tempdir().unwrap();
    let (stores, _) = Stores::open(folder.path()).unwrap();
    let mut old = stores.view("sales").unwrap();
    let one = Batch::from([("one".to_owned(), Some(vec![1]))]);
    old.write(&one).unwrap();
    stores.flush().unwrap();

    let full = || Err::<(), _>(sled::Error::Io(io::ErrorKind::StorageFull.into()));
    old.with(|_| full()).unwrap_err();
    let said = old.write(&one).unwrap_err().to_string();
    assert!(said.contains("room") && said.contains(&folder.path().display().to_string()), "{said}");

    let mut new = stores.view("sales").unwrap();
    assert_eq!(rows(&new).unwrap(), Rows::from([("one".to_owned(), vec![1])]));
    let two = Batch::from([("two".to_owned(), Some(vec![2]))]);
    // The old holder's state may not be on the disk, so its writes are refused.
    old.write(&two).unwrap_err();
    rows(&old).unwrap_err();
    new.write(&two).unwrap();
    assert_eq!(rows(&new).unwrap().len(), 2);
    assert!(!folder.path().join("set-aside").exists(), "a full disk is no damage");
}

#[test]
fn a_failed_database_does_not_hold_up_the_end_where_it_can_be_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let [path, aside] = ["sled", "elsewhere"].map(|name| folder.path().join(name));
    let (stores, _) = Stores::open(folder.path()).unwrap();
    let mut old = stores.view("sales").unwrap();
    let one = Batch::from([("one".to_owned(), Some(vec![1]))]);
    old.write(&one).unwrap();
    stores.flush().unwrap();

    let fails = |store: &SledStore| {
        let full = Err::<(), _>(sled::Error::Io(io::ErrorKind::StorageFull.into()));
        store.with(|_| full).unwrap_err();
    };
    fails(&old);
    stores.flush().unwrap();

    // If that fails, all get the reason.
    fails(&stores.view("sales").unwrap());
    fs::rename(&path, &aside).unwrap();
    fs::write(&path, "in the way").unwrap();
    let reason = stores.flush().unwrap_err().to_string();
    assert!(!reason.contains("opened again"), "{reason}");
    assert_eq!(rows(&old).unwrap_err().to_string(), reason);
    fs::remove_file(&path).unwrap();
    fs::rename(&aside, &path).unwrap();
    stores.flush().unwrap();
    assert_eq!(rows(&stores.view("sales").unwrap()).unwrap(), Rows::from([("one".to_owned(), vec![1])]));
}
