//! The table of key bindings; footer and help are generated from it.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::{action::Command, lang::Words, page::Page};
use crate::{dashboard::ui_state::Ui, shop::pulse::RunState};

/// One row of the table: related keys.
#[derive(Debug)]
pub struct Binding {
    /// Each key with its command.
    pub keys: &'static [(Key, Command)],
    /// The keys' label.
    pub cap: fn(&Words) -> &'static str,
    /// A word for the footer, by their present effect; empty if it is on the screen elsewhere.
    pub hint: fn(&Words, &Ui) -> &'static str,
    /// The description for the help.
    pub about: fn(&Words) -> &'static str,
    /// Whether the bindings apply to the current screen.
    pub here: fn(&Ui) -> bool,
    /// Whether they have an effect now.
    pub works: fn(&Ui) -> bool,
}

/// A key with its relevant modifiers (the character implies shift).
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

/// Seconds of shop time.
const MINUTE: i64 = 60;
const HOUR: i64 = 3600;

const QUIT_ALWAYS: (Key, Command) = (ctrl('c'), Command::Quit);
const HELP_ALWAYS: (Key, Command) = (named(KeyCode::F(1)), Command::Help);
const SUSPEND: (Key, Command) = (ctrl('z'), Command::Suspend);

/// All bindings, in the order of footer and help; a narrow footer drops the last ones.
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
        keys: &[(key('n'), Command::Now)],
        cap: |_| "n",
        hint: |words, _| words.now,
        about: |words| words.about_now,
        here: |ui| ui.moment.is_some(),
        works: |_| true,
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
            (key('9'), Command::Go(Page::Faults)),
        ],
        cap: |_| "1-9",
        // The tabs show the pages' names.
        hint: |_, _| "",
        about: |words| words.about_pages,
        here: |_| true,
        works: |_| true,
    },
    Binding {
        keys: &[
            (named(KeyCode::Tab), Command::FocusNext),
            // For shift+tab, some terminals report the modifier, others a key of its own.
            (named(KeyCode::BackTab), Command::FocusPrevious),
        ],
        cap: |_| "tab",
        hint: |words, ui| if ui.page == Page::Faults { words.do_victim } else { words.do_focus },
        about: |words| words.about_focus,
        here: |ui| matches!(ui.page, Page::Overview | Page::Faults),
        works: |_| true,
    },
    Binding {
        keys: &[(named(KeyCode::Enter), Command::Enter)],
        cap: |words| words.key_enter,
        hint: |words, ui| match ui.page {
            Page::Orders => words.do_follow,
            Page::Reports => words.do_read,
            Page::Faults => words.do_break,
            _ if ui.enlarged => words.do_shrink,
            _ => words.do_enlarge,
        },
        about: |words| words.about_enter,
        here: |ui| matches!(ui.page, Page::Overview | Page::Orders | Page::Reports | Page::Faults),
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
        here: |ui| ui.talk.is_none(),
        works: Ui::shop_listens,
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
        // In a talk the arrow keys switch pages.
        keys: &[
            (named(KeyCode::Left), Command::Rewind(-MINUTE)),
            (named(KeyCode::Right), Command::Rewind(MINUTE)),
            (key(','), Command::Rewind(-MINUTE)),
            (key('.'), Command::Rewind(MINUTE)),
        ],
        cap: |_| "← →",
        hint: |words, _| words.do_rewind,
        about: |words| words.about_minute,
        here: |ui| ui.talk.is_none(),
        works: |_| true,
    },
    Binding {
        // Shift and an arrow key do the same.
        keys: &[(key('<'), Command::Rewind(-HOUR)), (key('>'), Command::Rewind(HOUR))],
        cap: |_| "< >",
        hint: |words, ui| if ui.talk.is_some() { words.do_rewind } else { "" },
        about: |words| words.about_hour,
        here: |_| true,
        works: |_| true,
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

/// The bindings while a filter is typed; all printable characters go into the filter.
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

/// The active bindings.
pub fn bindings(ui: &Ui) -> &'static [Binding] {
    if ui.typing.is_some() { TYPING } else { BINDINGS }
}

/// The command of a key event; `None` for a release and for unbound keys.
pub fn command(event: &KeyEvent, ui: &Ui) -> Option<Command> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    if event.modifiers == KeyModifiers::SHIFT && ui.typing.is_none() {
        match event.code {
            KeyCode::Left => return Some(Command::Rewind(-HOUR)),
            KeyCode::Right => return Some(Command::Rewind(HOUR)),
            _ => {}
        }
    }
    // Terminals differ in whether they report shift for `+`; the character implies it.
    let modifiers = event.modifiers.difference(KeyModifiers::SHIFT);
    if ui.talk.is_some() && ui.typing.is_none() && modifiers.is_empty() {
        // A presenter's remote sends these. With an enlarged panel, page keys step through the panels.
        let next = ui.page.turned(1);
        let previous = ui.page.turned(Page::ALL.len() - 1);
        match event.code {
            KeyCode::PageDown | KeyCode::PageUp if ui.enlarged_panel().is_some() => {}
            KeyCode::Right | KeyCode::PageDown => return Some(Command::Go(next)),
            KeyCode::Left | KeyCode::PageUp => return Some(Command::Go(previous)),
            // Pressed by accident it would pause the shop in front of the audience.
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

/// Whether a character with these modifiers is text: some systems report `AltGr` as control and alt.
fn writes(modifiers: KeyModifiers) -> bool {
    modifiers.is_empty() || modifiers == KeyModifiers::CONTROL | KeyModifiers::ALT
}

#[cfg(test)]
mod tests;
