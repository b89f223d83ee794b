//! The keys, from the table of keys.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
    widgets::Widget,
};

use super::Scene;
use crate::dashboard::keymap::BINDINGS;

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let theme = scene.theme;
    let mut line = Line::default();
    for binding in BINDINGS.iter().filter(|binding| (binding.works)(scene.ui)) {
        let before = line.spans.len();
        if before > 0 {
            line.push_span(Span::raw("   "));
        }
        line.push_span(Span::styled((binding.cap)(scene.words), theme.strong));
        line.push_span(Span::styled(format!(" {}", (binding.hint)(scene.words, scene.ui)), theme.dim));
        if line.width() > usize::from(area.width) {
            line.spans.truncate(before);
            break;
        }
    }
    line.render(area, buf);
}
