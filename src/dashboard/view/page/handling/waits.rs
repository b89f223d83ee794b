//! How long orders waited from sale to handling, shop time.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
    widgets::Widget,
};

use crate::dashboard::view::{
    Scene,
    chart::{Bar, Chart, columns_a_cell, round_top, spread},
    text,
};

/// Steps of the scale, in seconds: those that people count time in.
const STEPS: [i64; 18] =
    [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 43_200, 86_400, 604_800];

/// At most so many bars.
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

/// How many waited how long, in equal steps from no time to the longest of 99 in 100.
fn draw_distribution(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let waits = &scene.shop.figures.handled.waits;
    let longest = waits.quantile(0.99).unwrap_or(0).max(1);
    let bars = BARS.min(usize::from(area.width / 2)).max(1);
    let Ok(most) = i64::try_from(bars) else { return };
    // Waits are whole steps of handling, so bars of another width would come in combs.
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
    let Some((wide, gap)) = spread(scene.marks, area.width, heights.len()) else { return };
    let top = round_top(heights.iter().copied().fold(0.0, f64::max));
    let drawn: Vec<Bar> = heights.iter().map(|&value| Bar { value, style: scene.theme.handled }).collect();
    let axis_rows = u16::from(area.height >= 3);
    let ground = (wide + gap) * drawn.len();
    Chart { bars: &drawn, wide, gap, top, level: None, ground }.draw(
        scene,
        Rect { height: area.height - axis_rows, ..area },
        buf,
    );
    if axis_rows == 1 {
        let axis = text::row(area, area.height - 1);
        let width = u16::try_from(ground / columns_a_cell(scene.marks)).unwrap_or(area.width);
        let axis = Rect { width: width.min(axis.width), ..axis };
        text::left(axis, "0 s", scene.theme.dim, buf);
        let end = i64::try_from(drawn.len()).unwrap_or(0).saturating_mul(step);
        text::right(axis, &scene.numbers.duration(end), scene.theme.dim, buf);
    }
}

/// The greatest common divisor (Euclid).
fn gcd(one: i64, other: i64) -> i64 {
    if other == 0 { one } else { gcd(other, one % other) }
}
