//! The keys at length, from the table of keys; stands where the order feed stood.

use ratatui::{buffer::Buffer, layout::Rect, text::Line};

use super::{Scene, text};
use crate::dashboard::keymap::BINDINGS;

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let (words, theme) = (scene.words, scene.theme);
    let body = text::title(scene, area, words.keys, &Line::default(), buf);
    let caps = BINDINGS.iter().map(|binding| text::columns((binding.cap)(words))).max().unwrap_or(0);
    for (binding, row) in BINDINGS.iter().zip(body.rows()) {
        text::left(row, (binding.cap)(words), theme.strong, buf);
        let style = if (binding.works)(scene.ui) { theme.base } else { theme.dim };
        text::left(text::right_of(row, caps + 2), (binding.about)(words), style, buf);
    }
}
