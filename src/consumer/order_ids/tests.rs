//! The index against a list of all that came before, whatever is read when, saved, lost and damaged.

use std::{collections::HashMap, fs, path::Path};

use proptest::prelude::*;

use super::{progressions::tests::any_id, *};
use crate::{consumer::DeadLetter, shop::order::Invalid, views::naive};

/// A record of a partition: an order with its id and day, or garbage.
type Row = Option<(u64, i64)>;

fn rule() -> impl Strategy<Value = Rule> {
    prop_oneof![
        1 => Just(Rule::Ascending),
        1 => Just(Rule::None),
        4 => prop::option::of(1..4_u32).prop_map(|days| Rule::Seen { days }),
    ]
}

/// Runs of orders: by one producer who counts, by one who draws, with days that go on, jump, and lie far off.
fn rows() -> impl Strategy<Value = Vec<Row>> {
    let day = prop_oneof![5 => 0..12_i64, 1 => Just(400_000), 1 => Just(-3)];
    let run = (any_id(), 1..6_u64, prop_oneof![3 => 1..30_u64, 1 => 200..700_u64], day, any::<bool>());
    prop::collection::vec(run, 0..16).prop_map(|runs| {
        let mut rows = Vec::new();
        for (first, step, count, day, draws) in runs {
            for number in 0..count {
                let id = if draws {
                    first.wrapping_add(number).wrapping_mul(0x9E37_79B9_7F4A_7C15)
                } else {
                    first.saturating_add(number * step)
                };
                // Now and then one of another day, one that came before, and one that is none.
                let other_day = if number % 7 == 3 { 90_000 } else { day };
                rows.push((number % 11 != 5).then_some((id, other_day)));
                if number % 13 == 8 {
                    rows.push(Some((id, day)));
                }
            }
        }
        rows
    })
}

fn record(rows: &[Row], offset: usize) -> Decoded {
    let content = if let Some((id, day)) = rows[offset] {
        Content::Event(Event::Order(naive::order(id, day * DAY + 4_000, &[])))
    } else {
        let letter = DeadLetter { key: None, value: None, error: Invalid::Empty };
        Content::DeadLetter(Box::new(letter))
    };
    let offset = i64::try_from(offset).unwrap();
    Decoded { fingerprint: Fingerprint { offset, timestamp: 1, hash: 2 }, content }
}

/// Which offsets hold duplicates, from the words of the contract.
fn duplicates(rule: Rule, rows: &[Row]) -> Vec<bool> {
    let mut seen: HashMap<u64, usize> = HashMap::new();
    let (mut period, mut new_days) = (0, Vec::new());
    let (mut come, mut begun) = (None::<i64>, None::<i64>);
    let mut is_duplicate = |row: &Row| {
        let Some((id, day)) = *row else { return false };
        let again = match rule {
            Rule::None => false,
            Rule::Ascending => seen.keys().any(|before| *before >= id),
            Rule::Seen { days: None } => seen.contains_key(&id),
            Rule::Seen { .. } => seen.get(&id).is_some_and(|of| of + 1 >= period),
        };
        if again {
            return true;
        }
        seen.insert(id, period);
        if matches!(rule, Rule::Ascending) {
            seen.retain(|known, _| *known >= id);
        }
        new_days.push(day);
        if let (Rule::Seen { days: Some(days) }, 0) = (rule, new_days.len() % 1000) {
            let mut latest = new_days[new_days.len() - 1000..].to_vec();
            latest.sort_unstable();
            come = come.max(Some(latest[500]));
            if come.unwrap() - *begun.get_or_insert(come.unwrap()) >= i64::from(days) {
                begun = come;
                period += 1;
            }
        }
        false
    };
    rows.iter().map(&mut is_duplicate).collect()
}

#[derive(Debug, Clone)]
enum Step {
    /// One of three consumers reads on.
    Read(usize, usize),
    /// One goes back to what it read before.
    GoBack(usize, usize),
    Save,
    /// The process ends; a new one goes on from what was saved.
    Crash,
    /// A byte of a file is another; a new process finds it.
    Damage(prop::sample::Index, prop::sample::Index),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..3_usize, 1..900_usize).prop_map(|(who, count)| Step::Read(who, count)),
        1 => (0..3_usize, 1..5_000_usize).prop_map(|(who, back)| Step::GoBack(who, back)),
        3 => Just(Step::Save),
        2 => Just(Step::Crash),
        1 => (any::<prop::sample::Index>(), any::<prop::sample::Index>()).prop_map(|(file, byte)| Step::Damage(file, byte)),
    ]
}

fn open(rule: Rule, folder: &Path, limit: usize) -> Index {
    let mut index = Index::open(rule, folder).unwrap();
    index.disk = index.disk.map(|disk| disk.with_limit(limit));
    index
}

fn damage(folder: &Path, file: prop::sample::Index, byte: prop::sample::Index) {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    if files.is_empty() {
        return;
    }
    let path = file.get(&files);
    let mut bytes = fs::read(path).unwrap();
    if !bytes.is_empty() {
        let at = byte.index(bytes.len());
        bytes[at] ^= 0x20;
        fs::write(path, bytes).unwrap();
    }
}

proptest! {
    #![proptest_config(crate::testing::cases(300))]

    /// Three consumers of a process, each anywhere: every verdict is that of the whole log before the record.
    #[test]
    fn every_verdict_follows_from_the_records_before(
        rule in rule(), rows in rows(), limit in prop_oneof![Just(6_usize), Just(60), Just(LARGE)],
        steps in prop::collection::vec(step(), 0..40),
    ) {
        let expected = duplicates(rule, &rows);
        let folder = tempfile::tempdir().unwrap();
        let mut index = open(rule, folder.path(), limit);
        let mut at = [0_usize; 3];
        let all = (0..3).map(|who| Step::Read(who, rows.len()));
        for step in steps.into_iter().chain([Step::Crash]).chain(all) {
            match step {
                Step::Read(who, count) => {
                    let known = usize::try_from(index.next()).unwrap();
                    // A consumer that begins reads from where the index is.
                    let from = at[who].min(known);
                    let to = (at[who] + count).min(rows.len());
                    for from in (from..to).step_by(count.max(50)) {
                        let to = (from + count.max(50)).min(to);
                        let mut records: Vec<_> = (from..to).map(|offset| record(&rows, offset)).collect();
                        let (first, next) = (i64::try_from(from).unwrap(), i64::try_from(to).unwrap());
                        match index.judge(first, next, &mut records) {
                            Ok(judged) => prop_assert!(judged),
                            // Damage that no opening has found: from nothing again.
                            Err(error) => {
                                prop_assert_eq!(error.kind(), io::ErrorKind::InvalidData);
                                drop(index);
                                index = Index::clear(rule, folder.path()).unwrap();
                                break;
                            }
                        }
                        for (offset, record) in (from..to).zip(records) {
                            prop_assert_eq!(record.content == Content::Duplicate, expected[offset], "{}", offset);
                        }
                        at[who] = at[who].max(to);
                    }
                    let gap = index.next() + 1;
                    prop_assert!(!index.judge(gap, gap + 1, &mut []).unwrap(), "records are missing");
                }
                Step::GoBack(who, back) => at[who] = at[who].saturating_sub(back),
                Step::Save => {
                    index.snapshot().unwrap().write().unwrap();
                }
                Step::Crash => {
                    drop(index);
                    index = open(rule, folder.path(), limit);
                }
                Step::Damage(file, byte) => {
                    drop(index);
                    damage(folder.path(), file, byte);
                    index = open(rule, folder.path(), limit);
                }
            }
        }
    }
}

const LARGE: usize = 1 << 16;

#[test]
fn a_rule_is_read_as_it_is_written() {
    for text in ["ascending", "seen", "seen=1", "seen=36500", "none"] {
        let rule: Rule = text.parse().unwrap();
        assert_eq!(rule.to_string(), text);
        assert_eq!(serde_json::from_str::<Rule>(&serde_json::to_string(&rule).unwrap()).unwrap(), rule);
    }
    for text in ["", "Seen", "seen=", "seen=0", "seen=-1", "seen=1.5", "seen=36501", "seen=1 ", "any"] {
        assert!(text.parse::<Rule>().is_err(), "{text}");
    }
}

#[test]
fn another_rule_or_no_rule_at_all_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let mut index = Index::open(Rule::default(), folder.path()).unwrap();
    assert!(index.judge(0, 1, &mut [record(&[Some((7, 1))], 0)]).unwrap());
    index.snapshot().unwrap().write().unwrap();
    assert_eq!(Index::open(Rule::default(), folder.path()).unwrap().next(), 1);
    assert_eq!(Index::open(Rule::Ascending, folder.path()).unwrap().next(), 0);
    assert_eq!(Index::open(Rule::default(), folder.path()).unwrap().next(), 0, "what was there is gone");
}
