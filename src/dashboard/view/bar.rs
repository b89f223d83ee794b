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

/// Draws a share of the largest, 0 to 1, to compare with others above and below: to half a cell.
pub(super) fn share(scene: &Scene<'_>, share: f64, area: Rect, style: Style, buf: &mut Buffer) {
    let halves = filled(share, area.width.saturating_mul(2));
    let mut bar = scene.marks.bar.to_string().repeat(halves / 2);
    if halves % 2 == 1 {
        bar.push(scene.marks.half_bar);
    }
    Span::styled(bar, style).render(area, buf);
}

/// Steps of the filled part, at most `most`; a little is more than nothing.
fn filled(fill: f64, most: u16) -> usize {
    let steps = usize::try_from(number::whole(fill * f64::from(most))).unwrap_or(0);
    steps.max(usize::from(fill > 0.0)).min(most.into())
}
