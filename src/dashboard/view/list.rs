//! Scrolling lists: the part around the selected line.

use std::ops::Range;

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use super::{Scene, text};
use crate::dashboard::mouse_targets::Target;

/// The lines of a list of `length` to show in `rows`, including the selected one. It stays in the middle while
/// scrolling, so that lines before and after it are visible.
pub(super) fn window(length: usize, chosen: usize, rows: usize) -> Range<usize> {
    let rows = rows.min(length);
    let first = chosen.min(length.saturating_sub(1)).saturating_sub(rows / 2).min(length - rows);
    first..first + rows
}

/// `3 / 24`: the selected line's number, if not all lines are shown.
pub(super) fn place(scene: &Scene<'_>, length: usize, chosen: usize, rows: usize) -> Line<'static> {
    if length <= rows {
        return Line::default();
    }
    let count = |count: usize| scene.numbers.count(i64::try_from(count).unwrap_or(i64::MAX), 8);
    Line::from(vec![
        Span::styled(count(chosen.min(length - 1) + 1), scene.theme.base),
        Span::styled(format!(" / {}", count(length)), scene.theme.dim),
    ])
}

/// Draws the lines of a list that fit, each in `each` rows: they are mouse targets, and the selected one is highlighted.
pub(super) fn draw<T>(
    scene: &Scene<'_>,
    area: Rect,
    each: u16,
    list: &[T],
    chosen: usize,
    buf: &mut Buffer,
    mut draw_line: impl FnMut(&T, Rect, &mut Buffer),
) {
    let window = window(list.len(), chosen, usize::from(area.height / each));
    let shown = list.get(window.clone()).unwrap_or_default();
    for ((index, line), first) in window.zip(shown).zip(area.rows().step_by(each.into())) {
        // Of three rows the first is air.
        let air = each / 3;
        let place = Rect { y: first.y + air, height: each - air, ..first };
        scene.answers(place, Target::Line(index));
        draw_line(line, place, buf);
        if index == chosen {
            text::choose(scene, place, buf);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_choice_is_always_seen_and_no_row_is_wasted(
            length in 0_usize..2_000, chosen in 0_usize..3_000, rows in 0_usize..80,
        ) {
            let shown = window(length, chosen, rows);
            prop_assert_eq!(shown.len(), rows.min(length));
            prop_assert!(shown.end <= length);
            if length > 0 && rows > 0 {
                prop_assert!(shown.contains(&chosen.min(length - 1)), "{chosen} in {shown:?}");
            }
        }
    }
}
