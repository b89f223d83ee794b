//! The modules of `src` import each other in one direction only, as in `src/lib.rs` and ARCHITECTURE.md: checked on the
//! imports themselves, so that there is no list to maintain.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Pure modules use none of these.
const EFFECTS: [&str; 6] = ["rdkafka", "tokio", "ratatui", "crossterm", "std::fs", "SystemTime::now"];
const PURE: [&str; 4] = ["shop", "views", "handling", "rewind"];

/// Source files, without tests.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        match (path.is_dir(), name.as_str()) {
            (_, "tests" | "tests.rs" | "fixture" | "fixture.rs") => {}
            (true, _) => sources(&path, found),
            (false, _) => found.extend(path.extension().is_some_and(|ending| ending == "rs").then_some(path)),
        }
    }
}

/// The code of a file: no comments, and no test module, which is the last thing in it.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    text.lines().map(|line| line.split("//").next().unwrap()).collect::<Vec<_>>().join("\n")
}

/// The modules of the crate's root that code names: behind `crate::`, alone or at the first level of braces.
fn named(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        let word = |text: &str| -> String {
            text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
        };
        let Some(group) = rest.strip_prefix('{') else {
            names.insert(word(rest));
            continue;
        };
        let (mut depth, mut item) = (0, String::new());
        for character in group.chars() {
            match character {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    names.insert(word(&item));
                    item.clear();
                }
                _ if depth == 0 => item.push(character),
                _ => {}
            }
        }
        names.insert(word(&item));
    }
    names
}

/// For each module of the crate's root: which others it imports, and a file that does.
fn imports() -> BTreeMap<String, BTreeMap<String, PathBuf>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let room = |path: &Path| {
        let inside = path.strip_prefix(&root).unwrap().with_extension("");
        inside.components().next().unwrap().as_os_str().to_str().unwrap().to_owned()
    };
    let rooms: BTreeSet<String> = files.iter().map(|path| room(path)).collect();
    let mut imports: BTreeMap<String, BTreeMap<String, PathBuf>> = BTreeMap::new();
    for path in &files {
        let here = room(path);
        let others = named(&code(path)).into_iter().filter(|name| rooms.contains(name) && *name != here);
        imports.entry(here.clone()).or_default().extend(others.map(|other| (other, path.clone())));
    }
    assert!(imports.len() > 10, "{imports:?}");
    imports
}

#[test]
fn no_modules_import_each_other_in_a_circle() {
    let mut left = imports();
    // A module without remaining imports is in no cycle.
    loop {
        let names: BTreeSet<String> = left.keys().cloned().collect();
        let before = left.len();
        left.retain(|_, others| others.keys().any(|other| names.contains(other)));
        if left.len() == before {
            break;
        }
    }
    let names: BTreeSet<&String> = left.keys().collect();
    let arrows = left.iter().flat_map(|(room, others)| {
        let others = others.iter().filter(|(other, _)| names.contains(other));
        others.map(move |(other, path)| format!("{room} imports {other} in {}", path.display()))
    });
    let arrows: Vec<String> = arrows.collect();
    assert!(arrows.is_empty(), "in or behind a circle:\n{}", arrows.join("\n"));
}

#[test]
fn what_is_pure_has_no_effects() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for room in PURE {
        let mut files = Vec::new();
        sources(&root.join(room), &mut files);
        assert!(!files.is_empty());
        for path in files {
            let code = code(&path);
            let used: Vec<&str> = EFFECTS.into_iter().filter(|effect| code.contains(effect)).collect();
            assert!(used.is_empty(), "{} uses {used:?}", path.display());
        }
    }
}
