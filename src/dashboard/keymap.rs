//! The one table of keys: what a key does, the footer and the help are all made from it.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::{action::Command, app::Ui, lang::Words};
use crate::shop::pulse::RunState;

/// One line of the table.
#[derive(Debug)]
pub struct Binding {
    /// The keys that do it; the modifiers are those that count (shift is in the character).
    pub keys: &'static [(KeyCode, KeyModifiers)],
    /// What they do.
    pub command: Command,
    /// The key's name.
    pub cap: fn(&Words) -> &'static str,
    /// One word for the footer, by what it would do now.
    pub hint: fn(&Words, &Ui) -> &'static str,
    /// What it does, for the help.
    pub about: fn(&Words) -> &'static str,
    /// Whether it would do anything now.
    pub works: fn(&Ui) -> bool,
}

const NONE: KeyModifiers = KeyModifiers::NONE;

const fn key(character: char) -> (KeyCode, KeyModifiers) {
    (KeyCode::Char(character), NONE)
}

/// All keys, in the order in which footer and help show them; the footer leaves off from the end.
pub const BINDINGS: &[Binding] = &[
    Binding {
        keys: &[key('q'), (KeyCode::Char('c'), KeyModifiers::CONTROL)],
        command: Command::Quit,
        cap: |_| "q",
        hint: |words, _| words.do_quit,
        about: |words| words.about_quit,
        works: |_| true,
    },
    Binding {
        keys: &[key('?'), (KeyCode::F(1), NONE)],
        command: Command::Help,
        cap: |_| "?",
        hint: |words, _| words.do_help,
        about: |words| words.about_help,
        works: |_| true,
    },
    Binding {
        keys: &[key(' ')],
        command: Command::Pause,
        cap: |words| words.key_space,
        hint: |words, ui| {
            if ui.simulator() == Some(RunState::Paused) { words.do_resume } else { words.do_pause }
        },
        about: |words| words.about_pause,
        works: Ui::shop_listens,
    },
    Binding {
        keys: &[key('+'), key('=')],
        command: Command::Faster,
        cap: |_| "+",
        hint: |words, _| words.do_faster,
        about: |words| words.about_faster,
        works: |ui| ui.faster().is_some(),
    },
    Binding {
        keys: &[key('-'), key('_')],
        command: Command::Slower,
        cap: |_| "-",
        hint: |words, _| words.do_slower,
        about: |words| words.about_slower,
        works: |ui| ui.slower().is_some(),
    },
    Binding {
        keys: &[key('f')],
        command: Command::Freeze,
        cap: |_| "f",
        hint: |words, ui| if ui.frozen { words.do_unfreeze } else { words.do_freeze },
        about: |words| words.about_freeze,
        works: |_| true,
    },
    Binding {
        keys: &[(KeyCode::Esc, NONE)],
        command: Command::Back,
        cap: |_| "esc",
        hint: |words, _| words.do_back,
        about: |words| words.about_back,
        works: |ui| ui.help || ui.frozen,
    },
];

/// What a key event means; `None` for a release and for keys without a meaning.
pub fn command(event: &KeyEvent) -> Option<Command> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    // A terminal may or may not say that shift was held for a `+`; the character has it already.
    let modifiers = event.modifiers.difference(KeyModifiers::SHIFT);
    BINDINGS
        .iter()
        .find(|binding| binding.keys.contains(&(event.code, modifiers)))
        .map(|binding| binding.command)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::dashboard::lang::Lang;

    fn press(code: KeyCode, modifiers: KeyModifiers) -> Option<Command> {
        command(&KeyEvent::new(code, modifiers))
    }

    #[test]
    fn no_key_has_two_meanings_and_no_command_two_lines() {
        let mut keys = HashSet::new();
        let mut commands = HashSet::new();
        for binding in BINDINGS {
            assert!(!binding.keys.is_empty());
            for key in binding.keys {
                assert!(keys.insert(key), "{key:?} stands twice in the table");
            }
            assert!(commands.insert(binding.command), "{:?} stands twice in the table", binding.command);
        }
    }

    #[test]
    fn the_keys_that_every_user_expects_are_there() {
        assert_eq!(press(KeyCode::Char('q'), NONE), Some(Command::Quit));
        assert_eq!(press(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Command::Quit));
        assert_eq!(press(KeyCode::Char(' '), NONE), Some(Command::Pause));
        assert_eq!(press(KeyCode::Char('+'), NONE), Some(Command::Faster));
        assert_eq!(press(KeyCode::Char('+'), KeyModifiers::SHIFT), Some(Command::Faster));
        assert_eq!(press(KeyCode::Char('-'), NONE), Some(Command::Slower));
        assert_eq!(press(KeyCode::Char('f'), NONE), Some(Command::Freeze));
        assert_eq!(press(KeyCode::Char('?'), KeyModifiers::SHIFT), Some(Command::Help));
        assert_eq!(press(KeyCode::Esc, NONE), Some(Command::Back));
    }

    #[test]
    fn other_keys_and_releases_do_nothing() {
        assert_eq!(press(KeyCode::Char('c'), NONE), None);
        assert_eq!(press(KeyCode::Char('q'), KeyModifiers::CONTROL), None);
        assert_eq!(press(KeyCode::Enter, NONE), None);
        let release = KeyEvent::new_with_kind(KeyCode::Char('q'), NONE, KeyEventKind::Release);
        assert_eq!(command(&release), None);
    }

    #[test]
    fn every_line_has_its_words_in_every_language() {
        let ui = Ui::default();
        for words in Lang::ALL.map(Lang::words) {
            for binding in BINDINGS {
                assert!(!(binding.cap)(words).is_empty());
                assert!(!(binding.hint)(words, &ui).is_empty());
                assert!(!(binding.about)(words).is_empty());
            }
        }
    }
}
