//! The daily report: `reports/DATE.txt` for people, `reports/DATE.json` for programs.

use std::cmp::Reverse;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use unicode_width::UnicodeWidthStr;

use super::clean;
use crate::shop::money::{kronor, thousands};
use crate::views::day_totals::DayTotals;

/// Terminal columns of the longest product name in the text.
const NAME_COLUMNS: usize = 48;

/// One day of the shop, as its files tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The local day it is about.
    pub date: NaiveDate,
    /// Number of orders.
    pub orders: u64,
    /// Sales in öre.
    pub sales_ore: i64,
    /// What was sold, by product id.
    pub products: Vec<Sold>,
    /// How many times the day's report was rewritten.
    pub revision: u32,
}

/// One product's day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sold {
    /// The product's number.
    pub product_id: u64,
    /// Its name, as it came.
    pub name: String,
    /// Pieces sold.
    pub units: i64,
}

/// A file that is no daily report.
#[derive(Debug, thiserror::Error)]
#[error("the report cannot be read ({0}): write it again from the log with `shop-sim report DATE --rebuild`")]
pub struct Unreadable(#[from] serde_json::Error);

/// Where a day's report for people lies.
pub fn text_file(date: NaiveDate) -> String {
    format!("reports/{date}.txt")
}

/// Where a day's report for programs lies.
pub fn json_file(date: NaiveDate) -> String {
    format!("reports/{date}.json")
}

impl Report {
    /// The report of a day's sums.
    pub fn new(date: NaiveDate, totals: &DayTotals, revision: u32) -> Self {
        let products = totals
            .products
            .iter()
            .map(|(&product_id, sold)| Sold { product_id, name: sold.name.clone(), units: sold.units })
            .collect();
        Self { date, orders: totals.orders, sales_ore: totals.sales_ore, products, revision }
    }

    /// Reads what [`Report::json`] wrote.
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
        let mut json = clean::json(serde_json::to_string(self).expect("a report is JSON"));
        json.push('\n');
        json
    }

    /// The report for people, products by units sold, most first.
    pub fn text(&self) -> String {
        let title = format!("Daily report {}", self.date);
        let ruler = "=".repeat(title.width());
        let (orders, sales) = (thousands(self.orders), kronor(self.sales_ore));
        let revision = match self.revision {
            0 => String::new(),
            times => format!("Revision  {times}\n"),
        };
        let table = self.table();
        format!("{title}\n{ruler}\n\nOrders    {orders}\nSales     {sales}\n{revision}\n{table}")
    }

    fn table(&self) -> String {
        if self.products.is_empty() {
            return "Nothing was sold.\n".to_owned();
        }
        let mut products: Vec<&Sold> = self.products.iter().collect();
        products.sort_by_key(|sold| (Reverse(sold.units), sold.product_id));
        let mut rows = vec![["Id", "Product", "Units"].map(str::to_owned)];
        rows.extend(products.into_iter().map(|sold| {
            // Units are never negative.
            let units = thousands(sold.units.unsigned_abs());
            [sold.product_id.to_string(), clean::shown(&sold.name, NAME_COLUMNS).into_owned(), units]
        }));
        let widths = rows.iter().fold([0; 3], |widest: [usize; 3], [id, name, units]| {
            let [first, second, third] = widest;
            [first.max(id.width()), second.max(name.width()), third.max(units.width())]
        });
        rows.insert(1, widths.map(|width| "-".repeat(width)));
        let [first, second, third] = widths;
        let line = |[id, name, units]: &[String; 3]| {
            let (left, between, right) = (gap(id, first), gap(name, second), gap(units, third));
            format!("{left}{id}  {name}{between}  {right}{units}\n")
        };
        rows.iter().map(line).collect()
    }
}

/// The spaces that fill a cell up to `width` terminal columns.
fn gap(cell: &str, width: usize) -> String {
    " ".repeat(width.saturating_sub(cell.width()))
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
    fn people_read_an_even_table() {
        let totals = sold(&[(3, "Fat", 5), (10, "Kaffekopp, blå\r\n", 1500), (2, "日本\u{202e}茶", 5)]);
        let text = Report::new(day(), &totals, 1).text().replace('\u{a0}', " ");
        assert_eq!(
            text,
            "Daily report 2026-11-20\n\
             =======================\n\
             \n\
             Orders    1 234\n\
             Sales     987 654,00 kr\n\
             Revision  1\n\
             \n\
             Id  Product         Units\n\
             --  --------------  -----\n\
             10  Kaffekopp, blå  1 500\n \
              2  日本茶              5\n \
              3  Fat                 5\n"
        );
    }

    #[test]
    fn a_day_without_sales_says_so() {
        let text = Report::new(day(), &DayTotals::default(), 0).text();
        assert!(text.ends_with("\n\nOrders    0\nSales     0,00 kr\n\nNothing was sold.\n"), "{text}");
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

            let text = report.text();
            let table: Vec<&str> = text.lines().skip_while(|line| !line.trim_start().starts_with("Id ")).collect();
            prop_assert_eq!(table.len(), if report.products.is_empty() { 0 } else { 2 + report.products.len() });
            prop_assert!(table.iter().all(|line| line.width() == table[0].width()));
        }
    }
}
