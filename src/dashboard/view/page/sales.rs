//! The sales page: the day's chart, its sales by product and category, and earlier days.

mod days;
mod products;

use ratatui::{buffer::Buffer, layout::Rect};

use crate::dashboard::{
    ui_state::Span,
    view::{
        Scene,
        day::Slots,
        figure_tiles::{self, Tile},
        layout::GUTTER,
        number, sales, text,
    },
};

pub(in crate::dashboard::view) use days::Days;

/// Five-minute slots in each step of the span except the last, which is the whole day.
const STEPS: [usize; Span::STEPS - 1] = [12, 36, 72, 144];

/// The least width for three columns, and the least height for the parts below the chart.
const WIDE: u16 = 110;
const WITH_PARTS: u16 = 15;
/// The rows of the days below the categories.
const DAYS: u16 = 4;

pub(super) fn draw(scene: &Scene<'_>, body: Rect, buf: &mut Buffer) {
    let columns = figure_tiles::columns(body, if body.width >= WIDE { 3 } else { 2 });
    let tiles = tiles(scene, &columns);
    let rest = text::below(body, figure_tiles::draw(scene, body.height, &tiles, buf));
    let airy = u16::from(body.height >= 22);
    let parts = if body.height >= WITH_PARTS { (body.height * 9 / 20).max(7) } else { 0 };
    let chart_area = Rect { height: rest.height.saturating_sub(parts + airy), ..rest };
    // The chart is below all tiles and shows the day.
    let slots = Slots::sales(scene);
    let chart_area = sales::head(scene, chart_area, scene.words.pages.sales, &slots, buf);
    sales::draw_chart(scene, chart_area, STEPS.get(scene.ui.span.0).copied(), &slots, buf);

    let below = text::below(rest, rest.height.saturating_sub(parts));
    let columns = columns.iter().map(|column| Rect { y: below.y, height: below.height, ..*column });
    match columns.collect::<Vec<_>>().as_slice() {
        [products, categories, days] => {
            products::products(scene, *products, buf);
            products::categories(scene, *categories, buf);
            Days::of(scene).draw(scene, *days, buf);
        }
        [products, beside] => {
            products::products(scene, *products, buf);
            let most = Rect { height: beside.height.saturating_sub(DAYS), ..*beside };
            let taken = products::categories(scene, most, buf);
            Days::of(scene).draw(scene, text::below(*beside, taken), buf);
        }
        _ => {}
    }
}

fn tiles(scene: &Scene<'_>, columns: &[Rect]) -> Vec<(Rect, Tile)> {
    let (figures, words, theme) = (&scene.shop.figures, scene.words, scene.theme);
    let mut tiles = vec![
        Tile::kronor(words.sales_today, figures.sales_today_ore, theme.money),
        Tile::kronor(words.last_hour, figures.sales_last_hour_ore, theme.money),
    ];
    let mut areas = columns.to_vec();
    if let [_, _, third] = columns {
        let half = third.width.saturating_sub(GUTTER) / 2;
        areas.truncate(2);
        areas.extend([Rect { width: half, ..*third }, text::right_of(*third, third.width - half)]);
        let orders = number::signed(figures.orders_today);
        let mean = figures.sales_today_ore.checked_div(orders).unwrap_or(0);
        let open = figures.shop_second.saturating_sub(scene.shop.zone.start_of(figures.today));
        let an_hour = figures.orders_today as f64 * 3600.0 / open.max(3600) as f64;
        tiles.push(Tile::kronor(words.pages.mean_order, mean, theme.money));
        tiles.push(Tile::count(words.pages.orders_an_hour, number::whole(an_hour), theme.orders));
    }
    areas.into_iter().zip(tiles).collect()
}
