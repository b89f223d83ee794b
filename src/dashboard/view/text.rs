//! Text layout helpers.

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

/// The area below the first rows.
pub(super) fn below(area: Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    Rect { y: area.y + rows, height: area.height - rows, ..area }
}

/// The area to the right of the first columns.
pub(super) fn right_of(area: Rect, columns: u16) -> Rect {
    let columns = columns.min(area.width);
    Rect { x: area.x + columns, width: area.width - columns, ..area }
}

/// The display width of a text.
pub(super) fn columns(text: &str) -> u16 {
    u16::try_from(text.width()).unwrap_or(u16::MAX)
}

/// Draws left-aligned text.
pub(super) fn left(area: Rect, text: &str, style: Style, buf: &mut Buffer) {
    Span::styled(text, style).render(area, buf);
}

/// Draws right-aligned text.
pub(super) fn right(area: Rect, text: &str, style: Style, buf: &mut Buffer) {
    // A span's style is for the text only; a line's style would cover the whole row.
    Line::from(Span::styled(text, style)).right_aligned().render(area, buf);
}

/// Draws a panel's title with its rule and a note at the end; returns the area below. Drops a note that does not fit.
pub(super) fn title(scene: &Scene<'_>, area: Rect, title: &str, note: &Line<'_>, buf: &mut Buffer) -> Rect {
    let line = row(area, 0);
    left(line, title, scene.theme.strong, buf);
    let mut rule = right_of(line, columns(title).saturating_add(1));
    let note_columns = u16::try_from(note.width()).unwrap_or(u16::MAX);
    if note_columns > 0 && note_columns.saturating_add(3) <= rule.width {
        rule.width -= note_columns + 1;
        note.render(right_of(line, line.width - note_columns), buf);
    }
    // The rule of the focused panel is heavy.
    let (mark, style) = if scene.in_focus {
        (scene.marks.bar, scene.theme.orders)
    } else {
        (scene.marks.rule, scene.theme.faint)
    };
    left(rule, &mark.to_string().repeat(rule.width.into()), style, buf);
    below(area, 1)
}

/// Highlights the selected line; dim text becomes normal on it.
pub(super) fn choose(scene: &Scene<'_>, row: Rect, buf: &mut Buffer) {
    let (dim, base) = (scene.theme.dim, scene.theme.base);
    for position in row.positions() {
        let Some(cell) = buf.cell_mut(position) else { continue };
        if cell.fg == dim.fg.unwrap_or_default() && cell.modifier.contains(dim.add_modifier) {
            cell.fg = base.fg.unwrap_or_default();
            cell.modifier.remove(dim.add_modifier);
        }
        cell.set_style(scene.theme.chosen);
    }
}

/// Wraps a text into lines of at most `width` columns.
pub(super) fn wrapped(text: &str, width: u16) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if columns(line).saturating_add(1).saturating_add(columns(word)) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Draws the number of hidden items at the end of a list of `all`, of which `shown` are above.
pub(super) fn more(scene: &Scene<'_>, row: Rect, shown: usize, all: usize, buf: &mut Buffer) {
    if shown < all {
        let hidden = scene.numbers.count(i64::try_from(all - shown).unwrap_or(i64::MAX), 8);
        let more = format!("{} {hidden} {}", scene.words.and, scene.words.more);
        left(row, &more, scene.theme.dim, buf);
    }
}
