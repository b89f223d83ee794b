//! The reports page: the closed days, and one open report.

mod opened;

use chrono::Datelike;
use ratatui::{buffer::Buffer, layout::Rect};

use super::sales::Days;
use crate::{
    dashboard::{
        lists,
        page::Page,
        view::{
            Scene, bar, figure_tiles, list, number,
            table::{Cell, Column, Table},
            text,
        },
    },
    views::shop_figures::ReportNote,
};

/// The least width for the report beside the list.
const BESIDE_FROM: u16 = 74;
/// The least rows of the days' chart below the list.
const DAYS_FROM: u16 = 9;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Key {
    Date,
    Weekday,
    Orders,
    Sales,
    Bar,
    Revision,
}

pub(super) fn draw(scene: &Scene<'_>, body: Rect, buf: &mut Buffer) {
    let (list_area, report_area) = if body.width >= BESIDE_FROM {
        match figure_tiles::columns(body, 2).as_slice() {
            [left, right] => (*left, *right),
            _ => (body, Rect::ZERO),
        }
    } else {
        // On a narrow page an open report gets more room than the list.
        let list = body.height / if scene.ui.reading.is_some() { 3 } else { 2 };
        (Rect { height: list, ..body }, text::below(body, list))
    };
    draw_list(scene, list_area, buf);
    if scene.ui.reading.is_some() {
        opened::draw(scene, report_area, buf);
        // If there is room below the list, the days' chart stays visible.
        let taken = u16::try_from(scene.shop.figures.reports.len()).unwrap_or(u16::MAX).saturating_add(3);
        let below = text::below(list_area, taken);
        if below.height >= DAYS_FROM {
            Days::of(scene).draw(scene, below, buf);
        }
    } else {
        draw_days(scene, report_area, buf);
    }
}

fn draw_list(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let words = &scene.words.pages;
    let reports = lists::reports(scene.shop);
    let chosen = lists::chosen(scene.shop, scene.ui, Page::Reports);
    let rows = usize::from(area.height.saturating_sub(2));
    let body = text::title(scene, area, words.reports, &list::place(scene, reports.len(), chosen, rows), buf);
    if reports.is_empty() {
        let lines = text::wrapped(words.no_reports, body.width);
        for (line, row) in lines.iter().zip(body.rows()) {
            text::left(row, line, scene.theme.dim, buf);
        }
        return;
    }
    let columns = [
        Column::words(Key::Date, words.date, 11, 11, 0),
        Column::words(Key::Weekday, "", 9, 9, 2),
        Column::figures(Key::Orders, words.orders, 6, 1),
        Column::figures(Key::Sales, words.sales, 12, 0),
        Column::words(Key::Bar, "", 5, u16::MAX, 3),
        Column::figures(Key::Revision, words.revision_short, 3, 4),
    ];
    let table = Table::fit(&columns, body.width);
    table.head(scene, text::row(body, 0), None, buf);
    let most = reports.iter().map(|note| note.sales_ore).max().unwrap_or(1).max(1) as f64;
    list::draw(scene, text::below(body, 1), 1, &reports, chosen, buf, |note, row, buf| {
        for (cell, key) in table.cells(row) {
            draw_cell(scene, note, most, &cell, key, buf);
        }
    });
}

fn draw_cell(scene: &Scene<'_>, note: &ReportNote, most: f64, cell: &Cell<Key>, key: Key, buf: &mut Buffer) {
    let (words, theme, width) = (scene.words, scene.theme, cell.width());
    match key {
        Key::Date => {
            let date = format!("{:>6} {}", words.date_short(&note.date), note.date.year());
            let open = scene.ui.reading == Some(note.date);
            cell.set(&date, if open { theme.strong } else { theme.base }, buf);
        }
        Key::Weekday => cell.set(words.weekday(note.date.weekday()), theme.dim, buf),
        Key::Orders => cell.set(&scene.numbers.count(number::signed(note.orders), width), theme.base, buf),
        Key::Sales => cell.set(&scene.numbers.whole_kronor(note.sales_ore / 100, width), theme.strong, buf),
        Key::Bar => bar::share(scene, note.sales_ore.max(0) as f64 / most, cell.area, theme.money, buf),
        // A report that was never rewritten has no revision.
        Key::Revision if note.revision > 0 => {
            cell.set(&scene.numbers.count(note.revision.into(), width), theme.warning, buf);
        }
        Key::Revision => {}
    }
}

/// Shown beside the list while no report is open.
fn draw_days(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let hint = text::wrapped(scene.words.pages.open_hint, area.width);
    let rows = u16::try_from(hint.len()).unwrap_or(u16::MAX).saturating_add(1);
    if scene.shop.figures.reports.is_empty() || area.height < rows + 4 {
        Days::of(scene).draw(scene, area, buf);
        return;
    }
    let chart = Rect { height: area.height - rows, ..area };
    Days::of(scene).draw(scene, chart, buf);
    for (line, row) in hint.iter().zip(text::below(area, chart.height + 1).rows()) {
        text::left(row, line, scene.theme.dim, buf);
    }
}
