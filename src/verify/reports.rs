//! The files that are written whole: daily reports, the stock table, the last order.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde_json::Value;

use super::{
    days::{Sums, fitting},
    difference::Differences,
    log::Log,
    tables::{cell, last_file, quoted},
};
use crate::{
    shop::money::{kronor, thousands},
    views::figures::ReportNote,
};

/// What the folder of reports holds.
#[derive(Debug, Clone, Default)]
pub struct Reports {
    /// `DATE.txt`.
    pub texts: BTreeMap<NaiveDate, String>,
    /// `DATE.json`.
    pub jsons: BTreeMap<NaiveDate, String>,
    /// Names that are neither.
    pub others: Vec<String>,
}

impl Log {
    /// Compares the reports, and what is said of them. Days before `closed` have one where they have orders; `today`
    /// and later days have none.
    pub fn compare_reports(
        &self,
        files: &Reports,
        notes: &[ReportNote],
        closed: NaiveDate,
        today: NaiveDate,
        found: &mut Differences,
    ) {
        for name in &files.others {
            found.add("reports", format!("reports/{name}"), "no such file", "a file");
        }
        let none = Sums::default();
        let ended = self.days.keys().copied().filter(|date| *date < closed);
        let there = files.texts.keys().chain(files.jsons.keys()).copied();
        let noted = notes.iter().map(|note| note.date);
        for date in ended.chain(there).chain(noted).collect::<BTreeSet<_>>() {
            let name = format!("reports/{date}");
            let sums = self.days.get(&date).unwrap_or(&none);
            if date >= today && (files.texts.contains_key(&date) || files.jsons.contains_key(&date)) {
                found.add("reports", name, "none before the day has ended", "a report");
                continue;
            }
            let json = files.jsons.get(&date);
            let revision = json.and_then(|json| compare_json(&name, date, json, sums, found));
            if json.is_none() {
                found.add("reports", format!("{name}.json"), "a file", "none");
            }
            match files.texts.get(&date) {
                Some(text) => compare_text(&name, date, text, sums, revision, found),
                None => found.add("reports", format!("{name}.txt"), "a file", "none"),
            }
            for note in notes.iter().filter(|note| note.date == date) {
                let about = |what: &str| format!("shop.state, report of {date}, {what}");
                found.compare("reports", about("orders"), &sums.orders, &note.orders);
                found.compare("reports", about("sales"), &fitting(sums.sales_ore), &note.sales_ore);
                if let Some(revision) = revision {
                    found.compare("reports", about("revision"), &revision, &u64::from(note.revision));
                }
            }
        }
    }

    /// Compares `stock.txt`; `None` where there is none. A product without a sale may have any name.
    pub fn compare_stock(&self, file: Option<&str>, found: &mut Differences) {
        let Some(text) = file else {
            if !self.stock.products.is_empty() {
                found.add(
                    "stock.txt",
                    "stock.txt",
                    format!("{} products", self.stock.products.len()),
                    "no such file",
                );
            }
            return;
        };
        let mut rows: BTreeMap<u64, (&str, &str)> = BTreeMap::new();
        for (line, number) in text.split_inclusive('\n').zip(1..) {
            let what = || format!("stock.txt, row {number}");
            let cells: Vec<&str> = line.strip_suffix('\n').unwrap_or("").split('\t').collect();
            match cells.as_slice() {
                ["product_id", "product", "balance"] if number == 1 => {}
                [id, name, balance] if number > 1 => match id.parse() {
                    Ok(id) if !rows.contains_key(&id) => drop(rows.insert(id, (*name, *balance))),
                    _ => found.add("stock.txt", what(), "a product once", quoted(line)),
                },
                _ => found.add("stock.txt", what(), "product_id, product, balance", quoted(line)),
            }
        }
        for (id, product) in &self.stock.products {
            let Some((name, balance)) = rows.remove(id) else {
                found.add("stock.txt", format!("stock.txt, product {id}"), "a row", "none");
                continue;
            };
            let expected = fitting(product.delivered).saturating_sub(fitting(product.sold)).to_string();
            found.compare(
                "stock.txt",
                format!("stock.txt, balance of product {id}"),
                expected.as_str(),
                balance,
            );
            if product.sold > 0 {
                let expected = cell(&product.name.text);
                found.compare(
                    "stock.txt",
                    format!("stock.txt, name of product {id}"),
                    expected.as_str(),
                    name,
                );
            }
        }
        for (id, (_, balance)) in rows {
            found.add(
                "stock.txt",
                format!("stock.txt, product {id}"),
                "no row",
                format!("the balance {balance}"),
            );
        }
    }

    /// Compares `orders/last.txt`; `None` where there is none.
    pub fn compare_last(&self, file: Option<&str>, found: &mut Differences) {
        let expected = self.newest().map(|order| (format!("order {}", order.order_id), last_file(order)));
        match (expected, file) {
            (Some((_, expected)), Some(file)) if expected == file => {}
            (None, None) => {}
            (expected, file) => {
                let expected =
                    expected.map_or("no such file".to_owned(), |(id, _)| format!("{id} and no other"));
                let there = file.map_or("no such file".to_owned(), |file| {
                    quoted(file.split_once('\n').map_or(file, |(_, rows)| rows))
                });
                found.add("orders/last.txt", "orders/last.txt", expected, there);
            }
        }
    }
}

/// Compares the report for programs; gives its revision.
fn compare_json(
    name: &str,
    date: NaiveDate,
    json: &str,
    sums: &Sums,
    found: &mut Differences,
) -> Option<u64> {
    let about = |what: &str| format!("{name}.json, {what}");
    let Ok(report) = serde_json::from_str::<Value>(json) else {
        found.add("reports", format!("{name}.json"), "JSON", quoted(json));
        return None;
    };
    let field = |what: &str| report.get(what).map_or("nothing".to_owned(), ToString::to_string);
    found.compare("reports", about("date"), &format!("\"{date}\""), &field("date"));
    found.compare("reports", about("orders"), &sums.orders.to_string(), &field("orders"));
    found.compare("reports", about("sales_ore"), &fitting(sums.sales_ore).to_string(), &field("sales_ore"));
    let mut products: BTreeMap<u64, (Option<&str>, Option<i64>)> = BTreeMap::new();
    for product in report.get("products").and_then(Value::as_array).into_iter().flatten() {
        let id = product.get("product_id").and_then(Value::as_u64);
        let says =
            (product.get("name").and_then(Value::as_str), product.get("units").and_then(Value::as_i64));
        if id.is_none_or(|id| products.insert(id, says).is_some()) {
            found.add("reports", about("products"), "each product once", product);
        }
    }
    for (id, product) in &sums.products {
        let (title, units) = products.remove(id).unwrap_or_default();
        let said = units.map_or("nothing".to_owned(), |units| units.to_string());
        found.compare(
            "reports",
            about(&format!("units of product {id}")),
            &fitting(product.sold).to_string(),
            &said,
        );
        if units.is_some() {
            let title = title.unwrap_or("nothing");
            found.compare(
                "reports",
                about(&format!("name of product {id}")),
                product.name.text.as_str(),
                title,
            );
        }
    }
    for (id, _) in products {
        found.add("reports", about(&format!("product {id}")), "nothing sold", "a product");
    }
    let revision = report.get("revision").and_then(Value::as_u64);
    if revision.is_none() {
        found.add("reports", about("revision"), "a number from 0", field("revision"));
    }
    revision
}

/// Compares the report for people: its figures, by their labels, and the rows of its table.
fn compare_text(
    name: &str,
    date: NaiveDate,
    text: &str,
    sums: &Sums,
    revision: Option<u64>,
    found: &mut Differences,
) {
    let about = |what: &str| format!("{name}.txt, {what}");
    let labelled = |label: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(label)).map(str::trim_start);
        value.unwrap_or("nothing").to_owned()
    };
    found.compare("reports", about("date"), &date.to_string(), &labelled("Daily report "));
    found.compare("reports", about("orders"), &thousands(sums.orders), &labelled("Orders "));
    found.compare("reports", about("sales"), &kronor(fitting(sums.sales_ore)), &labelled("Sales "));
    if let Some(revision) = revision {
        let expected = if revision == 0 { "nothing".to_owned() } else { revision.to_string() };
        found.compare("reports", about("revision"), &expected, &labelled("Revision "));
    }
    // Rows of a table begin with a number; thousands are parted by spaces that do not break.
    let mut rows: BTreeMap<u64, &str> = BTreeMap::new();
    for line in text.lines().skip_while(|line| !line.starts_with('-') && !line.trim_start().starts_with("--"))
    {
        let cells: Vec<&str> = line.split(' ').filter(|cell| !cell.is_empty()).collect();
        if let [id, .., units] = cells.as_slice()
            && !line.trim_start().starts_with("--")
            && id.parse().is_ok_and(|id| rows.insert(id, *units).is_none())
        {
            continue;
        }
        if !line.trim_start().starts_with("--") {
            found.add("reports", about("table"), "a row for each product", quoted(line));
        }
    }
    for (id, product) in &sums.products {
        let units = thousands(fitting(product.sold).unsigned_abs());
        let there = rows.remove(id).unwrap_or("nothing");
        found.compare("reports", about(&format!("units of product {id}")), units.as_str(), there);
    }
    for (id, _) in rows {
        found.add("reports", about(&format!("product {id}")), "nothing sold", "a row");
    }
}
