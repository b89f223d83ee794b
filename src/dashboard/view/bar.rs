//! A horizontal bar, with or without a track.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Widget,
};

use super::{Scene, number};

/// Draws how full something is, 0 to 1, with the rest as a track, and a tick at the `limit`.
pub(super) fn draw(
    scene: &Scene<'_>,
    fill: f64,
    limit: Option<f64>,
    area: Rect,
    style: Style,
    buf: &mut Buffer,
) {
    let filled = filled(fill, area.width);
    Line::from(vec![
        Span::styled(scene.marks.bar.to_string().repeat(filled), style),
        Span::styled(
            scene.marks.track.to_string().repeat(usize::from(area.width) - filled),
            scene.theme.faint,
        ),
    ])
    .render(area, buf);
    if let Some(limit) = limit.filter(|_| area.width > 0) {
        let tick = number::whole(limit * f64::from(area.width)).clamp(0, i64::from(area.width) - 1);
        let place = (area.x + u16::try_from(tick).unwrap_or(0), area.y);
        if let Some(cell) = buf.cell_mut(place) {
            cell.set_char(scene.marks.tick);
        }
    }
}

/// Draws a share of the largest value, 0 to 1, for comparison with adjacent rows: to half a cell.
pub(super) fn share(scene: &Scene<'_>, share: f64, area: Rect, style: Style, buf: &mut Buffer) {
    let halves = filled(share, area.width.saturating_mul(2));
    let mut bar = scene.marks.bar.to_string().repeat(halves / 2);
    if halves % 2 == 1 {
        bar.push(scene.marks.half_bar);
    }
    Span::styled(bar, style).render(area, buf);
}

/// Steps of the filled part, at most `most`; anything above zero has at least one.
fn filled(fill: f64, most: u16) -> usize {
    let steps = usize::try_from(number::whole(fill * f64::from(most))).unwrap_or(0);
    steps.max(usize::from(fill > 0.0)).min(most.into())
}
