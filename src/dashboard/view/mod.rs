//! Rendering: draws a snapshot into cells. Pure, and defined for every size.
//!
//! ```text
//!   header    where, when, how fast
//!   tabs      the pages
//!   Orders since midnight ───────   Sales today ─────────────   Last hour ───────────────
//!   big figure, the day's chart     big figure                  big figure, chart below both
//!   Handled orders ──────────────   Stock ───────────────────   Latest orders ───────────
//!   windows, chart                  shelves                     feed
//!   Messages ────────────────────────────────────────────────────────────────────────────
//!   say       what a presenter says
//!   audit     every sum, checked
//!   footer    keys
//! ```
//!
//! The page is a grid of columns of about forty characters, as many as fit, and everything is aligned to it: titles
//! have a rule instead of a box, and figures one weight.

mod audit;
mod bar;
mod beside;
mod big;
mod chart;
mod day;
mod figure_tiles;
mod filter;
mod footer;
mod handled;
mod header;
mod help;
mod layout;
mod list;
mod messages;
mod number;
mod order_feed;
mod orders;
mod page;
pub(super) mod plain;
mod sales;
mod series;
mod speaker_notes;
mod stations;
mod stock;
mod table;
mod tabs;
mod text;

use std::cell::RefCell;

use ratatui::{buffer::Buffer, layout::Rect, text::Line, widgets::Widget};

pub(super) use self::chart::round_top;

use self::{
    layout::{Panel, Places},
    number::Numbers,
};
use super::{
    lang::Words,
    marks::{Marker, Marks, to_ascii},
    mouse_targets::{Target, Targets},
    page::Page,
    snapshot::{Answer, Progress, Snapshot},
    theme::{Theme, ThemeName},
};
use crate::{dashboard::ui_state::Ui, messages::Lang};

/// The appearance and language of the screen.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// The styles.
    pub theme: &'static Theme,
    /// The words.
    pub words: &'static Words,
    /// The marks.
    pub marks: &'static Marks,
}

impl Look {
    /// The look of a theme, a language and a set of marks.
    pub fn new(theme: ThemeName, lang: Lang, marker: Marker) -> Self {
        Self { theme: theme.theme(), words: lang.words(), marks: marker.marks() }
    }
}

/// The input for drawing a panel.
#[derive(Clone, Copy)]
struct Scene<'a> {
    shop: &'a Snapshot,
    ui: &'a Ui,
    theme: &'a Theme,
    words: &'static Words,
    marks: &'static Marks,
    numbers: Numbers,
    /// Whether the panel has the focus.
    in_focus: bool,
    targets: &'a RefCell<Targets>,
}

impl Scene<'_> {
    /// How far the way to the past moment is that was asked for and is not on the screen yet.
    fn progress(&self) -> Option<Progress> {
        let rewound = self.shop.rewound.as_ref().filter(|rewound| self.ui.moment == Some(rewound.asked))?;
        if let Answer::Underway(progress) = rewound.answer { Some(progress) } else { None }
    }

    /// Registers a mouse target.
    fn answers(&self, area: Rect, target: Target) {
        self.targets.borrow_mut().push(area, target);
    }
}

/// Draws the whole screen; returns its mouse targets.
pub fn draw(buf: &mut Buffer, shop: &Snapshot, ui: &Ui, look: &Look) -> Targets {
    let area = buf.area;
    buf.set_style(area, look.theme.base);
    let targets = RefCell::default();
    let scene = Scene {
        shop,
        ui,
        theme: look.theme,
        words: look.words,
        marks: look.marks,
        numbers: Numbers::of(look.words.lang),
        in_focus: false,
        targets: &targets,
    };
    let say = speaker_notes::rows(&scene, area.width.saturating_sub(2 * layout::MARGIN));
    match Places::of(area, say) {
        Some(places) => whole(&scene, &places, buf),
        None => too_small(&scene, area, buf),
    }
    if look.marks.ascii {
        keep_to_ascii(buf);
    }
    targets.into_inner()
}

fn whole(scene: &Scene<'_>, places: &Places, buf: &mut Buffer) {
    header::draw(scene, places, buf);
    if let Some(line) = places.tabs {
        tabs::draw(scene, line, buf);
    }
    match scene.ui.page {
        Page::Overview => overview(scene, places, buf),
        other => page::draw(scene, other, places.body, buf),
    }
    audit::draw(scene, places.audit, buf);
    speaker_notes::draw(scene, places.say, buf);
    footer::draw(scene, places, buf);
    if scene.ui.help {
        help::draw(scene, places, buf);
    }
}

fn overview(scene: &Scene<'_>, places: &Places, buf: &mut Buffer) {
    let enlarged = scene.ui.enlarged_panel();
    for (index, &(panel, area)) in places.panels.iter().enumerate() {
        if enlarged.is_some_and(|only| only != index) {
            continue;
        }
        let area = if enlarged.is_some() { places.body } else { area };
        let in_focus = scene.ui.focus == Some(index) && enlarged.is_none();
        let scene = &Scene { in_focus, ..*scene };
        scene.answers(area, Target::Panel(index));
        match panel {
            Panel::Orders => orders::draw(scene, area, buf),
            Panel::Sales => sales::draw(scene, area, buf),
            Panel::Handled => handled::draw(scene, area, buf),
            Panel::Stock => stock::draw(scene, area, buf),
            Panel::Latest => order_feed::draw(scene, area, buf),
            Panel::Messages => messages::draw(scene, area, buf),
        }
    }
}

fn too_small(scene: &Scene<'_>, area: Rect, buf: &mut Buffer) {
    let words = scene.words;
    let (width, height) = layout::LEAST;
    let times = scene.marks.times;
    let lines = [
        format!("{} {width}{times}{height},", words.needs_at_least),
        format!("{} {}{times}{}.", words.this_one_is, area.width, area.height),
    ];
    let top = area.height.saturating_sub(2) / 2;
    for (line, row) in lines.into_iter().zip(area.rows().skip(top.into())) {
        Line::styled(line, scene.theme.strong).centered().render(row, buf);
    }
}

/// Enforces `--marker ascii`, whatever was drawn.
fn keep_to_ascii(buf: &mut Buffer) {
    for cell in &mut buf.content {
        if !cell.symbol().is_ascii() {
            // This also drops combining marks and all else after the first character.
            let plain = cell.symbol().chars().next().map_or(' ', to_ascii);
            cell.set_char(plain);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::select};

    use super::*;
    use crate::dashboard::fixture;
    use crate::dashboard::page::PANELS;

    proptest! {
        #![proptest_config(crate::testing::cases(400))]

        #[test]
        fn nothing_is_drawn_outside_its_box(
            x in 0_u16..40, y in 0_u16..20, width in 0_u16..=200, height in 0_u16..=60, what in 0..PANELS + Page::ALL.len(),
            marker in select(&Marker::ALL[..]), enlarged: bool, followed: bool,
        ) {
            let window = Rect::new(0, 0, 240, 80);
            let body = Rect::new(x, y, width, height);
            let mut buf = Buffer::filled(window, ratatui::buffer::Cell::new("▒"));
            let shop = fixture::afternoon();
            let mut ui = Ui::default();
            ui.focus = enlarged.then_some(0);
            ui.enlarged = enlarged;
            ui.following = shop.feed.first().filter(|_| followed).map(|order| order.order_id);
            ui.reading = shop.figures.reports.first().filter(|_| followed).map(|report| report.date);
            let look = Look::new(ThemeName::Dark, Lang::Sv, marker);
            let targets = RefCell::default();
            let scene = Scene {
                shop: &shop, ui: &ui, theme: look.theme, words: look.words, marks: look.marks, numbers: Numbers::of(Lang::Sv), in_focus: false, targets: &targets,
            };
            match what.checked_sub(PANELS).and_then(|index| Page::ALL.get(index)) {
                Some(&page) => page::draw(&scene, page, body, &mut buf),
                None => match what {
                    0 => orders::draw(&scene, body, &mut buf),
                    1 => sales::draw(&scene, body, &mut buf),
                    2 => handled::draw(&scene, body, &mut buf),
                    3 => stock::draw(&scene, body, &mut buf),
                    4 => order_feed::draw(&scene, body, &mut buf),
                    _ => messages::draw(&scene, body, &mut buf),
                },
            }
            for position in window.positions().filter(|position| !body.contains(*position)) {
                prop_assert_eq!(buf[position].symbol(), "▒", "{} is outside {}:\n{}", position, body, crate::dashboard::screenshot::text(&buf));
            }
        }
    }
}
