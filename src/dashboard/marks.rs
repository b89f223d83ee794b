//! The characters of charts, bars and symbols: braille dots, blocks, or plain ASCII.

use std::ffi::{OsStr, OsString};

/// A character set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Marker {
    /// Fine dots, two columns and four rows to a cell.
    Braille,
    /// Solid blocks, eight heights to a cell: the calmest, and in every font.
    #[default]
    Block,
    /// ASCII only, for old terminals.
    Ascii,
}

impl Marker {
    /// All sets.
    pub const ALL: [Self; 3] = [Self::Braille, Self::Block, Self::Ascii];

    /// The set to use: the one asked for, otherwise ASCII if the `locale` is set and not UTF-8.
    pub fn choose(asked: Option<Self>, locale: Option<&OsStr>) -> Self {
        let is_utf8 = |locale: &OsStr| {
            let name = locale.to_string_lossy().to_ascii_lowercase();
            name.contains("utf-8") || name.contains("utf8")
        };
        asked.unwrap_or(if locale.is_none_or(is_utf8) { Self::default() } else { Self::Ascii })
    }

    /// The characters of the set.
    pub fn marks(self) -> &'static Marks {
        match self {
            Self::Braille => &BRAILLE,
            Self::Block => &BLOCK,
            Self::Ascii => &ASCII,
        }
    }
}

/// How a chart fills its cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// Two columns of dots in a cell.
    Braille,
    /// One column per cell, with these characters for its heights above zero.
    Columns(&'static [char]),
}

/// The characters of one set.
#[derive(Debug)]
pub struct Marks {
    /// The charts.
    pub grain: Grain,
    /// Whether only ASCII may be drawn.
    pub ascii: bool,
    /// A thin line.
    pub rule: char,
    /// A line across a chart.
    pub level: char,
    /// A grid line of a chart's scale.
    pub grid: char,
    /// A line graph: low in the cell, in the middle, high.
    pub line: [char; 3],
    /// The baseline of a chart.
    pub ground: char,
    /// The filled part of a bar.
    pub bar: char,
    /// Half a cell at the end of a bar.
    pub half_bar: char,
    /// The empty part of a bar.
    pub track: char,
    /// The limit on a bar.
    pub tick: char,
    /// A sold order.
    pub sold: char,
    /// A handled order.
    pub handled: char,
    /// A mailed order.
    pub mailed: char,
    /// All is well, or a process is alive.
    pub alive: char,
    /// A sum that adds up.
    pub right: char,
    /// A sum does not add up.
    pub wrong: char,
    /// Multiplication sign, of speeds.
    pub times: char,
    /// Between two ends of a range.
    pub to: char,
    /// Separates two items on a line.
    pub dot: char,
    /// The connector between two stages of an order.
    pub way: char,
    /// A stage not reached yet.
    pub ahead: char,
    /// A column sorted ascending.
    pub rising: char,
    /// A column sorted descending.
    pub falling: char,
    /// The text cursor.
    pub caret: char,
    /// Marks a value above the scale of a chart.
    pub above: char,
    /// Before a presenter's words.
    pub speech: char,
}

const BRAILLE: Marks = Marks {
    grain: Grain::Braille,
    ascii: false,
    rule: '─',
    level: '┄',
    grid: '┈',
    line: ['▁', '─', '▔'],
    ground: '⣀',
    bar: '━',
    half_bar: '╸',
    track: '─',
    tick: '┃',
    sold: '●',
    handled: '✓',
    mailed: '✉',
    alive: '●',
    right: '✓',
    wrong: '✗',
    times: '×',
    to: '–',
    dot: '·',
    way: '│',
    ahead: '○',
    rising: '▴',
    falling: '▾',
    caret: '▏',
    above: '▲',
    speech: '▌',
};

const BLOCK: Marks =
    Marks {
        grain: Grain::Columns(&['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']), ground: '▁', ..BRAILLE
    };

const ASCII: Marks = Marks {
    grain: Grain::Columns(&['.', ':', '#']),
    ascii: true,
    rule: '-',
    level: '-',
    grid: '.',
    line: ['_', '-', '-'],
    ground: '_',
    bar: '=',
    half_bar: '-',
    track: '.',
    tick: '|',
    sold: 'o',
    handled: 'v',
    mailed: '@',
    alive: '*',
    right: '*',
    wrong: 'X',
    times: 'x',
    to: '-',
    dot: '|',
    way: '|',
    ahead: '.',
    rising: '^',
    falling: 'v',
    caret: '_',
    above: '^',
    speech: '|',
};

/// The character locale from the environment `get`, as in POSIX: the first of these that is set and not empty.
pub fn locale(get: impl Fn(&str) -> Option<OsString>) -> Option<OsString> {
    ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(get).find(|locale| !locale.is_empty())
}

/// ASCII replacements of the letters from U+00C0 to U+017F.
const LETTERS: &[u8; 0xc0] = b"AAAAAAACEEEEIIIIDNOOOOOxOUUUUYTsaaaaaaaceeeeiiiidnooooo/ouuuuyty\
      AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIiIiJjKkkLlLlLlL\
      lLlNnNnNnnNnOoOoOoOoRrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";

/// The ASCII replacement of `character`.
pub fn to_ascii(character: char) -> char {
    match character {
        ' '..='~' => character,
        '\u{a0}' | '°' => ' ',
        '−' | '–' => '-',
        '…' | '≈' => '~',
        '×' => 'x',
        '·' => '.',
        letter => {
            let place = usize::try_from(u32::from(letter)).ok().and_then(|code| code.checked_sub(0xc0));
            place.and_then(|place| LETTERS.get(place)).map_or('?', |plain| char::from(*plain))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_locale_has_other_characters_only_ascii_is_drawn() {
        let choose = |variables: &[(&str, &str)], asked| {
            let get = |name: &str| {
                variables.iter().find(|(set, _)| *set == name).map(|(_, value)| OsString::from(value))
            };
            Marker::choose(asked, locale(get).as_deref())
        };
        let block = Marker::default();
        assert_eq!(choose(&[], None), block, "nobody says anything");
        assert_eq!(choose(&[("LANG", "sv_SE.UTF-8")], None), block);
        assert_eq!(choose(&[("LC_ALL", ""), ("LANG", "C.utf8")], None), block);
        assert_eq!(choose(&[("LC_ALL", "C"), ("LANG", "sv_SE.UTF-8")], None), Marker::Ascii);
        assert_eq!(choose(&[("LC_CTYPE", "sv_SE.ISO8859-1")], None), Marker::Ascii);
        assert_eq!(choose(&[("LC_ALL", "C")], Some(Marker::Braille)), Marker::Braille, "asked for");
    }

    #[test]
    fn letters_lose_their_marks_and_nothing_but_ascii_is_left() {
        let plain = |text: &str| text.chars().map(to_ascii).collect::<String>();
        assert_eq!(
            plain("Åsa Öberg, Łódź: 1\u{a0}234 kr − 5 × smörgås…"),
            "Asa Oberg, Lodz: 1 234 kr - 5 x smorgas~"
        );
        assert_eq!(plain("山é€"), "?e?");
        assert!(
            ('\0'..char::MAX)
                .all(|character| to_ascii(character).is_ascii_graphic() || to_ascii(character) == ' ')
        );
    }
}
