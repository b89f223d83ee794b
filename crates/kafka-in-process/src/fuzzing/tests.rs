//! Replays the seeds of the fuzz targets and past findings.

use std::{
    fs,
    path::{Path, PathBuf},
};

use proptest::prelude::*;

fn inputs(target: &str) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for folder in ["seeds", "regressions"] {
        let inside = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(folder).join(target);
        let Ok(entries) = fs::read_dir(inside) else { continue };
        all.extend(entries.map(|entry| entry.unwrap().path()));
    }
    all.sort();
    assert!(!all.is_empty(), "there are seeds");
    all
}

fn replay(target: &str, run: fn(&Path, &[u8])) {
    for path in inputs(target) {
        let input = fs::read(&path).unwrap();
        let place = tempfile::tempdir().unwrap();
        let outcome = std::panic::catch_unwind(|| run(place.path(), &input));
        assert!(outcome.is_ok(), "{}", path.display());
    }
}

#[test]
fn connections_do_no_harm() {
    replay("requests", super::requests);
}

#[test]
fn whatever_lies_in_the_folder_a_log_opens() {
    replay("recovery", super::recovery);
}

/// One change to an input: where, what, and how.
type Change = (prop::sample::Index, Vec<u8>, u8);

fn changes() -> impl Strategy<Value = (prop::sample::Index, Vec<Change>)> {
    let change = (any::<prop::sample::Index>(), proptest::collection::vec(any::<u8>(), 1..9), 0..4u8);
    (any::<prop::sample::Index>(), proptest::collection::vec(change, 1..6))
}

fn changed(target: &str, seed: prop::sample::Index, changes: &[Change]) -> Vec<u8> {
    let mut input = fs::read(seed.get(&inputs(target))).unwrap();
    for (at, bytes, kind) in changes {
        let at = at.index(input.len() + 1);
        let until = (at + bytes.len()).min(input.len());
        match kind {
            0 => drop(input.splice(at..until, bytes.iter().copied())),
            1 => drop(input.splice(at..at, bytes.iter().copied())),
            2 => drop(input.drain(at..until)),
            // Extreme bytes, at which sums overflow.
            _ => input.iter_mut().skip(at).take(bytes.len()).for_each(|byte| *byte = bytes[0] % 2 * 0xff),
        }
    }
    input
}

proptest! {
    // More with `PROPTEST_CASES`; the fuzz targets themselves go further.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn changed_connections_do_no_harm((seed, changes) in changes()) {
        super::requests(tempfile::tempdir().unwrap().path(), &changed("requests", seed, &changes));
    }

    #[test]
    fn changed_folders_open((seed, changes) in changes()) {
        super::recovery(tempfile::tempdir().unwrap().path(), &changed("recovery", seed, &changes));
    }
}
