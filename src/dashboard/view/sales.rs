//! Sales today and in the last hour, in kronor.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
    widgets::Widget,
};

use super::{
    Scene, beside,
    big::{self, Size},
    day::{self, DayChart, Slots},
    layout::GUTTER,
    number, text,
};
use crate::shop::number_format;

/// The least width for both sums in large digits, side by side.
const BOTH_BIG: u16 = 70;

/// Slots of five minutes in an hour.
const SLOTS_AN_HOUR: usize = 12;

/// The least height of an enlarged panel with today's sales as large as possible, and the last hour below.
const ONE_ABOVE_THE_OTHER: u16 = 20;

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let figures = &scene.shop.figures;
    let (today, hour) = (figures.sales_today_ore, figures.sales_last_hour_ore);
    let alone = scene.ui.enlarged_panel().is_some() && area.height >= ONE_ABOVE_THE_OTHER;
    if area.width >= BOTH_BIG && !alone {
        side_by_side(scene, area, buf);
        return;
    }
    let slots = Slots::sales(scene);
    let body = head(scene, area, scene.words.sales_today, &slots, buf);
    let rest = if alone {
        let place = Rect { width: beside::left_of(scene, body.width), ..body };
        let size = big::common_size(&[&big::whole(today)], place.width, body.height);
        let rest = big::draw_sum(scene, place, size, today, scene.theme.money, buf);
        let label = text::columns(scene.words.last_hour) + 2;
        let foot = text::row(rest, Size::Single.height() - 1);
        text::left(foot, scene.words.last_hour, scene.theme.strong, buf);
        let rest =
            big::draw_sum(scene, text::right_of(rest, label), Size::Single, hour, scene.theme.money, buf);
        let rest = Rect { x: area.x, width: area.width, ..rest };
        let kronor = |sum| scene.numbers.whole_kronor(number::whole(sum), 16);
        beside::draw(scene, Rect { height: rest.y - body.y, ..body }, &slots, kronor, buf);
        rest
    } else {
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
    draw_chart(scene, rest, None, &slots, buf);
}

/// The day and the last hour, each above its chart.
fn side_by_side(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let figures = &scene.shop.figures;
    let left = Rect { width: (area.width - GUTTER) / 2, ..area };
    let right = text::right_of(area, left.width + GUTTER);
    let size = headline_size(scene, text::below(left, 1));
    let slots = Slots::sales(scene);
    for (place, title, sum, count) in [
        (left, scene.words.sales_today, figures.sales_today_ore, None),
        (right, scene.words.last_hour, figures.sales_last_hour_ore, Some(SLOTS_AN_HOUR)),
    ] {
        let body = head(scene, place, title, &slots, buf);
        let rest = big::draw_sum(scene, body, size, sum, scene.theme.money, buf);
        draw_chart(scene, rest, count, &slots, buf);
    }
}

/// Draws a title with the legend of the chart below it; returns the area below.
pub(super) fn head(scene: &Scene<'_>, area: Rect, title: &str, slots: &Slots, buf: &mut Buffer) -> Rect {
    let room = area.width.saturating_sub(text::columns(title) + 4);
    let legend = Line::styled(day::legend(scene, slots, "kr", room), scene.theme.dim);
    text::title(scene, area, title, &legend, buf)
}

/// Draws the sales of the day, or of its last slots.
pub(super) fn draw_chart(
    scene: &Scene<'_>,
    area: Rect,
    count: Option<usize>,
    slots: &Slots,
    buf: &mut Buffer,
) {
    let styles = [scene.theme.money, scene.theme.money_open];
    DayChart::new(scene, area, count, slots).draw(scene, styles, buf);
}

/// The common size of all sums and counts at the head of the page, by the area below any of their titles.
pub(super) fn headline_size(scene: &Scene<'_>, body: Rect) -> Size {
    let figures = &scene.shop.figures;
    let orders = number_format::thousands(figures.orders_today);
    let [today, hour] = [figures.sales_today_ore, figures.sales_last_hour_ore].map(big::whole);
    big::common_size(&[&orders, &today, &hour], body.width, body.height)
}
