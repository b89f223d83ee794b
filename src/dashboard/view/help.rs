//! The keys at length, from the table of keys; stands where lists stood and leaves the figures visible.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::Line,
    widgets::{Clear, Widget},
};

use super::{
    Scene,
    layout::{GUTTER, Panel, Places},
    text,
};
use crate::dashboard::{
    keymap::{BINDINGS, Binding},
    lang::Words,
};

/// Draws the keys over the least that has room for all of them.
pub(super) fn draw(scene: &Scene<'_>, page: &Places, buf: &mut Buffer) {
    let area_of = |panels: &[Panel]| {
        let areas = page.panels.iter().filter(|(panel, _)| panels.contains(panel)).map(|(_, area)| *area);
        areas.reduce(Rect::union).unwrap_or_default()
    };
    let feed = area_of(&[Panel::Latest]);
    let feeds = area_of(&[Panel::Latest, Panel::Messages]);
    let lists = feeds.union(area_of(&[Panel::Handled]));
    let all_below = lists.union(page.audit);
    let (words, theme) = (scene.words, scene.theme);
    let widest = |text: fn(&Binding, &Words) -> &'static str| {
        BINDINGS.iter().map(|binding| text::columns(text(binding, words))).max().unwrap_or(0)
    };
    let caps = widest(|binding, words| (binding.cap)(words)) + 2;
    let line = caps + widest(|binding, words| (binding.about)(words));
    let columns = |area: Rect| (area.width + GUTTER) / (line + GUTTER);
    let fits = |area: &Rect| usize::from(area.height.saturating_sub(1) * columns(*area)) >= BINDINGS.len();
    let area = [feed, feeds, lists].into_iter().find(fits).unwrap_or(all_below);
    Clear.render(area, buf);
    buf.set_style(area, scene.theme.base);

    let body = text::title(scene, area, words.keys, &Line::default(), buf);
    let column_width = (body.width + GUTTER) / columns(body).max(1);
    for (index, binding) in (0..).zip(BINDINGS) {
        let Some(column) = u16::checked_div(index, body.height) else { return };
        let row = text::row(text::right_of(body, column * column_width), index % body.height);
        text::left(row, (binding.cap)(words), theme.strong, buf);
        let style = if (binding.works)(scene.ui) { theme.base } else { theme.dim };
        text::left(text::right_of(row, caps), (binding.about)(words), style, buf);
    }
}
