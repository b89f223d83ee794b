//! The tables kept as text: the rows expected from the log, and those in a file.

use std::io::{self, BufRead};

use chrono::{NaiveDate, SecondsFormat};

use super::rows_by_day::{Rows, digest};
use crate::shop::{Handled, Order};

const ORDERS: &str = "order_id\tcreated_at\tcustomer_id\tcustomer\temail\tproduct_id\tproduct\tquantity\tunit_price_ore\tline_total_ore";
const HANDLED: &str = "order_id\tcreated_at\thandled_at\tcustomer_id\temail\ttotal_ore";

/// A kind of table with a file a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// `orders/DATE.txt`.
    Orders,
    /// `handled/DATE.txt`.
    Handled,
}

impl Table {
    fn heading(self) -> &'static str {
        match self {
            Self::Orders => ORDERS,
            Self::Handled => HANDLED,
        }
    }

    /// The folder under `--out`.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Handled => "handled",
        }
    }
}

/// A value in a table: what would break a row is a space.
pub(super) fn cell(text: &str) -> String {
    let breaks = |one: char| one.is_control() || one == '\u{2028}' || one == '\u{2029}';
    text.chars().map(|one| if breaks(one) { ' ' } else { one }).collect()
}

/// The rows of an order, without line ends.
pub(super) fn rows_of(order: &Order) -> impl Iterator<Item = String> + '_ {
    let at = order.created_at.to_rfc3339_opts(SecondsFormat::Millis, false);
    let customer = &order.customer;
    let begin = format!(
        "{}\t{at}\t{}\t{}\t{}",
        order.order_id,
        customer.customer_id,
        cell(&customer.name),
        cell(&customer.email)
    );
    order.lines.iter().map(move |line| {
        // What a valid order's lines cost fits.
        let total = i128::from(line.quantity) * i128::from(line.unit_price_ore);
        let (product, name) = (line.product_id, cell(&line.name));
        format!("{begin}\t{product}\t{name}\t{}\t{}\t{total}", line.quantity, line.unit_price_ore)
    })
}

/// The row of a handled order, without its line end.
pub(super) fn row_of(handled: &Handled) -> String {
    let time = |time: &chrono::DateTime<_>| time.to_rfc3339_opts(SecondsFormat::Millis, false);
    format!(
        "{}\t{}\t{}\t{}\t{}\t{}",
        handled.order_id,
        time(&handled.created_at),
        time(&handled.handled_at),
        handled.customer.customer_id,
        cell(&handled.customer.email),
        handled.total_ore
    )
}

/// `orders/last.txt` with this order in it.
pub(super) fn last_file(order: &Order) -> String {
    rows_of(order).fold(format!("{ORDERS}\n"), |text, row| text + &row + "\n")
}

impl Rows {
    /// Adds a row of the log's side.
    pub(super) fn expect(&mut self, date: NaiveDate, order_id: u64, row: &str) {
        self.add(date, order_id, digest(&[row.as_bytes()]));
    }

    /// Reads the table of a day.
    pub fn read_table(&mut self, table: Table, date: NaiveDate, mut file: impl BufRead) -> io::Result<()> {
        self.open(date);
        let path = format!("{}/{date}.txt", table.folder());
        let mut line = Vec::new();
        for number in 1_u64.. {
            line.clear();
            if file.read_until(b'\n', &mut line)? == 0 {
                if number == 1 {
                    self.broken().add("tables", path, "a heading", "an empty file");
                }
                break;
            }
            let whole = line.pop_if(|last| *last == b'\n').is_some();
            let id = line.split(|byte| *byte == b'\t').next().and_then(number_of);
            match id {
                _ if !whole => {
                    let text = String::from_utf8_lossy(&line).into_owned();
                    self.broken().add(
                        "tables",
                        format!("{path}, row {number}"),
                        "a whole row",
                        quoted(&text),
                    );
                }
                _ if number == 1 => {
                    if line != table.heading().as_bytes() {
                        let text = String::from_utf8_lossy(&line).into_owned();
                        let heading = quoted(table.heading());
                        self.broken().add("tables", format!("{path}, heading"), heading, quoted(&text));
                    }
                }
                Some(id) => self.add(date, id, digest(&[&line])),
                None => {
                    let text = String::from_utf8_lossy(&line).into_owned();
                    let what = format!("{path}, row {number}");
                    self.broken().add("tables", what, "a row that begins with an order id", quoted(&text));
                }
            }
        }
        Ok(())
    }
}

fn number_of(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A text in a sentence, cut where it is long.
pub(super) fn quoted(text: &str) -> String {
    let cut: String = text.chars().take(160).collect();
    let dots = if cut.len() < text.len() { "…" } else { "" };
    format!("{cut:?}{dots}")
}
