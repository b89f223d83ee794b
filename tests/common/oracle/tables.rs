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
const STOCK: [&str; 3] = ["product_id", "product", "balance"];

/// A value in the form that it is compared in, so that 12:00+01:00 is 11:00Z and a name is its cleaned self.
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
    let table = Table::read(path)?;
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

    /// The newest order: of the last one of each partition, the one that was sold last.
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

    fn compare_stock_file(&self, found: &mut Differences, out: &Path) {
        match rows(&out.join("stock.txt"), &STOCK) {
            Ok(rows) => {
                for row in &rows {
                    if !row[0].parse().is_ok_and(|id| self.may_be_called(id, &row[1])) {
                        found.add(format!("stock.txt: product {} is called {:?}", row[0], row[1]));
                    }
                }
                found.same_bag(
                    "stock.txt",
                    self.balances().into_iter().map(|(id, balance)| (id.to_string(), balance.to_string())),
                    rows.into_iter().map(|row| (row[0].clone(), row[2].clone())),
                );
            }
            Err(error) => found.add(error),
        }
    }
}

/// A folder with one table a day: these and no others, each with these rows, in whatever order.
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
