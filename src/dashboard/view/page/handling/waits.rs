//! The waits of orders from sale to handling, shop time.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
    widgets::Widget,
};

use crate::dashboard::view::{
    Scene,
    chart::{Bar, Chart, Frame, round_top},
    text,
};

/// Candidate bar widths, in seconds: customary units of time.
const STEPS: [i64; 18] =
    [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 43_200, 86_400, 604_800];

/// The most bars.
const BARS: usize = 24;

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let (words, theme) = (&scene.words.pages, scene.theme);
    let waits = &scene.shop.figures.handled.waits;
    let body = text::title(scene, area, words.sale_to_handling, &Line::styled("2 h", theme.dim), buf);
    let (Some(half), Some(most)) = (waits.quantile(0.5), waits.quantile(0.95)) else {
        text::left(text::row(body, 0), words.nothing_handled, theme.dim, buf);
        return;
    };
    let shares = [(words.half_within, half), (words.most_within, most)];
    let rows = u16::try_from(shares.len()).unwrap_or(0);
    for ((word, seconds), row) in shares.into_iter().zip(body.rows()) {
        Span::styled(word, theme.dim).render(row, buf);
        text::right(row, &scene.numbers.duration(seconds), theme.strong, buf);
    }
    let airy = u16::from(body.height >= 10);
    draw_distribution(scene, text::below(body, rows + airy), buf);
}

/// Draws the distribution of waits, in equal steps from 0 to the 99th percentile.
fn draw_distribution(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let waits = &scene.shop.figures.handled.waits;
    let longest = waits.quantile(0.99).unwrap_or(0).max(1);
    let bars = BARS.min(usize::from(Frame::of(area).bars.width / 2)).max(1);
    let Ok(most) = i64::try_from(bars) else { return };
    // Waits are multiples of the handling interval; bars of other widths would show a comb pattern.
    let grain = waits.counts().fold(0, |grain, (seconds, _)| gcd(grain, seconds)).max(1);
    let fits = |step: &i64| longest / step < most && step % grain == 0;
    let step = STEPS.into_iter().find(fits).unwrap_or(longest / most + 1);

    let mut heights = vec![0.0; usize::try_from(longest / step).unwrap_or(0).min(bars - 1) + 1];
    for (seconds, orders) in waits.counts() {
        let bar = usize::try_from(seconds / step).ok().and_then(|bar| heights.get_mut(bar));
        if let Some(height) = bar {
            *height += orders as f64;
        }
    }
    let top = round_top(heights.iter().copied().fold(0.0, f64::max));
    let bar = |value| Bar { value, style: scene.theme.handled, expected: None };
    let drawn: Vec<Bar> = heights.into_iter().map(bar).collect();
    let frame = Frame::of(area);
    Chart { bars: &drawn, places: drawn.len(), top, ..Chart::default() }.draw(scene, &frame, buf);
    text::left(frame.below, "0 s", scene.theme.dim, buf);
    let end = i64::try_from(drawn.len()).unwrap_or(0).saturating_mul(step);
    text::right(frame.below, &scene.numbers.duration(end), scene.theme.dim, buf);
}

/// The greatest common divisor (Euclid).
fn gcd(one: i64, other: i64) -> i64 {
    if other == 0 { one } else { gcd(other, one % other) }
}
