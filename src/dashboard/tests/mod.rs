//! The dashboard as a whole: what it shows, that it always can, and what the loop does.

mod events;
mod hostile;
mod looks;
mod pages;
mod state;

use ratatui::{buffer::Buffer, layout::Rect};

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
    let mut picture = Buffer::empty(Rect::new(0, 0, width, height));
    view::draw(&mut picture, shop, app.ui(), look);
    picture
}

/// The text of a picture, blanks at the ends of lines left off.
fn text(picture: &Buffer) -> String {
    let text = super::picture::text(picture);
    text.strip_suffix('\n').unwrap_or(&text).to_owned()
}

fn plain_look() -> Look {
    Look::new(ThemeName::Dark, Lang::En, Marker::Braille)
}
