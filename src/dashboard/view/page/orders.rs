//! The orders page: the feed, and beside it a followed order from sale to mail.

mod followed;

use ratatui::{buffer::Buffer, layout::Rect};

use crate::{
    dashboard::{
        lists,
        page::Page,
        view::{
            Scene, figure_tiles, filter,
            layout::GUTTER,
            list, number, order_feed,
            table::{Cell, Column, Table},
            text,
        },
    },
    messages::sanitize::clean,
    views::shop_figures::LatestOrder,
};

/// The least width for the followed order beside the feed.
const BESIDE_FROM: u16 = 74;
/// Columns of the followed order beside the feed, if the page has no grid.
const FOLLOWED: u16 = 33;
const WIDE: u16 = 110;
/// The least width for waits in the feed.
const WITH_WAITS: u16 = 96;
/// The rows of an order's three stations below the feed.
const WAY: u16 = 8;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Key {
    Time,
    Id,
    Customer,
    Pieces,
    Total,
    Waited,
    Stage,
}

pub(super) fn draw(scene: &Scene<'_>, body: Rect, buf: &mut Buffer) {
    let orders = lists::orders(scene.shop, scene.ui);
    let chosen = lists::chosen(scene.shop, scene.ui, Page::Orders);
    let (feed_area, followed_area) = split(body);
    followed::draw(scene, followed_area, orders.get(chosen).copied(), buf);

    let rows = usize::from(feed_area.height.saturating_sub(2));
    let note =
        filter::beside(filter::line(scene, Page::Orders), list::place(scene, orders.len(), chosen, rows));
    let area = text::title(scene, feed_area, scene.words.latest, &note, buf);
    let table = Table::fit(&columns(scene, area.width), area.width);
    table.head(scene, text::row(area, 0), None, buf);
    let rows_area = text::below(area, 1);
    if orders.is_empty() {
        let nothing =
            if scene.shop.feed.is_empty() { scene.words.no_orders } else { scene.words.pages.nothing_found };
        text::left(text::row(rows_area, 0), nothing, scene.theme.dim, buf);
    }
    list::draw(scene, rows_area, 1, &orders, chosen, buf, |order, row, buf| {
        for (cell, key) in table.cells(row) {
            draw_cell(scene, order, &cell, key, buf);
        }
    });
}

/// The places of the feed and of the followed order.
fn split(body: Rect) -> (Rect, Rect) {
    if body.width >= WIDE {
        // The feed has two of three columns.
        let third = figure_tiles::columns(body, 3).last().copied().unwrap_or(body);
        return (Rect { width: body.width.saturating_sub(third.width + GUTTER), ..body }, third);
    }
    if body.width >= BESIDE_FROM {
        let feed = body.width - FOLLOWED - GUTTER;
        return (Rect { width: feed, ..body }, text::right_of(body, feed + GUTTER));
    }
    let feed = (body.height / 2).min(body.height.saturating_sub(WAY)).max(3).min(body.height);
    (Rect { height: feed, ..body }, text::below(body, feed))
}

fn columns(scene: &Scene<'_>, width: u16) -> Vec<Column<Key>> {
    let more = &scene.words.pages;
    let mut columns = vec![
        Column::words(Key::Time, more.time, 8, 8, 0),
        Column::figures(Key::Id, more.order, 8, 2),
        Column::words(Key::Customer, more.customer, 11, 24, 0),
        Column::figures(Key::Pieces, scene.words.pieces.many, 4, 4),
        Column::figures(Key::Total, more.total, 12, 0),
        Column::words(Key::Stage, more.stage, 1, 12, 1),
    ];
    if width >= WITH_WAITS {
        columns.insert(5, Column::figures(Key::Waited, more.waited_title, 9, 0));
    }
    columns
}

fn draw_cell(scene: &Scene<'_>, order: &LatestOrder, cell: &Cell<Key>, key: Key, buf: &mut Buffer) {
    let theme = scene.theme;
    let width = cell.width();
    match key {
        Key::Time => cell.set(&order_feed::time(scene, order, true), theme.dim, buf),
        Key::Id => cell.set(&scene.numbers.count(number::signed(order.order_id), width), theme.dim, buf),
        Key::Customer => cell.set(&clean(&order.customer, width), theme.base, buf),
        // The pieces are unknown if the sale was not seen.
        Key::Pieces if order.pieces > 0 => {
            cell.set(&scene.numbers.count(order.pieces, width), theme.dim, buf);
        }
        Key::Pieces => cell.set("–", theme.dim, buf),
        Key::Total => cell.set(&scene.numbers.kronor(order.total_ore, width), theme.base, buf),
        Key::Waited => {
            if let Some(handled_at) = order.handled_at {
                let waited = handled_at.signed_duration_since(order.created_at).num_seconds();
                cell.set(&scene.numbers.duration(waited), theme.dim, buf);
            }
        }
        Key::Stage => {
            let (mark, word, style) = order_feed::of_stage(scene, order.stage);
            let whole = format!("{mark} {word}");
            let shown = if usize::from(text::columns(&whole)) <= width { whole } else { mark.to_string() };
            cell.set(&shown, style, buf);
        }
    }
}
