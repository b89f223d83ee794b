//! Sales today and in the last hour, in kronor.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
    widgets::Widget,
};

use super::{
    Scene,
    big::{self, Size},
    day::DayChart,
    layout::GUTTER,
    number, text,
};
use crate::shop::money;

/// From this width on, both sums are big, side by side.
const BOTH_BIG: u16 = 70;

/// Slots of five minutes in an hour.
const SLOTS_AN_HOUR: usize = 12;

/// From this height on, alone on the page, today's sales are as large as can be and the hour's below them.
const ONE_ABOVE_THE_OTHER: u16 = 20;

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let figures = &scene.shop.figures;
    let chart = DayChart::new(scene, area.width, kronor(scene));
    let note = scale(scene, &chart, scene.words.sales_today, area.width);
    let (today, hour) = (figures.sales_today_ore, figures.sales_last_hour_ore);

    let rest = if scene.ui.enlarged_panel().is_some() && area.height >= ONE_ABOVE_THE_OTHER {
        let body = text::title(scene, area, scene.words.sales_today, &note, buf);
        let size = big::common_size(&[&big::whole(today)], body.width, body.height);
        let rest = big::draw_sum(scene, body, size, today, scene.theme.money, buf);
        let label = text::columns(scene.words.last_hour) + 2;
        text::left(
            text::row(rest, Size::Single.height() - 1),
            scene.words.last_hour,
            scene.theme.strong,
            buf,
        );
        let rest =
            big::draw_sum(scene, text::right_of(rest, label), Size::Single, hour, scene.theme.money, buf);
        Rect { x: area.x, width: area.width, ..rest }
    } else if area.width >= BOTH_BIG {
        side_by_side(scene, area, buf);
        return;
    } else {
        let body = text::title(scene, area, scene.words.sales_today, &note, buf);
        let rest = big::draw_sum(scene, body, headline_size(scene, body), today, scene.theme.money, buf);
        let label = format!("{} ", scene.words.last_hour);
        let room = usize::from(area.width.saturating_sub(text::columns(&label)));
        let line = Line::from(vec![
            Span::styled(label, scene.theme.dim),
            Span::styled(scene.numbers.kronor(hour, room), scene.theme.strong),
        ]);
        line.render(text::row(rest, 0), buf);
        text::below(rest, 1)
    };
    chart.draw(scene, rest, [scene.theme.money, scene.theme.money_open], buf);
}

/// The day and the last hour, each with its chart below it.
fn side_by_side(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let figures = &scene.shop.figures;
    let left = Rect { width: (area.width - GUTTER) / 2, ..area };
    let right = text::right_of(area, left.width + GUTTER);
    let charts = [
        DayChart::new(scene, left.width, kronor(scene)),
        DayChart::last(scene, right.width, SLOTS_AN_HOUR, kronor(scene)),
    ];
    let size = headline_size(scene, text::below(left, 1));
    for (place, title, sum, chart) in [
        (left, scene.words.sales_today, figures.sales_today_ore, &charts[0]),
        (right, scene.words.last_hour, figures.sales_last_hour_ore, &charts[1]),
    ] {
        let body = text::title(scene, place, title, &scale(scene, chart, title, place.width), buf);
        let rest = big::draw_sum(scene, body, size, sum, scene.theme.money, buf);
        chart.draw(scene, rest, [scene.theme.money, scene.theme.money_open], buf);
    }
}

/// Today's sales by slots of five minutes.
fn kronor<'a>(scene: &Scene<'a>) -> impl Iterator<Item = f64> + use<'a> {
    scene.shop.figures.sales_by_slot.iter().map(|&ore| ore.max(0) as f64 / 100.0)
}

/// The scale of a chart of sales, beside a title in `width` columns: what it is per goes first.
fn scale(scene: &Scene<'_>, chart: &DayChart, title: &str, width: u16) -> Line<'static> {
    let top = scene.numbers.whole_kronor(number::whole(chart.top()), 11);
    let whole = text::scale(scene, &top);
    let fits = text::columns(title) + text::columns(&whole) + 4 <= width;
    let shown = if fits { whole } else { format!("0{}{top}", scene.marks.to) };
    Line::styled(shown, scene.theme.dim)
}

/// The one size of all sums and counts at the head of the page, by the room below the title of any of them.
pub(super) fn headline_size(scene: &Scene<'_>, body: Rect) -> Size {
    let figures = &scene.shop.figures;
    let orders = money::thousands(figures.orders_today);
    let [today, hour] = [figures.sales_today_ore, figures.sales_last_hour_ore].map(big::whole);
    big::common_size(&[&orders, &today, &hour], body.width, body.height)
}
