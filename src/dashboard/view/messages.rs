//! Messages, newest first, below the present alarms.

use std::cmp::Reverse;

use chrono::Timelike;
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
    widgets::Widget,
};

use super::{Scene, number, text};
use crate::messages::{Message, Sentence, Severity, sanitize::clean};

/// From this width on the time includes seconds.
const WITH_SECONDS: u16 = 50;

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let shop = scene.shop;
    let body = text::title(scene, area, scene.words.messages, &oddities(scene), buf);
    let mut messages = shop.messages.iter().rev().filter(|message| !is_in_footer(message)).peekable();
    if shop.alarms.is_empty() && messages.peek().is_none() {
        let none = if shop.is_past { scene.words.unrecorded } else { scene.words.no_messages };
        for (line, row) in text::wrapped(none, body.width).iter().zip(body.rows()) {
            text::left(row, line, scene.theme.dim, buf);
        }
        return;
    }
    let alarms = shop.alarms.iter().map(|alarm| alarm_line(scene, alarm, body.width));
    // If not all fit, shop events stay longer than other messages; the newest is first.
    let stays = |message: &&Message| message.sentence.is_an_event() && message.number >= scene.ui.recent_from;
    let (events, others): (Vec<_>, Vec<_>) = messages.partition(stays);
    let room = usize::from(body.height).saturating_sub(shop.alarms.len());
    let mut kept: Vec<&Message> = events.into_iter().chain(others).take(room).collect();
    kept.sort_by_key(|message| Reverse(message.number));
    let messages = kept.into_iter().map(|message| message_line(scene, message, body.width));
    for (line, row) in alarms.chain(messages).zip(body.rows()) {
        line.render(row, buf);
    }
}

/// Whether the footer already showed it, as the full response to a key.
fn is_in_footer(message: &Message) -> bool {
    message.severity == Severity::Info && message.sentence.answers_a_key()
}

/// The counts of anomalies.
fn oddities(scene: &Scene<'_>) -> Line<'static> {
    let (shop, words) = (scene.shop, scene.words);
    let counts = [
        (shop.figures.duplicates, words.duplicates),
        (shop.figures.dead_letters, words.dead_letters),
        (shop.lost_sales, words.lost_sales),
    ];
    let mut spans = Vec::new();
    for (count, unit) in counts.into_iter().filter(|(count, _)| *count > 0) {
        let gap = if spans.is_empty() { "" } else { "  " };
        let figure = scene.numbers.count(number::signed(count), 8);
        spans.push(Span::styled(format!("{gap}{figure}"), scene.theme.base));
        spans.push(Span::styled(format!(" {}", unit.of(count)), scene.theme.dim));
    }
    Line::from(spans)
}

fn alarm_line(scene: &Scene<'_>, alarm: &Sentence, width: u16) -> Line<'static> {
    let badge = format!(" {} ", scene.words.alarm);
    let room = usize::from(width.saturating_sub(text::columns(&badge) + 1));
    Line::from(vec![
        Span::styled(badge, scene.theme.badge_alarm),
        Span::raw(" "),
        Span::styled(clean(&scene.words.say(alarm), room), scene.theme.alarm),
    ])
}

/// `23:59:30  Daily report saved: reports/2026-11-20.txt`; dims with age.
fn message_line(scene: &Scene<'_>, message: &Message, width: u16) -> Line<'static> {
    let (theme, ui) = (scene.theme, scene.ui);
    let aged = if message.number >= ui.new_from {
        theme.strong
    } else if message.number >= ui.recent_from {
        theme.base
    } else {
        theme.dim
    };
    let style = match message.severity {
        Severity::Info => aged,
        Severity::Warning => theme.warning,
        Severity::Error => theme.alarm,
    };
    let time = scene.shop.zone.at(message.shop_second);
    let seconds = if width < WITH_SECONDS { String::new() } else { format!(":{:02}", time.second()) };
    let time = format!("{:02}:{:02}{seconds}  ", time.hour(), time.minute());
    let room = usize::from(width.saturating_sub(text::columns(&time)));
    Line::from(vec![
        Span::styled(time, theme.dim),
        Span::styled(clean(&scene.words.say(&message.sentence), room), style),
    ])
}
