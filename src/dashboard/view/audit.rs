//! The audit line: checks every sum on the screen.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Widget,
};

use super::{Scene, number};
use crate::{messages::Sentence, read_model::GroupState, views::shop_figures::StockLine};

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    // The longest form that fits; figures are shortened last.
    let forms = [Form::Words, Form::ShortWords, Form::Figures(20), Form::Figures(6), Form::Figures(4)];
    let lines = forms.map(|form| line(scene, form));
    let fitting = lines.iter().find(|line| line.width() <= usize::from(area.width));
    if let Some(line) = fitting.or(lines.last()) {
        line.render(area, buf);
    }
}

/// The length of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Every term by its name.
    Words,
    /// Short names, for terms that need one.
    ShortWords,
    /// No names, and figures of at most this many columns.
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
    // No sum is marked as right while there is lag, or while it is unknown.
    let nobody = scene.shop.groups.iter().any(GroupState::is_unattended);
    let all_read = orders.behind == 0 && scene.shop.connection.up && !nobody;
    let equal = orders.adds_up();
    push_sum(scene, &mut spans, (verdict(equal, alarmed && differ, all_read), equal), sum);

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
    let possible = figures.stock.iter().all(|line| line.balance() >= 0);
    let equal = possible && delivered.checked_sub(sold) == Some(balance);
    push_sum(scene, &mut spans, (verdict(equal, alarmed, all_read), equal), sum);

    if let Some(way) = scene.progress() {
        // The badge says what is done with them.
        let done = words.of_all(&unsigned(way.done), &unsigned(way.of), way.of);
        spans.push(Span::styled(format!("   {done}"), theme.warning));
    } else if orders.behind > 0 {
        let doing = match form {
            Form::Figures(_) => String::new(),
            // Unknown while disconnected.
            _ if !scene.shop.connection.up => String::new(),
            _ if nobody => format!("{}, ", words.nobody_reads),
            _ => format!("{}, ", words.catching_up),
        };
        let style = if nobody { theme.alarm } else { theme.warning };
        let lag = words.lag_of(&unsigned(orders.behind), orders.behind);
        spans.push(Span::styled(format!("   {doing}{lag}"), style));
        spans.push(Span::styled(format!(", {} s", unsigned(orders.behind_for)), theme.dim));
    }
    Line::from(spans)
}

/// The result for a sum.
#[derive(Debug, Clone, Copy)]
enum Verdict {
    /// Equal, with all records read.
    Right,
    /// Some records are not read yet.
    Behind,
    /// Unequal, but consumers may differ for a moment.
    Moving,
    /// Unequal, with an alarm.
    Wrong,
}

fn verdict(equal: bool, alarmed: bool, all_read: bool) -> Verdict {
    match (equal, alarmed, all_read) {
        (false, true, _) => Verdict::Wrong,
        (_, _, false) => Verdict::Behind,
        (true, _, true) => Verdict::Right,
        (false, false, true) => Verdict::Moving,
    }
}

fn push_sum(
    scene: &Scene<'_>,
    spans: &mut Vec<Span<'static>>,
    (verdict, equal): (Verdict, bool),
    terms: [(String, &'static str, &'static str); 3],
) {
    let theme = scene.theme;
    let (mark, style): (char, Style) = match verdict {
        Verdict::Right => (scene.marks.right, theme.good),
        Verdict::Behind => (scene.marks.dot, theme.warning),
        Verdict::Moving => (scene.marks.dot, theme.dim),
        Verdict::Wrong => (scene.marks.wrong, theme.alarm),
    };
    spans.push(Span::styled(format!("{mark} "), style));
    for (value, word, operator) in terms {
        let about = !equal && !matches!(verdict, Verdict::Wrong);
        let operator = if operator == "=" && about { "≈" } else { operator };
        spans.push(Span::styled(value, theme.base));
        for part in [word, operator].into_iter().filter(|part| !part.is_empty()) {
            spans.push(Span::styled(format!(" {part}"), theme.dim));
        }
        if !operator.is_empty() {
            spans.push(Span::raw(" "));
        }
    }
}
