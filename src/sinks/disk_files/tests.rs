use std::collections::BTreeMap;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::sinks::faulty_memory_files::{Disk, MemoryFiles};

fn folder() -> (TempDir, Folder) {
    let out = tempfile::tempdir().unwrap();
    let folder = Folder::open(&out.path().join("out")).unwrap();
    (out, folder)
}

/// Every file under a folder, by its path.
fn all(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn a_lost_file_is_said_and_not_filled_with_zeros() {
    let (_out, mut folder) = folder();
    folder.append("mail/a.mbox", 0, b"abc").unwrap();
    for path in ["mail/a.mbox", "mail/b.mbox", "none/b.mbox"] {
        let errors = [folder.append(path, 4, b"x").unwrap_err(), folder.cut(path, 4).unwrap_err()];
        for error in errors {
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{error}");
            assert!(error.to_string().starts_with(path), "{error}");
        }
    }
    assert_eq!(all(&folder.root), BTreeMap::from([("mail/a.mbox".into(), b"abc".to_vec())]));
}

#[test]
fn nothing_outside_is_touched() {
    let (out, mut folder) = folder();
    let outside = out.path().join("x");
    fs::write(&outside, "x").unwrap();
    for path in ["../x", outside.to_str().unwrap(), "mail/../../x"] {
        assert!(folder.list(path).is_err());
        assert!(folder.append(path, 0, b"y").is_err());
        assert!(folder.cut(path, 0).is_err());
        assert!(folder.replace(path, b"y").is_err());
        assert!(folder.set_aside(path).is_err());
    }
    assert_eq!(fs::read(&outside).unwrap(), b"x");
}

#[test]
fn what_was_left_aside_by_a_crash_is_overwritten() {
    let (_out, mut folder) = folder();
    let aside = folder.root.join("state/aside/reports~a.txt");
    fs::write(&aside, "half of a long repo").unwrap();
    folder.replace("reports/a.txt", b"whole").unwrap();
    assert_eq!(all(&folder.root), BTreeMap::from([("reports/a.txt".into(), b"whole".to_vec())]));
}

#[test]
fn strange_files_are_left_alone() {
    let (_out, mut folder) = folder();
    folder.append("mail/a.mbox", 0, b"abc").unwrap();
    fs::write(folder.root.join("mail/notes of mine (1).txt"), "x").unwrap();
    fs::create_dir(folder.root.join("mail/b")).unwrap();
    assert_eq!(folder.list("mail").unwrap(), [("mail/a.mbox".to_owned(), 3)]);
    assert_eq!(folder.list("orders").unwrap(), []);
}

#[derive(Debug, Clone)]
enum Step {
    Append(usize, u64, Vec<u8>),
    /// An append cut by the end of the process after its first bytes, then repeated.
    Torn(usize, u64, Vec<u8>, usize),
    Cut(usize, u64),
    Replace(usize, Vec<u8>),
    SetAside(usize),
}

const PATHS: [&str; 4] = ["stock.txt", "mail/a.mbox", "mail/b.mbox", "orders/a.txt"];

fn step() -> impl Strategy<Value = Step> {
    let path = 0..PATHS.len();
    let bytes = prop::collection::vec(any::<u8>(), 0..12);
    prop_oneof![
        (path.clone(), 0_u64..20, bytes.clone()).prop_map(|(path, at, bytes)| Step::Append(path, at, bytes)),
        (path.clone(), 0_u64..20, bytes.clone(), 0_usize..12)
            .prop_map(|(path, at, bytes, kept)| Step::Torn(path, at, bytes, kept)),
        (path.clone(), 0_u64..20).prop_map(|(path, length)| Step::Cut(path, length)),
        (path.clone(), bytes).prop_map(|(path, bytes)| Step::Replace(path, bytes)),
        path.prop_map(Step::SetAside),
    ]
}

proptest! {
    #![proptest_config(crate::testing::cases(64))]
    #[test]
    fn disk_and_memory_agree(steps in prop::collection::vec(step(), 1..30)) {
        let (_out, mut folder) = folder();
        let disk = Disk::default();
        let mut memory = MemoryFiles::new(&disk);
        for step in steps {
            let (path, on_disk, in_memory) = match step {
                Step::Append(path, at, bytes) => {
                    let path = PATHS[path];
                    (path, folder.append(path, at, &bytes), memory.append(path, at, &bytes))
                }
                Step::Torn(path, at, bytes, kept) => {
                    let path = PATHS[path];
                    let kept = kept.min(bytes.len());
                    let torn = folder.append(path, at, &bytes[..kept]);
                    MemoryFiles::new(&disk).crash(0, kept).append(path, at, &bytes).unwrap_err();
                    if torn.is_ok() {
                        prop_assert_eq!(all(&folder.root), disk.all());
                    }
                    (path, folder.append(path, at, &bytes), memory.append(path, at, &bytes))
                }
                Step::Cut(path, length) => {
                    (PATHS[path], folder.cut(PATHS[path], length), memory.cut(PATHS[path], length))
                }
                Step::Replace(path, bytes) => {
                    (PATHS[path], folder.replace(PATHS[path], &bytes), memory.replace(PATHS[path], &bytes))
                }
                Step::SetAside(path) => {
                    (PATHS[path], folder.set_aside(PATHS[path]), memory.set_aside(PATHS[path]))
                }
            };
            let kinds = [on_disk, in_memory].map(|result| result.map_err(|error| error.kind()));
            prop_assert_eq!(&kinds[0], &kinds[1], "{}", path);
            prop_assert_eq!(all(&folder.root), disk.all());
            for folder_path in ["mail", "orders", "reports"] {
                prop_assert_eq!(folder.list(folder_path).unwrap(), memory.list(folder_path).unwrap());
            }
        }
    }

    #[test]
    fn appends_after_a_crash_are_exact(
        entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..12),
        torn in prop::collection::vec(any::<prop::sample::Index>(), 12),
    ) {
        let (out, mut folder) = folder();
        let mut length = 0;
        for (entry, torn) in entries.iter().zip(&torn) {
            // The process ends during the write, and the next one resumes from the checkpoint.
            folder.append("mail/a.mbox", length, &entry[..torn.index(entry.len() + 1)]).unwrap();
            folder = Folder::open(&out.path().join("out")).unwrap();
            folder.append("mail/a.mbox", length, entry).unwrap();
            length += entry.len() as u64;
        }
        prop_assert_eq!(fs::read(folder.root.join("mail/a.mbox")).unwrap(), entries.concat());
    }
}
