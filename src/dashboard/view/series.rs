//! Values over wall time, one point per second, as bars: in one row beside a figure, or as a chart.

use ratatui::{buffer::Buffer, layout::Rect, style::Style, text::Line};

use super::{
    Scene,
    chart::{Bar, Chart, Frame, fine_columns, round_top},
    number, text,
};

/// The percentile of the non-zero points that counts as usual.
const USUAL: usize = 95;
/// A point of so many times the usual is a burst: on a scale up to it, all others would look flat.
const BURST: f64 = 3.0;
/// How far the scale extends beyond the usual if it cuts a burst.
const ROOM: f64 = 1.5;

/// The heading of a chart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Title<'a> {
    /// The owner of the points.
    pub(super) name: &'a str,
    /// The quantity.
    pub(super) what: &'a str,
    /// The unit of the scale; empty if it is stated elsewhere.
    pub(super) unit: &'a str,
}

/// The last seconds of a history.
pub(super) struct Series {
    /// Oldest first, at most `seconds`.
    points: Vec<f64>,
    /// The seconds of the whole width.
    seconds: usize,
    /// The least maximum of the scale, so that small values look small.
    at_least: f64,
}

impl Series {
    /// The last `seconds` of points, the newest last.
    pub(super) fn last(points: impl DoubleEndedIterator<Item = f64>, seconds: usize) -> Self {
        let mut points: Vec<f64> = points.rev().take(seconds).collect();
        points.reverse();
        Self { points, seconds, at_least: 0.0 }
    }

    /// The same on a scale up to at least `value`.
    pub(super) fn up_to(self, value: f64) -> Self {
        Self { at_least: value, ..self }
    }

    fn highest(&self) -> f64 {
        self.points.iter().copied().filter(|point| point.is_finite()).fold(0.0, f64::max)
    }

    /// The 95th percentile of the non-zero points.
    fn usual(&self) -> f64 {
        let mut some: Vec<f64> =
            self.points.iter().copied().filter(|point| point.is_finite() && *point > 0.0).collect();
        some.sort_unstable_by(f64::total_cmp);
        let place = (some.len() * USUAL).div_ceil(100).saturating_sub(1);
        some.get(place).copied().unwrap_or(0.0)
    }

    /// The value that the scale must cover: the highest point, or if that is a burst, somewhat more than the usual.
    pub(super) fn held(&self) -> f64 {
        let (usual, highest) = (self.usual(), self.highest());
        if highest > BURST * usual.max(self.at_least) {
            (ROOM * usual).max(self.at_least)
        } else {
            highest.max(self.at_least)
        }
    }

    /// The highest point, if it is above the scale: its bar is cut at full height.
    fn cut(&self) -> Option<f64> {
        Some(self.highest()).filter(|highest| *highest > self.top())
    }

    /// The highest point of each column, up to now; zero before the first point.
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

    /// The value at full height: round, and above all points except a burst's.
    fn top(&self) -> f64 {
        round_top(self.held())
    }

    /// `▲ 6 900  records`: the height of a cut burst, and the unit.
    fn note(&self, scene: &Scene<'_>, unit: &str, width: usize) -> String {
        let cut = self.cut().map(|highest| {
            format!("{} {}", scene.marks.above, scene.numbers.count(number::whole(highest), width))
        });
        let unit = Some(unit.to_owned()).filter(|unit| !unit.is_empty());
        cut.into_iter().chain(unit).collect::<Vec<_>>().join("  ")
    }

    /// Draws the points over the whole area, without a scale.
    pub(super) fn draw(&self, scene: &Scene<'_>, area: Rect, style: Style, buf: &mut Buffer) {
        self.draw_in(scene, &Frame::bare(area), style, buf);
    }

    fn draw_in(&self, scene: &Scene<'_>, frame: &Frame, style: Style, buf: &mut Buffer) {
        let places = fine_columns(scene.marks, frame.bars.width);
        let bar = |value| Bar { value, style, expected: None };
        let bars: Vec<Bar> = self.columns(places).into_iter().map(bar).collect();
        Chart { bars: &bars, places, top: self.top(), ..Chart::default() }.draw(scene, frame, buf);
    }

    /// Draws the points with a title above, the scale beside and the time below. If the title is too long, the name is
    /// dropped first, then the unit; a cut is always noted.
    pub(super) fn chart(
        &self,
        scene: &Scene<'_>,
        area: Rect,
        title: Title<'_>,
        style: Style,
        buf: &mut Buffer,
    ) {
        let whole = format!("{} {}", title.name, title.what);
        let titles = [whole.trim_start(), title.what];
        let notes =
            [(title.unit, 9), (title.unit, 4), ("", 4)].map(|(unit, width)| self.note(scene, unit, width));
        let pairs = titles.iter().flat_map(|title| notes.iter().map(move |note| (*title, note)));
        let fits = |(title, note): &(&str, &String)| {
            text::columns(title).saturating_add(text::columns(note)).saturating_add(4) <= area.width
        };
        let (title, note) = pairs.clone().find(fits).or(pairs.last()).unwrap_or((title.what, &notes[0]));
        let note = Line::styled(note.as_str(), scene.theme.dim);
        let frame = Frame::of(text::title(scene, area, title, &note, buf));
        self.draw_in(scene, &frame, style, buf);
        let length = match self.seconds {
            seconds @ ..120 => format!("−{seconds} s"),
            seconds => format!("−{} min", seconds / 60),
        };
        text::left(frame.below, &length, scene.theme.dim, buf);
        text::right(frame.below, scene.words.now, scene.theme.dim, buf);
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
        #![proptest_config(crate::testing::cases(256))]

        #[test]
        fn no_peak_is_lost(points in prop::collection::vec(0.0_f64..1e6, 0..1000), seconds in 1_usize..1000, count in 1_usize..300) {
            let series = Series::last(points.iter().copied(), seconds);
            let highest = points.iter().rev().take(seconds).copied().fold(0.0, f64::max);
            let columns = series.columns(count);
            prop_assert_eq!(columns.len(), count);
            prop_assert!((columns.into_iter().fold(0.0, f64::max) - highest).abs() < 1e-9);
        }

        #[test]
        fn what_is_above_the_scale_is_a_burst_and_is_always_said(
            points in prop::collection::vec(prop_oneof![8 => 0.0_f64..50.0, 1 => 0.0_f64..1e6], 0..300), at_least in 0.0_f64..1e4,
        ) {
            let series = Series::last(points.iter().copied(), 900).up_to(at_least);
            let over: Vec<f64> = series.points.iter().copied().filter(|point| *point > series.top()).collect();
            let highest = over.iter().copied().reduce(f64::max);
            prop_assert_eq!(series.cut(), highest);
            let some = series.points.iter().filter(|point| **point > 0.0).count();
            prop_assert!(over.len() * 20 <= some, "{} of {} are cut", over.len(), some);
            prop_assert!(series.top() >= at_least);
        }

        #[test]
        fn a_burst_never_flattens_a_steady_series(
            steady in 5.0_f64..1e5, noise in prop::collection::vec(1.0_f64..2.0, 60..300), burst in 1.0_f64..1e9, length in 1_usize..4, at: prop::sample::Index,
        ) {
            let mut points: Vec<f64> = noise.iter().map(|noise| noise * steady).collect();
            let at = at.index(points.len() - length);
            points[at..at + length].fill(steady * 2.0 + burst);
            let series = Series::last(points.iter().copied(), 900);
            // Steady values keep at least a ninth of the height.
            prop_assert!(series.top() <= 2.0 * steady * BURST * 1.5, "0–{} for {} and more", series.top(), steady);
        }
    }
}
