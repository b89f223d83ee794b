//! Handled orders: how many in each window, and the two hours in intervals of five minutes.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Widget,
};

use super::{
    Scene,
    big::{self, Figure},
    chart::{Bar, Chart, columns_a_cell, round_top},
    number, text,
};

/// Columns of the list beside the chart, by the width of the panel.
const LIST: u16 = 13;
const WIDE_LIST: u16 = 20;

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let handled = &scene.shop.figures.handled;
    let highest = handled.intervals.iter().copied().max().unwrap_or(0);
    let top = round_top(highest as f64);
    let note =
        format!("0{}{} {} 5 min", scene.marks.to, number::count(number::whole(top), 8), scene.words.per);
    let note = Line::styled(note, scene.theme.dim);
    let mut body = text::title(scene, area, scene.words.handled, &note, buf);

    let lines = lines(scene);
    let rows = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    if body.height < rows {
        in_two_columns(scene, body, &lines, buf);
        return;
    }
    // A high panel says the five minutes out loud.
    if body.height >= rows + 7 {
        let count = number::count(number::signed(handled.last_5_min), 20);
        let figure = Figure { big: &count, small: &["5 min"], text: &count, style: scene.theme.handled };
        let size = big::common_size(&[&count], body.width, body.height - rows);
        body = text::below(figure.draw(scene, body, size, "", buf), 1);
    }
    let list = if body.width >= 60 { WIDE_LIST } else { LIST };
    for (line, row) in lines.iter().zip(body.rows()) {
        line.draw(scene, Rect { width: list.min(row.width), ..row }, buf);
    }
    chart(scene, text::right_of(body, list + 1), top, buf);
}

/// The 24 intervals, oldest first, with the mean across them.
fn chart(scene: &Scene<'_>, area: Rect, top: f64, buf: &mut Buffer) {
    let handled = &scene.shop.figures.handled;
    let bars = handled.intervals.map(|count| Bar { value: count as f64, style: scene.theme.handled });
    let a_cell = columns_a_cell(scene.marks);
    let cells = usize::from(area.width) / bars.len();
    if cells == 0 {
        return;
    }
    let (wide, gap) = match (cells, a_cell) {
        (1, 2) => (1, 1),
        (1, _) => (1, 0),
        _ => ((cells - 1) * a_cell, a_cell),
    };
    let drawn = u16::try_from(cells * bars.len()).unwrap_or(area.width);
    // Now is at the right edge.
    let area = text::right_of(area, area.width.saturating_sub(drawn));
    let axis_rows = u16::from(area.height >= 4);
    let bars_area = Rect { height: area.height - axis_rows, ..area };
    let level = Some(handled.mean_per_5_min());
    Chart { bars: &bars, wide, gap, top, level }.draw(scene, bars_area, buf);
    if axis_rows == 1 {
        let axis = text::row(area, area.height - 1);
        text::left(axis, "−2 h", scene.theme.dim, buf);
        text::right(axis, scene.words.now, scene.theme.dim, buf);
    }
}

/// One figure of the list.
struct Entry {
    label: String,
    value: Value,
    style: Style,
}

enum Value {
    Count(u64),
    Mean(f64),
}

impl Entry {
    fn draw(&self, scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
        let room = usize::from(area.width.saturating_sub(text::columns(&self.label) + 1));
        let value = match self.value {
            Value::Count(count) => number::count(number::signed(count), room),
            Value::Mean(mean) => number::decimal(mean),
        };
        Span::styled(self.label.as_str(), scene.theme.dim).render(area, buf);
        text::right(area, &value, self.style, buf);
    }
}

fn lines(scene: &Scene<'_>) -> [Entry; 6] {
    let handled = &scene.shop.figures.handled;
    let strong = scene.theme.strong;
    let count =
        |label: &str, count| Entry { label: label.to_owned(), value: Value::Count(count), style: strong };
    [
        count("5 min", handled.last_5_min),
        count("30 min", handled.last_30_min),
        count("1 h", handled.last_1_h),
        count("2 h", handled.last_2_h),
        Entry {
            label: format!("{} {}", scene.marks.level, scene.words.mean),
            value: Value::Mean(handled.mean_per_5_min()),
            style: strong,
        },
        count(scene.words.pending, scene.shop.figures.pending),
    ]
}

/// All figures where there is no room for the chart.
fn in_two_columns(scene: &Scene<'_>, body: Rect, lines: &[Entry; 6], buf: &mut Buffer) {
    let half = body.width.saturating_sub(2) / 2;
    let rows = usize::from(body.height.max(1)).max(lines.len().div_ceil(2));
    for (index, line) in lines.iter().enumerate() {
        let column = if index < rows { body } else { text::right_of(body, half + 2) };
        let row = u16::try_from(index % rows).unwrap_or(u16::MAX);
        line.draw(scene, Rect { width: half, ..text::row(column, row) }, buf);
    }
}
