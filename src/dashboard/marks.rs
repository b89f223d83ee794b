//! What charts, bars and signs are drawn with: braille dots, blocks, or plain ASCII.

/// A set of marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Marker {
    /// Fine dots, two columns and four rows to a cell.
    Braille,
    /// Solid blocks, eight heights to a cell: the calmest, and every font has them.
    #[default]
    Block,
    /// Nothing that an old terminal lacks.
    Ascii,
}

impl Marker {
    /// All sets.
    pub const ALL: [Self; 3] = [Self::Braille, Self::Block, Self::Ascii];

    /// The marks of the set.
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
    /// One column in a cell, with these pictures of its heights above nothing.
    Columns(&'static [char]),
}

/// The signs of one set.
#[derive(Debug)]
pub struct Marks {
    /// The charts.
    pub grain: Grain,
    /// Whether only ASCII may be drawn, apart from the letters of the language.
    pub ascii: bool,
    /// A hairline.
    pub rule: char,
    /// A line across a chart.
    pub level: char,
    /// The ground that a chart stands on.
    pub ground: char,
    /// The filled part of a bar.
    pub bar: char,
    /// Half a cell at the end of a bar.
    pub half_bar: char,
    /// The empty part of a bar.
    pub track: char,
    /// An order was sold.
    pub sold: char,
    /// An order was handled.
    pub handled: char,
    /// An order's mail is written.
    pub mailed: char,
    /// All is well; something lives.
    pub alive: char,
    /// A sum adds up.
    pub right: char,
    /// A sum does not add up.
    pub wrong: char,
    /// Factor of accelerated time.
    pub times: char,
    /// Between two ends of a range.
    pub to: char,
    /// Between two things on a line.
    pub dot: char,
    /// The way from one station of an order to the next.
    pub way: char,
    /// A station that is not reached yet.
    pub ahead: char,
    /// A column is sorted with the least first.
    pub rising: char,
    /// A column is sorted with the most first.
    pub falling: char,
    /// Where what is typed goes.
    pub caret: char,
    /// Before what rises above the scale of a chart.
    pub above: char,
    /// Before what a person says.
    pub speech: char,
}

const BRAILLE: Marks = Marks {
    grain: Grain::Braille,
    ascii: false,
    rule: '─',
    level: '┄',
    ground: '⣀',
    bar: '━',
    half_bar: '╸',
    track: '─',
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
    ground: '_',
    bar: '=',
    half_bar: '-',
    track: '.',
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

/// A sign that stands for `character` where only ASCII may be drawn; letters of the language stay.
pub fn to_ascii(character: char) -> char {
    match character {
        ' '..='~' => character,
        '\u{a0}' | '°' => ' ',
        '−' | '–' => '-',
        '…' | '≈' => '~',
        '×' => 'x',
        '·' => '.',
        letter if letter.is_alphabetic() && letter <= '\u{24f}' => letter,
        _ => '?',
    }
}
