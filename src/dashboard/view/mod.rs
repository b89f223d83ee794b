//! The drawing: a picture of the shop becomes cells. Pure, and defined for every size.
//!
//! ```text
//!   header    where, when, how fast
//!   Orders since midnight ───────   Sales today ─────────────   Last hour ───────────────
//!   big figure, the day's chart     big figure                  big figure, chart below both
//!   Handled orders ──────────────   Stock ───────────────────   Latest orders ───────────
//!   windows, chart                  shelves                     feed
//!   Messages ────────────────────────────────────────────────────────────────────────────
//!   audit     every sum, checked
//!   footer    keys
//! ```
//!
//! The page is set in columns of about forty characters, as many as the window has room for, and
//! everything hangs on their edges: titles with a hairline instead of boxes, figures in one weight.

mod audit;
mod bar;
mod big;
mod chart;
mod day;
mod filter;
mod footer;
mod handled;
mod header;
mod headline;
mod help;
mod latest;
mod layout;
mod list;
mod messages;
mod number;
mod orders;
mod page;
mod sales;
mod series;
mod stations;
mod stock;
mod table;
mod text;

pub(super) use self::chart::round_top;
use ratatui::{Frame, buffer::Buffer, layout::Rect, text::Line, widgets::Widget};

use self::layout::{Panel, Places};
use super::{
    app::Ui,
    lang::{Lang, Words},
    marks::{Marker, Marks, to_ascii},
    page::Page,
    snapshot::Snapshot,
    theme::{Theme, ThemeName},
};

/// How everything looks and in which language it speaks.
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

/// All that a panel is drawn from.
#[derive(Clone, Copy)]
struct Scene<'a> {
    shop: &'a Snapshot,
    ui: &'a Ui,
    theme: &'a Theme,
    words: &'static Words,
    marks: &'static Marks,
    /// Whether what is drawn has the focus.
    in_focus: bool,
}

/// Draws the whole screen.
pub fn draw(frame: &mut Frame<'_>, shop: &Snapshot, ui: &Ui, look: &Look) {
    let area = frame.area();
    let buf = frame.buffer_mut();
    buf.set_style(area, look.theme.base);
    let scene = Scene { shop, ui, theme: look.theme, words: look.words, marks: look.marks, in_focus: false };
    match Places::of(area) {
        Some(places) => whole(&scene, &places, buf),
        None => too_small(&scene, area, buf),
    }
    if look.marks.ascii {
        keep_to_ascii(buf);
    }
}

fn whole(scene: &Scene<'_>, places: &Places, buf: &mut Buffer) {
    header::draw(scene, places, buf);
    match scene.ui.page {
        Page::Overview => overview(scene, places, buf),
        other => page::draw(scene, other, places.body, buf),
    }
    audit::draw(scene, places.audit, buf);
    footer::draw(scene, places.footer, buf);
    if scene.ui.help {
        help::draw(scene, places, buf);
    }
}

fn overview(scene: &Scene<'_>, places: &Places, buf: &mut Buffer) {
    for (index, &(panel, area)) in places.panels.iter().enumerate() {
        let scene = &Scene { in_focus: scene.ui.focus == Some(index), ..*scene };
        match panel {
            Panel::Orders => orders::draw(scene, area, buf),
            Panel::Sales => sales::draw(scene, area, buf),
            Panel::Handled => handled::draw(scene, area, buf),
            Panel::Stock => stock::draw(scene, area, buf),
            Panel::Latest => latest::draw(scene, area, buf),
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

/// The last word on `--marker ascii`: whatever was drawn, nothing else gets out.
fn keep_to_ascii(buf: &mut Buffer) {
    for cell in &mut buf.content {
        if !cell.symbol().is_ascii() {
            // Combining marks go; a letter with its mark in one stays.
            let plain = cell.symbol().chars().next().map_or(' ', to_ascii);
            cell.set_char(plain);
        }
    }
}
