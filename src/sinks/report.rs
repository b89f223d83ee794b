//! The daily report for programs, `reports/DATE.json`, and where both forms lie.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::sanitize;
use crate::views::day_totals::DayTotals;

/// One day of the shop, as in its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The local day.
    pub date: NaiveDate,
    /// Number of orders.
    pub orders: u64,
    /// Sales in öre.
    pub sales_ore: i64,
    /// Sales by product id.
    pub products: Vec<Sold>,
    /// How many times the day's report was rewritten.
    pub revision: u32,
}

/// One product's day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sold {
    /// The product's id.
    pub product_id: u64,
    /// Its name, unchanged.
    pub name: String,
    /// Pieces sold.
    pub units: i64,
}

/// A file that is no daily report.
#[derive(Debug, thiserror::Error)]
#[error("the report cannot be read ({0}): write it again from the log with `shop-sim report DATE --rebuild`")]
pub struct Unreadable(#[from] serde_json::Error);

/// The path of a day's report for people.
pub fn text_file(date: NaiveDate) -> String {
    format!("reports/{date}.txt")
}

/// The path of a day's report for programs.
pub fn json_file(date: NaiveDate) -> String {
    format!("reports/{date}.json")
}

impl Report {
    /// The report of a day's totals.
    pub fn new(date: NaiveDate, totals: &DayTotals, revision: u32) -> Self {
        let products = totals
            .products
            .iter()
            .map(|(&product_id, sold)| Sold { product_id, name: sold.name.clone(), units: sold.units })
            .collect();
        Self { date, orders: totals.orders, sales_ore: totals.sales_ore, products, revision }
    }

    /// Parses the output of [`Report::json`].
    pub fn parse(json: &[u8]) -> Result<Self, Unreadable> {
        Ok(serde_json::from_slice(json)?)
    }

    /// The report for programs: one line of JSON.
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "numbers, texts and a date, none of which serde_json refuses"
    )]
    pub fn json(&self) -> String {
        let mut json = sanitize::json(serde_json::to_string(self).expect("a report is JSON"));
        json.push('\n');
        json
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sinks::samples::hostile;
    use crate::views::day_totals::ProductTotals;

    fn day() -> NaiveDate {
        "2026-11-20".parse().unwrap()
    }

    fn sold(sold: &[(u64, &str, i64)]) -> DayTotals {
        let products = sold
            .iter()
            .map(|&(id, name, units)| {
                (id, ProductTotals { name: name.to_owned(), named_by: 1, units, sales_ore: 0 })
            })
            .collect();
        DayTotals { orders: 1234, sales_ore: 98_765_400, products }
    }

    #[test]
    fn programs_read_what_the_design_says() {
        let report = Report::new(day(), &sold(&[(7, "Fat", 5), (1, "Kaffekopp, \"blå\"", 12)]), 2);
        assert_eq!(
            report.json(),
            "{\"date\":\"2026-11-20\",\"orders\":1234,\"sales_ore\":98765400,\"products\":[\
             {\"product_id\":1,\"name\":\"Kaffekopp, \\\"blå\\\"\",\"units\":12},\
             {\"product_id\":7,\"name\":\"Fat\",\"units\":5}],\"revision\":2}\n"
        );
        assert_eq!(
            (text_file(day()), json_file(day())),
            ("reports/2026-11-20.txt".into(), "reports/2026-11-20.json".into())
        );
    }

    #[test]
    fn what_is_no_report_says_what_to_do() {
        let sentence = Report::parse(b"{\"date\":7}").unwrap_err().to_string();
        assert!(sentence.contains("--rebuild"), "{sentence}");
    }

    proptest! {
        #[test]
        fn any_day_survives_its_files(
            days in -4_000_000_i32..4_000_000,
            orders in any::<u64>(),
            sales_ore in any::<i64>(),
            products in prop::collection::btree_map(any::<u64>(), (hostile(), 0..i64::MAX), 0..5),
            revision in any::<u32>(),
        ) {
            let date = NaiveDate::from_num_days_from_ce_opt(days).unwrap();
            let products = products
                .into_iter()
                .map(|(id, (name, units))| (id, ProductTotals { name, named_by: 0, units, sales_ore: 0 }))
                .collect();
            let report = Report::new(date, &DayTotals { orders, sales_ore, products }, revision);
            let json = report.json();
            prop_assert_eq!(json.lines().count(), 1);
            prop_assert_eq!(&Report::parse(json.as_bytes()).unwrap(), &report);
        }
    }
}
