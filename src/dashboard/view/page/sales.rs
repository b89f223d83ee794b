//! The page of sales.

use ratatui::{buffer::Buffer, layout::Rect, text::Line};

use crate::dashboard::view::{Scene, text};

pub(super) fn draw(scene: &Scene<'_>, body: Rect, buf: &mut Buffer) {
    text::title(scene, body, "Sales", &Line::default(), buf);
}
