//! The topics, the brokers, and the records that were set aside.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
    widgets::Widget,
};

use super::groups::is_behind;
use crate::{
    dashboard::view::{
        Scene,
        figure_tiles::{self, Tile},
        number,
        table::{Column, Table},
        text,
    },
    messages::sanitize::clean,
    read_model::TopicState,
};

/// The least width for full headings.
const SPELLED_FROM: u16 = 48;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Key {
    Name,
    Partitions,
    Offsets,
    Rate,
}

/// Draws the totals of all topics and groups in large digits; returns the rows used.
pub(super) fn draw_sums(scene: &Scene<'_>, area: Rect, height: u16, buf: &mut Buffer) -> u16 {
    let (shop, words, theme) = (scene.shop, &scene.words.pages, scene.theme);
    let rate: f64 = shop.cluster.topics.iter().map(|topic| topic.rate).sum();
    let lag = shop.groups.iter().fold(0_u64, |sum, group| sum.saturating_add(group.lag));
    let lag_style = match lag {
        0 => theme.good,
        _ if shop.groups.iter().any(is_behind) => theme.warning,
        _ => theme.strong,
    };
    let areas = figure_tiles::columns(area, 2);
    let tiles = [
        Tile::count(words.records_a_second, number::whole(rate), theme.orders),
        Tile::count(words.lag_title, number::signed(lag), lag_style),
    ];
    figure_tiles::draw(scene, height, &areas.into_iter().zip(tiles).collect::<Vec<_>>(), buf)
}

/// Draws the topics; returns the rows used. A note on what is counted follows below if `spare` rows remain after it.
/// With `odd` the title includes anomalies of records.
pub(super) fn draw_topics(scene: &Scene<'_>, area: Rect, spare: u16, odd: bool, buf: &mut Buffer) -> u16 {
    let (words, theme) = (&scene.words.pages, scene.theme);
    let topics = &scene.shop.cluster.topics;
    // The common prefix of the names is shown once.
    let prefix = prefix(topics);
    let begin = topics.first().and_then(|topic| topic.name.get(..prefix)).unwrap_or_default();
    let note = Line::styled(clean(begin, 16), theme.dim);
    let note = if odd { with_odd(scene, note, area.width) } else { note };
    let body = text::title(scene, area, words.topics, &note, buf);
    if topics.is_empty() {
        text::left(text::row(body, 0), words.no_topics, theme.dim, buf);
        return 2;
    }
    let partitions = if area.width < SPELLED_FROM { words.partitions_short } else { words.partitions };
    let columns = [
        Column::words(Key::Name, "", 12, u16::MAX, 0),
        Column::figures(Key::Partitions, partitions, 4, 2),
        Column::figures(Key::Offsets, words.offsets, 9, 0),
        Column::figures(Key::Rate, words.per_second, 6, 1),
    ];
    let table = Table::fit(&columns, body.width);
    table.head(scene, text::row(body, 0), None, buf);
    for (topic, row) in topics.iter().zip(text::below(body, 1).rows()) {
        for (cell, key) in table.cells(row) {
            let width = cell.width();
            match key {
                Key::Name => {
                    cell.set(&clean(topic.name.get(prefix..).unwrap_or(&topic.name), width), theme.base, buf);
                }
                Key::Partitions => {
                    let partitions = i64::try_from(topic.partitions).unwrap_or(i64::MAX);
                    cell.set(&scene.numbers.count(partitions, width), theme.dim, buf);
                }
                Key::Offsets => {
                    cell.set(&scene.numbers.count(number::signed(topic.records), width), theme.strong, buf);
                }
                Key::Rate => cell.set(&scene.numbers.decimal(topic.rate), theme.base, buf),
            }
        }
    }
    let taken = u16::try_from(topics.len()).unwrap_or(u16::MAX).saturating_add(2).min(area.height);
    if area.height - taken <= spare {
        return taken;
    }
    let about = text::row(area, taken);
    if text::columns(words.with_markers) <= about.width {
        text::left(about, words.with_markers, theme.dim, buf);
    }
    taken + 1
}

/// Anomalies of records before a note, as far as they fit beside the title.
fn with_odd(scene: &Scene<'_>, note: Line<'static>, width: u16) -> Line<'static> {
    let (words, theme, figures) = (scene.words, scene.theme, &scene.shop.figures);
    let room = width.saturating_sub(text::columns(words.pages.topics) + 4);
    let counts = [
        (figures.dead_letters, words.dead_letters.of(figures.dead_letters)),
        (figures.duplicates, words.duplicates.of(figures.duplicates)),
    ];
    let line = |counts: &[(u64, &str)], least: u64| {
        let shown = counts.iter().filter(|(count, _)| *count >= least);
        let counts: Vec<Line<'_>> = shown
            .map(|(count, word)| {
                let style = if *count > 0 { theme.warning } else { theme.dim };
                let count = scene.numbers.count(number::signed(*count), 9);
                Line::from(vec![Span::styled(count, style), Span::styled(format!(" {word}"), theme.dim)])
            })
            .collect();
        let gap = |line: Line<'static>, next: Line<'static>| {
            let mut line = line;
            line.push_span(Span::raw("  "));
            line.extend(next);
            line
        };
        counts.into_iter().reduce(gap).unwrap_or_default()
    };
    let mut whole = line(&counts, 0);
    if note.width() > 0 {
        whole.push_span(Span::raw("   "));
    }
    whole.extend(note.clone());
    // Zeros are dropped first, then dead letters: those have a topic of their own below.
    let fits = |line: &Line<'_>| line.width() > 0 && line.width() <= usize::from(room);
    [whole, line(&counts, 0), line(&counts, 1), line(&counts[1..], 1)].into_iter().find(fits).unwrap_or(note)
}

/// Draws the brokers, and the records that were set aside.
pub(super) fn draw_state(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let (shop, words, theme) = (scene.shop, scene.words, scene.theme);
    let brokers = &shop.cluster.brokers;
    let connection = &shop.connection;
    let note = if connection.embedded { Line::styled(words.embedded, theme.dim) } else { Line::default() };
    let body = text::title(scene, area, words.pages.brokers, &note, buf);
    let mut lines: Vec<Line<'_>> = Vec::new();
    let width = usize::from(body.width);
    if !connection.up {
        let why = connection.trouble.as_ref().map(|trouble| words.say(trouble)).unwrap_or_default();
        lines.push(Line::styled(clean(&why, width), theme.alarm));
    }
    let sign = if connection.up {
        Span::styled(format!("{} ", scene.marks.alive), theme.good)
    } else {
        Span::styled(format!("{} ", scene.marks.wrong), theme.alarm)
    };
    // Two rows are reserved for the records.
    let room = usize::from(body.height).saturating_sub(3).max(1);
    lines.extend(brokers.iter().take(room).map(|broker| {
        Line::from(vec![sign.clone(), Span::styled(clean(broker, width.saturating_sub(2)), theme.base)])
    }));
    for (line, row) in lines.iter().zip(body.rows()) {
        line.render(row, buf);
    }
    let used = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let mut rest = text::below(body, used);
    if rest.height >= 3 {
        rest = text::below(rest, 1);
    }
    let odd = [
        (words.pages.dead_letters, shop.figures.dead_letters),
        (words.pages.duplicates, shop.figures.duplicates),
    ];
    for ((word, count), row) in odd.into_iter().zip(rest.rows()) {
        text::left(row, word, theme.dim, buf);
        let style = if count > 0 { theme.warning } else { theme.good };
        let room = row.width.saturating_sub(text::columns(word) + 1);
        text::right(row, &scene.numbers.count(number::signed(count), room.into()), style, buf);
    }
}

/// The length of the common prefix of all names, up to its last dot, in bytes.
fn prefix(topics: &[TopicState]) -> usize {
    let mut common = topics.first().map_or("", |topic| topic.name.as_str());
    for topic in topics {
        while !topic.name.starts_with(common) {
            common = common.get(..common.len() - 1).unwrap_or_default();
        }
    }
    common.rfind('.').map_or(0, |dot| dot + 1)
}
