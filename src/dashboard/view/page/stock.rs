//! The page of stock.

use ratatui::{buffer::Buffer, layout::Rect, text::Line};

use crate::dashboard::view::{Scene, text};

pub(super) fn draw(scene: &Scene<'_>, body: Rect, buf: &mut Buffer) {
    text::title(scene, body, "Stock", &Line::default(), buf);
}
