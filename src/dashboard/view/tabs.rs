//! The tabs: pages by number and name; the open one is highlighted.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
    widgets::Widget,
};

use super::{Scene, text};
use crate::dashboard::mouse_targets::Target;
use crate::dashboard::page::Page;

/// The length of the tabs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Every number with its name.
    Names,
    /// The numbers, and the open page's name.
    Numbers,
}

/// The columns of the short form.
pub(super) fn short_width(scene: &Scene<'_>) -> u16 {
    width(&tabs(scene, Form::Numbers), Form::Numbers)
}

/// Draws the longest form that fits, left-aligned.
pub(super) fn draw(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    for form in [Form::Names, Form::Numbers] {
        let tabs = tabs(scene, form);
        if width(&tabs, form) > area.width {
            continue;
        }
        let mut rest = text::row(area, 0);
        for (page, tab) in tabs {
            let columns = u16::try_from(tab.width()).unwrap_or(u16::MAX);
            let own = Rect { width: columns.min(rest.width), ..rest };
            scene.answers(own, Target::Page(page));
            tab.render(own, buf);
            rest = text::right_of(rest, columns.saturating_add(gap(form)));
        }
        return;
    }
}

fn gap(form: Form) -> u16 {
    match form {
        Form::Names => 2,
        Form::Numbers => 1,
    }
}

fn width(tabs: &[(Page, Line<'static>)], form: Form) -> u16 {
    let columns: usize = tabs.iter().map(|(_, tab)| tab.width() + usize::from(gap(form))).sum();
    u16::try_from(columns).unwrap_or(u16::MAX).saturating_sub(gap(form))
}

fn tabs(scene: &Scene<'_>, form: Form) -> Vec<(Page, Line<'static>)> {
    let tab = |(page, (number, name)): (Page, (usize, &'static str))| {
        let open = page == scene.ui.page;
        let text = match (open, form) {
            (true, _) => format!(" {number} {name} "),
            (false, Form::Names) => format!("{number} {name}"),
            (false, Form::Numbers) => number.to_string(),
        };
        // A tab is highlighted as a whole, to differ from panel titles.
        let style = if open { scene.theme.strong.patch(scene.theme.chosen) } else { scene.theme.dim };
        (page, Line::from(Span::styled(text, style)))
    };
    Page::ALL.into_iter().zip((1..).zip(scene.words.page_names)).map(tab).collect()
}
