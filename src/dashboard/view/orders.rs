//! Orders since midnight: their number and their times.

use ratatui::{buffer::Buffer, layout::Rect, text::Line};

use super::{
    Scene, beside,
    big::{self, Figure},
    day::{self, DayChart, Slots},
    number, sales, text,
};
use crate::shop::number_format;

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let body = text::title(scene, area, scene.words.orders, &Line::default(), buf);
    let count = number_format::thousands(scene.shop.figures.orders_today);
    let figure = Figure { big: &count, small: &[], text: &count, style: scene.theme.orders };
    // If enlarged, its size need not match other figures.
    let width = beside::left_of(scene, body.width);
    let size = match scene.ui.enlarged_panel() {
        Some(_) => big::common_size(&[&count], width, body.height),
        None => sales::headline_size(scene, body),
    };
    let slots = Slots::orders(scene);
    let room = width.saturating_sub(size.width(&count) + 2);
    let legend = day::legend(scene, &slots, "", room);
    let rest = figure.draw(scene, Rect { width, ..body }, size, &legend, buf);
    let rest = Rect { width: body.width, ..rest };
    let above = Rect { height: rest.y - body.y, ..body };
    let orders = |sum| scene.numbers.count(number::whole(sum), 12);
    beside::draw(scene, above, &slots, orders, buf);
    DayChart::new(scene, rest, None, &slots).draw(scene, [scene.theme.orders, scene.theme.orders_open], buf);
}
