//! A list of what disagrees, in sentences, kept readable when everything does.

use std::{collections::BTreeMap, fmt::Debug};

/// The most sentences of one kind that are listed.
const TOLD: usize = 8;

#[derive(Debug, Default)]
pub struct Differences(Vec<String>);

impl Differences {
    pub fn add(&mut self, sentence: impl Into<String>) {
        self.0.push(sentence.into());
    }

    /// Two values that should be equal.
    pub fn same<T: PartialEq + Debug>(&mut self, what: &str, expected: &T, found: &T) {
        if expected != found {
            self.add(format!("{what}: expected {expected:?}, found {found:?}"));
        }
    }

    /// Two collections that should have equal items, in any order.
    pub fn same_bag<T: Ord + Debug>(
        &mut self,
        what: &str,
        expected: impl IntoIterator<Item = T>,
        found: impl IntoIterator<Item = T>,
    ) {
        let mut counts: BTreeMap<T, (usize, usize)> = BTreeMap::new();
        for one in expected {
            counts.entry(one).or_default().0 += 1;
        }
        for one in found {
            counts.entry(one).or_default().1 += 1;
        }
        let wrong = counts.iter().filter(|(_, (expected, found))| expected != found);
        self.some(wrong.map(|(one, (expected, found))| {
            format!("{what}: {one:?} is there {found} times where it should be {expected} times")
        }));
    }

    /// Sentences of one kind: the first few, and how many more there are.
    pub fn some(&mut self, sentences: impl IntoIterator<Item = String>) {
        let mut sentences = sentences.into_iter();
        let told: Vec<_> = sentences.by_ref().take(TOLD).collect();
        self.0.extend(told);
        let more = sentences.count();
        if more > 0 {
            self.add(format!("… and {more} more of that kind"));
        }
    }

    pub fn into_sentences(self) -> Vec<String> {
        self.0
    }
}
