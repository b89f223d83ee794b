//! The filter of a list, in its title.

use ratatui::text::{Line, Span};

use super::Scene;
use crate::{dashboard::page::Page, messages::sanitize::clean};

/// The most columns of a filter that are shown.
const WIDEST: usize = 24;

/// `/ lamp`, with a cursor while typing; empty without a filter.
pub(super) fn line(scene: &Scene<'_>, page: Page) -> Line<'static> {
    let typed = scene.ui.filters.get(page.index()).map_or("", String::as_str);
    let typing = scene.ui.typing == Some(page);
    if typed.is_empty() && !typing {
        return Line::default();
    }
    // Of a long filter the end is shown, where the cursor is.
    let from = typed.char_indices().rev().nth(WIDEST - 1).map_or(0, |(at, _)| at);
    let mut line = Line::from(vec![
        Span::styled("/ ", scene.theme.dim),
        Span::styled(clean(typed.get(from..).unwrap_or(typed), WIDEST), scene.theme.strong),
    ]);
    if typing {
        line.push_span(Span::styled(scene.marks.caret.to_string(), scene.theme.orders));
    }
    line
}

/// Two notes on one line.
pub(super) fn beside(first: Line<'static>, second: Line<'static>) -> Line<'static> {
    if first.width() == 0 {
        return second;
    }
    let mut line = first;
    if second.width() > 0 {
        line.push_span(Span::raw("   "));
        line.extend(second);
    }
    line
}
