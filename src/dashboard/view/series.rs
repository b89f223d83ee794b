//! Values over wall time, a point a second, as bars: in one row beside a figure, or as a chart of its own.

use ratatui::{buffer::Buffer, layout::Rect, style::Style, text::Line};

use super::{
    Scene,
    chart::{Bar, Chart, fine_columns, round_top},
    number, text,
};

/// A chart whose bars need an axis below has at least as many rows.
const AXIS_FROM: u16 = 4;

/// Of so many points in a hundred that are more than nothing, none is above what is usual.
const USUAL: usize = 95;
/// What is so many times the usual is a burst: on a scale that held it, all else would lie flat.
const BURST: f64 = 3.0;
/// How far a scale that is not for a burst goes beyond the usual.
const ROOM: f64 = 1.5;

/// What stands above a chart, beside its scale.
#[derive(Debug, Clone, Copy)]
pub(super) struct Title<'a> {
    /// Whose points they are.
    pub(super) name: &'a str,
    /// What they are.
    pub(super) what: &'a str,
    /// What the figures of the scale are counted in, right after them.
    pub(super) unit: &'a str,
}

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
    fn highest(&self) -> f64 {
        self.points.iter().copied().filter(|point| point.is_finite()).fold(0.0, f64::max)
    }

    /// What 95 of a hundred points that are more than nothing do not exceed.
    fn usual(&self) -> f64 {
        let mut some: Vec<f64> =
            self.points.iter().copied().filter(|point| point.is_finite() && *point > 0.0).collect();
        some.sort_unstable_by(f64::total_cmp);
        let place = (some.len() * USUAL).div_ceil(100).saturating_sub(1);
        some.get(place).copied().unwrap_or(0.0)
    }

    /// What the scale must hold: the highest point, or where that is a burst, somewhat more than the usual.
    pub(super) fn held(&self) -> f64 {
        let (usual, highest) = (self.usual(), self.highest());
        if highest > BURST * usual.max(self.at_least) {
            (ROOM * usual).max(self.at_least)
        } else {
            highest.max(self.at_least)
        }
    }

    /// The highest point, where it is above the scale: its bar is cut at full height.
    fn cut(&self) -> Option<f64> {
        Some(self.highest()).filter(|highest| *highest > self.top())
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

    /// The value at the full height: round, and above all points but those of a burst.
    fn top(&self) -> f64 {
        round_top(self.held())
    }

    /// `0–15/s  ▲ 6 900`: the scale, and how high a burst goes that is cut; figures of at most `width` columns.
    fn note(&self, scene: &Scene<'_>, unit: &str, width: usize) -> String {
        let figure = |value: f64| scene.numbers.count(number::whole(value), width);
        let scale = format!("0{}{}{unit}", scene.marks.to, figure(self.top()));
        match self.cut() {
            Some(highest) => format!("{scale}  {} {}", scene.marks.above, figure(highest)),
            None => scale,
        }
    }

    /// Draws the points over the whole area.
    pub(super) fn draw(&self, scene: &Scene<'_>, area: Rect, style: Style, buf: &mut Buffer) {
        let fine = fine_columns(scene.marks, area.width);
        let bars: Vec<Bar> = self.columns(fine).into_iter().map(|value| Bar { value, style }).collect();
        Chart { bars: &bars, wide: 1, gap: 0, top: self.top(), level: None, ground: fine }
            .draw(scene, area, buf);
    }

    /// Draws the points with a title and the scale above and the time below. Where not all of it has room, the name
    /// before the title goes, and then the unit: that a bar is cut is always said.
    pub(super) fn chart(
        &self,
        scene: &Scene<'_>,
        area: Rect,
        title: Title<'_>,
        style: Style,
        buf: &mut Buffer,
    ) {
        let whole = format!("{} {}", title.name, title.what);
        let titles = [whole.as_str(), title.what];
        let notes =
            [(title.unit, 9), (title.unit, 4), ("", 4)].map(|(unit, width)| self.note(scene, unit, width));
        let pairs = titles.iter().flat_map(|title| notes.iter().map(move |note| (*title, note)));
        let fits = |(title, note): &(&str, &String)| {
            text::columns(title).saturating_add(text::columns(note)).saturating_add(4) <= area.width
        };
        let (title, note) = pairs.clone().find(fits).or(pairs.last()).unwrap_or((whole.as_str(), &notes[0]));
        let note = Line::styled(note.as_str(), scene.theme.dim);
        let body = text::title(scene, area, title, &note, buf);
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

        #[test]
        fn what_is_above_the_scale_is_a_burst_and_is_always_said(
            points in prop::collection::vec(prop_oneof![8 => 0.0_f64..50.0, 1 => 0.0_f64..1e6], 0..1000), at_least in 0.0_f64..1e4,
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
            steady in 5.0_f64..1e5, noise in prop::collection::vec(1.0_f64..2.0, 60..900), burst in 1.0_f64..1e9, length in 1_usize..4, at: prop::sample::Index,
        ) {
            let mut points: Vec<f64> = noise.iter().map(|noise| noise * steady).collect();
            let at = at.index(points.len() - length);
            points[at..at + length].fill(steady * 2.0 + burst);
            let series = Series::last(points.iter().copied(), 900);
            // A ninth of the height at the least is left to what goes on all the time.
            prop_assert!(series.top() <= 2.0 * steady * BURST * 1.5, "0–{} for {} and more", series.top(), steady);
        }
    }
}
