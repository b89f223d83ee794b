//! A bar in one row, on a track or on nothing.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Widget,
};

use super::{Scene, number};

/// Draws how full something is, 0 to 1, with the rest as a track.
pub(super) fn draw(scene: &Scene<'_>, fill: f64, area: Rect, style: Style, buf: &mut Buffer) {
    let filled = filled(fill, area.width);
    Line::from(vec![
        Span::styled(scene.marks.bar.to_string().repeat(filled), style),
        Span::styled(
            scene.marks.track.to_string().repeat(usize::from(area.width) - filled),
            scene.theme.faint,
        ),
    ])
    .render(area, buf);
}

/// Draws a share of the largest, 0 to 1, to compare with others above and below.
pub(super) fn share(scene: &Scene<'_>, share: f64, area: Rect, style: Style, buf: &mut Buffer) {
    let bar = scene.marks.bar.to_string().repeat(filled(share, area.width));
    Span::styled(bar, style).render(area, buf);
}

/// Columns of the filled part, at most `width`; a little is more than nothing.
fn filled(fill: f64, width: u16) -> usize {
    let columns = usize::try_from(number::whole(fill * f64::from(width))).unwrap_or(0);
    columns.max(usize::from(fill > 0.0)).min(width.into())
}
