//! Values over wall time, a point a second, as bars: in one row beside a figure, or as a chart of its own.

use ratatui::{buffer::Buffer, layout::Rect, style::Style, text::Line};

use super::{
    Scene,
    chart::{Bar, Chart, fine_columns, round_top},
    text,
};

/// A chart whose bars need an axis below has at least as many rows.
const AXIS_FROM: u16 = 4;

/// The last seconds of a history.
pub(super) struct Series {
    /// Oldest first, at most `seconds`.
    points: Vec<f64>,
    /// How long the whole width is.
    seconds: usize,
    /// What fills the height at the least, so that what is next to nothing looks like it.
    at_least: f64,
}

impl Series {
    /// The last `seconds` of points, the newest last.
    pub(super) fn last(points: impl DoubleEndedIterator<Item = f64>, seconds: usize) -> Self {
        let mut points: Vec<f64> = points.rev().take(seconds).collect();
        points.reverse();
        Self { points, seconds, at_least: 0.0 }
    }

    /// The same on a scale that goes to `value` or above.
    pub(super) fn up_to(self, value: f64) -> Self {
        Self { at_least: value, ..self }
    }

    /// The highest point.
    pub(super) fn highest(&self) -> f64 {
        self.points.iter().copied().filter(|point| point.is_finite()).fold(0.0, f64::max)
    }

    /// The highest point of each column; now is the last one. Before the first point there is nothing.
    fn columns(&self, count: usize) -> Vec<f64> {
        let before = self.seconds - self.points.len();
        let highest = |column: usize| {
            let from = column * self.seconds / count;
            let to = ((column + 1) * self.seconds).div_ceil(count).max(from + 1);
            let shown = from.saturating_sub(before)..to.saturating_sub(before).min(self.points.len());
            self.points.get(shown).unwrap_or_default().iter().copied().fold(0.0, f64::max)
        };
        (0..count).map(highest).collect()
    }

    /// The value at the full height: round, and above all points.
    pub(super) fn top(&self) -> f64 {
        round_top(self.highest().max(self.at_least))
    }

    /// Draws the points over the whole area.
    pub(super) fn draw(&self, scene: &Scene<'_>, area: Rect, style: Style, buf: &mut Buffer) {
        let fine = fine_columns(scene.marks, area.width);
        let bars: Vec<Bar> = self.columns(fine).into_iter().map(|value| Bar { value, style }).collect();
        Chart { bars: &bars, wide: 1, gap: 0, top: self.top(), level: None, ground: fine }
            .draw(scene, area, buf);
    }

    /// Draws the points with a title above and the time below.
    pub(super) fn chart(
        &self,
        scene: &Scene<'_>,
        area: Rect,
        title: &str,
        note: &Line<'_>,
        style: Style,
        buf: &mut Buffer,
    ) {
        let body = text::title(scene, area, title, note, buf);
        let axis_rows = u16::from(body.height >= AXIS_FROM);
        self.draw(scene, Rect { height: body.height - axis_rows, ..body }, style, buf);
        if axis_rows == 1 {
            let axis = text::row(body, body.height - 1);
            text::left(axis, &format!("−{} min", self.seconds / 60), scene.theme.dim, buf);
            text::right(axis, scene.words.now, scene.theme.dim, buf);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_short_history_stands_at_the_right() {
        let series = Series::last([1.0, 2.0].into_iter(), 4);
        assert_eq!(series.columns(4), [0.0, 0.0, 1.0, 2.0]);
        assert_eq!(series.columns(2), [0.0, 2.0]);
        assert_eq!(series.columns(8), [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 2.0, 2.0]);
    }

    proptest! {
        #[test]
        fn no_peak_is_lost(points in prop::collection::vec(0.0_f64..1e6, 0..1000), seconds in 1_usize..1000, count in 1_usize..300) {
            let series = Series::last(points.iter().copied(), seconds);
            let highest = points.iter().rev().take(seconds).copied().fold(0.0, f64::max);
            let columns = series.columns(count);
            prop_assert_eq!(columns.len(), count);
            prop_assert!((columns.into_iter().fold(0.0, f64::max) - highest).abs() < 1e-9);
        }
    }
}
