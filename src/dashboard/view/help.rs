//! The help, from the key bindings; it covers lists and leaves the figures visible.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::Line,
    widgets::{Clear, Widget},
};

use super::{
    Scene,
    layout::{GUTTER, Panel, Places},
    text,
};
use crate::dashboard::{
    keymap::{self, Binding},
    page::Page,
};

/// Draws the bindings of the current screen over the smallest area that has room for all.
pub(super) fn draw(scene: &Scene<'_>, places: &Places, buf: &mut Buffer) {
    let keys: Vec<&Binding> =
        keymap::bindings(scene.ui).iter().filter(|binding| (binding.here)(scene.ui)).collect();
    let places = areas(scene, places);
    // A small window has one word for each.
    let fitting = [Form::Sentences, Form::Words].into_iter().find_map(|form| {
        let table = Table::new(scene, &keys, form);
        places.iter().find(|area| table.fits(**area)).map(|area| (table, *area))
    });
    let last = places.last().copied().unwrap_or_default();
    let (table, area) = fitting.unwrap_or_else(|| (Table::new(scene, &keys, Form::Words), last));
    Clear.render(area, buf);
    buf.set_style(area, scene.theme.base);
    let body = text::title(scene, area, scene.words.keys, &Line::default(), buf);
    table.draw(scene, body, buf);
}

/// The areas that the help may cover, smallest first: lists on the overview, otherwise the foot of the page.
fn areas(scene: &Scene<'_>, places: &Places) -> Vec<Rect> {
    if scene.ui.page == Page::Overview && scene.ui.enlarged_panel().is_none() {
        let area_of = |panels: &[Panel]| {
            let areas =
                places.panels.iter().filter(|(panel, _)| panels.contains(panel)).map(|(_, area)| *area);
            areas.reduce(Rect::union).unwrap_or_default()
        };
        let feed = area_of(&[Panel::Latest]);
        let feeds = area_of(&[Panel::Latest, Panel::Messages]);
        let lists = feeds.union(area_of(&[Panel::Handled]));
        return vec![feed, feeds, lists, lists.union(places.audit)];
    }
    let body = places.body;
    (5..=body.height).map(|rows| text::below(body, body.height - rows)).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Sentences,
    Words,
}

/// The lines of the help in columns.
struct Table {
    /// The keys, their text, and whether they have an effect now.
    lines: Vec<(&'static str, &'static str, bool)>,
    /// The columns of the keys with the blanks after them, and of a line.
    caps: u16,
    line: u16,
}

impl Table {
    fn new(scene: &Scene<'_>, keys: &[&Binding], form: Form) -> Self {
        let (words, ui) = (scene.words, scene.ui);
        let text_of = |binding: &Binding| match form {
            Form::Sentences => (binding.about)(words),
            Form::Words => (binding.hint)(words, ui),
        };
        // Keys without a hint are shown elsewhere, or are dispensable.
        let lines: Vec<_> = keys
            .iter()
            .map(|binding| ((binding.cap)(words), text_of(binding), (binding.works)(ui)))
            .filter(|(_, text, _)| !text.is_empty())
            .collect();
        let widest = |text: fn(&(&'static str, &'static str, bool)) -> &'static str| {
            lines.iter().map(|line| text::columns(text(line))).max().unwrap_or(0)
        };
        let caps = widest(|line| line.0) + 2;
        let line = caps + widest(|line| line.1);
        Self { lines, caps, line }
    }

    fn columns(&self, width: u16) -> u16 {
        (width + GUTTER) / (self.line + GUTTER)
    }

    /// Whether all lines fit into an area below its title.
    fn fits(&self, area: Rect) -> bool {
        usize::from(area.height.saturating_sub(1) * self.columns(area.width)) >= self.lines.len()
    }

    fn draw(&self, scene: &Scene<'_>, body: Rect, buf: &mut Buffer) {
        // Columns are filled evenly, and no further apart than necessary.
        let columns = self.columns(body.width).max(1);
        let apart = ((body.width + GUTTER) / columns).min(self.line + 6);
        for (index, (cap, about, works)) in (0_u16..).zip(&self.lines) {
            let Some(column) = index.checked_div(body.height) else { return };
            let row = text::row(text::right_of(body, column.saturating_mul(apart)), index % body.height);
            text::left(row, cap, scene.theme.strong, buf);
            let style = if *works { scene.theme.base } else { scene.theme.dim };
            text::left(text::right_of(row, self.caps), about, style, buf);
        }
    }
}
