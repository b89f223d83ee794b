//! The dashboard as a whole: what it shows, that it always can, and what the loop does.

mod events;
mod hostile;
mod looks;
mod state;

use ratatui::{Terminal, backend::TestBackend, buffer::Buffer};

use super::{
    app::App,
    lang::Lang,
    marks::Marker,
    snapshot::Snapshot,
    theme::ThemeName,
    view::{self, Look},
};

/// The cells of one picture.
fn cells(width: u16, height: u16, shop: &Snapshot, app: &App, look: &Look) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view::draw(frame, shop, app.ui(), look)).unwrap();
    terminal.backend().buffer().clone()
}

/// The text of a picture, blanks at the ends of lines left off.
fn text(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width.max(1));
    let lines = buffer.content.chunks(width).map(|row| {
        let line: String = row.iter().map(ratatui::buffer::Cell::symbol).collect();
        line.trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn plain_look() -> Look {
    Look::new(ThemeName::Dark, Lang::En, Marker::Braille)
}
