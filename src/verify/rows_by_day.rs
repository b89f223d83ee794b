//! The rows of many files of one kind, one file a day, in any order: expected from the log, and found in the files.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hasher},
};

use chrono::{Datelike, NaiveDate};

use super::{
    difference::Differences,
    sketch::{Item, Sketch},
};

/// A hash that is the same within a process.
pub(super) fn digest(parts: &[&[u8]]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for part in parts {
        hasher.write_usize(part.len());
        hasher.write(part);
    }
    hasher.finish()
}

/// Rows or mails, by day.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    sketch: Sketch,
    days: BTreeMap<NaiveDate, u64>,
    broken: Differences,
}

impl Rows {
    /// Adds what one order has in the file of a day.
    pub(super) fn add(&mut self, date: NaiveDate, order_id: u64, digest: u64) {
        self.sketch.add(&Item { id: order_id, group: i64::from(date.num_days_from_ce()), digest });
        *self.days.entry(date).or_default() += 1;
    }

    /// Notes a file of a day, empty or not.
    pub(super) fn open(&mut self, date: NaiveDate) {
        self.days.entry(date).or_default();
    }

    /// Faults of a file by itself.
    pub(super) fn broken(&mut self) -> &mut Differences {
        &mut self.broken
    }

    /// Notes a file that no day has.
    pub fn does_not_belong(&mut self, path: &str) {
        self.broken.add("files", path, "no such file", "a file");
    }

    /// How many files hold them.
    pub fn files(&self) -> usize {
        self.days.len()
    }

    /// Compares with what the files hold. `kind` names them and `one` what they hold, and `path` is where a day's lie.
    pub fn compare(
        self,
        files: Self,
        (kind, one): (&'static str, &str),
        path: impl Fn(NaiveDate) -> String,
        found: &mut Differences,
    ) {
        found.append(files.broken);
        for (date, count) in &self.days {
            if !files.days.contains_key(date) {
                found.add(kind, path(*date), format!("{count} {one}s"), "no such file");
            }
        }
        for (date, count) in &files.days {
            if !self.days.contains_key(date) {
                found.add(kind, path(*date), "no such file", format!("{count} {one}s"));
            }
        }
        let lost = |date: &NaiveDate| !files.days.contains_key(date) || !self.days.contains_key(date);
        let (items, all) = self.sketch.difference(&files.sketch);
        let mut of_orders: BTreeMap<(NaiveDate, u64), (i64, i64)> = BTreeMap::new();
        for (item, times) in &items {
            let days = i32::try_from(item.group).ok();
            let Some(date) = days.and_then(NaiveDate::from_num_days_from_ce_opt) else { continue };
            let (missing, surplus) = of_orders.entry((date, item.id)).or_default();
            if *times > 0 { *missing += times } else { *surplus -= times }
        }
        for ((date, id), (missing, surplus)) in of_orders.iter().filter(|((date, _), _)| !lost(date)) {
            let (expected, other) = match (*missing, *surplus) {
                (missing, 0) => (format!("{missing} more {one}"), "none of them".to_owned()),
                (0, surplus) => ("nothing more of it".to_owned(), format!("{surplus} more {one}")),
                (missing, surplus) => {
                    (format!("{missing} {one} as in the log"), format!("{surplus} that says something else"))
                }
            };
            found.add(kind, format!("{}, order {id}", path(*date)), expected, other);
        }
        for (date, count) in self.days.iter().filter(|(date, _)| !all && !lost(date)) {
            let there = files.days.get(date).copied().unwrap_or_default();
            if there != *count {
                found.add(kind, path(*date), format!("{count} {one}s"), there);
            }
        }
        if !all && self.days == files.days {
            found.add(kind, kind, format!("each {one} as in the log"), "too many that differ to name them");
        }
    }
}
