//! Large figures for the back row, with digits of equal width.

use ratatui::{buffer::Buffer, layout::Rect, style::Style, text::Span, widgets::Widget};

use super::{Scene, text};
use crate::shop::number_format;

/// The unit of a sum.
const KRONOR: &str = "kr";

/// Dots of a digit.
const WIDE: u16 = 3;
const HIGH: u16 = 5;

/// A digit's dots: five rows of three, the leftmost in the highest bit.
type Dots = [u8; HIGH as usize];

/// A character's dots and width; `None` if it has none.
fn dots(sign: char) -> Option<(Dots, u16)> {
    Some(match sign {
        '0' => ([0b111, 0b101, 0b101, 0b101, 0b111], WIDE),
        '1' => ([0b110, 0b010, 0b010, 0b010, 0b111], WIDE),
        '2' => ([0b111, 0b001, 0b111, 0b100, 0b111], WIDE),
        '3' => ([0b111, 0b001, 0b111, 0b001, 0b111], WIDE),
        '4' => ([0b101, 0b101, 0b111, 0b001, 0b001], WIDE),
        '5' => ([0b111, 0b100, 0b111, 0b001, 0b111], WIDE),
        '6' => ([0b111, 0b100, 0b111, 0b101, 0b111], WIDE),
        '7' => ([0b111, 0b001, 0b001, 0b001, 0b001], WIDE),
        '8' => ([0b111, 0b101, 0b111, 0b101, 0b111], WIDE),
        '9' => ([0b111, 0b101, 0b111, 0b001, 0b111], WIDE),
        '−' => ([0, 0, 0b111, 0, 0], WIDE),
        ':' => ([0, 0b1, 0, 0b1, 0], 1),
        ',' | '.' => ([0, 0, 0, 0, 0b1], 1),
        // The thousands separator: the gap after each character is enough.
        '\u{a0}' | ' ' => ([0; 5], 0),
        _ => return None,
    })
}

/// The same characters drawn with `_` and `|`, three rows high.
fn strokes(sign: char) -> Option<[&'static str; 3]> {
    Some(match sign {
        '0' => [" _ ", "| |", "|_|"],
        '1' => ["   ", "  |", "  |"],
        '2' => [" _ ", " _|", "|_ "],
        '3' => [" _ ", " _|", " _|"],
        '4' => ["   ", "|_|", "  |"],
        '5' => [" _ ", "|_ ", " _|"],
        '6' => [" _ ", "|_ ", "|_|"],
        '7' => [" _ ", "  |", "  |"],
        '8' => [" _ ", "|_|", "|_|"],
        '9' => [" _ ", "|_|", " _|"],
        '−' => ["   ", " _ ", "   "],
        ':' => [" ", ".", "."],
        ',' => [" ", " ", ","],
        '.' => [" ", " ", "."],
        '\u{a0}' | ' ' => ["", "", ""],
        _ => return None,
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    /// A dot is four columns by two rows: digits of 12 × 10.
    Huge,
    /// A dot is two columns by one row: digits of 6 × 5.
    Double,
    /// A dot is one column by half a row: digits of 3 × 3.
    Single,
    /// Plain text.
    Text,
}

impl Size {
    /// Rows of a figure.
    pub(super) fn height(self) -> u16 {
        match self {
            Self::Huge => 2 * HIGH,
            Self::Double => HIGH,
            Self::Single => 3,
            Self::Text => 1,
        }
    }

    /// Columns of a figure.
    pub(super) fn width(self, figure: &str) -> u16 {
        let scale = match self {
            Self::Huge => 4,
            Self::Double => 2,
            Self::Single => 1,
            Self::Text => return text::columns(figure),
        };
        let signs = figure.chars().filter_map(dots);
        signs.map(|(_, wide)| (wide + 1) * scale).sum::<u16>().saturating_sub(scale)
    }

    /// Blank rows above and below a figure: a small one includes half a row.
    pub(super) fn air(self) -> u16 {
        match self {
            Self::Huge | Self::Double => 1,
            Self::Single | Self::Text => 0,
        }
    }
}

/// The largest size at which all `figures` fit into `width` columns, in a panel with `height` rows below its title, so that
/// related figures have one size. If one is too long for any, the others get the smallest, and only that one is shortened.
pub(super) fn common_size(figures: &[&str], width: u16, height: u16) -> Size {
    // A chart below keeps at least as many rows as the figure.
    let sizes: &[Size] = match height {
        0..=4 => &[],
        5..=13 => &[Size::Single],
        14..=19 => &[Size::Double, Size::Single],
        _ => &[Size::Huge, Size::Double, Size::Single],
    };
    largest(sizes, &figures.iter().map(|figure| (*figure, width)))
}

/// The first size at which all figures fit into their columns, otherwise the last.
pub(super) fn largest<'a>(sizes: &[Size], figures: &(impl Iterator<Item = (&'a str, u16)> + Clone)) -> Size {
    let fits = |size: &Size| figures.clone().all(|(figure, width)| size.width(figure) <= width);
    sizes.iter().copied().find(fits).or(sizes.last().copied()).unwrap_or(Size::Text)
}

/// A large figure: the large part, and what may follow it in small text, longest form first.
pub(super) struct Figure<'a> {
    pub(super) big: &'a str,
    pub(super) small: &'a [&'a str],
    /// The text to use if no large size fits.
    pub(super) text: &'a str,
    pub(super) style: Style,
}

impl Figure<'_> {
    /// Draws the figure at the top of an area, with a right-aligned note at its foot; returns the area below.
    pub(super) fn draw(
        &self,
        scene: &Scene<'_>,
        area: Rect,
        size: Size,
        note: &str,
        buf: &mut Buffer,
    ) -> Rect {
        let air = size.air();
        let area = text::below(area, air);
        let foot = text::row(area, size.height() - 1);
        // Text without dots, or too long for them, is drawn as plain text.
        let has_dots = self.big.chars().all(|sign| dots(sign).is_some());
        let form = if has_dots && size.width(self.big) <= area.width { size } else { Size::Text };
        let width = match form {
            Size::Text => text::columns(self.text),
            _ => form.width(self.big),
        };
        match form {
            Size::Text => text::left(foot, self.text, self.style, buf),
            Size::Huge => draw_dots(self.big, area, 2, scene.marks.ascii, self.style, buf),
            Size::Double => draw_dots(self.big, area, 1, scene.marks.ascii, self.style, buf),
            Size::Single if scene.marks.ascii => draw_strokes(self.big, area, self.style, buf),
            Size::Single => draw_halves(self.big, area, self.style, buf),
        }
        let mut foot = text::right_of(foot, width + 1);
        if form != Size::Text
            && let Some(small) = self.small.iter().find(|small| text::columns(small) <= foot.width)
        {
            text::left(foot, small, scene.theme.dim, buf);
            foot = text::right_of(foot, text::columns(small));
        }
        if text::columns(note) < foot.width {
            text::right(foot, note, scene.theme.dim, buf);
        }
        text::below(area, size.height() + air)
    }
}

/// A large sum in kronor; öre are too small to matter.
pub(super) fn whole(ore: i64) -> String {
    let sign = if ore < 0 { "−" } else { "" };
    format!("{sign}{}", number_format::thousands(ore.unsigned_abs() / 100))
}

/// Draws a sum in whole kronor, or in thousands or millions if it is too long for its size. Returns the area below.
pub(super) fn draw_sum(
    scene: &Scene<'_>,
    area: Rect,
    size: Size,
    ore: i64,
    style: Style,
    buf: &mut Buffer,
) -> Rect {
    let text = scene.numbers.kronor(ore, area.width.into());
    let (mut big, mut small) = (whole(ore), KRONOR.to_owned());
    if size.width(&big) > area.width {
        let short = scene.numbers.short_kronor(ore / 100);
        let (figure, unit) = short.split_once('\u{a0}').unwrap_or((&short, KRONOR));
        (big, small) = (figure.to_owned(), unit.to_owned());
    }
    Figure { big: &big, small: &[&small], text: &text, style }.draw(scene, area, size, "", buf)
}

/// Each dot `high` rows high and twice as many columns wide, which looks like a square.
fn draw_dots(figure: &str, area: Rect, high: u16, ascii: bool, style: Style, buf: &mut Buffer) {
    let full = if ascii { '#' } else { '█' };
    let mut x = area.x;
    for (rows, wide) in figure.chars().filter_map(dots) {
        for (y, bits) in (area.y..).step_by(high.into()).zip(rows) {
            for dot in (0..wide).filter(|dot| is_on(bits, wide, *dot)) {
                let square = Rect { x: x + 2 * high * dot, y, width: 2 * high, height: high };
                for place in square.positions() {
                    put(buf, area, place.x, place.y, full, style);
                }
            }
        }
        x += (wide + 1) * 2 * high;
    }
}

/// Draws five rows of dots in three cells: the spare half row is at the top, so that the digits share a baseline with
/// the text beside them.
fn draw_halves(figure: &str, area: Rect, style: Style, buf: &mut Buffer) {
    let mut x = area.x;
    for ([first, second, third, fourth, fifth], wide) in figure.chars().filter_map(dots) {
        for (y, (upper, lower)) in (area.y..).zip([(0, first), (second, third), (fourth, fifth)]) {
            for dot in 0..wide {
                let half = match (is_on(upper, wide, dot), is_on(lower, wide, dot)) {
                    (true, true) => '█',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    (false, false) => continue,
                };
                put(buf, area, x + dot, y, half, style);
            }
        }
        x += wide + 1;
    }
}

/// Whether a row of dots has one at an index, from the left.
fn is_on(bits: u8, wide: u16, dot: u16) -> bool {
    bits >> (wide - 1 - dot) & 1 == 1
}

fn draw_strokes(figure: &str, area: Rect, style: Style, buf: &mut Buffer) {
    let mut rest = area;
    for lines in figure.chars().filter_map(strokes) {
        for (line, row) in lines.into_iter().zip(rest.rows()) {
            Span::styled(line, style).render(row, buf);
        }
        rest = text::right_of(rest, text::columns(lines[0]) + 1);
    }
}

fn put(buf: &mut Buffer, area: Rect, x: u16, y: u16, sign: char, style: Style) {
    if area.contains((x, y).into())
        && let Some(cell) = buf.cell_mut((x, y))
    {
        cell.set_char(sign).set_style(style);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sign_has_both_forms_in_one_width() {
        for sign in "0123456789−:,. \u{a0}".chars() {
            let (_, wide) = dots(sign).unwrap();
            let lines = strokes(sign).unwrap();
            assert!(lines.iter().all(|line| text::columns(line) == wide), "{sign}");
        }
    }

    #[test]
    fn a_figure_of_nine_digits_fits_a_column_of_the_page() {
        assert!(Size::Single.width("345\u{a0}678\u{a0}901") <= 38);
    }

    #[test]
    fn one_long_figure_does_not_shrink_the_others() {
        let long = whole(40_288_326_600);
        assert_eq!(common_size(&["7\u{a0}052", &long], 38, 10), Size::Single);
        assert_eq!(common_size(&["7\u{a0}052", &long], 200, 40), Size::Huge);
        assert_eq!(common_size(&["7\u{a0}052"], 38, 4), Size::Text);
    }

    #[test]
    fn digits_do_not_jitter() {
        assert_eq!(Size::Single.width("11:11:11"), Size::Single.width("08:43:27"));
    }
}
