//! Replays the seeds of the fuzz targets, and what the targets once found.

use std::{fs, path::Path};

fn replay(target: &str, run: fn(&Path, &[u8])) {
    let mut inputs = 0;
    for folder in ["seeds", "regressions"] {
        let inside = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(folder).join(target);
        let Ok(entries) = fs::read_dir(inside) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            let input = fs::read(&path).unwrap();
            let place = tempfile::tempdir().unwrap();
            let outcome = std::panic::catch_unwind(|| run(place.path(), &input));
            assert!(outcome.is_ok(), "{}", path.display());
            inputs += 1;
        }
    }
    assert!(inputs > 0, "there are seeds");
}

#[test]
fn connections_do_no_harm() {
    replay("requests", super::requests);
}

#[test]
fn whatever_lies_in_the_folder_a_log_opens() {
    replay("recovery", super::recovery);
}
