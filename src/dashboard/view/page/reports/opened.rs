//! A day's report, as in its file.

use std::cmp::Reverse;

use chrono::{Datelike, NaiveDate};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
    widgets::Widget,
};

use crate::{
    dashboard::view::{
        Scene, bar, number,
        table::{Column, Table},
        text,
    },
    messages::sanitize::clean,
    sinks::report::{Report, Sold},
};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Key {
    Name,
    Bar,
    Units,
}

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let Some(date) = scene.ui.reading else { return };
    // The snapshot may not include the requested report yet.
    let opened = scene.shop.opened.as_ref().filter(|opened| opened.date == date);
    match opened.map(|opened| &opened.report) {
        None => {
            let body = title(scene, area, date, 0, buf);
            text::left(text::row(body, 0), scene.words.pages.looking, scene.theme.dim, buf);
        }
        Some(Err(why)) => {
            let body = title(scene, area, date, 0, buf);
            let lines = text::wrapped(&clean(&scene.words.say(why), 400), body.width);
            for (line, row) in lines.iter().zip(body.rows()) {
                text::left(row, line, scene.theme.warning, buf);
            }
        }
        Some(Ok(report)) => draw_report(scene, area, report, buf),
    }
}

fn title(scene: &Scene<'_>, area: Rect, date: NaiveDate, revision: u32, buf: &mut Buffer) -> Rect {
    let words = scene.words;
    let note = if revision > 0 {
        Line::styled(format!("{} {revision}", words.pages.revision), scene.theme.warning)
    } else {
        Line::default()
    };
    let title = format!("{} {}", words.weekday(date.weekday()), words.date(&date));
    text::title(scene, area, &title, &note, buf)
}

fn draw_report(scene: &Scene<'_>, area: Rect, report: &Report, buf: &mut Buffer) {
    let (words, theme) = (&scene.words.pages, scene.theme);
    let body = title(scene, area, report.date, report.revision, buf);
    let orders = scene.numbers.count(number::signed(report.orders), 12);
    let mean = report.sales_ore.checked_div(number::signed(report.orders)).unwrap_or(0);
    let sums = [
        (words.orders, orders, theme.orders),
        (words.sales, scene.numbers.kronor(report.sales_ore, 24), theme.money),
        (words.mean_order, scene.numbers.kronor(mean, 24), theme.base),
    ];
    for ((word, figure, style), row) in sums.iter().zip(body.rows()) {
        Span::styled(*word, theme.dim).render(row, buf);
        text::right(row, figure, *style, buf);
    }
    let rows = u16::try_from(sums.len()).unwrap_or(0);
    let airy = u16::from(body.height >= 12);
    draw_products(scene, text::below(body, rows + airy), &report.products, buf);
}

fn draw_products(scene: &Scene<'_>, area: Rect, products: &[Sold], buf: &mut Buffer) {
    let (words, theme) = (scene.words, scene.theme);
    let mut products: Vec<&Sold> = products.iter().collect();
    products.sort_by_key(|sold| Reverse(sold.units));
    let all = products.iter().fold(0_i64, |sum, sold| sum.saturating_add(sold.units));
    let note = Line::styled(
        format!("{} {}", scene.numbers.count(all, 9), words.pieces.of(all.unsigned_abs())),
        theme.dim,
    );
    let body = text::title(scene, area, words.pages.products, &note, buf);
    let table = Table::fit(
        &[
            Column::words(Key::Name, "", 12, 28, 0),
            Column::words(Key::Bar, "", 4, u16::MAX, 1),
            Column::figures(Key::Units, "", 6, 0),
        ],
        body.width,
    );
    let most = products.first().map_or(1, |sold| sold.units).max(1) as f64;
    let rows = usize::from(body.height);
    let shown = if products.len() > rows { rows.saturating_sub(1) } else { products.len() };
    for (sold, row) in products.iter().take(shown).zip(body.rows()) {
        for (cell, key) in table.cells(row) {
            match key {
                Key::Name => cell.set(&clean(&sold.name, cell.width()), theme.base, buf),
                Key::Bar => {
                    bar::share(scene, sold.units.max(0) as f64 / most, cell.area, theme.goods, buf);
                }
                Key::Units => cell.set(&scene.numbers.count(sold.units, cell.width()), theme.strong, buf),
            }
        }
    }
    let last = text::row(body, body.height.saturating_sub(1));
    text::more(scene, last, shown, products.len(), buf);
}
