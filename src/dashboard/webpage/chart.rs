//! Bar charts as inline SVG; each bar has its figure as a tooltip. The SVG is stretched to its column, and labels are
//! HTML below it, so that they stay readable on a phone.

use std::fmt::Write;

use crate::dashboard::view::round_top;

/// The size in SVG units; it is stretched to the width of its column.
const WIDTH: f64 = 960.0;
const BARS: f64 = 180.0;

pub(super) struct Bar {
    /// Its height; negative counts as 0.
    pub(super) value: f64,
    /// Its tooltip; plain text.
    pub(super) says: String,
}

/// A chart over time.
pub(super) struct Chart<'a> {
    /// Its CSS class, for the colour.
    pub(super) class: &'a str,
    /// Its accessible label.
    pub(super) about: &'a str,
    pub(super) bars: &'a [Bar],
    /// The number of bars that fit, at least that of `bars`.
    pub(super) room: usize,
    /// Labels below the bars, each with the index of the bar that it is aligned with.
    pub(super) marks: &'a [(usize, String)],
    /// A dashed line's value.
    pub(super) mean: Option<f64>,
}

impl Chart<'_> {
    /// The value of a full-height bar.
    pub(super) fn top(&self) -> f64 {
        round_top(self.bars.iter().map(|bar| bar.value).fold(0.0, f64::max))
    }

    /// The chart as an HTML element.
    pub(super) fn html(&self) -> String {
        let top = self.top();
        let step = WIDTH / self.room.max(self.bars.len()).max(1) as f64;
        let gap = if step > 8.0 { 2.0 } else { step * 0.15 };
        let mut svg = format!(
            "<figure>\n<svg viewBox=\"0 0 {WIDTH} {BARS}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">\n",
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
        // A phone has room for every other label only.
        let class = if self.marks.len() > 5 { "axis many" } else { "axis" };
        let _ = writeln!(svg, "</svg>\n<div class=\"{class}\">");
        for (bar, text) in self.marks {
            let share = *bar as f64 * step / WIDTH * 100.0;
            // The last label is right-aligned.
            let place = if share > 97.0 { "right:0".to_owned() } else { format!("left:{share:.2}%") };
            let _ = writeln!(svg, "<span style=\"{place}\">{}</span>", super::escape(text));
        }
        svg.push_str("</div>\n</figure>\n");
        svg
    }
}
