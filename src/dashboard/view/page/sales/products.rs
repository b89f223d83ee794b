//! Sales by product and by category.

use std::collections::BTreeMap;

use ratatui::{buffer::Buffer, layout::Rect, text::Line};

use crate::{
    dashboard::view::{
        Scene, bar, number,
        table::{Column, Table},
        text,
    },
    messages::sanitize::clean,
};

/// A product or category with its sales.
struct Goods<'a> {
    name: &'a str,
    units: i64,
    ore: i64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Key {
    Name,
    Bar,
    Share,
    Units,
    Sales,
}

/// Draws products by today's sales, as many as fit.
pub(super) fn products(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let goods = scene.shop.figures.products_today.values();
    let goods = goods.map(|totals| Goods { name: &totals.name, units: totals.units, ore: totals.sales_ore });
    let count = Line::styled(
        scene.numbers.count(i64::try_from(scene.shop.figures.products_today.len()).unwrap_or(i64::MAX), 8),
        scene.theme.dim,
    );
    let body = text::title(scene, area, scene.words.pages.products, &count, buf);
    draw(scene, body, goods.collect(), 18, buf);
}

/// The same by category, as in the products file. Returns the rows used.
pub(super) fn categories(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) -> u16 {
    let shop = scene.shop;
    let of: BTreeMap<u64, &str> =
        shop.shelf.iter().map(|plan| (plan.product_id, plan.category.as_str())).collect();
    let mut sums: BTreeMap<&str, Goods<'_>> = BTreeMap::new();
    for (product_id, totals) in &shop.figures.products_today {
        let name = of.get(product_id).copied().filter(|name| !name.is_empty());
        let name = name.unwrap_or(scene.words.pages.no_category);
        let sum = sums.entry(name).or_insert(Goods { name, units: 0, ore: 0 });
        sum.units = sum.units.saturating_add(totals.units);
        sum.ore = sum.ore.saturating_add(totals.sales_ore);
    }
    let body = text::title(scene, area, scene.words.pages.categories, &Line::default(), buf);
    let (all, rows) = (sums.len(), usize::from(body.height));
    let shown = if all > rows { rows.saturating_sub(1) } else { all };
    let high = |rows: usize| u16::try_from(rows).unwrap_or(u16::MAX);
    let lines = if all == 0 { body } else { Rect { height: high(shown), ..body } };
    draw(scene, lines, sums.into_values().collect(), 10, buf);
    text::more(scene, text::row(body, high(shown)), shown, all, buf);
    (1 + high(all.max(1))).min(area.height)
}

/// Draws goods by sales, with names of at least `name` columns.
fn draw(scene: &Scene<'_>, body: Rect, mut goods: Vec<Goods<'_>>, name: u16, buf: &mut Buffer) {
    if goods.is_empty() {
        text::left(text::row(body, 0), scene.words.pages.nothing_sold, scene.theme.dim, buf);
        return;
    }
    goods.sort_by_key(|goods| std::cmp::Reverse(goods.ore));
    let most = goods.first().map_or(1, |goods| goods.ore).max(1) as f64;
    let all: f64 = goods.iter().map(|goods| goods.ore.max(0) as f64).sum::<f64>().max(1.0);
    let pieces = |goods: &Goods<'_>| {
        let unit = scene.words.pieces.of(goods.units.unsigned_abs());
        format!("{} {unit}", scene.numbers.count(goods.units, 7))
    };
    // All sums have the same format: in full, if there is room.
    let sales = |goods: &Goods<'_>, width| scene.numbers.whole_kronor(goods.ore / 100, width);
    let widest_sum = goods.iter().map(|goods| text::columns(&sales(goods, 12))).max().unwrap_or(0);
    let widest = goods.iter().map(|goods| text::columns(&pieces(goods))).max().unwrap_or(0);
    let table = Table::fit(
        &[
            Column::words(Key::Name, "", name, 28, 0),
            Column::words(Key::Bar, "", 4, u16::MAX, 2),
            Column::figures(Key::Units, "", widest.max(7), 4),
            Column::figures(Key::Share, "", 4, 3),
            Column::figures(Key::Sales, "", widest_sum.max(10), 0),
        ],
        body.width,
    );
    for (goods, row) in goods.iter().zip(body.rows()) {
        for (cell, key) in table.cells(row) {
            match key {
                Key::Name => cell.set(&clean(goods.name, cell.width()), scene.theme.base, buf),
                Key::Bar => {
                    bar::share(scene, goods.ore.max(0) as f64 / most, cell.area, scene.theme.money, buf);
                }
                Key::Share => {
                    let percent = number::whole(goods.ore.max(0) as f64 / all * 100.0);
                    cell.set(&format!("{percent} %"), scene.theme.dim, buf);
                }
                Key::Units => cell.set(&pieces(goods), scene.theme.dim, buf),
                Key::Sales => {
                    cell.set(&sales(goods, cell.width()), scene.theme.strong, buf);
                }
            }
        }
    }
}
