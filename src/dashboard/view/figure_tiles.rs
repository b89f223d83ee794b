//! The large figures at the head of a page, side by side in one size.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
    text::Line,
};

use super::{
    Scene,
    big::{self, Figure, Size},
    text,
};
use crate::shop::number_format;

/// The least heights of a page for big and for larger figures.
const BIG_FROM: u16 = 15;
const LARGE_FROM: u16 = 34;

/// A figure with its title.
#[derive(Debug)]
pub(super) struct Tile {
    title: String,
    value: Value,
    style: Style,
}

#[derive(Debug, Clone, Copy)]
enum Value {
    Count(i64),
    Ore(i64),
}

impl Tile {
    /// A count.
    pub(super) fn count(title: &str, count: i64, style: Style) -> Self {
        Self { title: title.to_owned(), value: Value::Count(count), style }
    }

    /// A sum of money, in whole kronor.
    pub(super) fn kronor(title: &str, ore: i64, style: Style) -> Self {
        Self { title: title.to_owned(), value: Value::Ore(ore), style }
    }

    /// The large text.
    fn big(&self) -> String {
        match self.value {
            Value::Count(count) => {
                let sign = if count < 0 { "−" } else { "" };
                format!("{sign}{}", number_format::thousands(count.unsigned_abs()))
            }
            Value::Ore(ore) => big::whole(ore),
        }
    }

    fn draw(&self, scene: &Scene<'_>, area: Rect, size: Size, buf: &mut Buffer) {
        let body = text::title(scene, area, &self.title, &Line::default(), buf);
        // A figure made of blocks, if reversed, would be illegible.
        let style = match size {
            Size::Text => self.style,
            _ => Style { add_modifier: self.style.add_modifier.difference(Modifier::REVERSED), ..self.style },
        };
        match self.value {
            Value::Count(count) => {
                let text = scene.numbers.count(count, body.width.into());
                Figure { big: &self.big(), small: &[], text: &text, style }.draw(scene, body, size, "", buf)
            }
            Value::Ore(ore) => big::draw_sum(scene, body, size, ore, style, buf),
        };
    }
}

/// Draws each tile at the top of its area, for a page of `height`; returns the rows used.
pub(super) fn draw(scene: &Scene<'_>, height: u16, tiles: &[(Rect, Tile)], buf: &mut Buffer) -> u16 {
    let sizes: &[Size] = match height {
        ..BIG_FROM => &[],
        BIG_FROM..LARGE_FROM => &[Size::Single],
        _ => &[Size::Double, Size::Single],
    };
    let figures: Vec<(String, u16)> = tiles.iter().map(|(area, tile)| (tile.big(), area.width)).collect();
    let size = big::largest(sizes, &figures.iter().map(|(figure, width)| (figure.as_str(), *width)));
    for (area, tile) in tiles {
        tile.draw(scene, *area, size, buf);
    }
    1 + size.height() + if size == Size::Double { 2 } else { 0 }
}

/// Splits an area into `count` columns of equal width, as on the page's grid.
pub(super) fn columns(area: Rect, count: usize) -> Vec<Rect> {
    use ratatui::layout::{Constraint, Layout};
    Layout::horizontal(vec![Constraint::Fill(1); count]).spacing(super::layout::GUTTER).split(area).to_vec()
}
