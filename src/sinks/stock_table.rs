//! The stock balance as a table: `stock.txt`, a row per product.

use chrono::DateTime;
use chrono_tz::Tz;

use super::{aligned_columns::align, fast_format, sanitize};
use crate::views::shop_figures::StockLine;

/// Its path.
pub const FILE: &str = "stock.txt";

const HEADING: [&str; 6] = ["product_id", "product", "balance", "reorder_point", "on_the_way", "as_of"];
/// Left-aligned columns; numbers are right-aligned.
const TEXTS: [usize; 2] = [1, 5];
/// Placeholder for an unknown value.
const UNKNOWN: &str = "–";

/// A product.
#[derive(Debug)]
pub struct Row<'a> {
    /// Its balance.
    pub line: &'a StockLine,
    /// Balance at which a delivery is ordered, if the products file has the product.
    pub reorder_point: Option<i64>,
    /// Pieces ordered and not delivered yet; `None` without a simulator.
    pub under_way: Option<i64>,
    /// Time of its newest sale or delivery, if it is known.
    pub as_of: Option<DateTime<Tz>>,
}

/// The whole file, in the order given: cells separated by tabs, padded with spaces so that the columns align.
pub fn text<'a>(stock: impl Iterator<Item = Row<'a>>) -> Vec<u8> {
    let mut rows = vec![HEADING.map(str::to_owned)];
    rows.extend(stock.map(|row| cells(&row)));
    align(&mut rows, &TEXTS);
    rows.iter().map(|row| row.join("\t") + "\n").collect::<String>().into_bytes()
}

fn cells(row: &Row<'_>) -> [String; 6] {
    let known = |pieces: Option<i64>| pieces.map_or(UNKNOWN.to_owned(), |pieces| pieces.to_string());
    let mut as_of = Vec::new();
    match &row.as_of {
        Some(time) => fast_format::date_time(&mut as_of, time),
        None => fast_format::put(&mut as_of, &[UNKNOWN]),
    }
    [
        row.line.product_id.to_string(),
        sanitize::cell(&row.line.name).into_owned(),
        row.line.balance().to_string(),
        known(row.reorder_point),
        known(row.under_way),
        String::from_utf8_lossy(&as_of).into_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        shop::Zone,
        sinks::samples::{cells, hostile, spaced},
    };

    fn line(product_id: u64, name: &str, delivered: i64, sold: i64) -> StockLine {
        StockLine { product_id, name: name.to_owned(), named_by: 1, delivered, sold }
    }

    #[test]
    fn people_see_even_columns() {
        let (mug, dish) = (line(7, "Emaljmugg", 95, 100), line(12, "日本", 1_000, 0));
        let row = |line, reorder_point, under_way| Row {
            line,
            reorder_point,
            under_way,
            as_of: under_way.map(|_| Zone::default().at(1_795_215_600)),
        };
        let text = text([row(&mug, Some(16), Some(90)), row(&dish, None, None)].into_iter());
        assert_eq!(
            String::from_utf8(text).unwrap().replace('\t', "|"),
            "product_id|product  |balance|reorder_point|on_the_way|as_of              \n         \
                      7|Emaljmugg|     -5|           16|        90|2026-11-21 00:00:00\n        \
                     12|日本     |   1000|            –|         –|–                  \n"
        );
    }

    proptest! {
        #[test]
        fn every_product_is_one_row(
            stock in prop::collection::vec((any::<u64>(), hostile(), any::<i64>(), any::<i64>()), 0..5),
            under_way in any::<Option<i64>>(),
        ) {
            let stock: Vec<StockLine> =
                stock.into_iter().map(|(id, name, delivered, sold)| line(id, &name, delivered, sold)).collect();
            let as_of = Some(Zone::default().at(0));
            let rows = stock.iter().map(|line| Row { line, reorder_point: None, under_way, as_of });
            let text = String::from_utf8(text(rows)).unwrap();
            let table = cells(&text);
            let bare = |row: &[&str]| row.iter().map(|cell| cell.trim_matches(' ').to_owned()).collect::<Vec<_>>();
            prop_assert_eq!(bare(&table[0]), HEADING);
            prop_assert_eq!(table.len(), 1 + stock.len());
            for (row, line) in table[1..].iter().zip(&stock) {
                let balance = (i128::from(line.delivered) - i128::from(line.sold))
                    .clamp(i128::from(i64::MIN), i128::from(i64::MAX));
                prop_assert_eq!(
                    bare(row),
                    [
                        line.product_id.to_string(),
                        spaced(&line.name).trim_matches(' ').to_owned(),
                        balance.to_string(),
                        "–".to_owned(),
                        under_way.map_or("–".to_owned(), |pieces| pieces.to_string()),
                        "1970-01-01 01:00:00".to_owned(),
                    ]
                );
            }
        }
    }
}
