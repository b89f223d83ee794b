//! The dead letters: one for each record that is no order.

use super::{
    difference::Differences,
    record::Record,
    rows_by_day::digest,
    sketch::{Item, Sketch},
};

/// A letter of more bytes than this, key and payload together, may have been cut.
const LARGEST: usize = 900_000;
/// What of a letter that was cut is compared.
const BEGIN: usize = 4_096;

/// A record of the dead letters.
#[derive(Debug, Clone, Copy)]
pub struct Letter<'a> {
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value.
    pub payload: Option<&'a [u8]>,
    /// Its headers.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The topic that it must come from.
    pub orders: &'a str,
}

impl Letter<'_> {
    /// The text of a header that is there once.
    fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(key, _)| *key == name);
        match (values.next(), values.next()) {
            (Some((_, value)), None) => std::str::from_utf8(value).ok(),
            _ => None,
        }
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.header(name)?.parse().ok()
    }
}

/// Both sides: what should lie there, and what does.
#[derive(Debug, Clone, Default)]
pub(super) struct Letters {
    expected: Sketch,
    found: Sketch,
    expected_count: u64,
    found_count: u64,
}

impl Letters {
    /// A record that is no order and that has been read.
    pub(super) fn expect(&mut self, record: &Record<'_>) {
        let length = record.payload.map(<[u8]>::len);
        let item = item(record.partition, record.offset, record.key, record.payload, length);
        self.expected.add(&item);
        self.expected_count += 1;
    }

    /// A letter; `next` says up to which offset a partition of the orders has been read.
    pub(super) fn take(
        &mut self,
        at: i64,
        letter: &Letter<'_>,
        next: impl Fn(i32) -> Option<i64>,
        found: &mut Differences,
    ) {
        let what = || format!("the dead letter at offset {at}");
        let (Some(partition), Some(offset)) = (letter.number("partition"), letter.number("offset")) else {
            return found.add(
                "dead letters",
                what(),
                "headers partition and offset",
                "none that can be read",
            );
        };
        if next(partition).is_none_or(|next| offset >= next) {
            return;
        }
        if letter.header("error").is_none_or(|error| error.trim().is_empty()) {
            found.add("dead letters", what(), "a header error", "none");
        }
        if letter.header("topic") != Some(letter.orders) {
            let topic = letter.header("topic").unwrap_or("none");
            found.add("dead letters", format!("{}, header topic", what()), letter.orders, topic);
        }
        let whole = letter.number("cut-from-bytes").or(letter.payload.map(<[u8]>::len));
        self.found.add(&item(partition, offset, letter.key, letter.payload, whole));
        self.found_count += 1;
    }

    pub(super) fn compare(self, found: &mut Differences) {
        let (items, all) = self.expected.difference(&self.found);
        let mut told = None;
        for (item, _) in &items {
            if told == Some((item.group, item.id)) {
                continue;
            }
            told = Some((item.group, item.id));
            let of_this = || items.iter().filter(|(one, _)| (one.group, one.id) == (item.group, item.id));
            let sum = |sign: i64| of_this().map(|(_, times)| (times * sign).max(0)).sum::<i64>();
            let (expected, there) = match (sum(1), sum(-1)) {
                (_, 0) => ("one", "none".to_owned()),
                (0, more) => ("no more of it", format!("{more} more")),
                _ => ("key and value as they came", "others".to_owned()),
            };
            let what = format!("the dead letter of orders/{}, offset {}", item.group, item.id);
            found.add("dead letters", what, expected, there);
        }
        if !all {
            found.compare("dead letters", "dead letters", &self.expected_count, &self.found_count);
            if self.expected_count == self.found_count {
                found.add(
                    "dead letters",
                    "dead letters",
                    "each as it came",
                    "too many that differ to name them",
                );
            }
        }
    }
}

fn item(
    partition: i32,
    offset: i64,
    key: Option<&[u8]>,
    payload: Option<&[u8]>,
    whole: Option<usize>,
) -> Item {
    let parts = [key, payload];
    let was_cut = key.map_or(0, <[u8]>::len) + whole.unwrap_or(0) > LARGEST;
    let kept = |part: Option<&[u8]>| {
        let part = part.unwrap_or_default();
        if was_cut { part.get(..BEGIN).unwrap_or(part).to_vec() } else { part.to_vec() }
    };
    let there = parts.map(|part| u8::from(part.is_some()));
    let whole = whole.unwrap_or(0).to_be_bytes();
    let digest = digest(&[&there, &kept(key), &kept(payload), &whole]);
    // Offsets are not negative.
    Item { id: offset.cast_unsigned(), group: i64::from(partition), digest }
}
