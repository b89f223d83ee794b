//! The page of Kafka: every consumer group with its rate and lag over time, the topics, the brokers.

mod cluster;
mod groups;

use ratatui::{buffer::Buffer, layout::Rect};

use crate::dashboard::{
    lists,
    page::Page,
    ui_state::Span,
    view::{Scene, figure_tiles, layout::GUTTER, text},
};

/// The least width for the topics beside all else.
const WIDE: u16 = 110;
/// The least width for charts beside the topics, below the groups.
const MIDDLE: u16 = 74;

/// The rows of brokers and set-aside records.
const BROKERS: u16 = 5;

/// Wall seconds in each step of the span.
const STEPS: [usize; Span::STEPS] = [60, 120, 300, 600, 900];

/// The span of the charts, wall seconds; at most the shortest step that covers the data, so that the charts of a new
/// process are full, too.
fn seconds(scene: &Scene<'_>) -> usize {
    let there = scene.shop.groups.iter().map(|group| group.history.lag.len()).max().unwrap_or(0);
    let enough = STEPS.into_iter().find(|step| *step >= there).unwrap_or(STEPS[Span::STEPS - 1]);
    STEPS.get(scene.ui.span.0).copied().unwrap_or(enough).min(enough)
}

pub(super) fn draw(scene: &Scene<'_>, body: Rect, buf: &mut Buffer) {
    let groups = &scene.shop.groups;
    let chosen = lists::chosen(scene.shop, scene.ui, Page::Kafka);
    if body.width >= WIDE {
        let third = figure_tiles::columns(body, 3).last().copied().unwrap_or(body);
        let left = Rect { width: body.width.saturating_sub(third.width + GUTTER), ..body };
        let airy = u16::from(body.height >= 20);
        let rest = text::below(left, groups::draw(scene, left, chosen, buf) + airy);
        groups::draw_chosen(scene, rest, groups.get(chosen), buf);
        let rest = text::below(third, cluster::draw_sums(scene, third, body.height, buf) + airy);
        let rest = text::below(rest, cluster::draw_topics(scene, rest, BROKERS + airy, false, buf) + airy);
        cluster::draw_state(scene, rest, buf);
        return;
    }
    let rest = text::below(body, groups::draw(scene, body, chosen, buf));
    if body.width >= MIDDLE
        && let [left, right] = figure_tiles::columns(rest, 2).as_slice()
    {
        groups::draw_chosen(scene, *left, groups.get(chosen), buf);
        cluster::draw_topics(scene, *right, 0, true, buf);
    } else {
        groups::draw_chosen(scene, rest, groups.get(chosen), buf);
    }
}
