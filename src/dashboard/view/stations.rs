//! A path of stations from top to bottom: reached ones, and those still ahead.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Widget,
};

use super::{Scene, text};

/// Columns of the symbol and the blanks after it.
pub(super) const INDENT: u16 = 3;

pub(super) struct Station {
    /// Its symbol; `None` if not reached yet.
    pub(super) reached: Option<(char, Style)>,
    /// Its name.
    pub(super) name: &'static str,
    /// The end of its first line: when it was reached.
    pub(super) when: Line<'static>,
    /// Its details, a line each.
    pub(super) about: Vec<Line<'static>>,
    /// The time until the next station, on the connector to it.
    pub(super) then: Option<Line<'static>>,
}

impl Station {
    fn rows(&self) -> u16 {
        let rows = 1 + self.about.len() + if self.then.is_some() { 3 } else { 0 };
        u16::try_from(rows).unwrap_or(u16::MAX)
    }
}

/// Draws stations one below the other; returns the rest of the area. In a low area blank rows are dropped first, then
/// the details.
pub(super) fn draw(scene: &Scene<'_>, area: Rect, stations: &[Station], buf: &mut Buffer) -> Rect {
    let all: u16 = stations.iter().map(Station::rows).fold(0, u16::saturating_add);
    let form = match area.height {
        height if height >= all => Form::Airy,
        height if height.saturating_add(4) >= all => Form::Close,
        _ => Form::Names,
    };
    let mut rest = area;
    for station in stations {
        let (sign, style) = station.reached.unwrap_or((scene.marks.ahead, scene.theme.faint));
        let first = text::row(rest, 0);
        text::left(first, &sign.to_string(), style, buf);
        let name = if station.reached.is_some() { scene.theme.strong } else { scene.theme.dim };
        text::left(text::right_of(first, INDENT), station.name, name, buf);
        let when = u16::try_from(station.when.width()).unwrap_or(u16::MAX);
        (&station.when).render(text::right_of(first, first.width.saturating_sub(when)), buf);
        rest = text::below(rest, 1);

        let mut lines = Vec::new();
        if form != Form::Names {
            lines.extend(station.about.iter().cloned());
        }
        if let Some(then) = &station.then {
            match form {
                Form::Airy => lines.extend([Line::default(), then.clone(), Line::default()]),
                Form::Close | Form::Names => lines.push(then.clone()),
            }
        }
        for line in lines {
            let row = text::row(rest, 0);
            if station.then.is_some() {
                Span::styled(scene.marks.way.to_string(), scene.theme.faint).render(row, buf);
            }
            line.render(text::right_of(row, INDENT), buf);
            rest = text::below(rest, 1);
        }
    }
    rest
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Everything, with blank lines.
    Airy,
    /// Everything.
    Close,
    /// Names and times alone.
    Names,
}
