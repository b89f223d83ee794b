//! What an audit finds, kept readable when everything is wrong.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
};

/// Differences of one kind that are told one by one; the others are counted.
const TOLD: u64 = 20;

/// One thing that is not as the log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What is compared: a file, a figure, a record.
    pub what: String,
    /// As it follows from the log.
    pub expected: String,
    /// As it is.
    pub found: String,
}

impl Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, found {}", self.what, self.expected, self.found)
    }
}

/// All that an audit finds.
#[derive(Debug, Clone, Default)]
pub struct Differences {
    told: Vec<Difference>,
    by_kind: BTreeMap<&'static str, u64>,
}

impl Differences {
    /// Adds one of a kind, such as "mails".
    pub fn add(
        &mut self,
        kind: &'static str,
        what: impl Display,
        expected: impl Display,
        found: impl Display,
    ) {
        let count = self.by_kind.entry(kind).or_default();
        *count += 1;
        if *count <= TOLD {
            let [what, expected, found] = [what.to_string(), expected.to_string(), found.to_string()];
            self.told.push(Difference { what, expected, found });
        }
    }

    /// Adds one where two values differ.
    pub fn compare<T: PartialEq + Display + ?Sized>(
        &mut self,
        kind: &'static str,
        what: impl Display,
        expected: &T,
        found: &T,
    ) {
        if expected != found {
            self.add(kind, what, expected, found);
        }
    }

    /// Takes over what another part of the audit found.
    pub fn append(&mut self, other: Self) {
        self.told.extend(other.told);
        for (kind, count) in other.by_kind {
            *self.by_kind.entry(kind).or_default() += count;
        }
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.by_kind.values().sum()
    }

    /// One sentence each; of a kind with many the first ones, and how many more there are.
    pub fn sentences(&self) -> Vec<String> {
        let more = self.by_kind.iter().filter(|(_, count)| **count > TOLD);
        let more =
            more.map(|(kind, count)| format!("{kind}: {} more differences of this kind", count - TOLD));
        self.told.iter().map(ToString::to_string).chain(more).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_not_told() {
        let mut found = Differences::default();
        for order in 0..100 {
            found.add("mails", format!("order {order}"), 1, 0);
        }
        found.compare("stock.txt", "product 1", &5, &5);
        found.compare("stock.txt", "product 2", &5, &6);
        assert_eq!(found.count(), 101);
        let sentences = found.sentences();
        assert_eq!(sentences.len(), 22);
        assert_eq!(sentences[20], "product 2: expected 5, found 6");
        assert_eq!(sentences[21], "mails: 80 more differences of this kind");
    }
}
