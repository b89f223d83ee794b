//! The one table of keys: what a key does, the footer and the help are all made from it.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::{action::Command, lang::Words, page::Page};
use crate::{dashboard::ui::Ui, shop::pulse::RunState};

/// One line of the table: keys that belong together.
#[derive(Debug)]
pub struct Binding {
    /// The keys and what each does.
    pub keys: &'static [(Key, Command)],
    /// The keys' name.
    pub cap: fn(&Words) -> &'static str,
    /// One word for the footer, by what they would do now; empty where the screen says it elsewhere.
    pub hint: fn(&Words, &Ui) -> &'static str,
    /// What they do, for the help.
    pub about: fn(&Words) -> &'static str,
    /// Whether they belong to what is on the screen.
    pub here: fn(&Ui) -> bool,
    /// Whether they would do anything now.
    pub works: fn(&Ui) -> bool,
}

/// A key with the modifiers that count (shift is in the character).
pub type Key = (KeyCode, KeyModifiers);

const NONE: KeyModifiers = KeyModifiers::NONE;

const fn key(character: char) -> Key {
    (KeyCode::Char(character), NONE)
}

const fn ctrl(character: char) -> Key {
    (KeyCode::Char(character), KeyModifiers::CONTROL)
}

const fn named(code: KeyCode) -> Key {
    (code, NONE)
}

const QUIT_ALWAYS: (Key, Command) = (ctrl('c'), Command::Quit);
const HELP_ALWAYS: (Key, Command) = (named(KeyCode::F(1)), Command::Help);
const SUSPEND: (Key, Command) = (ctrl('z'), Command::Suspend);

/// All keys, in the order in which footer and help show them; the footer leaves off from the end.
pub const BINDINGS: &[Binding] = &[
    Binding {
        keys: &[(key('q'), Command::Quit), QUIT_ALWAYS],
        cap: |_| "q",
        hint: |words, _| words.do_quit,
        about: |words| words.about_quit,
        here: |_| true,
        works: |_| true,
    },
    Binding {
        keys: &[(key('?'), Command::Help), HELP_ALWAYS],
        cap: |_| "?",
        hint: |words, _| words.do_help,
        about: |words| words.about_help,
        here: |_| true,
        works: |_| true,
    },
    Binding {
        keys: &[(named(KeyCode::Esc), Command::Back)],
        cap: |_| "esc",
        hint: |words, _| words.do_back,
        about: |words| words.about_back,
        here: |_| true,
        works: Ui::can_go_back,
    },
    Binding {
        keys: &[
            (key('1'), Command::Go(Page::Overview)),
            (key('2'), Command::Go(Page::Sales)),
            (key('3'), Command::Go(Page::Stock)),
            (key('4'), Command::Go(Page::Orders)),
            (key('5'), Command::Go(Page::Handling)),
            (key('6'), Command::Go(Page::Reports)),
            (key('7'), Command::Go(Page::Kafka)),
            (key('8'), Command::Go(Page::Log)),
        ],
        cap: |_| "1-8",
        // Their names stand on the screen.
        hint: |_, _| "",
        about: |words| words.about_pages,
        here: |_| true,
        works: |_| true,
    },
    Binding {
        keys: &[
            (named(KeyCode::Tab), Command::FocusNext),
            // Some terminals say that shift was held, some have a key of its own for it.
            (named(KeyCode::BackTab), Command::FocusPrevious),
        ],
        cap: |_| "tab",
        hint: |words, _| words.do_focus,
        about: |words| words.about_focus,
        here: |ui| ui.page == Page::Overview,
        works: |_| true,
    },
    Binding {
        keys: &[(named(KeyCode::Enter), Command::Enter)],
        cap: |words| words.key_enter,
        hint: |words, ui| match ui.page {
            Page::Orders => words.do_follow,
            Page::Reports => words.do_read,
            _ if ui.enlarged => words.do_shrink,
            _ => words.do_enlarge,
        },
        about: |words| words.about_enter,
        here: |ui| matches!(ui.page, Page::Overview | Page::Orders | Page::Reports),
        works: |ui| ui.page != Page::Overview || ui.focus.is_some(),
    },
    Binding {
        keys: &[
            (named(KeyCode::Up), Command::Up),
            (named(KeyCode::Down), Command::Down),
            (key('k'), Command::Up),
            (key('j'), Command::Down),
            (named(KeyCode::PageUp), Command::PageUp),
            (named(KeyCode::PageDown), Command::PageDown),
            (named(KeyCode::Home), Command::First),
            (named(KeyCode::End), Command::Last),
        ],
        cap: |_| "j k",
        hint: |words, _| words.do_choose,
        about: |words| words.about_choose,
        here: |ui| ui.page.has_list(),
        works: |_| true,
    },
    Binding {
        keys: &[(key('/'), Command::Filter)],
        cap: |_| "/",
        hint: |words, _| words.do_filter,
        about: |words| words.about_filter,
        here: |ui| ui.page.has_filter(),
        works: |_| true,
    },
    Binding {
        keys: &[(key('o'), Command::Sort)],
        cap: |_| "o",
        hint: |words, _| words.do_sort,
        about: |words| words.about_sort,
        here: |ui| ui.page == Page::Stock,
        works: |_| true,
    },
    Binding {
        keys: &[(key('['), Command::Narrower), (key(']'), Command::Wider)],
        cap: |_| "[ ]",
        hint: |words, _| words.do_span,
        about: |words| words.about_span,
        here: |ui| ui.page.has_span(),
        works: |_| true,
    },
    Binding {
        keys: &[(key(' '), Command::Pause)],
        cap: |words| words.key_space,
        hint: |words, ui| {
            if ui.simulator() == Some(RunState::Paused) { words.do_resume } else { words.do_pause }
        },
        about: |words| words.about_pause,
        here: |_| true,
        works: |ui| ui.shop_listens() && ui.talk.is_none(),
    },
    Binding {
        keys: &[
            (key('+'), Command::Faster),
            (key('='), Command::Faster),
            (key('-'), Command::Slower),
            (key('_'), Command::Slower),
        ],
        cap: |_| "+ -",
        hint: |words, _| words.do_rate,
        about: |words| words.about_rate,
        here: |_| true,
        works: |ui| ui.faster().is_some() || ui.slower().is_some(),
    },
    Binding {
        keys: &[(key('m'), Command::ToMidnight)],
        cap: |_| "m",
        hint: |words, _| words.do_midnight,
        about: |words| words.about_midnight,
        here: |ui| ui.talk.is_some() || ui.time_bends(),
        works: Ui::time_bends,
    },
    Binding {
        keys: &[(key('r'), Command::Rush)],
        cap: |_| "r",
        hint: |words, _| words.do_rush,
        about: |words| words.about_rush,
        here: |ui| ui.talk.is_some() || ui.time_bends(),
        works: Ui::time_bends,
    },
    Binding {
        keys: &[(key('f'), Command::Freeze)],
        cap: |_| "f",
        hint: |words, ui| if ui.frozen { words.do_unfreeze } else { words.do_freeze },
        about: |words| words.about_freeze,
        here: |_| true,
        works: |_| true,
    },
    Binding {
        keys: &[(key('s'), Command::Save)],
        cap: |_| "s",
        hint: |words, _| words.do_save,
        about: |words| words.about_save,
        here: |_| true,
        works: |_| true,
    },
    Binding {
        keys: &[SUSPEND],
        cap: |_| "^z",
        hint: |_, _| "",
        about: |words| words.about_suspend,
        here: |_| true,
        works: |_| true,
    },
];

/// The keys while a filter is typed; all that can be written goes into the filter.
pub const TYPING: &[Binding] = &[
    Binding {
        keys: &[(named(KeyCode::Enter), Command::Enter)],
        cap: |words| words.key_enter,
        hint: |words, _| words.do_keep,
        about: |words| words.about_keep,
        here: |_| true,
        works: |_| true,
    },
    Binding {
        keys: &[(named(KeyCode::Esc), Command::Back)],
        cap: |_| "esc",
        hint: |words, _| words.do_clear,
        about: |words| words.about_clear,
        here: |_| true,
        works: |_| true,
    },
    Binding {
        keys: &[(named(KeyCode::Backspace), Command::Erase), (ctrl('h'), Command::Erase)],
        cap: |_| "⌫",
        hint: |_, _| "",
        about: |words| words.about_erase,
        here: |_| true,
        works: |_| true,
    },
    Binding {
        keys: &[
            (named(KeyCode::Up), Command::Up),
            (named(KeyCode::Down), Command::Down),
            (named(KeyCode::PageUp), Command::PageUp),
            (named(KeyCode::PageDown), Command::PageDown),
            (named(KeyCode::Home), Command::First),
            (named(KeyCode::End), Command::Last),
        ],
        cap: |_| "↑ ↓",
        hint: |_, _| "",
        about: |words| words.about_choose,
        here: |_| true,
        works: |_| true,
    },
    Binding {
        keys: &[QUIT_ALWAYS, HELP_ALWAYS, SUSPEND],
        cap: |_| "^c",
        hint: |words, _| words.do_quit,
        about: |words| words.about_quit,
        here: |_| true,
        works: |_| true,
    },
];

/// The keys that mean something now.
pub fn bindings(ui: &Ui) -> &'static [Binding] {
    if ui.typing.is_some() { TYPING } else { BINDINGS }
}

/// What a key event means now; `None` for a release and for keys without a meaning.
pub fn command(event: &KeyEvent, ui: &Ui) -> Option<Command> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    // A terminal may or may not say that shift was held for a `+`; the character has it already.
    let modifiers = event.modifiers.difference(KeyModifiers::SHIFT);
    if ui.talk.is_some() && ui.typing.is_none() && modifiers.is_empty() {
        // What a presenter's clicker sends. It walks through the panels of the overview while one is enlarged.
        let next = ui.page.turned(1);
        let previous = ui.page.turned(Page::ALL.len() - 1);
        match event.code {
            KeyCode::PageDown | KeyCode::PageUp if ui.enlarged_panel().is_some() => {}
            KeyCode::Right | KeyCode::PageDown => return Some(Command::Go(next)),
            KeyCode::Left | KeyCode::PageUp => return Some(Command::Go(previous)),
            // Pressed by mistake it would stop the shop before everybody.
            KeyCode::Char(' ') => return None,
            _ => {}
        }
    }
    let mut keys = bindings(ui).iter().flat_map(|binding| binding.keys);
    let bound = keys.find(|(key, _)| *key == (event.code, modifiers)).map(|(_, command)| *command);
    match event.code {
        KeyCode::Char(character) if bound.is_none() && ui.typing.is_some() && writes(modifiers) => {
            Some(Command::Type(character))
        }
        _ => bound,
    }
}

/// Whether a character with these modifiers is one to write: `AltGr` comes as control and alt on some systems.
fn writes(modifiers: KeyModifiers) -> bool {
    modifiers.is_empty() || modifiers == KeyModifiers::CONTROL | KeyModifiers::ALT
}

#[cfg(test)]
mod tests;
