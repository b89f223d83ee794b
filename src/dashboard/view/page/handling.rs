//! The handling page: the windows, two hours in intervals, and the waits.

mod waits;

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Widget,
};

use crate::dashboard::view::{
    Scene,
    figure_tiles::{self, Tile},
    handled,
    layout::GUTTER,
    number, text,
};

/// The least width for three columns.
const WIDE: u16 = 110;
/// The least height for the waits.
const WITH_WAITS: u16 = 14;

pub(in crate::dashboard::view) fn draw(scene: &Scene<'_>, body: Rect, buf: &mut Buffer) {
    let windows = &scene.shop.figures.handled;
    let style = scene.theme.handled;
    let last = |window| format!("{} {window}", scene.words.pages.last);
    let counts = [
        (last("5 min"), windows.last_5_min),
        (last("30 min"), windows.last_30_min),
        (scene.words.last_hour.to_owned(), windows.last_1_h),
        (last("2 h"), windows.last_2_h),
    ];
    let tiles = counts.map(|(title, count)| Tile::count(&title, number::signed(count), style));
    let areas = figure_tiles::columns(body, 4);
    let tiles: Vec<_> = areas.into_iter().zip(tiles).collect();
    let taken = figure_tiles::draw(scene, body.height, &tiles, buf);
    let airy = u16::from(body.height >= 20);
    let rest = text::below(body, taken + airy);

    if body.width >= WIDE {
        let third = figure_tiles::columns(rest, 3).last().copied().unwrap_or(rest);
        draw_intervals(scene, Rect { width: rest.width - third.width - GUTTER, ..rest }, buf);
        let rows = draw_sums(scene, third, 1, buf);
        waits::draw(scene, text::below(third, rows + airy), buf);
    } else if rest.height >= WITH_WAITS - 2 {
        let half = rest.height.div_ceil(2);
        draw_intervals(scene, Rect { height: half, ..rest }, buf);
        let below = text::below(rest, half);
        let [left, right] =
            [0, 1].map(|index| figure_tiles::columns(below, 2).get(index).copied().unwrap_or(below));
        draw_sums(scene, left, 1, buf);
        waits::draw(scene, right, buf);
    } else {
        let sums = rest.height.min(3);
        draw_intervals(scene, Rect { height: rest.height - sums, ..rest }, buf);
        draw_sums(scene, text::below(rest, rest.height - sums), 2, buf);
    }
}

fn draw_intervals(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let (words, theme) = (scene.words, scene.theme);
    let windows = &scene.shop.figures.handled;
    let note = Line::from(vec![
        Span::styled(format!("{} {} ", scene.marks.level, words.mean), theme.dim),
        Span::styled(scene.numbers.decimal(windows.mean_per_5_min()), theme.strong),
        Span::styled("   /5 min", theme.dim),
    ]);
    let body = text::title(scene, area, words.handled, &note, buf);
    handled::chart(scene, body, buf);
}

/// Draws the sums in columns; returns the rows used, including the title.
fn draw_sums(scene: &Scene<'_>, area: Rect, columns: usize, buf: &mut Buffer) -> u16 {
    let figures = &scene.shop.figures;
    let (words, theme) = (&scene.words.pages, scene.theme);
    let signed = number::signed;
    let gap = signed(figures.handled.total).saturating_sub(signed(figures.mails));
    let mut sums: Vec<(&str, i64, Style)> =
        vec![(words.pending, signed(scene.shop.audit.pending), theme.orders)];
    if let Some(today) = scene.shop.handled_today {
        sums.push((words.handled_today, signed(today), theme.handled));
    }
    // On the first day both are equal.
    if scene.shop.handled_today != Some(figures.handled.total) {
        sums.push((words.handled_in_all, signed(figures.handled.total), theme.handled));
    }
    sums.push((words.mails, signed(figures.mails), theme.strong));
    sums.push((words.mails_to_come, gap, if gap == 0 { theme.good } else { theme.strong }));
    let body = text::title(scene, area, words.orders, &Line::default(), buf);
    let rows = sums.len().div_ceil(columns.max(1));
    let places = figure_tiles::columns(body, columns);
    for (index, (word, count, style)) in sums.into_iter().enumerate() {
        let Some(place) = places.get(index / rows) else { continue };
        let row = text::row(*place, u16::try_from(index % rows).unwrap_or(u16::MAX));
        Span::styled(word, theme.dim).render(row, buf);
        let room = row.width.saturating_sub(text::columns(word) + 1);
        text::right(row, &scene.numbers.count(count, room.into()), style, buf);
    }
    1 + u16::try_from(rows).unwrap_or(u16::MAX)
}
