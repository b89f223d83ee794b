//! What the documents name is there: files, and the tests that hold a guarantee.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// All files below a folder, built ones left out.
fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            if name != "target" && name != "out" && !name.to_string_lossy().starts_with('.') {
                files(&path, ending, found);
            }
        } else if path.extension().is_some_and(|found| found == ending) {
            found.push(path);
        }
    }
}

/// The text of all files of a kind, by path.
fn texts(ending: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    files(Path::new(env!("CARGO_MANIFEST_DIR")), ending, &mut found);
    found.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// What stands between backticks, outside of blocks of code.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.split("```").step_by(2).flat_map(str::lines);
    lines.flat_map(|line| line.split('`').skip(1).step_by(2))
}

#[test]
fn every_path_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders =
        ["src/", "tests/", "crates/", "scripts/", "docs/", "benches/", "examples/", "assets/", "fuzz/"];
    let mut sources = Vec::new();
    files(root, "rs", &mut sources);
    let mut missing = BTreeSet::new();
    for (document, text) in texts("md") {
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for name in quoted(&text).chain(links) {
            let path = name.split([' ', '#', '*', '{', '<']).next().unwrap_or_default();
            let is_there = if folders.iter().any(|folder| path.starts_with(folder)) {
                root.join(path).exists() || document.parent().unwrap().join(path).exists()
            } else {
                // A source file may be named by the end of its path, or with a place for a name.
                Path::new(path).extension().is_none_or(|ending| ending != "rs")
                    || path.contains("NAME")
                    || sources.iter().any(|source| source.ends_with(path))
            };
            if !is_there {
                missing.insert(format!("{}: {path}", document.strip_prefix(root).unwrap().display()));
            }
        }
    }
    assert_eq!(missing, BTreeSet::new());
}

#[test]
fn every_test_that_holds_a_guarantee_is_there() {
    let sources: Vec<String> = texts("rs").into_iter().map(|(_, text)| text).collect();
    let guarantees = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/guarantees.md")).unwrap();
    let rows =
        guarantees.lines().filter(|line| line.starts_with("| ")).filter_map(|row| row.rsplit('|').nth(1));
    let missing: BTreeSet<&str> = rows
        .flat_map(quoted)
        .filter(|name| name.contains("::") || name.contains('_') && !name.contains(['/', '.', ' ']))
        .filter(|name| {
            let last = name.rsplit("::").next().unwrap_or_default();
            let is_there = |text: &String| {
                [format!("fn {last}("), format!("mod {last};"), format!("mod {last} {{")]
                    .iter()
                    .any(|item| text.contains(item))
            };
            // A module of tests is named with the module that it tests.
            let module = name.strip_suffix("::tests").and_then(|module| module.rsplit("::").next());
            let module_is_there = |module: &str| {
                sources.iter().any(|text| {
                    text.contains(&format!("mod {module};")) || text.contains(&format!("mod {module} {{"))
                })
            };
            !sources.iter().any(is_there) || module.is_some_and(|module| !module_is_there(module))
        })
        .collect();
    assert_eq!(missing, BTreeSet::new());
}
