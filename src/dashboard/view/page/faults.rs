//! The faults page: faults to inject, their outcomes, and the live audit, figure by figure.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use crate::{
    chaos::{Injection, Kind, State},
    consumers::Name,
    dashboard::{
        lists,
        page::Page,
        view::{
            Scene, figure_tiles, list, number,
            table::{Column, Table},
            text,
        },
    },
    messages::sanitize::clean,
    verify::live::Row,
};

/// Columns of a fault's name with its consumer.
const NAME: u16 = 30;

/// The least width for full names and sums.
const SPELLED_FROM: u16 = 56;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Key {
    Sign,
    Figure,
    Truth,
    Screen,
}

pub(super) fn draw(scene: &Scene<'_>, body: Rect, buf: &mut Buffer) {
    let [left, right] = figure_tiles::columns(body, 2)[..] else { return };
    let rest = text::below(left, draw_faults(scene, left, buf) + u16::from(left.height >= 16));
    draw_injections(scene, rest, buf);
    draw_audit(scene, right, buf);
}

/// Draws the faults to inject; returns the rows used.
fn draw_faults(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) -> u16 {
    let (words, theme) = (&scene.words.pages, scene.theme);
    let victim = scene.ui.victim().name();
    let note = Line::from(vec![Span::styled("tab ", theme.strong), Span::styled(victim, theme.orders)]);
    let body = text::title(scene, area, words.faults, &note, buf);
    let chosen = lists::chosen(scene.shop, scene.ui, Page::Faults);
    list::draw(scene, body, 1, &Kind::ALL, chosen, buf, |kind, row, buf| {
        let name = name(scene, *kind, kind.has_victim().then_some(victim));
        text::left(row, &clean(&name, row.width.into()), theme.base, buf);
        let rest = text::right_of(row, NAME);
        let about = words.faults_about.get(*kind as usize).copied().unwrap_or_default();
        if text::columns(about) <= rest.width {
            text::left(rest, about, theme.dim, buf);
        }
    });
    let count = u16::try_from(Kind::ALL.len()).unwrap_or(u16::MAX);
    count.saturating_add(1).min(area.height)
}

/// `kill sales`, `cut off the broker`.
fn name(scene: &Scene<'_>, kind: Kind, victim: Option<&str>) -> String {
    let name = scene.words.pages.faults_names.get(kind as usize).copied().unwrap_or_default();
    victim.map_or_else(|| name.to_owned(), |victim| format!("{name} {victim}"))
}

/// Draws the outcomes of the latest faults, newest first.
fn draw_injections(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let (words, theme, live_audit) = (&scene.words.pages, scene.theme, &scene.shop.live_audit);
    if area.height < 2 {
        return;
    }
    let body = text::title(scene, area, words.healing, &Line::default(), buf);
    if live_audit.injections.is_empty() {
        text::left(text::row(body, 0), words.no_faults, theme.dim, buf);
    }
    for (injection, row) in live_audit.injections.iter().rev().zip(body.rows()) {
        let (sign, outcome, style) = outcome(scene, injection);
        text::left(row, &sign.to_string(), style, buf);
        let own = text::right_of(row, 2);
        let name = name(scene, injection.fault.kind, injection.fault.victim.map(Name::name));
        let room = own.width.saturating_sub(text::columns(&outcome) + 2);
        text::left(own, &clean(&name, room.into()), theme.base, buf);
        text::right(row, &clean(&outcome, own.width.into()), style, buf);
    }
}

/// The state of a fault: symbol, text and style.
fn outcome(scene: &Scene<'_>, injection: &Injection) -> (char, String, Style) {
    let (words, theme, marks) = (&scene.words.pages, scene.theme, scene.marks);
    let seconds = |seconds: f64| format!("{} s", scene.numbers.decimal(seconds));
    match &injection.state {
        State::Lasting => {
            (marks.wrong, format!("{} {} s", words.lasting, injection.age.as_secs()), theme.alarm)
        }
        State::Healing => {
            (marks.dot, format!("{} {} s", words.not_yet, injection.age.as_secs()), theme.warning)
        }
        State::Healed(took) => {
            (marks.right, format!("{} {}", words.agreed_after, seconds(took.as_secs_f64())), theme.good)
        }
        State::Refused(_) => (marks.wrong, words.did_not_happen.to_owned(), theme.warning),
    }
}

/// Whether what was compared last says nothing of now: the audit notices later than the connection that Kafka is away.
fn cannot_compare(scene: &Scene<'_>) -> bool {
    scene.shop.live_audit.trouble.is_some() || !scene.shop.connection.up
}

/// Draws the log's figures beside those of the screen.
fn draw_audit(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let (words, theme, live_audit) = (&scene.words.pages, scene.theme, &scene.shop.live_audit);
    let count = |count: u64| scene.numbers.count(number::signed(count), 12);
    let wrong = live_audit.is_wrong();
    let (verdict, style) = if !live_audit.has_compared() && live_audit.trouble.is_none() {
        (words.counting.to_owned(), theme.dim)
    } else if cannot_compare(scene) {
        (words.cannot_compare.to_owned(), theme.warning)
    } else if wrong {
        (format!("{} {}", count(live_audit.found.len() as u64), words.differences), theme.alarm)
    } else if live_audit.behind > 0 {
        (scene.words.lag_of(&count(live_audit.behind), live_audit.behind), theme.warning)
    } else {
        (format!("{} {}", scene.marks.right, words.all_agree), theme.good)
    };
    let body = text::title(scene, area, words.audit, &Line::styled(verdict, style), buf);
    if live_audit.rows.is_empty() {
        let why = live_audit.trouble.as_ref().map(|trouble| scene.words.say(trouble)).unwrap_or_default();
        for (line, row) in text::wrapped(&clean(&why, 600), body.width).iter().zip(body.rows()) {
            text::left(row, line, theme.warning, buf);
        }
        return;
    }
    let figures = if area.width < SPELLED_FROM { 8 } else { 15 };
    let columns = [
        Column::words(Key::Sign, "", 1, 1, 0),
        Column::words(Key::Figure, "", 10, u16::MAX, 0),
        Column::figures(Key::Truth, words.truth, figures, 1),
        Column::figures(Key::Screen, words.screen, figures, 0),
    ];
    let table = Table::fit(&columns, body.width);
    table.head(scene, text::row(body, 0), None, buf);
    let rows = text::below(body, 1);
    for (row, place) in live_audit.rows.iter().zip(rows.rows()) {
        draw_row(scene, row, wrong, &table, place, buf);
    }
    let below = text::below(rows, u16::try_from(live_audit.rows.len()).unwrap_or(u16::MAX));
    let lines = if let Some(found) = live_audit.found.first().filter(|_| wrong) {
        vec![(found.clone(), theme.alarm)]
    } else {
        let sums = [count(live_audit.values), count(live_audit.records)];
        let sums = format!("{} {} {} {}", sums[0], words.values_of, sums[1], words.of_records);
        vec![(String::new(), theme.dim), (sums, theme.dim)]
    };
    for ((line, style), row) in lines.iter().zip(below.rows()) {
        text::left(row, &clean(line, row.width.into()), *style, buf);
    }
}

fn draw_row(scene: &Scene<'_>, row: &Row, wrong: bool, table: &Table<Key>, place: Rect, buf: &mut Buffer) {
    let (theme, marks) = (scene.theme, scene.marks);
    let (sign, style) = if cannot_compare(scene) {
        (marks.dot, theme.dim)
    } else if row.differs && wrong {
        (marks.wrong, theme.alarm)
    } else if row.behind > 0 {
        (marks.dot, theme.warning)
    } else if row.differs {
        (marks.dot, theme.dim)
    } else {
        (marks.right, theme.good)
    };
    for (cell, key) in table.cells(place) {
        let figure = |value: i64| {
            if row.figure.is_money() {
                scene.numbers.kronor(value, cell.width())
            } else {
                scene.numbers.count(value, cell.width())
            }
        };
        match key {
            Key::Sign => cell.set(&sign.to_string(), style, buf),
            Key::Figure => {
                let words = &scene.words.pages;
                let names = if place.width < SPELLED_FROM { &words.figures_short } else { &words.figures };
                let name = names.get(row.figure as usize).copied().unwrap_or_default();
                cell.set(&clean(name, cell.width()), theme.base, buf);
            }
            Key::Truth => cell.set(&figure(row.truth), theme.dim, buf),
            Key::Screen => {
                cell.set(&figure(row.screen), if row.behind > 0 { style } else { theme.strong }, buf);
            }
        }
    }
}
