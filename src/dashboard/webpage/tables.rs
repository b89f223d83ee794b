//! The tables of the page.

use std::fmt::Write;

use super::Page;
use crate::dashboard::screenshot::escape;
use crate::{
    dashboard::lists::{self, Shelf},
    shop::number_format::{signed, thousands},
    sinks::sanitize::shown,
};

/// The longest name, in columns.
const NAME: usize = 60;

/// Every product's balance, greatest need first, in the colours of the dashboard's stock page.
pub(super) fn stock(page: &Page<'_>) -> String {
    let words = page.words;
    let mut shelves = lists::shelves(page.day.figures, page.day.shelf, page.day.zone);
    shelves.sort_by(Shelf::need);
    let mut table = head(&[
        (words.pages.product, false),
        ("", false),
        (words.in_stock, true),
        (words.pages.sold_today, true),
    ]);
    for shelf in shelves {
        let class = match shelf.balance() {
            ..=0 => "out",
            _ if shelf.is_low() => "low",
            _ => "",
        };
        let _ = writeln!(
            table,
            "<tr><td>{}</td><td class=\"bar goods {class}\">{}</td><td class=\"n {class}\">{}</td><td class=\"n\">{}</td></tr>",
            escape(&shown(&shelf.line.name, NAME)),
            bar(shelf.fill()),
            signed(shelf.balance()),
            signed(shelf.sold_today)
        );
    }
    table + "</table>\n"
}

/// Today's sales by product, most first.
pub(super) fn products(page: &Page<'_>) -> String {
    let words = page.words;
    let mut products: Vec<_> = page.day.figures.products_today.values().collect();
    products.sort_by_key(|sold| std::cmp::Reverse((sold.sales_ore, sold.units)));
    let most = products.first().map_or(1, |sold| sold.sales_ore).max(1);
    let mut table = head(&[
        (words.pages.product, false),
        ("", false),
        (words.pieces.many, true),
        (words.pages.sales, true),
    ]);
    for sold in products {
        let _ = writeln!(
            table,
            "<tr><td>{}</td><td class=\"bar money\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            escape(&shown(&sold.name, NAME)),
            bar(sold.sales_ore.max(0) as f64 / most as f64),
            signed(sold.units),
            words.lang.kronor(sold.sales_ore)
        );
    }
    table + "</table>\n"
}

/// The closed days, newest first.
pub(super) fn days(page: &Page<'_>) -> String {
    let words = page.words;
    let most = page.day.figures.reports.iter().map(|day| day.sales_ore).max().unwrap_or(0).max(1);
    let mut table = head(&[
        (words.pages.date, false),
        ("", false),
        (words.pages.orders, true),
        (words.pages.sales, true),
    ]);
    for day in page.day.figures.reports.iter().rev() {
        let _ = writeln!(
            table,
            "<tr><td>{}</td><td class=\"bar money\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            day.date,
            bar(day.sales_ore.max(0) as f64 / most as f64),
            thousands(day.orders),
            words.lang.kronor(day.sales_ore)
        );
    }
    table + "</table>\n"
}

fn head(columns: &[(&str, bool)]) -> String {
    let mut head = "<table><tr>".to_owned();
    for (title, number) in columns {
        let class = if *number { " class=\"n\"" } else { "" };
        let _ = write!(head, "<th{class}>{}</th>", escape(title));
    }
    head + "</tr>\n"
}

fn bar(share: f64) -> String {
    if share > 0.0 {
        format!("<div style=\"width:{:.1}%\"></div>", share.min(1.0) * 100.0)
    } else {
        String::new()
    }
}
