//! The line on which every sum is checked before the eyes of the audience.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Widget,
};

use super::{Scene, number};
use crate::views::figures::StockLine;

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    // The longest form that fits; figures are the last to be shortened.
    let forms = [Form::All, Form::Telling, Form::Short, Form::Shorter(8), Form::Shorter(6), Form::Shorter(5)];
    for form in forms {
        let line = line(scene, form);
        if line.width() <= usize::from(area.width) || form == Form::Shorter(5) {
            line.render(area, buf);
            return;
        }
    }
}

/// How much the line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Everything.
    All,
    /// No counts of what did not occur.
    Telling,
    /// Short words.
    Short,
    /// Short words, and figures of so many columns.
    Shorter(usize),
}

fn line(scene: &Scene<'_>, form: Form) -> Line<'static> {
    let (figures, words, theme) = (&scene.shop.figures, scene.words, scene.theme);
    let behind: u64 = figures.lag.values().fold(0, |sum, lag| sum.saturating_add(*lag));
    let room = if let Form::Shorter(columns) = form { columns } else { 30 };
    let long = matches!(form, Form::All | Form::Telling);
    let count = |value: i64| number::count(value, room);
    let unsigned = |value: u64| count(number::signed(value));
    let mut spans = Vec::new();

    let orders_add_up = figures.pending.checked_add(figures.handled.total) == Some(figures.produced);
    let sum = [
        (unsigned(figures.produced), if long { words.produced } else { "" }, "="),
        (unsigned(figures.pending), words.pending, "+"),
        (unsigned(figures.handled.total), words.stage_handled, ""),
    ];
    push_sum(scene, &mut spans, verdict(orders_add_up, behind), sum);

    let total = |of: fn(&StockLine) -> i64| {
        figures.stock.iter().fold(0_i64, |sum, line| sum.saturating_add(of(line)))
    };
    let (delivered, sold) = (total(|line| line.delivered), total(|line| line.sold));
    let balance = total(StockLine::balance);
    let sum = [
        (count(delivered), if long { words.delivered } else { words.delivered_short }, "−"),
        (count(sold), if long { words.sold } else { words.sold_short }, "="),
        (count(balance), if long { words.on_the_shelves } else { "" }, ""),
    ];
    spans.push(Span::raw("   "));
    push_sum(scene, &mut spans, verdict(delivered.checked_sub(sold) == Some(balance), behind), sum);

    let rest = [
        (behind, words.behind),
        (figures.duplicates, words.duplicates),
        (figures.dead_letters, words.dead_letters),
        (scene.shop.lost_sales, words.lost_sales),
    ];
    for (value, word) in rest {
        if form == Form::All || (value > 0 && form == Form::Telling) {
            let style = if value > 0 { theme.base } else { theme.dim };
            spans.push(Span::styled(format!("   {}", unsigned(value)), style));
            spans.push(Span::styled(format!(" {word}"), theme.dim));
        }
    }
    Line::from(spans)
}

/// What can be said of a sum.
#[derive(Debug, Clone, Copy)]
enum Verdict {
    Right,
    /// Not equal, but not everything is read yet.
    Behind,
    Wrong,
}

fn verdict(equal: bool, behind: u64) -> Verdict {
    match (equal, behind) {
        (true, _) => Verdict::Right,
        (false, 0) => Verdict::Wrong,
        (false, _) => Verdict::Behind,
    }
}

fn push_sum(
    scene: &Scene<'_>,
    spans: &mut Vec<Span<'static>>,
    verdict: Verdict,
    terms: [(String, &'static str, &'static str); 3],
) {
    let theme = scene.theme;
    let (mark, style): (char, Style) = match verdict {
        Verdict::Right => (scene.marks.right, theme.good),
        Verdict::Behind => (scene.marks.dot, theme.dim),
        Verdict::Wrong => (scene.marks.wrong, theme.alarm),
    };
    spans.push(Span::styled(format!("{mark} "), style));
    for (value, word, operator) in terms {
        spans.push(Span::styled(value, theme.base));
        for part in [word, operator].into_iter().filter(|part| !part.is_empty()) {
            spans.push(Span::styled(format!(" {part}"), theme.dim));
        }
        if !operator.is_empty() {
            spans.push(Span::raw(" "));
        }
    }
}
