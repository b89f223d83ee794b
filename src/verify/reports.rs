//! The files that are written whole: daily reports, the stock table, the last order.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde_json::Value;

use super::{
    difference::Differences,
    replayed_log::Log,
    sales_sums::{Sums, fitting},
    tables::{cell, last_file, quoted},
};
use crate::{
    shop::number_format::{kronor, thousands},
    views::shop_figures::ReportNote,
};

const STOCK_HEADING: [&str; 6] = ["product_id", "product", "balance", "reorder_point", "on_the_way", "as_of"];

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
                Some(text) => self.compare_text(&name, date, text, revision, found),
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
        let mut rows: BTreeMap<u64, [&str; 3]> = BTreeMap::new();
        for (line, number) in text.split_inclusive('\n').zip(1..) {
            let what = || format!("stock.txt, row {number}");
            let cells: Vec<&str> = line
                .strip_suffix('\n')
                .unwrap_or("")
                .split('\t')
                .map(|cell| cell.trim_matches(' '))
                .collect();
            // These two come from the pulse and the products file when the table was written.
            let is_known = |pieces: &str| pieces == "–" || pieces.parse::<i64>().is_ok();
            match cells.as_slice() {
                heading if number == 1 && heading == STOCK_HEADING => {}
                [id, name, balance, point, on_the_way, as_of]
                    if number > 1 && is_known(point) && is_known(on_the_way) =>
                {
                    match id.parse() {
                        Ok(id) if !rows.contains_key(&id) => drop(rows.insert(id, [*name, *balance, *as_of])),
                        _ => found.add("stock.txt", what(), "a product once", quoted(line)),
                    }
                }
                _ => found.add("stock.txt", what(), STOCK_HEADING.join(", "), quoted(line)),
            }
        }
        for (id, product) in &self.stock.products {
            let mut compare = |what: &str, expected: &str, there: &str| {
                found.compare("stock.txt", format!("stock.txt, {what} of product {id}"), expected, there);
            };
            let Some([name, balance, as_of]) = rows.remove(id) else {
                compare("the row", "one", "none");
                continue;
            };
            let expected = fitting(product.delivered).saturating_sub(fitting(product.sold)).to_string();
            compare("balance", &expected, balance);
            if product.sold > 0 {
                compare("name", cell(&product.name.text).trim_matches(' '), name);
            }
            // Checkpoints of earlier versions do not have the time.
            if as_of != "–" {
                let newest = self.zone.at(product.newest.unwrap_or_default());
                compare("time", &newest.format("%Y-%m-%d %H:%M:%S").to_string(), as_of);
            }
        }
        for (id, [_, balance, _]) in rows {
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

/// The labels of a text report in one language.
struct Words {
    title: &'static str,
    orders: &'static str,
    sales: &'static str,
    mean: &'static str,
    per_order: &'static str,
    revision: &'static str,
    /// The days that a day is compared with: how many days before it, and their label.
    compared: [(u64, &'static str); 2],
    nothing: &'static str,
}

const WORDS: [Words; 2] = [
    Words {
        title: "Daily report ",
        orders: "Orders ",
        sales: "Sales ",
        mean: "Mean ",
        per_order: "per order",
        revision: "Revision ",
        compared: [(1, "the day before"), (7, "a week before")],
        nothing: "Nothing was sold.",
    },
    Words {
        title: "Dagsrapport ",
        orders: "Order ",
        sales: "Försäljning ",
        mean: "Medel ",
        per_order: "per order",
        revision: "Revision ",
        compared: [(1, "dagen före"), (7, "en vecka före")],
        nothing: "Inget såldes.",
    },
];

impl Log {
    /// Compares the report for people: its figures, by their labels, and the rows of its tables, whose cells are two
    /// spaces apart or more.
    fn compare_text(
        &self,
        name: &str,
        date: NaiveDate,
        text: &str,
        revision: Option<u64>,
        found: &mut Differences,
    ) {
        let none = Sums::default();
        let sums_of = |date| self.days.get(&date).unwrap_or(&none);
        let sums = sums_of(date);
        let [english, swedish] = &WORDS;
        let words = if text.starts_with(swedish.title) { swedish } else { english };
        let mut compare = |what: &str, expected: &str, there: &str| {
            found.compare("reports", format!("{name}.txt, {what}"), expected, there);
        };
        let labelled = |label: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(label)).map(str::trim_start);
            value.unwrap_or("nothing").to_owned()
        };
        compare("date", &date.to_string(), &labelled(words.title));
        compare("orders", &thousands(sums.orders), &labelled(words.orders));
        compare("sales", &kronor(fitting(sums.sales_ore)), &labelled(words.sales));
        let mean = match i128::from(sums.orders) {
            0 => "–".to_owned(),
            // Rounded half up, of what is never negative.
            orders => {
                let sales = i128::from(fitting(sums.sales_ore));
                let mean = sales / orders + i128::from(sales % orders * 2 >= orders);
                format!("{} {}", kronor(fitting(mean)), words.per_order)
            }
        };
        compare("mean order", &mean, &labelled(words.mean));
        if let Some(revision) = revision {
            let expected = if revision == 0 { "nothing".to_owned() } else { revision.to_string() };
            compare("revision", &expected, &labelled(words.revision));
        }

        let mut blocks = text.split("\n\n").skip(2);
        let others = rows_of(blocks.next());
        let dates = words
            .compared
            .iter()
            .filter_map(|(days, ago)| Some((date.checked_sub_days(chrono::Days::new(*days))?, *ago)));
        let mut there = others.iter();
        for (other, ago) in dates {
            let before = sums_of(other);
            let (sales, sales_before) = (fitting(sums.sales_ore), fitting(before.sales_ore));
            let expected = [
                format!("{other}, {ago}"),
                thousands(before.orders),
                share(sums.orders.into(), before.orders.into()),
                kronor(sales_before),
                share(sales.into(), sales_before.into()),
            ];
            let row = there.next().map_or("nothing".to_owned(), |row| row.join(" | "));
            compare(&format!("comparison with {other}"), &expected.join(" | "), &row);
        }
        compare("comparison", "no more days", if there.next().is_some() { "more" } else { "no more days" });

        if sums.products.is_empty() {
            return compare("products", words.nothing, blocks.next().unwrap_or("nothing").trim_end());
        }
        let (categories, products) = (rows_of(blocks.next()), rows_of(blocks.next()));
        // The category of a product is that of the products file when the report was written.
        let mut by_category: BTreeMap<&str, (i128, i128)> = BTreeMap::new();
        let mut rows: BTreeMap<u64, String> = BTreeMap::new();
        for row in &products {
            let (Some(id), [.., category, units, sales]) =
                (row.first().and_then(|id| id.parse().ok()), row.as_slice())
            else {
                compare("products", "a row for each product", &row.join(" | "));
                continue;
            };
            if let Some(product) = sums.products.get(&id) {
                let (units, sales) = by_category.entry(category).or_default();
                (*units, *sales) = (*units + product.sold, *sales + product.sales_ore);
            }
            if rows.insert(id, format!("{units} | {sales}")).is_some() {
                compare("products", "each product once", &format!("product {id} again"));
            }
        }
        for (id, product) in &sums.products {
            let expected = pieces_and_sales(product.sold, product.sales_ore);
            let there = rows.remove(id).unwrap_or("nothing".to_owned());
            compare(&format!("units of product {id} and what they brought in"), &expected, &there);
        }
        for id in rows.keys() {
            compare(&format!("product {id}"), "nothing sold", "a row");
        }
        for row in &categories {
            let expected = match row.first().and_then(|category| by_category.remove(category)) {
                Some((units, sales)) => pieces_and_sales(units, sales),
                None => "no row, or one alone".to_owned(),
            };
            let there = row.get(1..).unwrap_or_default().join(" | ");
            compare(&format!("category {}", row.first().unwrap_or(&"")), &expected, &there);
        }
        for category in by_category.keys() {
            compare(&format!("category {category}"), "a row", "nothing");
        }
    }
}

/// The cells of each row of a table, below heading and ruler.
fn rows_of(block: Option<&str>) -> Vec<Vec<&str>> {
    block.unwrap_or_default().lines().skip(2).map(cells).collect()
}

fn cells(line: &str) -> Vec<&str> {
    line.split("  ").map(str::trim_ascii).filter(|cell| !cell.is_empty()).collect()
}

fn pieces_and_sales(units: i128, sales_ore: i128) -> String {
    format!("{} | {}", thousands(fitting(units).unsigned_abs()), kronor(fitting(sales_ore)))
}

/// The change from `before` to `now`, in per cent with one decimal.
fn share(now: i128, before: i128) -> String {
    if before == 0 {
        return "–".to_owned();
    }
    let (more, by) = if now >= before { ("+", now - before) } else { ("−", before - now) };
    // In thousandths, half of one rounded up.
    let thousandths = by * 1000 / before + i128::from(by * 1000 % before * 2 >= before);
    let sign = if thousandths == 0 { "" } else { more };
    let whole = thousands(u64::try_from(thousandths / 10).unwrap_or(u64::MAX));
    format!("{sign}{whole},{}\u{a0}%", thousandths % 10)
}
