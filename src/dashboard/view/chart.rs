//! Bar charts in cells, at the resolution of the marks.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use super::{Scene, text};
use crate::dashboard::marks::{Grain, Marks};

/// Columns of the scale at the left of a chart, with the blank after it: the same for every scale, so that bars do not
/// move when it changes.
const SCALE: u16 = 5;

/// A narrower chart has no scale.
const SCALE_FROM: u16 = 20;

/// The least rows of a chart that has a time axis.
const TIME_FROM: u16 = 3;

/// The layout of a chart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    /// The labels of the scale, beside the bars; empty without a scale.
    scale: Rect,
    /// The bars.
    pub(super) bars: Rect,
    /// The time axis below the bars; empty if there is no room.
    pub(super) below: Rect,
}

impl Frame {
    /// The parts of a chart in an area.
    pub(super) fn of(area: Rect) -> Self {
        let rows = area.height - u16::from(area.height >= TIME_FROM);
        let scale = if area.width >= SCALE_FROM { SCALE } else { 0 };
        let (above, below) = (Rect { height: rows, ..area }, text::below(area, rows));
        Self {
            scale: Rect { width: scale, ..above },
            bars: text::right_of(above, scale),
            below: text::right_of(below, scale),
        }
    }

    /// Only bars.
    pub(super) fn bare(bars: Rect) -> Self {
        Self { scale: Rect::ZERO, bars, below: Rect::ZERO }
    }
}

/// One bar: its height and style.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bar {
    pub(super) value: f64,
    pub(super) style: Style,
    /// The projected value of the bar, if known.
    pub(super) expected: Option<(f64, Style)>,
}

/// Adjacent bars on a common scale.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Chart<'a> {
    /// From left to right.
    pub(super) bars: &'a [Bar],
    /// The number of bars that fill the width.
    pub(super) places: usize,
    /// The value of a full-height bar.
    pub(super) top: f64,
    /// The value of a horizontal line across the bars.
    pub(super) level: Option<f64>,
    /// The values of a line graph behind the bars, one per place.
    pub(super) behind: &'a [f64],
}

/// The most bars that fit into `width` cells.
pub(super) fn fine_columns(marks: &Marks, width: u16) -> usize {
    usize::from(width) * columns_a_cell(marks)
}

/// The most bars that fit into a cell.
fn columns_a_cell(marks: &Marks) -> usize {
    match marks.grain {
        Grain::Braille => 2,
        Grain::Columns(_) => 1,
    }
}

/// The first column of a place, if `columns` are shared among `places`.
pub(super) fn column_of(place: usize, places: usize, columns: usize) -> usize {
    (place * columns).div_ceil(places.max(1))
}

/// A round value somewhat above `value`, with a round half: the scale seldom changes, and bars keep clear of what is above them.
pub(in crate::dashboard) fn round_top(value: f64) -> f64 {
    let value = value * 1.1;
    if !value.is_finite() || value <= 4.0 {
        return 4.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 1.2, 1.6, 2.0, 2.4, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0]
        .map(|step| step * power)
        .into_iter()
        .find(|top| *top >= value)
        .unwrap_or(value)
}

/// The content of a column of the finest grain, in steps of height.
#[derive(Debug, Clone, Copy, Default)]
struct Column {
    bar: Option<(usize, Style)>,
    expected: Option<(usize, Style)>,
    behind: usize,
}

impl Chart<'_> {
    /// Draws the bars over the whole width, with the scale beside them: its maximum and half, with a grid line each.
    pub(super) fn draw(&self, scene: &Scene<'_>, frame: &Frame, buf: &mut Buffer) {
        let area = frame.bars;
        let fine = fine_columns(scene.marks, area.width);
        if area.is_empty() || self.places == 0 || fine < self.places {
            return;
        }
        let steps = match scene.marks.grain {
            Grain::Braille => 4,
            Grain::Columns(heights) => heights.len(),
        };
        let full = steps * usize::from(area.height);
        let row_of = |height: usize| {
            let above = full.saturating_sub(height.max(1)) / steps;
            u16::try_from(above).unwrap_or(u16::MAX)
        };
        let level = self.level.map(|value| self.height(value, full)).filter(|height| *height > 0).map(row_of);
        let half = row_of(full.div_ceil(2));
        let grid = if frame.scale.is_empty() { 0..0 } else { 0..area.height };
        let is_grid = |row: u16| grid.contains(&row) && (row == 0 || row == half);
        self.draw_scale(scene, frame.scale, half, buf);

        let a_cell = columns_a_cell(scene.marks);
        let last = column_of(self.bars.len(), self.places, fine);
        for x in 0..area.width {
            let first = usize::from(x) * a_cell;
            let columns = [0, 1].map(|beside| {
                if beside < a_cell {
                    self.column(scene, first + beside, fine, full)
                } else {
                    Column::default()
                }
            });
            let [left, right] = columns;
            for y in 0..area.height {
                // Steps below this cell.
                let floor = steps * usize::from(area.height - 1 - y);
                let within = |height: usize| height.saturating_sub(floor).min(steps);
                let heights = columns.map(|column| within(column.bar.map_or(0, |(height, _)| height)));
                let expected = columns.map(|column| within(column.expected.map_or(0, |(height, _)| height)));
                let crossed = level == Some(y) && first < last;
                let is_full = heights[..a_cell].iter().all(|height| *height == steps);
                let bar = filled(scene.marks, heights).zip(left.bar.or(right.bar));
                let to_come = filled(scene.marks, expected).zip(left.expected.or(right.expected));
                let (sign, style) = match (bar, to_come) {
                    (Some((sign, (_, style))), _) if crossed => Self::crossing(scene, sign, style, is_full),
                    (Some((sign, (_, style))), Some((_, (_, beyond))))
                        if a_cell == 1 && expected[0] == steps =>
                    {
                        // A cell in which the bar ends is filled by the projection, too.
                        (sign, if is_full { style } else { Style { bg: beyond.fg, ..style } })
                    }
                    (Some((sign, (_, style))), _) | (None, Some((sign, (_, style)))) => (sign, style),
                    _ if crossed => (scene.marks.level, scene.theme.level),
                    _ => match line(scene.marks, columns.map(|column| column.behind), floor, steps) {
                        Some(sign) => (sign, scene.theme.dim),
                        None if floor == 0 => (scene.marks.ground, scene.theme.faint),
                        None if is_grid(y) => (scene.marks.grid, scene.theme.faint),
                        None => continue,
                    },
                };
                if let Some(cell) = buf.cell_mut((area.x + x, area.y + y)) {
                    cell.set_char(sign).set_style(style);
                }
            }
        }
    }

    /// The scale's maximum and half, each beside its grid line.
    fn draw_scale(&self, scene: &Scene<'_>, area: Rect, half: u16, buf: &mut Buffer) {
        let labels = Rect { width: area.width.saturating_sub(1), ..area };
        let half = (half, self.top / 2.0);
        for (row, value) in [(0, self.top)].into_iter().chain((half.0 > 0).then_some(half)) {
            let label = scene.numbers.on_scale(value, labels.width.into());
            text::right(text::row(labels, row), &label, scene.theme.dim, buf);
        }
    }

    /// The content of a column. Bars have equal widths if that leaves a blank between them; otherwise they fill their places.
    fn column(&self, scene: &Scene<'_>, index: usize, fine: usize, full: usize) -> Column {
        let place = index * self.places / fine;
        let behind = self.behind.get(place).map_or(0, |value| self.height(*value, full));
        let a_cell = columns_a_cell(scene.marks);
        let within = index - column_of(place, self.places, fine);
        let is_bar = match fine / self.places {
            1 => true,
            few @ (2 | 3) => within < few - 1,
            many => within < many - a_cell,
        };
        let Some(bar) = self.bars.get(place).filter(|_| is_bar) else {
            return Column { behind, ..Column::default() };
        };
        Column {
            bar: Some((self.height(bar.value, full), bar.style)),
            expected: bar.expected.map(|(value, style)| (self.height(value, full), style)),
            behind,
        }
    }

    /// How the level line looks where it crosses a bar.
    fn crossing(scene: &Scene<'_>, sign: char, style: Style, full: bool) -> (char, Style) {
        match scene.marks.grain {
            // A braille cell can leave out one row of dots, but has only one colour.
            Grain::Braille => (sign, scene.theme.level),
            Grain::Columns(_) if !full => (sign, style),
            Grain::Columns(_) if scene.marks.ascii => (scene.marks.level, scene.theme.level),
            Grain::Columns(_) => (scene.marks.level, style.add_modifier(Modifier::REVERSED)),
        }
    }

    /// A value in steps of the grain; anything above zero has at least one.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the height of the chart"
    )]
    fn height(&self, value: f64, full: usize) -> usize {
        if !(value > 0.0 && self.top > 0.0) {
            return 0;
        }
        let steps = (value / self.top * full as f64).round().clamp(1.0, full as f64);
        steps as usize
    }
}

/// The cell for bars of these heights.
fn filled(marks: &Marks, heights: [usize; 2]) -> Option<char> {
    match marks.grain {
        Grain::Braille => braille(heights),
        Grain::Columns(pictures) => {
            heights[0].checked_sub(1).and_then(|height| pictures.get(height).copied())
        }
    }
}

/// The character of a line graph at these heights, if it crosses this cell, which starts at `floor`.
fn line(marks: &Marks, heights: [usize; 2], floor: usize, steps: usize) -> Option<char> {
    // Dots 7 3 2 1 and 8 6 5 4 of the Unicode block U+2800.
    const DOTS: [[u32; 4]; 2] = [[0x40, 0x04, 0x02, 0x01], [0x80, 0x20, 0x10, 0x08]];
    let steps_here = heights.map(|height| height.checked_sub(floor + 1).filter(|step| *step < steps));
    match marks.grain {
        Grain::Braille => {
            let dots = steps_here.iter().zip(DOTS);
            let lit =
                dots.filter_map(|(step, dots)| dots.get((*step)?).copied()).fold(0, |all, dot| all | dot);
            (lit > 0).then(|| char::from_u32(0x2800 + lit)).flatten()
        }
        Grain::Columns(_) => steps_here[0].and_then(|step| marks.line.get(step * 3 / steps).copied()),
    }
}

/// Two bars of 0 to 4 dots as a braille sign (Unicode block U+2800, dots 7 3 2 1 and 8 6 5 4 upwards).
fn braille([left, right]: [usize; 2]) -> Option<char> {
    const LEFT: [u32; 5] = [0, 0x40, 0x44, 0x46, 0x47];
    const RIGHT: [u32; 5] = [0, 0x80, 0xa0, 0xb0, 0xb8];
    let dots = LEFT.get(left)? | RIGHT.get(right)?;
    (dots > 0).then(|| char::from_u32(0x2800 + dots)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_round_and_change_seldom() {
        assert!((round_top(0.0) - 4.0).abs() < f64::EPSILON);
        assert!((round_top(41.0) - 50.0).abs() < 1e-9);
        assert!((round_top(99.0) - 120.0).abs() < 1e-9);
        for value in 1..20_000 {
            let top = round_top(f64::from(value));
            assert!(top >= f64::from(value) && top <= f64::from(value).max(3.0) * 1.5, "{value}: {top}");
        }
        assert!(round_top(f64::MAX) >= 1.0);
        assert!(round_top(f64::NAN) >= 1.0);
    }

    #[test]
    fn braille_fills_upwards() {
        assert_eq!(braille([0, 0]), None);
        assert_eq!(braille([1, 1]), Some('⣀'));
        assert_eq!(braille([4, 0]), Some('⡇'));
        assert_eq!(braille([4, 4]), Some('⣿'));
    }
}
