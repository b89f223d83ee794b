//! The log page, newest line first.

use chrono::Timelike;
use ratatui::{buffer::Buffer, layout::Rect, style::Style, text::Line};

use crate::{
    dashboard::{
        lists,
        page::Page,
        view::{
            Scene, filter, list,
            table::{Cell, Column, Table},
            text,
        },
    },
    logging::{LogLevel, LogLine},
    messages::sanitize::clean,
};

/// The least width for levels as words and full target names.
const WORDS_FROM: u16 = 98;

/// Rows at the foot for the full text of the selected line, if its row is too short.
const WHOLE: u16 = 3;
/// Maximum length of the full text, in characters.
const LONGEST: usize = 600;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Key {
    Time,
    Level,
    Part,
    Text,
}

pub(super) fn draw(scene: &Scene<'_>, body: Rect, buf: &mut Buffer) {
    let words = &scene.words.pages;
    let lines = lists::log(scene.shop, scene.ui);
    let chosen = lists::chosen(scene.shop, scene.ui, Page::Log);
    let [level, part] = if body.width < WORDS_FROM {
        [Column::words(Key::Level, "", 1, 1, 1), Column::words(Key::Part, words.part, 10, 10, 2)]
    } else {
        [Column::words(Key::Level, words.level, 7, 7, 1), Column::words(Key::Part, words.part, 18, 22, 2)]
    };
    let columns = [
        Column::words(Key::Time, words.time, 8, 8, 0),
        level,
        part,
        Column::words(Key::Text, words.text, 24, u16::MAX, 0),
    ];
    let table = Table::fit(&columns, body.width);
    let text_width = table.cells(body).find(|(_, key)| *key == Key::Text).map_or(0, |(cell, _)| cell.width());

    let whole = lines.get(chosen).map(|line| clean(&line.text, LONGEST));
    let whole = whole.filter(|text| usize::from(text::columns(text)) > text_width && body.height > 8);
    let foot = if whole.is_some() { WHOLE + 1 } else { 0 };
    let area = Rect { height: body.height - foot, ..body };

    let rows = usize::from(area.height.saturating_sub(2));
    let note = filter::beside(filter::line(scene, Page::Log), list::place(scene, lines.len(), chosen, rows));
    // The log is in wall time, unlike all else on the screen.
    let real = (scene.shop.speed - 1.0).abs() > f64::EPSILON;
    let time = if real { Line::styled(scene.words.real_time, scene.theme.dim) } else { Line::default() };
    let note = filter::beside(note, time);
    let inner = text::title(scene, area, words.log, &note, buf);
    if lines.is_empty() {
        let nothing = if scene.shop.log.is_empty() { words.no_log } else { words.nothing_found };
        text::left(text::row(inner, 0), nothing, scene.theme.dim, buf);
        return;
    }
    table.head(scene, text::row(inner, 0), None, buf);
    list::draw(scene, text::below(inner, 1), 1, &lines, chosen, buf, |line, row, buf| {
        for (cell, key) in table.cells(row) {
            draw_cell(scene, line, &cell, key, buf);
        }
    });
    if let Some(whole) = whole {
        let below = text::below(body, area.height + 1);
        for (line, row) in text::wrapped(&whole, body.width).iter().zip(below.rows()) {
            text::left(row, line, scene.theme.base, buf);
        }
    }
}

fn draw_cell(scene: &Scene<'_>, line: &LogLine, cell: &Cell<Key>, key: Key, buf: &mut Buffer) {
    let theme = scene.theme;
    let (word, style) = level(scene, line.level);
    match key {
        Key::Time => {
            let time = scene.shop.zone.at(line.wall_ms.div_euclid(1000));
            let time = format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
            cell.set(&time, theme.dim, buf);
        }
        Key::Level if cell.width() < word.chars().count() => cell.set(&sign(scene, line.level), style, buf),
        Key::Level => cell.set(word, style, buf),
        Key::Part => {
            // The end of the target is the most specific.
            let end =
                line.target.rsplit("::").next().filter(|_| text::columns(&line.target) > cell.area.width);
            cell.set(&clean(end.unwrap_or(&line.target), cell.width()), theme.dim, buf);
        }
        Key::Text => {
            let style = if line.level >= LogLevel::Warn { style } else { theme.base };
            cell.set(&clean(&line.text, cell.width()), style, buf);
        }
    }
}

/// The level as a symbol, for narrow windows; info has none.
fn sign(scene: &Scene<'_>, level: LogLevel) -> String {
    let sign = match level {
        LogLevel::Debug => scene.marks.dot,
        LogLevel::Info => ' ',
        LogLevel::Warn => '!',
        LogLevel::Error => scene.marks.wrong,
    };
    sign.to_string()
}

fn level(scene: &Scene<'_>, level: LogLevel) -> (&'static str, Style) {
    let (words, theme) = (&scene.words.pages, scene.theme);
    match level {
        LogLevel::Debug => (words.level_debug, theme.faint),
        LogLevel::Info => (words.level_info, theme.dim),
        LogLevel::Warn => (words.level_warn, theme.warning),
        LogLevel::Error => (words.level_error, theme.alarm),
    }
}
