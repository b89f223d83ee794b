//! The journal of sales: `orders/DATE.txt` with all details of every order, a row per order line, and `orders/last.txt`
//! with only the newest order.

use chrono::NaiveDate;

use super::tsv;
use crate::shop::{Customer, Order};

/// The first line of each file.
pub const HEADING: &str = "order_id\tcreated_at\tcustomer_id\tcustomer\temail\tproduct_id\tproduct\tquantity\t\
                           unit_price_ore\tline_total_ore\n";

/// The path of the newest order.
pub const LAST: &str = "orders/last.txt";

/// The path of the orders of a local day of sale.
pub fn file(date: NaiveDate) -> String {
    format!("orders/{date}.txt")
}

/// Writes an order's rows. `created_at` keeps the record's UTC offset.
pub fn write(order: &Order, out: &mut Vec<u8>) {
    let Customer { customer_id, name, email } = &order.customer;
    // The leading cells of each row.
    let mut begin = Vec::with_capacity(128);
    tsv::begin(&mut begin, &[&order.order_id, &order.created_at, customer_id, name, email]);
    for line in &order.lines {
        // In a valid order, line totals do not overflow.
        let total_ore = line.total_ore().unwrap_or(i64::MAX);
        out.extend_from_slice(&begin);
        tsv::row(out, &[&line.product_id, &line.name, &line.quantity, &line.unit_price_ore, &total_ore]);
    }
}

/// The whole of `orders/last.txt`.
pub fn last(order: &Order) -> Vec<u8> {
    let mut out = HEADING.as_bytes().to_vec();
    write(order, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use chrono::SecondsFormat;
    use proptest::prelude::*;

    use super::*;
    use crate::sinks::samples::{self, cells, spaced};

    #[test]
    fn an_order_reads_as_the_design_says() {
        let text = String::from_utf8(last(&samples::order())).unwrap();
        let rows: Vec<&str> = text.lines().collect();
        assert_eq!(
            rows,
            [
                "order_id\tcreated_at\tcustomer_id\tcustomer\temail\tproduct_id\tproduct\tquantity\tunit_price_ore\tline_total_ore",
                "1234\t2026-11-20T23:59:59.120+01:00\t77\tÅsa Öberg\tasa@example.com\t3\tKaffekopp, blå\t2\t49900\t99800",
                "1234\t2026-11-20T23:59:59.120+01:00\t77\tÅsa Öberg\tasa@example.com\t4\tFat\t1\t200\t200",
            ]
        );
        let day: NaiveDate = "2026-11-20".parse().unwrap();
        assert_eq!(file(day), "orders/2026-11-20.txt");
    }

    proptest! {
        #[test]
        fn every_order_is_whole_rows(order in samples::any_order()) {
            let text = String::from_utf8(last(&order)).unwrap();
            let table = cells(&text);
            prop_assert_eq!(table.len(), 1 + order.lines.len());
            for (row, line) in table.iter().skip(1).zip(&order.lines) {
                let total_ore = line.quantity * line.unit_price_ore;
                prop_assert_eq!(
                    row,
                    &[
                        order.order_id.to_string(),
                        order.created_at.to_rfc3339_opts(SecondsFormat::Millis, false),
                        order.customer.customer_id.to_string(),
                        spaced(&order.customer.name),
                        spaced(&order.customer.email),
                        line.product_id.to_string(),
                        spaced(&line.name),
                        line.quantity.to_string(),
                        line.unit_price_ore.to_string(),
                        total_ore.to_string(),
                    ]
                );
            }
        }
    }
}
