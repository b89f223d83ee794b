//! Stock by product: balances, low products, pending deliveries.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    style::Style,
    text::Line,
};

use super::{Scene, bar, figure_tiles, layout::GUTTER, text};
use crate::{
    dashboard::lists::{self, Shelf},
    messages::sanitize::clean,
};

/// The columns of a list of shelves, if there are several.
const COLUMN: u16 = 38;

/// The columns of the balance and of the pieces in delivery.
const BALANCE: u16 = 6;
const UNDER_WAY: u16 = 5;

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let note = if scene.shop.is_past {
        Line::default()
    } else {
        Line::styled(format!("+ {}", scene.words.on_the_way), scene.theme.dim)
    };
    let body = text::title(scene, area, scene.words.stock, &note, buf);
    let stock = &scene.shop.figures.stock;
    if stock.is_empty() {
        text::left(text::row(body, 0), scene.words.no_stock, scene.theme.dim, buf);
        return;
    }
    // A large area shows all of them, in as many columns as the page has.
    let rows = usize::from(body.height.max(1));
    let room = usize::from((body.width + GUTTER) / (COLUMN + GUTTER)).max(1);
    let columns = figure_tiles::columns(body, stock.len().div_ceil(rows).clamp(1, room));
    let shown = choose(scene, rows * columns.len());
    for (column, shelves) in columns.iter().zip(shown.chunks(rows)) {
        for (shelf, row) in shelves.iter().zip(column.rows()) {
            draw_shelf(scene, shelf, row, buf);
        }
    }
    let last = columns.last().copied().unwrap_or(body);
    text::more(scene, text::row(last, body.height.saturating_sub(1)), shown.len(), stock.len(), buf);
}

/// The shelves to show: if not all fit, those in most need, but in the usual order, so that lines do not jump with each sale.
fn choose<'a>(scene: &Scene<'a>, rows: usize) -> Vec<Shelf<'a>> {
    let mut shelves = lists::shelves(&scene.shop.figures, &scene.shop.shelf, scene.shop.zone);
    if shelves.len() <= rows {
        return shelves;
    }
    // One row is for the number of hidden ones.
    let kept = rows.saturating_sub(1);
    shelves.sort_by(Shelf::need);
    shelves.truncate(kept);
    shelves.sort_by_key(|shelf| shelf.line.product_id);
    shelves
}

/// `Tekanna ━━━━━━━━───  123  +50`
fn draw_shelf(scene: &Scene<'_>, shelf: &Shelf<'_>, row: Rect, buf: &mut Buffer) {
    let theme = scene.theme;
    let [name_width, _] = split(row.width);
    let (style, balance_style) = styles(scene, shelf);
    let balance = match shelf.balance() {
        0 => scene.words.sold_out.to_owned(),
        pieces => scene.numbers.count(pieces, usize::from(BALANCE) - 1),
    };
    // Text longer than its column, such as `sold out`, takes room from the bar.
    let balance_width = BALANCE.max(text::columns(&balance) + 1);
    let [name, bar_area, balance_area, under_way] = Layout::horizontal([
        Constraint::Length(name_width + 1),
        Constraint::Fill(1),
        Constraint::Length(balance_width),
        Constraint::Length(UNDER_WAY),
    ])
    .areas(row);

    text::left(name, &clean(&shelf.line.name, name_width.into()), theme.base, buf);
    bar::draw(scene, shelf.fill(), shelf.reorder_fill(), bar_area, style, buf);
    text::right(balance_area, &balance, balance_style, buf);
    if let Some(pieces) = shelf.plan.map(|plan| plan.under_way).filter(|pieces| *pieces > 0) {
        let pieces = format!("+{}", scene.numbers.count(pieces, usize::from(UNDER_WAY) - 2));
        text::right(under_way, &pieces, theme.dim, buf);
    }
}

/// The columns of name and bar in a row.
fn split(width: u16) -> [u16; 2] {
    let room = width.saturating_sub(BALANCE + UNDER_WAY + 1);
    // Names need more room than bars.
    let name = (room * 3 / 4).min(28);
    [name, room - name]
}

/// The styles of a shelf's bar and of its balance.
pub(super) fn styles(scene: &Scene<'_>, shelf: &Shelf<'_>) -> (Style, Style) {
    let theme = scene.theme;
    match shelf.balance() {
        ..=0 => (theme.alarm, theme.alarm),
        _ if shelf.is_low() => (theme.warning, theme.warning),
        _ => (theme.goods, theme.strong),
    }
}
