//! The stock page: every product, how long it lasts, and pending deliveries.

use chrono::{Datelike, Timelike};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
    widgets::Widget,
};

use crate::{
    dashboard::{
        lists::{self, Shelf},
        page::Page,
        ui_state::StockSort,
        view::{
            Scene, bar,
            figure_tiles::{self, Tile},
            filter,
            layout::GUTTER,
            list, stock,
            table::{Cell, Column, Table},
            text,
        },
    },
    messages::sanitize::clean,
};

/// The least size for large sums above the table; otherwise they are a line below it.
const BIG_FROM: (u16, u16) = (110, 20);

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Products that last no longer, in days, are nearly sold out: two hours.
const SOON: f64 = 2.0 / 24.0;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Key {
    Name,
    Category,
    Bar,
    Balance,
    Reorder,
    Sold,
    Left,
    Coming,
    Arrives,
}

pub(super) fn draw(scene: &Scene<'_>, body: Rect, buf: &mut Buffer) {
    let sums = Sums::of(scene);
    let big = body.width >= BIG_FROM.0 && body.height >= BIG_FROM.1;
    let area = if big {
        let taken = sums.draw_big(scene, body, buf);
        text::below(body, taken + 1)
    } else {
        Rect { height: body.height.saturating_sub(1), ..body }
    };

    let shelves = lists::stock(scene.shop, scene.ui);
    let chosen = lists::chosen(scene.shop, scene.ui, Page::Stock);
    let rows = usize::from(area.height.saturating_sub(2));
    let by_need = scene.ui.sort == StockSort::Need;
    let sort = if by_need { scene.words.pages.lowest_first } else { "" };
    let filter = filter::line(scene, Page::Stock);
    let place = list::place(scene, shelves.len(), chosen, rows);
    let note = filter::beside(filter::beside(Line::styled(sort, scene.theme.dim), filter), place);
    let table_area = text::title(scene, area, scene.words.stock, &note, buf);
    let table = Table::fit(&columns(scene), table_area.width);
    table.head(scene, text::row(table_area, 0), sorted(scene), buf);
    let rows_area = text::below(table_area, 1);
    if shelves.is_empty() {
        let nothing = if scene.shop.figures.stock.is_empty() {
            scene.words.no_stock
        } else {
            scene.words.pages.nothing_found
        };
        text::left(text::row(rows_area, 0), nothing, scene.theme.dim, buf);
    }
    list::draw(scene, rows_area, 1, &shelves, chosen, buf, |shelf, row, buf| {
        for (cell, key) in table.cells(row) {
            draw_cell(scene, shelf, &cell, key, buf);
        }
    });
    if !big {
        sums.line(scene).render(text::row(body, body.height.saturating_sub(1)), buf);
    }
}

fn columns(scene: &Scene<'_>) -> [Column<Key>; 9] {
    let more = &scene.words.pages;
    [
        Column::words(Key::Name, more.product, 18, 30, 0),
        Column::words(Key::Category, more.category, 8, 14, 5),
        Column::words(Key::Bar, more.shelf, 8, 30, 4),
        Column::figures(Key::Balance, more.balance, 8, 0),
        Column::figures(Key::Reorder, more.reorder_at, 6, 6),
        Column::figures(Key::Sold, more.sold_today, 6, 2),
        Column::figures(Key::Left, more.lasts, 7, 0),
        Column::figures(Key::Coming, more.on_the_way, 6, 1),
        Column::figures(Key::Arrives, more.arrives, 5, 3),
    ]
}

/// The sort column; sorting by need has none.
fn sorted(scene: &Scene<'_>) -> Option<(Key, char)> {
    let marks = scene.marks;
    Some(match scene.ui.sort {
        StockSort::Need => return None,
        StockSort::Name => (Key::Name, marks.rising),
        StockSort::Balance => (Key::Balance, marks.rising),
        StockSort::Sold => (Key::Sold, marks.falling),
        StockSort::DaysLeft => (Key::Left, marks.rising),
    })
}

fn draw_cell(scene: &Scene<'_>, shelf: &Shelf<'_>, cell: &Cell<Key>, key: Key, buf: &mut Buffer) {
    let (theme, plan) = (scene.theme, shelf.plan);
    let (bar_style, balance_style) = stock::styles(scene, shelf);
    let width = cell.width();
    match key {
        Key::Name => cell.set(&clean(&shelf.line.name, width), theme.base, buf),
        Key::Category => {
            cell.set(&plan.map(|plan| clean(&plan.category, width)).unwrap_or_default(), theme.dim, buf);
        }
        Key::Bar => bar::draw(scene, shelf.fill(), shelf.reorder_fill(), cell.area, bar_style, buf),
        Key::Balance if shelf.balance() == 0 => cell.set(scene.words.sold_out, balance_style, buf),
        Key::Balance => cell.set(&scene.numbers.count(shelf.balance(), width), balance_style, buf),
        Key::Reorder => {
            let point = plan.map(|plan| scene.numbers.count(plan.reorder_point, width));
            cell.set(&point.unwrap_or_default(), theme.dim, buf);
        }
        Key::Sold => cell.set(&scene.numbers.count(shelf.sold_today, width), theme.base, buf),
        Key::Left => {
            let left = shelf.days_left.map(|days| scene.numbers.lasts(days)).unwrap_or_default();
            let style = if runs_out(scene, shelf) { theme.warning } else { theme.base };
            cell.set(&left, style, buf);
        }
        // Not recorded for past moments.
        Key::Coming | Key::Arrives if scene.shop.is_past => cell.set("–", theme.dim, buf),
        Key::Coming => {
            if let Some(pieces) = plan.map(|plan| plan.under_way).filter(|pieces| *pieces > 0) {
                cell.set(
                    &format!("+{}", scene.numbers.count(pieces, width.saturating_sub(1))),
                    theme.base,
                    buf,
                );
            }
        }
        Key::Arrives => {
            if let Some(second) = plan.filter(|plan| plan.under_way > 0).and_then(|plan| plan.next_delivery) {
                cell.set(&when(scene, second), theme.dim, buf);
            }
        }
    }
}

/// Whether it sells out before the next delivery; without one, within two hours.
fn runs_out(scene: &Scene<'_>, shelf: &Shelf<'_>) -> bool {
    // For a past moment, pending deliveries are unknown.
    let Some(days) = shelf.days_left.filter(|_| !scene.shop.is_past) else { return false };
    let coming = shelf.plan.filter(|plan| plan.under_way > 0).and_then(|plan| plan.next_delivery);
    coming.map_or(days < SOON, |arrives| {
        days * 86_400.0 < arrives.saturating_sub(scene.shop.figures.shop_second) as f64
    })
}

/// `14:28`, also after midnight; the date if it is a day or more ahead.
fn when(scene: &Scene<'_>, second: i64) -> String {
    let time = scene.shop.zone.at(second);
    if second.saturating_sub(scene.shop.figures.shop_second) < DAY {
        format!("{:02}:{:02}", time.hour(), time.minute())
    } else {
        format!("{}/{}", time.day(), time.month())
    }
}

/// The sums over all shelves.
struct Sums {
    pieces: i64,
    /// At the products file's prices, öre.
    value: i64,
    sold_out: i64,
    low: i64,
}

impl Sums {
    fn of(scene: &Scene<'_>) -> Self {
        let mut sums = Self { pieces: 0, value: 0, sold_out: 0, low: 0 };
        for shelf in lists::shelves(&scene.shop.figures, &scene.shop.shelf, scene.shop.zone) {
            let balance = shelf.balance();
            let price = shelf.plan.map_or(0, |plan| plan.price_ore);
            sums.pieces = sums.pieces.saturating_add(balance);
            sums.value = sums.value.saturating_add(balance.max(0).saturating_mul(price));
            sums.sold_out += i64::from(balance <= 0);
            sums.low += i64::from(balance > 0 && shelf.is_low());
        }
        sums
    }

    fn draw_big(&self, scene: &Scene<'_>, body: Rect, buf: &mut Buffer) -> u16 {
        let (words, theme) = (scene.words, scene.theme);
        let columns = figure_tiles::columns(body, 3);
        let [pieces, value, third] = columns.as_slice() else { return 0 };
        let half = third.width.saturating_sub(GUTTER) / 2;
        let out = Rect { width: half, ..*third };
        let low = text::right_of(*third, third.width - half);
        let style = |count: i64, style| if count > 0 { style } else { theme.good };
        let tiles = [
            (*pieces, Tile::count(words.pages.pieces_in_stock, self.pieces, theme.strong)),
            (*value, Tile::kronor(words.pages.stock_value, self.value, theme.money)),
            (out, Tile::count(words.pages.sold_out_title, self.sold_out, style(self.sold_out, theme.alarm))),
            (low, Tile::count(words.pages.low_title, self.low, style(self.low, theme.warning))),
        ];
        figure_tiles::draw(scene, body.height, &tiles, buf)
    }

    fn line(&self, scene: &Scene<'_>) -> Line<'static> {
        let (words, theme) = (scene.words, scene.theme);
        let mut line = Line::default();
        let mut term = |figure: String, style, word: &str| {
            let gap = if line.spans.is_empty() { "" } else { "   " };
            line.push_span(Span::raw(gap));
            line.push_span(Span::styled(figure, style));
            line.push_span(Span::styled(format!(" {word}"), theme.dim));
        };
        term(scene.numbers.count(self.pieces, 9), theme.strong, words.in_stock);
        term(scene.numbers.whole_kronor(self.value / 100, 14), theme.money, "");
        let style = |count: i64, style| if count > 0 { style } else { theme.good };
        term(scene.numbers.count(self.sold_out, 6), style(self.sold_out, theme.alarm), words.sold_out);
        term(scene.numbers.count(self.low, 6), style(self.low, theme.warning), words.pages.low);
        line
    }
}
