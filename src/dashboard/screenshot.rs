//! Exports a frame as a file: as text, and as an SVG image that looks like the terminal.
//!
//! Blocks, lines and braille dots are drawn as shapes, since fonts leave gaps between them; all else is text stretched
//! to its cells.

use std::{fmt::Write, sync::Arc};

use ratatui::{
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
};
use unicode_width::UnicodeWidthStr;

/// The size of a cell, in SVG units.
const WIDE: f64 = 9.0;
const HIGH: f64 = 19.0;
/// The screen's margin.
const MARGIN: f64 = 12.0;
/// Replace the terminal's default colours.
const INK: &str = "#d0d0d0";
const GROUND: &str = "#121212";

/// A frame in both formats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// As text.
    pub text: Arc<str>,
    /// As SVG.
    pub svg: Arc<str>,
}

impl Picture {
    /// Exports a buffer.
    pub fn of(screen: &Buffer) -> Self {
        Self { text: text(screen).into(), svg: svg(screen).into() }
    }
}

/// The buffer as text, without trailing blanks.
pub fn text(screen: &Buffer) -> String {
    let mut text = String::new();
    for row in rows(screen) {
        let line: String = seen(row).iter().map(|(_, cell)| cell.symbol()).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The buffer as a self-contained SVG image (<https://www.w3.org/TR/SVG2/>): no scripts, no fonts, no links.
pub fn svg(screen: &Buffer) -> String {
    let (columns, lines) = (f64::from(screen.area.width), f64::from(screen.area.height));
    let (width, height) = (columns * WIDE + 2.0 * MARGIN, lines * HIGH + 2.0 * MARGIN);
    let ground = screen.content.first().map_or_else(|| GROUND.to_owned(), |cell| paper(cell).1);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"15\">\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{ground}\"/>\n<g transform=\"translate({MARGIN} {MARGIN})\">\n"
    );
    for (row, y) in rows(screen).zip((0_u16..).map(|row| f64::from(row) * HIGH)) {
        for run in seen(row).chunk_by(|(_, one), (_, other)| look(one) == look(other)) {
            draw(run, &ground, y, &mut svg);
        }
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

fn rows(screen: &Buffer) -> impl Iterator<Item = &[Cell]> {
    screen.content.chunks(usize::from(screen.area.width.max(1)))
}

/// The visible cells of a row, by column: a wide character hides the next cell.
fn seen(row: &[Cell]) -> Vec<(usize, &Cell)> {
    let mut next = 0;
    let mut seen = Vec::with_capacity(row.len());
    for (column, cell) in row.iter().enumerate() {
        if column >= next {
            seen.push((column, cell));
            next = column + cell.symbol().width().max(1);
        }
    }
    seen
}

/// The look shared by a run's cells; separates shapes from text, and dots from other shapes.
fn look(cell: &Cell) -> (Color, Color, Modifier, Option<bool>) {
    (cell.fg, cell.bg, cell.modifier, shape(cell).map(|_| is_dots(cell)))
}

/// Whether it is a braille character.
fn is_dots(cell: &Cell) -> bool {
    cell.symbol().starts_with(|sign| ('\u{2801}'..='\u{28ff}').contains(&sign))
}

/// For adjacent shapes: if each is anti-aliased by itself, the background shines through at their edges.
const CRISP: &str = " shape-rendering=\"crispEdges\"";

/// Draws a run of adjacent cells with the same look.
fn draw(run: &[(usize, &Cell)], ground: &str, y: f64, svg: &mut String) {
    let Some((first, cell)) = run.first() else { return };
    let words: String = run.iter().map(|(_, cell)| cell.symbol()).collect();
    let (ink, paper) = paper(cell);
    let (x, wide) = (*first as f64 * WIDE, words.width() as f64 * WIDE);
    // Writing to a String cannot fail.
    if paper != ground {
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{HIGH}\" fill=\"{paper}\"{CRISP}/>"
        );
    }
    let faint = if cell.modifier.contains(Modifier::DIM) { " opacity=\"0.6\"" } else { "" };
    if shape(cell).is_some() {
        let mut path = String::new();
        for (column, cell) in run {
            for [left, top, width, height] in shape(cell).into_iter().flatten() {
                let (x, y) = ((*column as f64 + left) * WIDE, y + top * HIGH);
                let (width, height) = (width * WIDE, height * HIGH);
                let _ = write!(path, "M{x:.2} {y:.2}h{width:.2}v{height:.2}h{:.2}z", -width);
            }
        }
        let crisp = if is_dots(cell) { "" } else { CRISP };
        let _ = writeln!(svg, "<path fill=\"{ink}\"{faint}{crisp} d=\"{path}\"/>");
        return;
    }
    let inside = words.trim();
    if inside.is_empty() {
        return;
    }
    let before = words.len() - words.trim_start().len();
    let x = x + before as f64 * WIDE;
    let bold = if cell.modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
    let long = inside.width() as f64 * WIDE;
    let _ = writeln!(
        svg,
        "<text x=\"{x}\" y=\"{}\" textLength=\"{long}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{ink}\"{bold}{faint} xml:space=\"preserve\">{}</text>",
        y + HIGH * 0.76,
        escape(inside)
    );
}

/// The rectangles of a character drawn as a shape, in fractions of its cell: left, top, width, height.
fn shape(cell: &Cell) -> Option<Vec<[f64; 4]>> {
    let mut signs = cell.symbol().chars();
    let sign = signs.next().filter(|_| signs.next().is_none())?;
    let code = u32::from(sign);
    let boxes = match sign {
        '▀' => vec![[0.0, 0.0, 1.0, 0.5]],
        '▁'..='█' => {
            let eighths = f64::from(code - 0x2580) / 8.0;
            vec![[0.0, 1.0 - eighths, 1.0, eighths]]
        }
        '▔' => vec![[0.0, 0.0, 1.0, 0.125]],
        '▌' => vec![[0.0, 0.0, 0.5, 1.0]],
        '▐' => vec![[0.5, 0.0, 0.5, 1.0]],
        '─' => vec![[0.0, 0.48, 1.0, 0.06]],
        '━' => vec![[0.0, 0.42, 1.0, 0.16]],
        '╸' => vec![[0.0, 0.42, 0.5, 0.16]],
        '┄' => vec![[0.05, 0.47, 0.24, 0.06], [0.38, 0.47, 0.24, 0.06], [0.71, 0.47, 0.24, 0.06]],
        '┈' => [0.1, 0.35, 0.6, 0.85].map(|left| [left, 0.48, 0.1, 0.04]).to_vec(),
        '│' => vec![[0.46, 0.0, 0.1, 1.0]],
        '\u{2801}'..='\u{28ff}' => (0..8).filter(|dot| code >> dot & 1 == 1).map(dot).collect(),
        _ => return None,
    };
    Some(boxes)
}

/// A braille dot by its number (Unicode: dots 1, 2, 3, 7 on the left, 4, 5, 6, 8 on the right).
fn dot(number: u32) -> [f64; 4] {
    let (column, row) = match number {
        0..=2 => (0.0, f64::from(number)),
        3..=5 => (1.0, f64::from(number - 3)),
        other => (f64::from(other - 6), 3.0),
    };
    [0.12 + column * 0.5, 0.06 + row * 0.25, 0.28, 0.13]
}

/// A cell's foreground and background.
fn paper(cell: &Cell) -> (String, String) {
    let (ink, ground) = (colour(cell.fg, INK), colour(cell.bg, GROUND));
    if cell.modifier.contains(Modifier::REVERSED) { (ground, ink) } else { (ink, ground) }
}

/// A colour of xterm's 256; the first 16 come by name.
fn colour(colour: Color, own: &str) -> String {
    let [red, green, blue] = match colour {
        Color::Indexed(index @ 16..=231) => {
            let cube = u32::from(index) - 16;
            [cube / 36, cube / 6 % 6, cube % 6].map(|step| if step == 0 { 0 } else { step * 40 + 55 })
        }
        Color::Indexed(index @ 232..) => [(u32::from(index) - 232) * 10 + 8; 3],
        Color::Rgb(red, green, blue) => [red, green, blue].map(u32::from),
        Color::Black => [0, 0, 0],
        Color::Red => [205, 0, 0],
        Color::Green => [0, 205, 0],
        Color::Yellow => [205, 205, 0],
        Color::Magenta => [205, 0, 205],
        Color::Cyan => [0, 205, 205],
        Color::Gray => [229, 229, 229],
        Color::DarkGray => [127, 127, 127],
        Color::LightRed => [255, 0, 0],
        Color::LightGreen => [0, 255, 0],
        Color::LightYellow => [255, 255, 0],
        Color::LightMagenta => [255, 0, 255],
        Color::LightCyan => [0, 255, 255],
        Color::White => [255, 255, 255],
        _ => return own.to_owned(),
    };
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Escapes text, so that none of it can become an element, an attribute or an entity.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use ratatui::{layout::Rect, style::Style};

    use super::*;

    fn screen(lines: &[(&str, Style)]) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, u16::try_from(lines.len()).unwrap()));
        for ((line, style), y) in lines.iter().zip(0..) {
            buffer.set_string(0, y, line, *style);
        }
        buffer
    }

    #[test]
    fn text_is_what_was_read_on_the_screen() {
        let screen = screen(&[("  42 <kr>", Style::new()), ("", Style::new()), ("███", Style::new())]);
        assert_eq!(text(&screen), "  42 <kr>\n\n███\n");
    }

    #[test]
    fn a_picture_has_words_as_text_and_charts_as_shapes() {
        let green = Style::new().fg(Color::Indexed(114));
        let picture = svg(&screen(&[("  a<b & c", green), ("▁█⣿", green)]));
        assert!(picture.contains(">a&lt;b &amp; c</text>") && picture.contains("x=\"18\""), "{picture}");
        assert!(picture.contains("fill=\"#87d787\"") && !picture.contains('█'), "{picture}");
        let path = |nth| picture.split(" d=\"").nth(nth).unwrap().split('"').next().unwrap();
        let parts = [1, 2].map(|nth| path(nth).matches('M').count());
        assert_eq!(parts, [2, 8], "two blocks and eight dots: {picture}");
    }

    #[test]
    fn no_ground_shines_through_between_what_touches() {
        let style = Style::new().fg(Color::Indexed(114)).bg(Color::Indexed(236));
        let picture = svg(&screen(&[("", Style::new()), ("██ a", style), ("██ b", style), ("⣿⣿ c", style)]));
        for line in
            picture.lines().skip(3).filter(|line| line.starts_with("<rect") || line.starts_with("<path"))
        {
            let is_dots = line.matches('M').count() > 2;
            assert_eq!(line.contains("crispEdges"), !is_dots, "{line}");
        }
        assert!(picture.matches("crispEdges").count() >= 5, "{picture}");
    }

    #[test]
    fn reversed_and_wide_signs_keep_their_cells() {
        let reversed = Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD);
        let picture = svg(&screen(&[("山 x", reversed)]));
        assert!(
            picture.contains("textLength=\"36\"") && picture.contains("font-weight=\"bold\""),
            "{picture}"
        );
        assert!(picture.contains(&format!("fill=\"{INK}\"")), "{picture}");
    }
}
