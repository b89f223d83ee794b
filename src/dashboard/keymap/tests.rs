use std::collections::HashSet;

use super::*;
use crate::messages::Lang;

fn press(code: KeyCode, modifiers: KeyModifiers) -> Option<Command> {
    command(&KeyEvent::new(code, modifiers), &Ui::default())
}

fn typing() -> Ui {
    let mut ui = Ui::default();
    ui.page = Page::Stock;
    ui.typing = Some(Page::Stock);
    ui
}

#[test]
fn no_key_has_two_meanings_and_no_command_two_lines() {
    for table in [BINDINGS, TYPING] {
        let mut keys = HashSet::new();
        let mut commands = HashSet::new();
        for binding in table {
            assert!(!binding.keys.is_empty());
            let mut own = HashSet::new();
            for (key, command) in binding.keys {
                assert!(keys.insert(key), "{key:?} stands twice in the table");
                own.insert(command);
            }
            for command in own {
                assert!(commands.insert(command), "{command:?} stands on two lines of the table");
            }
        }
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
    assert_eq!(press(KeyCode::BackTab, KeyModifiers::SHIFT), Some(Command::FocusPrevious));
    assert_eq!(press(KeyCode::Char('z'), KeyModifiers::CONTROL), Some(Command::Suspend));
    for (page, digit) in Page::ALL.into_iter().zip('1'..) {
        assert_eq!(press(KeyCode::Char(digit), NONE), Some(Command::Go(page)));
    }
}

#[test]
fn other_keys_and_releases_do_nothing() {
    assert_eq!(press(KeyCode::Char('c'), NONE), None);
    assert_eq!(press(KeyCode::Char('0'), NONE), None);
    assert_eq!(press(KeyCode::Char('q'), KeyModifiers::CONTROL), None);
    let release = KeyEvent::new_with_kind(KeyCode::Char('q'), NONE, KeyEventKind::Release);
    assert_eq!(command(&release, &Ui::default()), None);
}

#[test]
fn while_a_filter_is_typed_letters_are_letters() {
    let press = |code, modifiers| command(&KeyEvent::new(code, modifiers), &typing());
    for letter in ['q', '?', ' ', '1', 'å', 'J', '/', '+'] {
        assert_eq!(press(KeyCode::Char(letter), NONE), Some(Command::Type(letter)));
    }
    assert_eq!(press(KeyCode::Char('Q'), KeyModifiers::SHIFT), Some(Command::Type('Q')));
    assert_eq!(press(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Command::Quit));
    assert_eq!(press(KeyCode::Char('x'), KeyModifiers::CONTROL), None);
    assert_eq!(press(KeyCode::Enter, NONE), Some(Command::Enter));
    assert_eq!(press(KeyCode::Esc, NONE), Some(Command::Back));
    assert_eq!(press(KeyCode::Backspace, NONE), Some(Command::Erase));
}

#[test]
fn every_line_has_its_words_in_every_language() {
    for words in Lang::ALL.map(Lang::words) {
        for binding in BINDINGS.iter().chain(TYPING) {
            assert!(!(binding.cap)(words).is_empty());
            assert!(!(binding.about)(words).is_empty());
        }
    }
}

#[test]
fn a_clicker_turns_the_pages_of_a_talk_and_space_does_not_pause_its_shop() {
    let mut ui = Ui::default();
    let press = |ui: &Ui, code| command(&KeyEvent::new(code, NONE), ui);
    assert_eq!(press(&ui, KeyCode::Right), Some(Command::Rewind(60)), "without a talk");
    ui.talk = Some(crate::dashboard::ui_state::Talk { left: 600 });
    for (key, page) in [
        (KeyCode::Right, Page::Sales),
        (KeyCode::PageDown, Page::Sales),
        (KeyCode::Left, Page::Faults),
        (KeyCode::PageUp, Page::Faults),
    ] {
        assert_eq!(press(&ui, key), Some(Command::Go(page)), "{key:?}");
    }
    ui.page = Page::Faults;
    assert_eq!(press(&ui, KeyCode::Right), Some(Command::Go(Page::Overview)));
    assert_eq!(press(&ui, KeyCode::Char(' ')), None);
    ui.page = Page::Stock;
    ui.typing = Some(Page::Stock);
    assert_eq!(press(&ui, KeyCode::Char(' ')), Some(Command::Type(' ')));
}

#[test]
fn time_goes_back_and_on_by_a_minute_or_an_hour_and_in_a_talk_too() {
    let mut ui = Ui::default();
    let press = |ui: &Ui, code, modifiers| command(&KeyEvent::new(code, modifiers), ui);
    assert_eq!(press(&ui, KeyCode::Left, NONE), Some(Command::Rewind(-60)));
    for talk in [None, Some(crate::dashboard::ui_state::Talk { left: 600 })] {
        ui.talk = talk;
        assert_eq!(press(&ui, KeyCode::Char(','), NONE), Some(Command::Rewind(-60)));
        assert_eq!(press(&ui, KeyCode::Char('.'), NONE), Some(Command::Rewind(60)));
        assert_eq!(press(&ui, KeyCode::Left, KeyModifiers::SHIFT), Some(Command::Rewind(-3600)));
        assert_eq!(press(&ui, KeyCode::Right, KeyModifiers::SHIFT), Some(Command::Rewind(3600)));
        assert_eq!(press(&ui, KeyCode::Char('>'), KeyModifiers::SHIFT), Some(Command::Rewind(3600)));
        assert_eq!(press(&ui, KeyCode::Char('n'), NONE), Some(Command::Now));
    }
    assert_eq!(press(&typing(), KeyCode::Char('n'), NONE), Some(Command::Type('n')));
    assert_eq!(press(&typing(), KeyCode::Left, KeyModifiers::SHIFT), None);
}
