//! Amounts by second, for windows that end at the current shop time.

use super::table::Table;

const MINUTE: i64 = 60;

/// Amounts by Unix second, in rows of a minute, so that a checkpoint only writes the latest rows.
#[derive(Debug, Clone, Default)]
pub struct Seconds {
    /// By minute since 1970: the amounts as (second within the minute, amount), in order of seconds.
    pub minutes: Table<i64, Vec<(u8, i64)>>,
}

impl Seconds {
    /// Adds an amount that is not negative to a second.
    pub fn add(&mut self, second: i64, amount: i64) {
        let row = self.minutes.row(second.div_euclid(MINUTE));
        // Always below 60.
        let within = u8::try_from(second.rem_euclid(MINUTE)).unwrap_or(0);
        match row.binary_search_by_key(&within, |(at, _)| *at) {
            Ok(index) => row[index].1 = row[index].1.saturating_add(amount),
            Err(index) => row.insert(index, (within, amount)),
        }
    }

    /// The sum over the seconds s with `after` < s ≤ `until`.
    pub fn sum(&self, after: i64, until: i64) -> i64 {
        if after >= until {
            return 0;
        }
        self.minutes
            .range(after.div_euclid(MINUTE)..=until.div_euclid(MINUTE))
            .flat_map(|(minute, row)| {
                row.iter().map(move |(at, amount)| (minute * MINUTE + i64::from(*at), amount))
            })
            .filter(|(second, _)| *second > after && *second <= until)
            .fold(0, |sum, (_, amount)| sum.saturating_add(*amount))
    }

    /// Drops the minutes that end before second `until`.
    pub fn forget_until(&mut self, until: i64) {
        self.minutes.forget_before(until.div_euclid(MINUTE));
    }
}
