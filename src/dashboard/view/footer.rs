//! The notice about the last key, and hints for the keys that have an effect now, from the key bindings.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Widget,
};

use super::{Scene, layout::Places, tabs, text};
use crate::{
    dashboard::{keymap, ui_state::Notice},
    messages::sanitize::clean,
};

pub(super) fn draw(scene: &Scene<'_>, places: &Places, buf: &mut Buffer) {
    let mut area = places.footer;
    // The first hints (help and quit) stay visible beside a notice.
    let kept = least(scene) + GAP;
    let said = scene.ui.notice.as_ref().map(|notice| say(scene, notice, area.width.saturating_sub(kept)));
    if places.tabs.is_none() {
        // Without a row for tabs, the page numbers are at the right, unless a notice needs the room.
        let width = tabs::short_width(scene).min(area.width);
        let beside = area.width.saturating_sub(width + 2);
        if said.as_ref().is_none_or(|(sentence, _)| text::columns(sentence) + kept <= beside) {
            tabs::draw(scene, text::right_of(area, area.width - width), buf);
            area.width = beside;
        }
    }
    if let Some((sentence, style)) = said {
        text::left(area, &sentence, style, buf);
        area = text::right_of(area, text::columns(&sentence) + GAP);
    }
    keys(scene, area, buf);
}

/// Blank columns between notice and hints.
const GAP: u16 = 3;

/// The columns of the first two hints.
fn least(scene: &Scene<'_>) -> u16 {
    let first = hints(scene).take(2).map(|(cap, hint)| text::columns(cap) + 1 + text::columns(hint));
    first.reduce(|one, other| one + 2 + other).unwrap_or(0)
}

/// The notice's text and style, in `room` columns.
fn say(scene: &Scene<'_>, notice: &Notice, room: u16) -> (String, Style) {
    let room = usize::from(room);
    let warning = |words: &str| (clean(words, room), scene.theme.warning);
    match notice {
        Notice::RealTime => warning(scene.words.notice_real_time),
        Notice::NobodySells => warning(scene.words.notice_nobody_sells),
        Notice::Past => warning(scene.words.notice_past),
        Notice::NoShell => warning(scene.words.notice_no_shell),
        Notice::NothingToOpen => warning(scene.words.notice_nothing_to_open),
        Notice::NoPanel => warning(scene.words.notice_no_panel),
        Notice::Fastest => warning(scene.words.notice_fastest),
        Notice::Slowest => warning(scene.words.notice_slowest),
        Notice::Event(sentence) => (
            format!(" {} ", clean(&scene.words.say(sentence), room.saturating_sub(2))),
            scene.theme.badge_event,
        ),
        Notice::Answer(sentence) => (clean(&scene.words.say(sentence), room), scene.theme.strong),
    }
}

/// The keys that have an effect now, each with its hint.
fn hints<'a>(scene: &'a Scene<'_>) -> impl Iterator<Item = (&'static str, &'static str)> + use<'a> {
    let (ui, words) = (scene.ui, scene.words);
    let useful = keymap::bindings(ui).iter().filter(|binding| (binding.here)(ui) && (binding.works)(ui));
    useful
        .map(|binding| ((binding.cap)(words), (binding.hint)(words, ui)))
        .filter(|(_, hint)| !hint.is_empty())
}

fn keys(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    // As many hints as fit; gaps shrink before a hint is dropped.
    let (wide, all) = line(scene, area.width, "   ");
    let line = if all { wide } else { self::line(scene, area.width, "  ").0 };
    line.render(area, buf);
}

/// The keys that fit, and whether these are all.
fn line(scene: &Scene<'_>, width: u16, gap: &'static str) -> (Line<'static>, bool) {
    let theme = scene.theme;
    let mut line = Line::default();
    for (cap, hint) in hints(scene) {
        let before = line.spans.len();
        if before > 0 {
            line.push_span(Span::raw(gap));
        }
        line.push_span(Span::styled(cap, theme.strong));
        line.push_span(Span::styled(format!(" {hint}"), theme.dim));
        if line.width() > usize::from(width) {
            line.spans.truncate(before);
            return (line, false);
        }
    }
    (line, true)
}
