//! Lines of text at the edges of a panel.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Widget,
};
use unicode_width::UnicodeWidthStr;

use super::Scene;

/// Row `index` of an area; empty below its end, so that drawing there draws nothing.
pub(super) fn row(area: Rect, index: u16) -> Rect {
    if index < area.height {
        Rect { y: area.y + index, height: 1, ..area }
    } else {
        Rect { height: 0, ..area }
    }
}

/// What is left of an area below its first rows.
pub(super) fn below(area: Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    Rect { y: area.y + rows, height: area.height - rows, ..area }
}

/// What is left of an area to the right of its first columns.
pub(super) fn right_of(area: Rect, columns: u16) -> Rect {
    let columns = columns.min(area.width);
    Rect { x: area.x + columns, width: area.width - columns, ..area }
}

/// Columns as ratatui counts them.
pub(super) fn columns(text: &str) -> u16 {
    u16::try_from(text.width()).unwrap_or(u16::MAX)
}

/// Draws text from the left edge.
pub(super) fn left(area: Rect, text: &str, style: Style, buf: &mut Buffer) {
    Span::styled(text, style).render(area, buf);
}

/// Draws text against the right edge.
pub(super) fn right(area: Rect, text: &str, style: Style, buf: &mut Buffer) {
    // The style is the text's alone; a line's own style would cover the whole row.
    Line::from(Span::styled(text, style)).right_aligned().render(area, buf);
}

/// Draws a panel's title with its hairline and a note at the end; what is below comes back. Where the note
/// does not fit, it is left out.
pub(super) fn title(scene: &Scene<'_>, area: Rect, title: &str, note: &Line<'_>, buf: &mut Buffer) -> Rect {
    let line = row(area, 0);
    left(line, title, scene.theme.strong, buf);
    let mut rule = right_of(line, columns(title).saturating_add(1));
    let note_columns = u16::try_from(note.width()).unwrap_or(u16::MAX);
    if note_columns > 0 && note_columns.saturating_add(3) <= rule.width {
        rule.width -= note_columns + 1;
        note.render(right_of(line, line.width - note_columns), buf);
    }
    let hairline = scene.marks.rule.to_string().repeat(rule.width.into());
    left(rule, &hairline, scene.theme.faint, buf);
    below(area, 1)
}

/// `0–150 per 5 min`: the scale of a chart.
pub(super) fn scale(scene: &Scene<'_>, top: &str) -> String {
    format!("0{}{top} {} 5 min", scene.marks.to, scene.words.per)
}
