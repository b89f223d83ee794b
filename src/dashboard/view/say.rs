//! What the presenter says to what is on the screen.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Scene, text};
use crate::dashboard::page::Page;

/// The most rows that it may take.
const MOST: usize = 3;

/// The rows that it takes in lines of `width`; none where no talk is given.
pub(super) fn rows(scene: &Scene<'_>, width: u16) -> u16 {
    if scene.ui.talk.is_none() {
        return 0;
    }
    // The highest of all pages, so that nothing moves from one to the next.
    let texts = scene.words.say.iter().chain(&scene.words.say_of_panels);
    let highest = texts.map(|text| wrap(text, width).len()).max().unwrap_or(0);
    u16::try_from(highest.min(MOST)).unwrap_or(0)
}

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let said = match (scene.ui.page, scene.ui.enlarged_panel()) {
        (Page::Overview, Some(panel)) => scene.words.say_of_panels.get(panel),
        (page, _) => scene.words.say.get(page.index()),
    };
    let lines = wrap(said.copied().unwrap_or_default(), area.width);
    for (line, row) in lines.iter().zip(area.rows()) {
        text::left(row, line, scene.theme.orders, buf);
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
