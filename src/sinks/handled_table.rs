//! The register of handled orders: `handled/DATE.txt`, a row per order.

use chrono::NaiveDate;

use super::tsv;
use crate::shop::Handled;

/// The first line of each file.
pub const HEADING: &str = "order_id\tcreated_at\thandled_at\tcustomer_id\temail\ttotal_ore\n";

/// The path of the orders of a local day of handling.
pub fn file(date: NaiveDate) -> String {
    format!("handled/{date}.txt")
}

/// Writes an order's row. Times keep the record's UTC offsets.
pub fn write(handled: &Handled, out: &mut Vec<u8>) {
    tsv::row(
        out,
        &[
            &handled.order_id,
            &handled.created_at,
            &handled.handled_at,
            &handled.customer.customer_id,
            &handled.customer.email,
            &handled.total_ore,
        ],
    );
}

#[cfg(test)]
mod tests {
    use chrono::SecondsFormat;
    use proptest::prelude::*;

    use super::*;
    use crate::sinks::samples::{self, cells, spaced};

    #[test]
    fn a_row_reads_as_the_design_says() {
        let mut out = Vec::new();
        write(&samples::handled(), &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "1234\t2026-11-20T23:59:59.120+01:00\t2026-11-21T00:00:29.120+01:00\t77\tasa@example.com\t100000\n"
        );
        let day: NaiveDate = "2026-11-21".parse().unwrap();
        assert_eq!(file(day), "handled/2026-11-21.txt");
    }

    proptest! {
        #[test]
        fn every_order_is_one_row(handled in samples::any_handled()) {
            let mut out = HEADING.as_bytes().to_vec();
            write(&handled, &mut out);
            let text = String::from_utf8(out).unwrap();
            let table = cells(&text);
            prop_assert_eq!(table.len(), 2);
            prop_assert_eq!(
                &table[1],
                &[
                    handled.order_id.to_string(),
                    handled.created_at.to_rfc3339_opts(SecondsFormat::Millis, false),
                    handled.handled_at.to_rfc3339_opts(SecondsFormat::Millis, false),
                    handled.customer.customer_id.to_string(),
                    spaced(&handled.customer.email),
                    handled.total_ore.to_string(),
                ]
            );
        }
    }
}
