//! The line on which every sum is checked before the eyes of the audience.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Widget,
};

use super::{Scene, number};
use crate::{messages::Sentence, views::figures::StockLine};

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    // The longest form that fits; figures are the last to be shortened.
    let forms = [Form::Words, Form::ShortWords, Form::Figures(20), Form::Figures(6), Form::Figures(4)];
    let lines = forms.map(|form| line(scene, form));
    let fitting = lines.iter().find(|line| line.width() <= usize::from(area.width));
    if let Some(line) = fitting.or(lines.last()) {
        line.render(area, buf);
    }
}

/// How much the line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Every term by its name.
    Words,
    /// Short names, where a term needs one.
    ShortWords,
    /// No names, and figures of at most so many columns.
    Figures(usize),
}

fn line(scene: &Scene<'_>, form: Form) -> Line<'static> {
    let (figures, words, theme) = (&scene.shop.figures, scene.words, scene.theme);
    let orders = &scene.shop.audit;
    let alarmed = orders.behind == 0 && !scene.shop.alarms.is_empty();
    let differ = scene.shop.alarms.iter().any(|sentence| matches!(sentence, Sentence::OrdersDiffer { .. }));
    let room = if let Form::Figures(columns) = form { columns } else { 30 };
    let name = |long, short| match form {
        Form::Words => long,
        Form::ShortWords => short,
        Form::Figures(_) => "",
    };
    let count = |value: i64| scene.numbers.count(value, room);
    let unsigned = |value: u64| count(number::signed(value));
    let mut spans = Vec::new();

    let sum = [
        (unsigned(orders.produced), name(words.produced, ""), "="),
        (unsigned(orders.pending), name(words.pending, words.pending), "+"),
        (unsigned(orders.handled), name(words.all_handled, words.all_handled), ""),
    ];
    push_sum(scene, &mut spans, verdict(orders.adds_up(), alarmed && differ), sum);

    let total = |of: fn(&StockLine) -> i64| {
        figures.stock.iter().fold(0_i64, |sum, line| sum.saturating_add(of(line)))
    };
    let (delivered, sold) = (total(|line| line.delivered), total(|line| line.sold));
    let balance = total(StockLine::balance);
    let sum = [
        (count(delivered), name(words.delivered, words.delivered_short), "−"),
        (count(sold), name(words.sold, words.sold_short), "="),
        (count(balance), name(words.in_stock, ""), ""),
    ];
    spans.push(Span::raw("   "));
    push_sum(scene, &mut spans, verdict(delivered.checked_sub(sold) == Some(balance), alarmed), sum);

    if orders.behind > 0 {
        spans.push(Span::styled(format!("   {}", unsigned(orders.behind)), theme.warning));
        spans.push(Span::styled(format!(" {}", words.behind), theme.dim));
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

/// While orders flow, one consumer is a moment ahead of another: then the sides are about equal. A sum is wrong when
/// there is an alarm about it.
fn verdict(equal: bool, alarmed: bool) -> Verdict {
    match (equal, alarmed) {
        (true, _) => Verdict::Right,
        (false, true) => Verdict::Wrong,
        (false, false) => Verdict::Behind,
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
        let operator = if operator == "=" && matches!(verdict, Verdict::Behind) { "≈" } else { operator };
        spans.push(Span::styled(value, theme.base));
        for part in [word, operator].into_iter().filter(|part| !part.is_empty()) {
            spans.push(Span::styled(format!(" {part}"), theme.dim));
        }
        if !operator.is_empty() {
            spans.push(Span::raw(" "));
        }
    }
}
