//! The stock balance as a table: `stock.txt`, a row a product.

use super::table;
use crate::views::figures::StockLine;

/// Where it lies.
pub const FILE: &str = "stock.txt";

const HEADING: &str = "product_id\tproduct\tbalance\n";

/// The whole file, in the order given.
pub fn text(stock: &[StockLine]) -> Vec<u8> {
    let mut out = HEADING.as_bytes().to_vec();
    for line in stock {
        table::row(&mut out, &[&line.product_id, &line.name.as_str(), &line.balance()]);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sinks::samples::{cells, hostile, spaced};

    proptest! {
        #[test]
        fn every_product_is_one_row(
            stock in prop::collection::vec((any::<u64>(), hostile(), any::<i64>(), any::<i64>()), 0..5)
        ) {
            let stock: Vec<StockLine> = stock
                .into_iter()
                .map(|(product_id, name, delivered, sold)| StockLine { product_id, name, named_by: 1, delivered, sold })
                .collect();
            let text = String::from_utf8(text(&stock)).unwrap();
            let table = cells(&text);
            prop_assert_eq!(&table[0], &["product_id", "product", "balance"]);
            prop_assert_eq!(table.len(), 1 + stock.len());
            for (row, line) in table[1..].iter().zip(&stock) {
                let balance = (i128::from(line.delivered) - i128::from(line.sold))
                    .clamp(i128::from(i64::MIN), i128::from(i64::MAX));
                prop_assert_eq!(
                    row,
                    &[line.product_id.to_string(), spaced(&line.name), balance.to_string()]
                );
            }
        }
    }
}
