//! Damaged checkpoints, and checkpoints that another process has open.

use std::{fs, fs::File};

use crate::{
    common::{files::tree, shop::Shop},
    kit::{assert_agrees, consume, rows_of_files, sell},
};

#[test]
fn damaged_checkpoints_are_moved_aside_and_everything_comes_again() {
    let shop = Shop::new();
    shop.bootstrap();
    sell(&shop, "2026-03-28 22:00..2026-03-29 00:30", "0.05", "91");
    let status = consume(&shop);
    let files = rows_of_files(&shop);
    let database = shop.out().join("state/sled/db");
    let whole = fs::read(&database).unwrap();

    // Garbage in the middle, a truncated file, a file of garbage.
    let middle = whole.len() / 3;
    let mut torn = whole.clone();
    torn[middle..2 * middle].iter_mut().for_each(|byte| *byte = !*byte);
    for damaged in [torn, whole[..middle].to_vec(), vec![0xa5; whole.len()]] {
        fs::write(&database, damaged).unwrap();
        assert_eq!(consume(&shop), status);
        assert_eq!(rows_of_files(&shop), files);
        assert_agrees(&shop, &status);
    }
    let aside = tree(&shop.out().join("state/set-aside"));
    assert!(aside.keys().any(|path| path.starts_with("sled-1")), "{aside:?}");
    assert!(crate::kit::log(&shop).contains("moved to"), "nothing is said of it");
}

#[test]
fn checkpoints_in_use_are_left_alone() {
    let shop = Shop::new();
    shop.bootstrap();
    sell(&shop, "2026-03-28 22:00..2026-03-28 22:30", "0.05", "92");
    let status = consume(&shop);
    let database = File::open(shop.out().join("state/sled/db")).unwrap();
    database.try_lock().unwrap();
    let done = shop.run(&["consume", "--until-end"]);
    let said = done.refused();
    assert!(said.contains("in use by another process") && said.contains("state"), "{said}");
    database.unlock().unwrap();
    assert_eq!(consume(&shop), status);
    assert!(!shop.out().join("state/set-aside").exists());
}
