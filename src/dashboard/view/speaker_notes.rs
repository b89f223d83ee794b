//! The presenter's lines for the current screen.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Scene, layout::MARGIN, text};
use crate::dashboard::page::Page;

/// The most rows of a text.
const MOST: usize = 3;

/// Below this width a full text would take three rows of the screen.
const SHORT_BELOW: u16 = 100 - 2 * MARGIN;

/// Columns of the bar before it, which marks it as a presenter's text.
const BAR: u16 = 2;

/// The rows it takes in lines of `width`; 0 outside a talk.
pub(super) fn rows(scene: &Scene<'_>, width: u16) -> u16 {
    if scene.ui.talk.is_none() {
        return 0;
    }
    // The maximum over all pages, so that switching pages does not move the layout.
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
    use crate::{
        dashboard::{
            app::App,
            fixture,
            marks::Marker,
            screenshot,
            theme::ThemeName,
            view::{self, Look},
        },
        messages::Lang,
    };

    #[test]
    fn lines_break_between_words_and_lose_none() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("one two three", 3), ["one", "two", "three"]);
        assert_eq!(wrap("one two three", 80), ["one two three"]);
    }

    #[test]
    fn it_takes_one_row_of_a_window_of_80_columns_and_stands_off_the_picture_in_a_high_one() {
        let shop = std::sync::Arc::new(fixture::afternoon());
        let app = App::for_a_talk(shop.clone(), std::time::Instant::now(), None);
        for lang in Lang::ALL {
            let look = Look::new(ThemeName::Dark, lang, Marker::Block);
            for (width, height, rows) in [(80, 24, 1), (80, 30, 1), (120, 27, 2), (120, 28, 2), (200, 50, 1)]
            {
                let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
                view::draw(&mut buf, &shop, app.ui(), &look);
                let shown = screenshot::text(&buf);
                let lines: Vec<&str> = shown.lines().collect();
                let said: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].starts_with(" ▌ ")).collect();
                assert!(!said.is_empty() && said.len() <= rows, "{width}×{height}:\n{shown}");
                let above = lines[said[0] - 1].trim();
                assert_eq!(above.is_empty(), height >= 28, "{width}×{height}:\n{shown}");
                let place = (3, u16::try_from(said[0]).unwrap());
                assert_eq!(Some(buf[place].fg), look.theme.base.fg, "in the colour of words");
            }
        }
    }
}
