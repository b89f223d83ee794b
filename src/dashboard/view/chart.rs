//! Bars in cells, as fine as the marks allow.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use super::Scene;
use crate::dashboard::marks::{Grain, Marks};

/// One bar: how high and in which style.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bar {
    pub(super) value: f64,
    pub(super) style: Style,
}

/// Bars side by side on a common scale.
pub(super) struct Chart<'a> {
    /// From left to right.
    pub(super) bars: &'a [Bar],
    /// Columns of the finest grain to a bar, see [`fine_columns`].
    pub(super) wide: usize,
    /// Blank ones after each bar.
    pub(super) gap: usize,
    /// The value of a bar of full height.
    pub(super) top: f64,
    /// A value to draw a line at.
    pub(super) level: Option<f64>,
    /// Fine columns of a ground line where no bar stands, also after the last bar.
    pub(super) ground: usize,
}

/// How many bars of the finest kind stand side by side in `width` cells.
pub(super) fn fine_columns(marks: &Marks, width: u16) -> usize {
    usize::from(width) * columns_a_cell(marks)
}

/// How many bars of the finest kind a cell has.
pub(super) fn columns_a_cell(marks: &Marks) -> usize {
    match marks.grain {
        Grain::Braille => 2,
        Grain::Columns(_) => 1,
    }
}

/// How wide each of `bars` bars is and the blank after it, in fine columns, to fill `width` cells; `None`
/// where there is no room for all of them.
pub(super) fn spread(marks: &Marks, width: u16, bars: usize) -> Option<(usize, usize)> {
    let a_cell = columns_a_cell(marks);
    match fine_columns(marks, width).checked_div(bars)? {
        0 => None,
        1 => Some((1, 0)),
        few @ (2 | 3) => Some((few - 1, 1)),
        many => Some((many - a_cell, a_cell)),
    }
}

/// A round value somewhat above `value`: a scale changes seldom, and its bars keep off what is above them.
pub(in crate::dashboard) fn round_top(value: f64) -> f64 {
    let value = value * 1.1;
    if !value.is_finite() || value <= 4.0 {
        return 4.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0]
        .map(|step| step * power)
        .into_iter()
        .find(|top| *top >= value)
        .unwrap_or(value)
}

impl Chart<'_> {
    /// Draws the bars from the left edge of the area.
    pub(super) fn draw(&self, scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
        if area.is_empty() {
            return;
        }
        let fine = fine_columns(scene.marks, area.width);
        let steps = match scene.marks.grain {
            Grain::Braille => 4,
            Grain::Columns(heights) => heights.len(),
        };
        let full = steps * usize::from(area.height);
        let period = (self.wide + self.gap).max(1);
        // The bar of a fine column and its height in steps.
        let column = |index: usize| -> Option<(usize, Style)> {
            let bar = self.bars.get(index / period)?;
            (index % period < self.wide && index < fine).then(|| (self.height(bar.value, full), bar.style))
        };
        let level = self.level.map(|value| self.height(value, full));

        let a_cell = columns_a_cell(scene.marks);
        for x in 0..area.width {
            let first = usize::from(x) * a_cell;
            for y in 0..area.height {
                // Steps below this cell.
                let floor = steps * usize::from(area.height - 1 - y);
                let within = |height: usize| height.saturating_sub(floor).min(steps);
                let left = column(first);
                let right = if a_cell == 2 { column(first + 1) } else { None };
                let heights = [left, right].map(|bar| within(bar.map_or(0, |(height, _)| height)));
                let here = match scene.marks.grain {
                    Grain::Braille => braille(heights),
                    Grain::Columns(pictures) => {
                        heights[0].checked_sub(1).and_then(|h| pictures.get(h).copied())
                    }
                };
                let crossed = level.is_some_and(|height| height > 0 && (height - 1) / steps == floor / steps);
                let full = heights == [steps; 2] || (a_cell == 1 && heights[0] == steps);
                let (sign, style) = match (here, left.or(right)) {
                    (Some(sign), Some((_, style))) if crossed => Self::crossing(scene, sign, style, full),
                    (Some(sign), Some((_, style))) => (sign, style),
                    _ if crossed && first < self.bars.len() * period => {
                        (scene.marks.level, scene.theme.level)
                    }
                    _ if floor == 0 && first < self.ground => (scene.marks.ground, scene.theme.faint),
                    _ => continue,
                };
                if let Some(cell) = buf.cell_mut((area.x + x, area.y + y)) {
                    cell.set_char(sign).set_style(style);
                }
            }
        }
    }

    /// How the line at the level is seen through a bar.
    fn crossing(scene: &Scene<'_>, sign: char, style: Style, full: bool) -> (char, Style) {
        match scene.marks.grain {
            // Dots can be lit one row at a time, but a cell has one colour only.
            Grain::Braille => (sign, scene.theme.level),
            Grain::Columns(_) if !full => (sign, style),
            Grain::Columns(_) if scene.marks.ascii => (scene.marks.level, scene.theme.level),
            Grain::Columns(_) => (scene.marks.level, style.add_modifier(Modifier::REVERSED)),
        }
    }

    /// A value as steps of the grain; what is more than nothing shows.
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
