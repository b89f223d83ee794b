//! The page of sales: the day large, and what it is made of, beside earlier days.

mod days;
mod goods;

use ratatui::{buffer::Buffer, layout::Rect, text::Line};

use crate::dashboard::{
    ui::Span,
    view::{
        Scene,
        day::DayChart,
        headline::{self, Tile},
        layout::GUTTER,
        number, text,
    },
};

pub(in crate::dashboard::view) use days::Days;

/// Slots of five minutes in each step of the span but the last, which is the whole day.
const STEPS: [usize; Span::STEPS - 1] = [12, 36, 72, 144];

/// From this width on the page has three columns; from this height on what is below the chart.
const WIDE: u16 = 110;
const WITH_PARTS: u16 = 15;
/// Rows that the days keep below the categories.
const DAYS: u16 = 4;

pub(super) fn draw(scene: &Scene<'_>, body: Rect, buf: &mut Buffer) {
    let columns = headline::columns(body, if body.width >= WIDE { 3 } else { 2 });
    let figures = &scene.shop.figures;
    let width = body.width;
    let slots = figures.sales_by_slot.iter().map(|&ore| ore.max(0) as f64 / 100.0);
    let chart = match STEPS.get(scene.ui.span.0) {
        Some(&count) => DayChart::last(scene, width, count, slots),
        None => DayChart::new(scene, width, slots),
    };

    let tiles = tiles(scene, &columns);
    let rest = text::below(body, headline::draw(scene, body.height, &tiles, buf));
    let airy = u16::from(body.height >= 22);
    let parts = if body.height >= WITH_PARTS { (body.height * 9 / 20).max(7) } else { 0 };
    let chart_area = Rect { height: rest.height.saturating_sub(parts + airy), ..rest };
    draw_chart(scene, &chart, chart_area, buf);

    let below = text::below(rest, rest.height.saturating_sub(parts));
    let columns = columns.iter().map(|column| Rect { y: below.y, height: below.height, ..*column });
    match columns.collect::<Vec<_>>().as_slice() {
        [products, categories, days] => {
            goods::products(scene, *products, buf);
            goods::categories(scene, *categories, buf);
            Days::of(scene).draw(scene, *days, buf);
        }
        [products, beside] => {
            goods::products(scene, *products, buf);
            let most = Rect { height: beside.height.saturating_sub(DAYS), ..*beside };
            let taken = goods::categories(scene, most, buf);
            Days::of(scene).draw(scene, text::below(*beside, taken), buf);
        }
        _ => {}
    }
}

/// Draws the chart with a title of its own: it stands below all of the tiles and is of the day.
fn draw_chart(scene: &Scene<'_>, chart: &DayChart, area: Rect, buf: &mut Buffer) {
    let words = scene.words;
    let title = format!("{} {} 5 min", words.pages.sales, words.per);
    let top = scene.numbers.whole_kronor(number::whole(chart.top()), 11);
    let scale = Line::styled(format!("0{}{top}", scene.marks.to), scene.theme.dim);
    let body = text::title(scene, area, &title, &scale, buf);
    chart.draw(scene, body, [scene.theme.money, scene.theme.money_open], buf);
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
