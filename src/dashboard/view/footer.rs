//! The keys that do something here now, from the table of keys; or what became of the last one.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
    widgets::Widget,
};

use super::{Scene, layout::Places, tabs, text};
use crate::{
    dashboard::{keymap, ui::Notice},
    messages::clean::clean,
};

pub(super) fn draw(scene: &Scene<'_>, places: &Places, buf: &mut Buffer) {
    let mut area = places.footer;
    if places.tabs.is_none() {
        // The pages have no line of their own: their numbers stand at the right.
        let width = tabs::short_width(scene).min(area.width);
        let right = text::right_of(area, area.width - width);
        tabs::draw(scene, right, buf);
        area.width = area.width.saturating_sub(width + 2);
    }
    let Some(notice) = &scene.ui.notice else { return keys(scene, area, buf) };
    let (sentence, style) = match notice {
        Notice::RealTime => (scene.words.notice_real_time.to_owned(), scene.theme.warning),
        Notice::NobodySells => (scene.words.notice_nobody_sells.to_owned(), scene.theme.warning),
        Notice::NoShell => (scene.words.notice_no_shell.to_owned(), scene.theme.warning),
        Notice::Event(sentence) => {
            let room = usize::from(area.width.saturating_sub(2));
            (format!(" {} ", clean(&scene.words.say(sentence), room)), scene.theme.badge_event)
        }
        Notice::Answer(sentence) => {
            (clean(&scene.words.say(sentence), usize::from(area.width)), scene.theme.strong)
        }
    };
    text::left(area, &sentence, style, buf);
}

fn keys(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    // As many keys as fit; they move together before one is left out.
    let (wide, all) = line(scene, area.width, "   ");
    let line = if all { wide } else { self::line(scene, area.width, "  ").0 };
    line.render(area, buf);
}

/// The keys that fit, and whether these are all.
fn line(scene: &Scene<'_>, width: u16, gap: &'static str) -> (Line<'static>, bool) {
    let (ui, words, theme) = (scene.ui, scene.words, scene.theme);
    let mut line = Line::default();
    let useful = keymap::bindings(ui).iter().filter(|binding| (binding.here)(ui) && (binding.works)(ui));
    for binding in useful {
        let hint = (binding.hint)(words, ui);
        if hint.is_empty() {
            continue;
        }
        let before = line.spans.len();
        if before > 0 {
            line.push_span(Span::raw(gap));
        }
        line.push_span(Span::styled((binding.cap)(words), theme.strong));
        line.push_span(Span::styled(format!(" {hint}"), theme.dim));
        if line.width() > usize::from(width) {
            line.spans.truncate(before);
            return (line, false);
        }
    }
    (line, true)
}
