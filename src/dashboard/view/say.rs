//! What the presenter says to what is on the screen.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Scene, layout::MARGIN, text};
use crate::dashboard::page::Page;

/// The most rows that it may take.
const MOST: usize = 3;

/// Below this width a whole sentence would take three rows of the picture.
const SHORT_BELOW: u16 = 100 - 2 * MARGIN;

/// The columns of the bar before it, which tells it from the program's own words.
const BAR: u16 = 2;

/// The rows that it takes in lines of `width`; none where no talk is given.
pub(super) fn rows(scene: &Scene<'_>, width: u16) -> u16 {
    if scene.ui.talk.is_none() {
        return 0;
    }
    // The highest of all pages, so that nothing moves from one to the next.
    let (pages, panels) = sentences(scene, width);
    let texts = pages.iter().chain(panels);
    let highest = texts.map(|text| wrap(text, width.saturating_sub(BAR)).len()).max().unwrap_or(0);
    u16::try_from(highest.min(MOST)).unwrap_or(0)
}

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let (pages, panels) = sentences(scene, area.width);
    let said = match (scene.ui.page, scene.ui.enlarged_panel()) {
        (Page::Overview, Some(panel)) => panels.get(panel),
        (page, _) => pages.get(page.index()),
    };
    let lines = wrap(said.copied().unwrap_or_default(), area.width.saturating_sub(BAR));
    for (line, row) in lines.iter().zip(area.rows()) {
        text::left(row, &scene.marks.speech.to_string(), scene.theme.dim, buf);
        text::left(text::right_of(row, BAR), line, scene.theme.base, buf);
    }
}

/// The sentences for the pages and for the panels of the overview.
fn sentences(scene: &Scene<'_>, width: u16) -> (&'static [&'static str], &'static [&'static str]) {
    let speech = &scene.words.speech;
    if width < SHORT_BELOW {
        (&speech.pages_short, &speech.panels_short)
    } else {
        (&speech.pages, &speech.panels)
    }
}

/// Breaks a text between words.
fn wrap(text: &str, width: u16) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if text::columns(line) + 1 + text::columns(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_lose_none() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("one two three", 3), ["one", "two", "three"]);
        assert_eq!(wrap("one two three", 80), ["one two three"]);
    }
}
