//! Bar charts as inline SVG; each bar tells its figure when it is pointed at.

use std::fmt::Write;

use crate::dashboard::view::round_top;

/// Units of the picture; it is scaled to the width of its column.
const WIDTH: f64 = 960.0;
const BARS: f64 = 180.0;
const AXIS: f64 = 22.0;

/// One bar.
pub(super) struct Bar {
    /// Its height; below zero is nothing.
    pub(super) value: f64,
    /// What it says when it is pointed at; free of markup.
    pub(super) says: String,
}

/// A chart over time.
pub(super) struct Chart<'a> {
    /// Its class, which says its colour.
    pub(super) class: &'a str,
    /// What it shows, for those who cannot see it.
    pub(super) about: &'a str,
    pub(super) bars: &'a [Bar],
    /// Bars that there is room for, at least as many as there are.
    pub(super) room: usize,
    /// Words below the bars: the number of the bar at whose left edge they stand.
    pub(super) marks: &'a [(usize, String)],
    /// A dashed line across.
    pub(super) mean: Option<f64>,
}

impl Chart<'_> {
    /// The value of a bar of full height.
    pub(super) fn top(&self) -> f64 {
        round_top(self.bars.iter().map(|bar| bar.value).fold(0.0, f64::max))
    }

    /// The chart as an element of a page.
    pub(super) fn svg(&self) -> String {
        let top = self.top();
        let step = WIDTH / self.room.max(self.bars.len()).max(1) as f64;
        let gap = if step > 8.0 { 2.0 } else { step * 0.15 };
        let height = BARS + AXIS;
        let mut svg = format!(
            "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">\n",
            super::escape(self.about)
        );
        for (index, bar) in self.bars.iter().enumerate() {
            let high = (bar.value / top * BARS).clamp(0.0, BARS);
            if high > 0.0 {
                let (x, y, wide) = (index as f64 * step, BARS - high, step - gap);
                let _ = writeln!(
                    svg,
                    "<rect class=\"{}\" x=\"{x:.2}\" y=\"{y:.2}\" width=\"{wide:.2}\" height=\"{high:.2}\"><title>{}</title></rect>",
                    self.class,
                    super::escape(&bar.says)
                );
            }
        }
        let _ = writeln!(svg, "<line class=\"ground\" x1=\"0\" x2=\"{WIDTH}\" y1=\"{BARS}\" y2=\"{BARS}\"/>");
        if let Some(mean) = self.mean {
            let y = BARS - (mean / top * BARS).clamp(0.0, BARS);
            let _ =
                writeln!(svg, "<line class=\"mean\" x1=\"0\" x2=\"{WIDTH}\" y1=\"{y:.2}\" y2=\"{y:.2}\"/>");
        }
        for (bar, text) in self.marks {
            let (x, y) = (*bar as f64 * step, height - 5.0);
            let end = if x > WIDTH - 30.0 { " text-anchor=\"end\"" } else { "" };
            let _ = writeln!(svg, "<text x=\"{x:.2}\" y=\"{y}\"{end}>{}</text>", super::escape(text));
        }
        svg.push_str("</svg>\n");
        svg
    }
}
