//! Consumer groups, a row each, and charts of the selected one.

use ratatui::{buffer::Buffer, layout::Rect, style::Style, text::Span};

use super::seconds;
use crate::{
    dashboard::view::{
        Scene, figure_tiles, list, number,
        series::{Series, Title},
        table::{Cell, Column, Table},
        text,
    },
    messages::sanitize::clean,
    read_model::GroupState,
};

/// The least width for rate and lag side by side.
const BESIDE_FROM: u16 = 60;
/// Below this height they are always side by side.
const LOW: u16 = 7;

/// The least width for full headings: two thirds of a window of 150 columns.
const SPELLED_FROM: u16 = 98;

/// The rows reserved for the charts of the selected group, and the most rows per group.
const CHARTS: u16 = 14;
const HIGHEST: u16 = 3;

/// Seconds of work that a group may lag behind without a warning.
const PATIENCE: f64 = 5.0;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Key {
    Name,
    Rate,
    RateChart,
    Lag,
    LagSeconds,
    LagChart,
    Partitions,
    Rebalances,
    Errors,
}

/// Draws the table; returns the rows used.
pub(super) fn draw(scene: &Scene<'_>, area: Rect, chosen: usize, buf: &mut Buffer) -> u16 {
    let words = &scene.words.pages;
    let groups = &scene.shop.groups;
    let count = u16::try_from(groups.len()).unwrap_or(u16::MAX).max(1);
    // A high page gives each group several rows, for higher charts.
    let each = (area.height.saturating_sub(2 + CHARTS) / count).clamp(1, HIGHEST);
    let all = count.saturating_mul(each).saturating_add(2);
    let taken = all.min(area.height.saturating_sub(area.height / 4)).max(3);
    let rows = usize::from(taken.saturating_sub(2) / each);
    let span = Span::styled(format!("{} min", seconds(scene) / 60), scene.theme.dim);
    let mut note = list::place(scene, groups.len(), chosen, rows);
    if note.width() > 0 {
        note.push_span(Span::raw("   "));
    }
    note.push_span(span);
    let body = text::title(scene, Rect { height: taken.min(area.height), ..area }, words.groups, &note, buf);
    if groups.is_empty() {
        text::left(text::row(body, 0), words.no_groups, scene.theme.dim, buf);
        return 2;
    }

    let [partitions, rebalances, errors] = if area.width < SPELLED_FROM {
        [words.partitions_short, words.rebalances_short, words.errors_short]
    } else {
        [words.partitions, words.rebalances, words.errors]
    };
    let columns = [
        Column::words(Key::Name, words.group, 17, 17, 0),
        Column::figures(Key::Rate, words.per_second, 6, 0),
        Column::words(Key::RateChart, "", 8, u16::MAX, 1),
        Column::figures(Key::Lag, words.lag_short, 6, 0),
        Column::figures(Key::LagSeconds, words.lag_seconds, 5, 2),
        Column::words(Key::LagChart, "", 8, u16::MAX, 1),
        Column::figures(Key::Partitions, partitions, 4, 4),
        Column::figures(Key::Rebalances, rebalances, 4, 5),
        Column::figures(Key::Errors, errors, 3, 3),
    ];
    let table = Table::fit(&columns, body.width);
    table.head(scene, text::row(body, 0), None, buf);
    list::draw(scene, text::below(body, 1), each, groups, chosen, buf, |group, place, buf| {
        let foot = text::row(place, place.height.saturating_sub(1));
        for (cell, key) in table.cells(foot) {
            let high = Rect { y: place.y, height: place.height, ..cell.area };
            draw_cell(scene, group, &cell, key, high, buf);
        }
    });
    taken
}

/// Draws a cell; charts take all of the rows of their group, `high`.
fn draw_cell(
    scene: &Scene<'_>,
    group: &GroupState,
    cell: &Cell<Key>,
    key: Key,
    high: Rect,
    buf: &mut Buffer,
) {
    let (theme, width) = (scene.theme, cell.width());
    let count = |count: u64| scene.numbers.count(number::signed(count), width);
    let known = |number: Option<u64>| number.map_or_else(|| "–".to_owned(), count);
    let seen_if = |bad: bool, style: Style| if bad { style } else { theme.dim };
    match key {
        Key::Name => {
            let (mark, style) = health(scene, group);
            let name = clean(group.view, width.saturating_sub(2));
            text::left(cell.area, &mark.to_string(), style, buf);
            text::left(text::right_of(cell.area, 2), &name, theme.base, buf);
        }
        Key::Rate => cell.set(&scene.numbers.decimal(group.rate), theme.strong, buf),
        // The trouble takes the place of the rate.
        Key::RateChart => match &group.trouble {
            Some(trouble) => cell.set(&clean(&scene.words.say(trouble), width), theme.warning, buf),
            None => rate(scene, group).draw(scene, high, theme.orders, buf),
        },
        Key::Lag if is_behind(group) => cell.set(&count(group.lag), theme.warning, buf),
        Key::Lag => cell.set(&count(group.lag), seen_if(group.lag > 0, theme.strong), buf),
        Key::LagSeconds if group.lag_seconds > 0 => {
            cell.set(&count(group.lag_seconds), seen_if(is_behind(group), theme.warning), buf);
        }
        Key::LagSeconds => {}
        Key::LagChart => lag(scene, group).draw(scene, high, theme.warning, buf),
        Key::Partitions => cell.set(
            &scene.numbers.count(i64::try_from(group.partitions).unwrap_or(i64::MAX), width),
            theme.dim,
            buf,
        ),
        Key::Rebalances => cell.set(&known(group.rebalances), theme.dim, buf),
        Key::Errors => {
            let some = group.errors.is_some_and(|errors| errors > 0);
            cell.set(&known(group.errors), seen_if(some, theme.warning), buf);
        }
    }
}

/// Its health as a symbol.
fn health(scene: &Scene<'_>, group: &GroupState) -> (char, Style) {
    match (&group.trouble, group.partitions) {
        // Kafka does not respond.
        _ if !scene.shop.connection.up => (scene.marks.ahead, scene.theme.warning),
        (Some(_), _) => (scene.marks.wrong, scene.theme.alarm),
        // No partitions are published or assigned yet.
        (None, 0) => (scene.marks.ahead, scene.theme.dim),
        (None, _) if is_behind(group) => (scene.marks.alive, scene.theme.warning),
        (None, _) => (scene.marks.alive, scene.theme.good),
    }
}

fn rate(scene: &Scene<'_>, group: &GroupState) -> Series {
    Series::last(group.history.rate.iter().copied(), seconds(scene))
}

fn lag(scene: &Scene<'_>, group: &GroupState) -> Series {
    let lag = Series::last(group.history.lag.iter().map(|&lag| lag as f64), seconds(scene));
    lag.up_to(rate(scene, group).held() * PATIENCE)
}

/// Whether a group lags so far behind that it deserves a warning.
pub(super) fn is_behind(group: &GroupState) -> bool {
    group.lag as f64 > group.rate.max(1.0) * PATIENCE
}

/// Draws a group's rate and lag as charts, and its trouble.
pub(super) fn draw_chosen(scene: &Scene<'_>, area: Rect, group: Option<&GroupState>, buf: &mut Buffer) {
    let (words, theme) = (&scene.words.pages, scene.theme);
    let Some(group) = group else { return };
    let mut area = area;
    if let Some(trouble) = &group.trouble
        && area.height > 6
    {
        let lines = text::wrapped(&clean(&scene.words.say(trouble), 300), area.width);
        for (line, row) in lines.iter().take(2).zip(area.rows()) {
            text::left(row, line, theme.warning, buf);
        }
        area = text::below(area, u16::try_from(lines.len().min(2)).unwrap_or(2));
    }
    let [first, second] = if area.width >= BESIDE_FROM || area.height < LOW {
        match figure_tiles::columns(area, 2).as_slice() {
            [left, right] => [*left, *right],
            _ => return,
        }
    } else {
        let half = area.height / 2;
        [Rect { height: half, ..area }, text::below(area, half)]
    };
    let title = Title { name: group.view, what: words.rate_of, unit: "" };
    rate(scene, group).chart(scene, first, title, theme.orders, buf);
    let title = Title { name: group.view, what: words.lag_of, unit: words.records };
    lag(scene, group).chart(scene, second, title, theme.warning, buf);
}
