//! Few colours, each with one meaning, in five themes.
//!
//! Colours are from the fixed 256-colour palette, which terminals do not redefine; `basic` uses the terminal's own
//! sixteen. Blue is for orders, green for money, violet for handled orders; amber is a warning and red an error.

use std::ffi::OsString;

use ratatui::style::{Color, Modifier, Style};

/// The name of a theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ThemeName {
    /// Light text on a dark ground.
    #[default]
    Dark,
    /// Dark text on a light ground.
    Light,
    /// Dark, in colours that colour-blind people can distinguish.
    Safe,
    /// The terminal's own sixteen colours.
    Basic,
    /// No colours at all, only bold, dim and reversed.
    Mono,
}

impl ThemeName {
    /// All themes.
    pub const ALL: [Self; 5] = [Self::Dark, Self::Light, Self::Safe, Self::Basic, Self::Mono];

    /// The theme to use: the one asked for, otherwise by what the environment says of the terminal.
    ///
    /// Mono if `NO_COLOR` is set and not empty (<https://no-color.org>); basic on consoles without 256 colours; light
    /// if the terminal reports a light background when it `is_asked`, or otherwise if the last number of `COLORFGBG`,
    /// which rxvt, Konsole and others set, is a light colour (7 and 9 to 15, as in Vim).
    pub fn choose(
        asked: Option<Self>,
        variable: impl Fn(&str) -> Option<OsString>,
        is_asked: impl FnOnce() -> Option<bool>,
    ) -> Self {
        let text =
            |name: &str| variable(name).map(|value| value.to_string_lossy().into_owned()).unwrap_or_default();
        let ground = || text("COLORFGBG").rsplit(';').next().and_then(|ground| ground.parse::<u8>().ok());
        let is_console = |term: &str| {
            ["linux", "ansi", "cons25"].contains(&term)
                || term.starts_with("vt")
                || term.ends_with("-16color")
        };
        let by_variable = || ground().is_some_and(|ground| ground == 7 || (9..=15).contains(&ground));
        match asked {
            Some(asked) => asked,
            None if !text("NO_COLOR").is_empty() => Self::Mono,
            None if is_console(&text("TERM")) && text("COLORTERM").is_empty() => Self::Basic,
            None if is_asked().unwrap_or_else(by_variable) => Self::Light,
            None => Self::default(),
        }
    }

    /// Its styles.
    pub fn theme(self) -> &'static Theme {
        match self {
            Self::Dark => &DARK,
            Self::Light => &LIGHT,
            Self::Safe => &SAFE,
            Self::Basic => &BASIC,
            Self::Mono => &MONO,
        }
    }
}

/// The styles of a theme, by meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    /// The screen's background and default text.
    pub base: Style,
    /// Titles and figures.
    pub strong: Style,
    /// Labels and old messages.
    pub dim: Style,
    /// Rules, tracks and axes.
    pub faint: Style,
    /// Orders, and the stage `sold`.
    pub orders: Style,
    /// Orders of an interval not over yet.
    pub orders_open: Style,
    /// Money.
    pub money: Style,
    /// Money of an interval not over yet.
    pub money_open: Style,
    /// Handled orders.
    pub handled: Style,
    /// Handled orders of an interval not over yet.
    pub handled_open: Style,
    /// A mean or limit drawn across a chart.
    pub level: Style,
    /// Goods on a shelf.
    pub goods: Style,
    /// All is well.
    pub good: Style,
    /// A warning.
    pub warning: Style,
    /// An error.
    pub alarm: Style,
    /// The background of the selected line.
    pub chosen: Style,
    /// A badge for good health.
    pub badge_good: Style,
    /// A badge for a shop that does not sell.
    pub badge_warning: Style,
    /// A badge for an error.
    pub badge_alarm: Style,
    /// A badge for a shop event.
    pub badge_event: Style,
    /// A badge for a frozen frame.
    pub badge_frozen: Style,
}

const fn on(foreground: u8) -> Style {
    Style::new().fg(Color::Indexed(foreground))
}

const fn badge(foreground: u8, background: u8) -> Style {
    Style::new().fg(Color::Indexed(foreground)).bg(Color::Indexed(background)).add_modifier(Modifier::BOLD)
}

const fn with(modifier: Modifier) -> Style {
    Style::new().add_modifier(modifier)
}

const DARK: Theme = Theme {
    base: Style::new().fg(Color::Indexed(252)).bg(Color::Indexed(233)),
    strong: on(231).add_modifier(Modifier::BOLD),
    dim: on(247),
    faint: on(240),
    orders: on(117),
    orders_open: on(67),
    money: on(114),
    money_open: on(65),
    handled: on(183),
    handled_open: on(97),
    level: on(252),
    goods: on(250),
    good: on(114),
    warning: on(221),
    alarm: on(210).add_modifier(Modifier::BOLD),
    chosen: Style::new().bg(Color::Indexed(238)),
    badge_good: badge(233, 114),
    badge_warning: badge(233, 221),
    badge_alarm: badge(233, 210),
    badge_event: badge(233, 231),
    badge_frozen: badge(233, 117),
};

const LIGHT: Theme = Theme {
    base: Style::new().fg(Color::Indexed(236)).bg(Color::Indexed(231)),
    strong: on(16).add_modifier(Modifier::BOLD),
    dim: on(241),
    faint: on(249),
    orders: on(25),
    orders_open: on(74),
    money: on(28),
    money_open: on(71),
    handled: on(91),
    handled_open: on(134),
    level: on(236),
    goods: on(240),
    good: on(28),
    warning: on(130),
    alarm: on(124).add_modifier(Modifier::BOLD),
    chosen: Style::new().bg(Color::Indexed(253)),
    badge_good: badge(231, 22),
    badge_warning: badge(16, 214),
    badge_alarm: badge(231, 124),
    badge_event: badge(231, 16),
    badge_frozen: badge(231, 24),
};

const SAFE: Theme = Theme {
    orders: on(75),
    orders_open: on(67),
    money: on(230),
    money_open: on(144),
    handled: on(175),
    handled_open: on(132),
    good: on(117),
    warning: on(226),
    alarm: on(208).add_modifier(Modifier::BOLD),
    badge_good: badge(233, 117),
    badge_warning: badge(233, 226),
    badge_alarm: badge(233, 208),
    ..DARK
};

const BASIC: Theme = Theme {
    base: Style::new().fg(Color::Gray).bg(Color::Black),
    strong: Style::new().fg(Color::White).add_modifier(Modifier::BOLD),
    dim: Style::new().fg(Color::Gray),
    faint: Style::new().fg(Color::DarkGray),
    orders: Style::new().fg(Color::LightCyan),
    orders_open: Style::new().fg(Color::Cyan),
    money: Style::new().fg(Color::LightGreen),
    money_open: Style::new().fg(Color::Green),
    handled: Style::new().fg(Color::LightMagenta),
    handled_open: Style::new().fg(Color::Magenta),
    level: Style::new().fg(Color::White),
    goods: Style::new().fg(Color::Gray),
    good: Style::new().fg(Color::LightGreen),
    warning: Style::new().fg(Color::LightYellow),
    alarm: Style::new().fg(Color::LightRed).add_modifier(Modifier::BOLD),
    chosen: with(Modifier::REVERSED),
    badge_good: Style::new().fg(Color::Black).bg(Color::Green),
    badge_warning: Style::new().fg(Color::Black).bg(Color::Yellow),
    badge_alarm: Style::new().fg(Color::White).bg(Color::Red).add_modifier(Modifier::BOLD),
    badge_event: Style::new().fg(Color::Black).bg(Color::Gray),
    badge_frozen: Style::new().fg(Color::Black).bg(Color::Cyan),
};

const MONO: Theme = Theme {
    base: Style::new(),
    strong: with(Modifier::BOLD),
    dim: with(Modifier::DIM),
    faint: with(Modifier::DIM),
    orders: with(Modifier::BOLD),
    orders_open: with(Modifier::DIM),
    money: with(Modifier::BOLD),
    money_open: with(Modifier::DIM),
    handled: with(Modifier::BOLD),
    handled_open: with(Modifier::DIM),
    level: Style::new(),
    goods: Style::new(),
    good: Style::new(),
    warning: with(Modifier::BOLD),
    alarm: with(Modifier::BOLD.union(Modifier::REVERSED)),
    chosen: with(Modifier::REVERSED),
    badge_good: with(Modifier::BOLD.union(Modifier::REVERSED)),
    badge_warning: with(Modifier::BOLD.union(Modifier::REVERSED)),
    badge_alarm: with(Modifier::BOLD.union(Modifier::REVERSED)),
    badge_event: with(Modifier::BOLD.union(Modifier::REVERSED)),
    badge_frozen: with(Modifier::BOLD.union(Modifier::REVERSED)),
};

#[cfg(test)]
mod tests {
    use super::*;

    /// The sRGB value of a palette index (xterm's 256 colours).
    fn srgb(index: u8) -> [f64; 3] {
        let steps = [0.0, 95.0, 135.0, 175.0, 215.0, 255.0];
        match index {
            0..=15 => panic!("a colour that a terminal's palette can change"),
            16..=231 => {
                let cube = usize::from(index - 16);
                [steps[cube / 36], steps[cube / 6 % 6], steps[cube % 6]]
            }
            _ => [f64::from(index - 232) * 10.0 + 8.0; 3],
        }
    }

    /// Linear red, green and blue, from 0 to 1 (IEC 61966-2-1).
    fn light(color: Color) -> [f64; 3] {
        let Color::Indexed(index) = color else { panic!("{color:?} is not of the fixed palette") };
        srgb(index).map(|c| {
            let c = c / 255.0;
            if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055_f64).powf(2.4) }
        })
    }

    fn product(matrix: [[f64; 3]; 3], vector: [f64; 3]) -> [f64; 3] {
        matrix.map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum())
    }

    /// Linear RGB in CIE L*a*b* (D65).
    fn lab(light: [f64; 3]) -> [f64; 3] {
        let to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]];
        let [x, y, z] = product(to_xyz, light.map(|c| c.clamp(0.0, 1.0)));
        let f = |t: f64| if t > 0.008_856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
        let (x, y, z) = (f(x / 0.950_47), f(y), f(z / 1.088_83));
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    /// Colour vision without one type of cones: Machado, Oliveira and Fernandes, «A Physiologically-based Model for
    /// Simulation of Color Vision Deficiency», 2009, table for severity 1.0 (protanopia, deuteranopia, tritanopia).
    const DEFICIENCIES: [[[f64; 3]; 3]; 4] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [
            [0.152_286, 1.052_583, -0.204_868],
            [0.114_503, 0.786_281, 0.099_216],
            [-0.003_882, -0.048_116, 1.051_998],
        ],
        [
            [0.367_322, 0.860_646, -0.227_968],
            [0.280_085, 0.672_501, 0.047_413],
            [-0.011_820, 0.042_940, 0.968_881],
        ],
        [
            [1.255_528, -0.076_749, -0.178_779],
            [-0.078_411, 0.930_809, 0.147_602],
            [0.004_733, 0.691_367, 0.303_900],
        ],
    ];

    /// The smallest difference of two colours (CIE 1976) over all deficiencies.
    fn distance(one: Color, other: Color) -> f64 {
        let of = |deficiency| {
            let [one, other] = [one, other].map(|color| lab(product(deficiency, light(color))));
            one.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
        };
        DEFICIENCIES.map(of).into_iter().fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn whoever_is_colour_blind_tells_what_colours_mean_in_the_safe_theme() {
        let least = |theme: &Theme| {
            let kinds =
                [[theme.orders, theme.money, theme.handled], [theme.good, theme.warning, theme.alarm]];
            let pairs = kinds.map(|[a, b, c]| [(a, b), (a, c), (b, c)]);
            let distances = pairs.as_flattened().iter().map(|(a, b)| distance(a.fg.unwrap(), b.fg.unwrap()));
            distances.fold(f64::INFINITY, f64::min)
        };
        assert!(least(&SAFE) > 25.0, "{}", least(&SAFE));
        assert!(least(&DARK) < 10.0, "else there is no need of another theme");
    }

    /// Contrast by WCAG 2.2, "relative luminance" and "contrast ratio".
    fn contrast(one: Color, other: Color) -> f64 {
        let luminance = |color| {
            let [r, g, b] = light(color);
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        let (a, b) = (luminance(one), luminance(other));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn everything_reads_from_the_back_row() {
        for theme in [&DARK, &LIGHT, &SAFE] {
            let ground = theme.base.bg.unwrap();
            let text = [theme.base, theme.strong, theme.level, theme.goods, theme.alarm];
            for style in text {
                assert!(contrast(style.fg.unwrap(), ground) >= 6.5, "{style:?} on {ground:?}");
            }
            // On the selected line.
            let chosen = theme.chosen.bg.unwrap();
            for style in [theme.base, theme.strong] {
                assert!(contrast(style.fg.unwrap(), chosen) >= 6.0, "{style:?} on {chosen:?}");
            }
            // Large figures, charts, symbols and secondary text.
            for style in [theme.orders, theme.money, theme.handled, theme.good, theme.dim, theme.warning] {
                assert!(contrast(style.fg.unwrap(), ground) >= 4.5, "{style:?} on {ground:?}");
            }
            let badges = [theme.badge_good, theme.badge_warning, theme.badge_alarm, theme.badge_event];
            for style in badges.into_iter().chain([theme.badge_frozen]) {
                assert!(contrast(style.fg.unwrap(), style.bg.unwrap()) >= 6.5, "{style:?}");
            }
        }
    }

    #[test]
    fn mono_has_no_colour() {
        let Theme {
            base,
            strong,
            dim,
            faint,
            orders,
            orders_open,
            money,
            money_open,
            handled,
            handled_open,
            level,
            goods,
            good,
            warning,
            alarm,
            chosen,
            badge_good,
            badge_warning,
            badge_alarm,
            badge_event,
            badge_frozen,
        } = MONO;
        for style in [
            base,
            strong,
            dim,
            faint,
            orders,
            orders_open,
            money,
            money_open,
            handled,
            handled_open,
            level,
            goods,
            good,
            warning,
            alarm,
            chosen,
            badge_good,
            badge_warning,
            badge_alarm,
            badge_event,
            badge_frozen,
        ] {
            assert_eq!((style.fg, style.bg), (None, None));
        }
    }

    #[test]
    fn the_environment_only_speaks_where_nobody_chose() {
        let choose = |asked, set: &[(&str, &str)], answer| {
            let variable =
                |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
            ThemeName::choose(asked, variable, || answer)
        };
        let chosen = |asked, set: &[(&str, &str)]| choose(asked, set, None);
        // The terminal's own report takes precedence over a variable, which may come from another terminal.
        assert_eq!(choose(None, &[], Some(true)), ThemeName::Light);
        assert_eq!(choose(None, &[("COLORFGBG", "0;15")], Some(false)), ThemeName::Dark);
        assert_eq!(choose(None, &[("TERM", "linux")], Some(true)), ThemeName::Basic);
        for (set, theme) in [
            (&[][..], ThemeName::Dark),
            (&[("NO_COLOR", "1"), ("TERM", "linux")], ThemeName::Mono),
            (&[("NO_COLOR", ""), ("TERM", "xterm")], ThemeName::Dark),
            (&[("TERM", "linux")], ThemeName::Basic),
            (&[("TERM", "vt220")], ThemeName::Basic),
            (&[("TERM", "xterm-16color")], ThemeName::Basic),
            (&[("TERM", "linux"), ("COLORTERM", "truecolor")], ThemeName::Dark),
            (&[("COLORFGBG", "0;15")], ThemeName::Light),
            (&[("COLORFGBG", "0;default;7")], ThemeName::Light),
            (&[("COLORFGBG", "15;0")], ThemeName::Dark),
            (&[("COLORFGBG", "15;default")], ThemeName::Dark),
        ] {
            assert_eq!(chosen(None, set), theme, "{set:?}");
            assert_eq!(chosen(Some(ThemeName::Safe), set), ThemeName::Safe);
        }
    }
}
