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
    // The line is heavy where the focus is.
    let (mark, style) = if scene.in_focus {
        (scene.marks.bar, scene.theme.orders)
    } else {
        (scene.marks.rule, scene.theme.faint)
    };
    left(rule, &mark.to_string().repeat(rule.width.into()), style, buf);
    below(area, 1)
}

/// Sets off the line that is chosen; what recedes elsewhere is as strong there as the rest.
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

/// `0–150 per 5 min`: the scale of a chart.
pub(super) fn scale(scene: &Scene<'_>, top: &str) -> String {
    format!("0{}{top} {} 5 min", scene.marks.to, scene.words.per)
}

/// A text in lines of at most `width` columns, broken at blanks.
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

/// Says at the end of a list of `all` how many more there are than the `shown` ones above.
pub(super) fn more(scene: &Scene<'_>, row: Rect, shown: usize, all: usize, buf: &mut Buffer) {
    if shown < all {
        let hidden = scene.numbers.count(i64::try_from(all - shown).unwrap_or(i64::MAX), 8);
        let more = format!("{} {hidden} {}", scene.words.and, scene.words.more);
        left(row, &more, scene.theme.dim, buf);
    }
}
