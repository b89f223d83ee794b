//! The dashboard as a whole: frames, their robustness, and the event loop.

mod choosing;
mod events;
mod figures;
mod hostile;
mod kafka;
mod looks;
mod pages;
mod past;
mod stage;
mod state;

use ratatui::{
    buffer::{Buffer, Cell},
    layout::Rect,
};

use super::{
    app::App,
    marks::Marker,
    snapshot::Snapshot,
    theme::ThemeName,
    view::{self, Look},
};
use crate::messages::Lang;

/// The cells of one frame.
fn cells(width: u16, height: u16, shop: &Snapshot, app: &App, look: &Look) -> Buffer {
    let mut picture = Buffer::empty(Rect::new(0, 0, width, height));
    view::draw(&mut picture, shop, app.ui(), look);
    picture
}

/// The text of a frame, without trailing blanks.
fn text(picture: &Buffer) -> String {
    let text = super::screenshot::text(picture);
    text.strip_suffix('\n').unwrap_or(&text).to_owned()
}

/// The first cell of `needle`.
#[track_caller]
fn find<'a>(buffer: &'a Buffer, needle: &str) -> &'a Cell {
    let width = usize::from(buffer.area.width);
    for row in buffer.content.chunks(width) {
        for start in 0..width {
            let line: String = row[start..].iter().map(Cell::symbol).collect();
            if line.starts_with(needle) {
                return &row[start];
            }
        }
    }
    panic!("{needle:?} is not shown:\n{}", text(buffer));
}

fn plain_look() -> Look {
    Look::new(ThemeName::Dark, Lang::En, Marker::Braille)
}
