//! Few colours, each with one meaning, in three themes.
//!
//! Colours are of the fixed 256-colour palette: every terminal has them, and no terminal's own palette
//! changes them. Blue is orders, green is money, violet is handled; amber wants a look and red is wrong.

use std::ffi::OsStr;

use ratatui::style::{Color, Modifier, Style};

/// A theme by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ThemeName {
    /// Light text on a dark ground.
    #[default]
    Dark,
    /// Dark text on a light ground.
    Light,
    /// No colours at all, only bold, dim and reversed.
    Mono,
}

impl ThemeName {
    /// All themes.
    pub const ALL: [Self; 3] = [Self::Dark, Self::Light, Self::Mono];

    /// The theme to use: the one asked for, else mono where `NO_COLOR` is set and not empty
    /// (<https://no-color.org>), else dark.
    pub fn choose(asked: Option<Self>, no_color: Option<&OsStr>) -> Self {
        asked.unwrap_or_else(|| match no_color {
            Some(value) if !value.is_empty() => Self::Mono,
            _ => Self::default(),
        })
    }

    /// Its styles.
    pub fn theme(self) -> &'static Theme {
        match self {
            Self::Dark => &DARK,
            Self::Light => &LIGHT,
            Self::Mono => &MONO,
        }
    }
}

/// The styles of a theme, by what they mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    /// The ground and text of the whole screen.
    pub base: Style,
    /// Titles and figures.
    pub strong: Style,
    /// Labels and what has grown old.
    pub dim: Style,
    /// Hairlines, tracks and axes.
    pub faint: Style,
    /// Orders, and those just sold.
    pub orders: Style,
    /// Orders, where the time is not over yet.
    pub orders_open: Style,
    /// Money.
    pub money: Style,
    /// Money, where the time is not over yet.
    pub money_open: Style,
    /// Handled orders.
    pub handled: Style,
    /// Handled orders, where the time is not over yet.
    pub handled_open: Style,
    /// A mean or limit drawn across a chart.
    pub level: Style,
    /// Goods on a shelf.
    pub goods: Style,
    /// All is well.
    pub good: Style,
    /// Something wants a look.
    pub warning: Style,
    /// Something is wrong.
    pub alarm: Style,
    /// The ground of the line that is chosen.
    pub chosen: Style,
    /// A badge that says the shop does not sell.
    pub badge_warning: Style,
    /// A badge that says something is wrong.
    pub badge_alarm: Style,
    /// A badge that says what the day is about.
    pub badge_event: Style,
    /// A badge that says the picture stands still.
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
    badge_warning: badge(16, 214),
    badge_alarm: badge(231, 124),
    badge_event: badge(231, 16),
    badge_frozen: badge(231, 24),
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
    badge_warning: with(Modifier::BOLD.union(Modifier::REVERSED)),
    badge_alarm: with(Modifier::BOLD.union(Modifier::REVERSED)),
    badge_event: with(Modifier::BOLD.union(Modifier::REVERSED)),
    badge_frozen: with(Modifier::BOLD.union(Modifier::REVERSED)),
};

#[cfg(test)]
mod tests {
    use super::*;

    /// What a palette index is in sRGB (xterm's 256 colours).
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

    /// Contrast by WCAG 2.2, "relative luminance" and "contrast ratio".
    fn contrast(one: Color, other: Color) -> f64 {
        let luminance = |color| {
            let Color::Indexed(index) = color else { panic!("{color:?} is not of the fixed palette") };
            let [r, g, b] = srgb(index).map(|c| {
                let c = c / 255.0;
                if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055_f64).powf(2.4) }
            });
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        let (a, b) = (luminance(one), luminance(other));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn everything_reads_from_the_back_row() {
        for theme in [&DARK, &LIGHT] {
            let ground = theme.base.bg.unwrap();
            let text = [theme.base, theme.strong, theme.level, theme.goods, theme.alarm];
            for style in text {
                assert!(contrast(style.fg.unwrap(), ground) >= 6.5, "{style:?} on {ground:?}");
            }
            // On the line that is chosen.
            let chosen = theme.chosen.bg.unwrap();
            for style in [theme.base, theme.strong] {
                assert!(contrast(style.fg.unwrap(), chosen) >= 6.0, "{style:?} on {chosen:?}");
            }
            // Large figures, charts and signs, and what may recede.
            for style in [theme.orders, theme.money, theme.handled, theme.good, theme.dim, theme.warning] {
                assert!(contrast(style.fg.unwrap(), ground) >= 4.5, "{style:?} on {ground:?}");
            }
            for style in [theme.badge_warning, theme.badge_alarm, theme.badge_event, theme.badge_frozen] {
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
        let set = Some(OsStr::new("1"));
        assert_eq!(ThemeName::choose(None, set), ThemeName::Mono);
        assert_eq!(ThemeName::choose(None, Some(OsStr::new(""))), ThemeName::Dark);
        assert_eq!(ThemeName::choose(None, None), ThemeName::Dark);
        assert_eq!(ThemeName::choose(Some(ThemeName::Light), set), ThemeName::Light);
    }
}
