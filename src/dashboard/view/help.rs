//! The keys at length, from the table of keys; stands where lists stood and leaves the figures visible.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::Line,
    widgets::{Clear, Widget},
};

use super::{
    Scene,
    layout::{Page, Panel},
    text,
};
use crate::dashboard::keymap::BINDINGS;

/// Columns that a line needs.
const LINE: u16 = 38;

/// Draws the keys over the least that has room for all of them.
pub(super) fn draw(scene: &Scene<'_>, page: &Page, buf: &mut Buffer) {
    let area_of = |panels: &[Panel]| {
        let areas = page.panels.iter().filter(|(panel, _)| panels.contains(panel)).map(|(_, area)| *area);
        areas.reduce(Rect::union)
    };
    let choices: [&[Panel]; 3] = [
        &[Panel::Latest],
        &[Panel::Latest, Panel::Messages],
        &[Panel::Handled, Panel::Stock, Panel::Latest, Panel::Messages],
    ];
    let mut areas = choices.into_iter().filter_map(area_of);
    let Some(area) = areas.find(|area| fits(*area)).or_else(|| area_of(&[Panel::Latest])) else { return };
    Clear.render(area, buf);
    buf.set_style(area, scene.theme.base);

    let (words, theme) = (scene.words, scene.theme);
    let body = text::title(scene, area, words.keys, &Line::default(), buf);
    let caps = BINDINGS.iter().map(|binding| text::columns((binding.cap)(words))).max().unwrap_or(0);
    let column_width = body.width / columns(body.width);
    for (index, binding) in (0..).zip(BINDINGS) {
        let Some(column) = u16::checked_div(index, body.height) else { return };
        let row = text::row(text::right_of(body, column * column_width), index % body.height);
        text::left(row, (binding.cap)(words), theme.strong, buf);
        let style = if (binding.works)(scene.ui) { theme.base } else { theme.dim };
        text::left(text::right_of(row, caps + 2), (binding.about)(words), style, buf);
    }
}

fn columns(width: u16) -> u16 {
    (width / LINE).max(1)
}

fn fits(area: Rect) -> bool {
    usize::from(area.height.saturating_sub(1) * columns(area.width)) >= BINDINGS.len()
}
