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

/// From this height on, alone on the page, today's sales are as large as can be and the hour's below them.
const ONE_ABOVE_THE_OTHER: u16 = 20;

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let figures = &scene.shop.figures;
    let slots = figures.sales_by_slot.iter().map(|&ore| ore.max(0) as f64 / 100.0);
    let chart = DayChart::new(scene, area.width, slots);
    let note = text::scale(scene, &number::whole_kronor(number::whole(chart.top()), 11));
    let note = Line::styled(note, scene.theme.dim);
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
        let half = (area.width - GUTTER) / 2;
        let left = Rect { width: half, ..area };
        // The scale is that of the day's chart below.
        let body = text::title(scene, left, scene.words.sales_today, &note, buf);
        let size = headline_size(scene, body);
        let rest = big::draw_sum(scene, body, size, today, scene.theme.money, buf);
        let right = text::right_of(area, half + GUTTER);
        let body = text::title(scene, right, scene.words.last_hour, &Line::default(), buf);
        big::draw_sum(scene, body, size, hour, scene.theme.money, buf);
        Rect { width: area.width, ..rest }
    } else {
        let body = text::title(scene, area, scene.words.sales_today, &note, buf);
        let rest = big::draw_sum(scene, body, headline_size(scene, body), today, scene.theme.money, buf);
        let label = format!("{} ", scene.words.last_hour);
        let room = usize::from(area.width.saturating_sub(text::columns(&label)));
        let line = Line::from(vec![
            Span::styled(label, scene.theme.dim),
            Span::styled(number::kronor(hour, room), scene.theme.strong),
        ]);
        line.render(text::row(rest, 0), buf);
        text::below(rest, 1)
    };
    chart.draw(scene, rest, [scene.theme.money, scene.theme.money_open], buf);
}

/// The one size of all sums and counts at the head of the page, by the room below the title of any of them.
pub(super) fn headline_size(scene: &Scene<'_>, body: Rect) -> Size {
    let figures = &scene.shop.figures;
    let orders = money::thousands(figures.orders_today);
    let [today, hour] = [figures.sales_today_ore, figures.sales_last_hour_ore].map(big::whole);
    big::common_size(&[&orders, &today, &hour], body.width, body.height)
}
