//! Orders since midnight: how many, and when.

use ratatui::{buffer::Buffer, layout::Rect, text::Line};

use super::{
    Scene,
    big::{self, Figure},
    day::DayChart,
    number, sales, text,
};
use crate::shop::money;

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let figures = &scene.shop.figures;
    let slots = figures.orders_by_slot.iter().map(|&orders| orders as f64);
    let chart = DayChart::new(scene, area.width, slots);
    let note = text::scale(scene, &scene.numbers.count(number::whole(chart.top()), 8));

    let body = text::title(scene, area, scene.words.orders, &Line::default(), buf);
    let count = money::thousands(figures.orders_today);
    let figure = Figure { big: &count, small: &[], text: &count, style: scene.theme.orders };
    // Alone on the page it need not be as large as others are.
    let size = match scene.ui.enlarged_panel() {
        Some(_) => big::common_size(&[&count], body.width, body.height),
        None => sales::headline_size(scene, body),
    };
    let rest = figure.draw(scene, body, size, &note, buf);
    chart.draw(scene, rest, [scene.theme.orders, scene.theme.orders_open], buf);
}
