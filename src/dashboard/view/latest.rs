//! The order feed: who bought last, and how far each order has come.

use chrono::Timelike;
use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    style::Style,
    text::{Line, Span},
};

use super::{Scene, number, text};
use crate::{
    dashboard::clean::clean,
    views::figures::{LatestOrder, Stage},
};

/// From this width on a line also has the order's number, its pieces and its stage in words.
const FULL_LINE: u16 = 60;

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let mut note = Vec::new();
    for stage in [Stage::Sold, Stage::Handled, Stage::Mailed] {
        if !note.is_empty() {
            note.push(Span::raw(" "));
        }
        let (mark, word, style) = of_stage(scene, stage);
        note.push(Span::styled(mark.to_string(), style));
        note.push(Span::styled(format!(" {word}"), scene.theme.dim));
    }
    let note = Line::from(note);
    let title = [scene.words.latest, scene.words.latest_short]
        .into_iter()
        .find(|title| usize::from(text::columns(title)) + note.width() + 4 <= usize::from(area.width))
        .unwrap_or(scene.words.latest);
    let body = text::title(scene, area, title, &note, buf);
    let latest = &scene.shop.figures.latest;
    if latest.is_empty() {
        text::left(text::row(body, 0), scene.words.no_orders, scene.theme.dim, buf);
    }
    for (order, row) in latest.iter().zip(body.rows()) {
        if row.width >= FULL_LINE {
            full_line(scene, order, row, buf);
        } else {
            short_line(scene, order, row, buf);
        }
    }
}

fn of_stage(scene: &Scene<'_>, stage: Stage) -> (char, &'static str, Style) {
    let (marks, words, theme) = (scene.marks, scene.words, scene.theme);
    match stage {
        Stage::Sold => (marks.sold, words.stage_sold, theme.orders),
        Stage::Handled => (marks.handled, words.stage_handled, theme.handled),
        Stage::Mailed => (marks.mailed, words.stage_mailed, theme.handled),
    }
}

fn time(scene: &Scene<'_>, order: &LatestOrder) -> String {
    let time = order.created_at.with_timezone(&scene.shop.zone.0);
    format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())
}

/// `● 14:03:07  Anna Lindqvist      1 234,00 kr`
fn short_line(scene: &Scene<'_>, order: &LatestOrder, row: Rect, buf: &mut Buffer) {
    let [mark, time_area, name, total] = Layout::horizontal([
        Constraint::Length(2),
        Constraint::Length(8),
        Constraint::Fill(1),
        Constraint::Length(12),
    ])
    .spacing(1)
    .areas(row);
    draw_mark(scene, order, mark, buf);
    text::left(time_area, &time(scene, order), scene.theme.dim, buf);
    draw_name(scene, order, name, buf);
    draw_total(scene, order, total, buf);
}

/// `● 14:03:07    12 345  Anna Lindqvist          3 pcs     1 234,00 kr  handled`
fn full_line(scene: &Scene<'_>, order: &LatestOrder, row: Rect, buf: &mut Buffer) {
    let [mark, time_area, id, name, pieces, total, stage] = Layout::horizontal([
        Constraint::Length(2),
        Constraint::Length(8),
        Constraint::Length(9),
        Constraint::Fill(1),
        Constraint::Length(8),
        Constraint::Length(14),
        Constraint::Length(8),
    ])
    .spacing(1)
    .areas(row);
    draw_mark(scene, order, mark, buf);
    text::left(time_area, &time(scene, order), scene.theme.dim, buf);
    text::right(id, &number::count(number::signed(order.order_id), id.width.into()), scene.theme.dim, buf);
    draw_name(scene, order, text::right_of(name, 1), buf);
    if order.pieces > 0 {
        let count = number::count(order.pieces, 4);
        text::right(pieces, &format!("{count} {}", scene.words.pieces), scene.theme.dim, buf);
    }
    draw_total(scene, order, total, buf);
    let (_, word, style) = of_stage(scene, order.stage);
    text::left(stage, word, style, buf);
}

fn draw_mark(scene: &Scene<'_>, order: &LatestOrder, area: Rect, buf: &mut Buffer) {
    let (mark, _, style) = of_stage(scene, order.stage);
    text::left(area, &mark.to_string(), style, buf);
}

fn draw_name(scene: &Scene<'_>, order: &LatestOrder, area: Rect, buf: &mut Buffer) {
    text::left(area, &clean(&order.customer, area.width.into()), scene.theme.base, buf);
}

fn draw_total(scene: &Scene<'_>, order: &LatestOrder, area: Rect, buf: &mut Buffer) {
    text::right(area, &number::kronor(order.total_ore, area.width.into()), scene.theme.base, buf);
}
