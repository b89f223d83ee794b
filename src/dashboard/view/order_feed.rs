//! The order feed: latest customers, and the stage of each order.

use chrono::Timelike;
use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    style::Style,
    text::{Line, Span},
};

use super::{Scene, number, text};
use crate::{
    messages::sanitize::clean,
    views::shop_figures::{LatestOrder, Stage},
};

/// The least widths for seconds, for an order's id and pieces, and for its stage in words.
const WITH_SECONDS: u16 = 36;
const WITH_NUMBERS: u16 = 56;
const WITH_WORDS: u16 = 76;

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
    // If there is room for more than the figures contain, the longer feed is shown.
    let mut latest = &scene.shop.figures.latest;
    if usize::from(body.height) > latest.len() && scene.shop.feed.len() > latest.len() {
        latest = &scene.shop.feed;
    }
    if latest.is_empty() {
        text::left(text::row(body, 0), scene.words.no_orders, scene.theme.dim, buf);
    }
    for (order, row) in latest.iter().zip(body.rows()) {
        draw_order(scene, order, row, buf);
    }
}

/// The symbol, word and style of a stage.
pub(super) fn of_stage(scene: &Scene<'_>, stage: Stage) -> (char, &'static str, Style) {
    let (marks, words, theme) = (scene.marks, scene.words, scene.theme);
    match stage {
        Stage::Sold => (marks.sold, words.stage_sold, theme.orders),
        Stage::Handled => (marks.handled, words.stage_handled, theme.handled),
        Stage::Mailed => (marks.mailed, words.stage_mailed, theme.handled),
    }
}

/// When an order reached its stage: the feed is sorted by that.
pub(super) fn time(scene: &Scene<'_>, order: &LatestOrder, seconds: bool) -> String {
    let time = order.handled_at.unwrap_or(order.created_at).with_timezone(&scene.shop.zone.0);
    let minutes = format!("{:02}:{:02}", time.hour(), time.minute());
    if seconds { format!("{minutes}:{:02}", time.second()) } else { minutes }
}

/// `● 14:03:07     52 110  Anna Lindqvist      3 pcs     1 234,00 kr  handled`
///
/// A narrow panel drops the id and the pieces; only a wide one has the word for the stage.
fn draw_order(scene: &Scene<'_>, order: &LatestOrder, row: Rect, buf: &mut Buffer) {
    let (mark, word, style) = of_stage(scene, order.stage);
    let seconds = row.width >= WITH_SECONDS;
    let from = |least: u16, columns: u16| Constraint::Length(if row.width >= least { columns } else { 0 });
    let [mark_area, time_area, id, name, pieces, total, stage] = Layout::horizontal([
        Constraint::Length(2),
        Constraint::Length(if seconds { 8 } else { 5 }),
        from(WITH_NUMBERS, 10),
        Constraint::Fill(1),
        from(WITH_NUMBERS, 8),
        Constraint::Length(if row.width >= WITH_NUMBERS { 14 } else { 13 }),
        from(WITH_WORDS, 10),
    ])
    .areas(row);
    let theme = scene.theme;
    text::left(mark_area, &mark.to_string(), style, buf);
    text::left(time_area, &time(scene, order, seconds), theme.dim, buf);
    text::right(id, &scene.numbers.count(number::signed(order.order_id), id.width.into()), theme.dim, buf);
    let name = text::right_of(name, 2);
    text::left(name, &clean(&order.customer, name.width.into()), theme.base, buf);
    // The pieces are unknown if the sale was not seen.
    if order.pieces > 0 {
        text::right(
            pieces,
            &format!(
                "{} {}",
                scene.numbers.count(order.pieces, 4),
                scene.words.pieces.of(order.pieces.unsigned_abs())
            ),
            theme.dim,
            buf,
        );
    }
    let room = usize::from(total.width.saturating_sub(1));
    text::right(total, &scene.numbers.kronor(order.total_ore, room), theme.base, buf);
    text::left(text::right_of(stage, 2), word, style, buf);
}
