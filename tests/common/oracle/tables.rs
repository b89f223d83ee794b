//! The tables kept as text files: the journal of orders, the last order, the register of handled orders, and
//! the stock.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use chrono::{DateTime, NaiveDate};

use super::{Differences, Oracle, Time, breaks, record::Order};
use crate::common::files::{Table, tree};

const ORDERS: [&str; 10] = [
    "order_id",
    "created_at",
    "customer_id",
    "customer",
    "email",
    "product_id",
    "product",
    "quantity",
    "unit_price_ore",
    "line_total_ore",
];
const HANDLED: [&str; 6] = ["order_id", "created_at", "handled_at", "customer_id", "email", "total_ore"];
const STOCK: [&str; 6] = ["product_id", "product", "balance", "reorder_point", "on_the_way", "as_of"];

/// Normalizes a value for comparison: 12:00+01:00 equals 11:00Z, and names are sanitized.
fn cell(column: &str, text: &str) -> String {
    if column.ends_with("_at") {
        return DateTime::parse_from_rfc3339(text).map_or(text.to_owned(), moment);
    }
    text.split(|one: char| one == ' ' || breaks(one))
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn moment(time: Time) -> String {
    time.timestamp_millis().to_string()
}

fn order_rows(order: &Order) -> impl Iterator<Item = Vec<String>> + '_ {
    order.lines.iter().map(|line| {
        vec![
            order.id.to_string(),
            moment(order.at),
            order.customer.id.to_string(),
            cell("customer", &order.customer.name),
            cell("email", &order.customer.email),
            line.product_id.to_string(),
            cell("product", &line.name),
            line.quantity.to_string(),
            line.unit_price_ore.to_string(),
            line.total().to_string(),
        ]
    })
}

/// A file's rows with every cell as it is compared; the error is a sentence.
fn rows(path: &Path, columns: &[&str]) -> Result<Vec<Vec<String>>, String> {
    let mut table = Table::read(path)?;
    // Of the stock the cells are filled with spaces.
    for name in &mut table.heading {
        *name = name.trim_matches(' ').to_owned();
    }
    if table.heading != columns {
        return Err(format!("{}: the heading is {:?}", path.display(), table.heading));
    }
    let compared =
        |row: Vec<String>| row.iter().zip(columns).map(|(text, column)| cell(column, text)).collect();
    if let Some(row) = table.rows.iter().find(|row| row.len() != columns.len()) {
        return Err(format!("{}: a row of {} cells: {row:?}", path.display(), row.len()));
    }
    if let Some(row) = table.rows.iter().find(|row| row.iter().any(|text| text.contains(breaks))) {
        return Err(format!("{}: a control character in {row:?}", path.display()));
    }
    Ok(table.rows.into_iter().map(compared).collect())
}

impl Oracle {
    pub(super) fn compare_tables(&self, found: &mut Differences, out: &Path) {
        let mut journal: BTreeMap<NaiveDate, Vec<Vec<String>>> = BTreeMap::new();
        for order in &self.orders {
            journal.entry(self.day(order.at)).or_default().extend(order_rows(order));
        }
        compare_days(found, out, "orders", &ORDERS, journal);

        let mut register: BTreeMap<NaiveDate, Vec<Vec<String>>> = BTreeMap::new();
        for handled in &self.handled {
            register.entry(self.day(handled.at)).or_default().push(vec![
                handled.order_id.to_string(),
                moment(handled.created_at),
                moment(handled.at),
                handled.customer.id.to_string(),
                cell("email", &handled.customer.email),
                handled.total_ore.to_string(),
            ]);
        }
        compare_days(found, out, "handled", &HANDLED, register);
        self.compare_last(found, out);
        self.compare_stock_file(found, out);
    }

    /// The newest order: among the partitions' last ones, the one sold last.
    fn compare_last(&self, found: &mut Differences, out: &Path) {
        let last: BTreeMap<i32, _> = self.orders.iter().map(|order| (order.partition, order)).collect();
        let path = out.join("orders/last.txt");
        match (last.into_values().max_by_key(|order| (order.at, order.id)), rows(&path, &ORDERS)) {
            (None, _) => {}
            (Some(newest), Ok(rows)) => {
                if order_rows(newest).collect::<Vec<_>>() != rows {
                    let id = newest.id;
                    found.add(format!("orders/last.txt: expected order {id}, found {rows:?}"));
                }
            }
            (Some(_), Err(error)) => found.add(error),
        }
    }

    /// When a product was sold or delivered last.
    fn changed(&self, product_id: u64) -> String {
        let sold =
            self.orders.iter().filter(|order| order.lines.iter().any(|line| line.product_id == product_id));
        let sold = sold.map(|order| order.at);
        let delivered = self.deliveries.iter().filter(|one| one.product_id == product_id).map(|one| one.at);
        let newest = sold.chain(delivered).max().expect("a product with a balance");
        newest.with_timezone(&self.tz).format("%Y-%m-%d %H:%M:%S").to_string()
    }

    fn compare_stock_file(&self, found: &mut Differences, out: &Path) {
        match rows(&out.join("stock.txt"), &STOCK) {
            Ok(rows) => {
                for row in &rows {
                    if !row[0].parse().is_ok_and(|id| self.may_be_called(id, &row[1])) {
                        found.add(format!("stock.txt: product {} is called {:?}", row[0], row[1]));
                    }
                }
                let expected = self.balances().into_iter().map(|(id, balance)| {
                    let product = self.catalogue.products.get(&id);
                    let point = product.map_or("–".to_owned(), |product| product.reorder_point.to_string());
                    [id.to_string(), balance.to_string(), point, self.changed(id)]
                });
                let there = rows.into_iter().map(|row| [0, 2, 3, 5].map(|column| row[column].clone()));
                found.same_bag("stock.txt", expected, there);
            }
            Err(error) => found.add(error),
        }
    }
}

/// A folder with one table per day: exactly these files, with these rows in any order.
fn compare_days(
    found: &mut Differences,
    out: &Path,
    folder: &str,
    columns: &[&str],
    expected: BTreeMap<NaiveDate, Vec<Vec<String>>>,
) {
    let names = tree(&out.join(folder)).into_keys().map(|path| path.to_string_lossy().into_owned());
    let there: BTreeSet<String> = names.filter(|name| name != "last.txt").collect();
    let wanted: BTreeSet<String> = expected.keys().map(|date| format!("{date}.txt")).collect();
    found.same(&format!("the files in {folder}/"), &wanted, &there);
    for (date, wanted) in expected {
        match rows(&out.join(folder).join(format!("{date}.txt")), columns) {
            Ok(rows) => found.same_bag(&format!("{folder}/{date}.txt"), wanted, rows),
            Err(error) => found.add(error),
        }
    }
}
