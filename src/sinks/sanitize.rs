//! Makes text from outside harmless, for files and screens.

use std::{borrow::Cow, fmt::Write};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A value for a table: every control character and line break (CR, LF, VT, FF, NEL, U+2028, U+2029) becomes a space;
/// all else is unchanged.
pub fn cell(text: &str) -> Cow<'_, str> {
    if !text.bytes().all(is_plain) && text.contains(breaks_a_row) {
        Cow::Owned(text.replace(breaks_a_row, " "))
    } else {
        Cow::Borrowed(text)
    }
}

/// A value for display, on one line of at most `columns` (at least 1) terminal columns: controls and line breaks become
/// spaces, runs of spaces become one, invisible characters that affect others (bidi and other format characters) are
/// removed, and text that is too long is cut and ends in `…`.
pub fn shown(text: &str, columns: usize) -> Cow<'_, str> {
    // Plain text has at least one byte per column; the last check finds runs of spaces.
    if text.len() <= columns && text.bytes().all(is_plain) && text.split(' ').all(|word| !word.is_empty()) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(cleaned(text, columns))
    }
}

/// The terminal columns of what [`shown`] gives.
pub fn columns(shown: &str) -> usize {
    if shown.bytes().all(is_plain) { shown.chars().count() } else { shown.width() }
}

/// The slow path of [`shown`], character by character.
fn cleaned(text: &str, columns: usize) -> String {
    let mut shown = String::new();
    let mut used = 0;
    // Where to cut the text, to leave room for the `…`.
    let mut fits = 0;
    let mut gap = false;
    for character in text.chars() {
        if breaks_a_row(character) || character.is_whitespace() {
            gap = !shown.is_empty();
            continue;
        }
        if is_format(character) {
            continue;
        }
        if gap {
            shown.push(' ');
            used += 1;
            gap = false;
        }
        // Combining marks count, too; otherwise any number of them could be stacked.
        used += character.width().unwrap_or(1).max(1);
        if used > columns {
            shown.truncate(fits);
            shown.push('…');
            break;
        }
        shown.push(character);
        if used < columns {
            fits = shown.len();
        }
    }
    shown
}

/// JSON that is safe on a terminal: escapes characters that JSON allows and [`shown`] removes. They only occur in
/// strings, so the value stays the same.
pub fn json(text: String) -> String {
    let is_raw = |c: char| (breaks_a_row(c) && c != '\n') || is_format(c);
    if !text.contains(is_raw) {
        return text;
    }
    let mut escaped = String::with_capacity(text.len() + 64);
    for character in text.chars() {
        if is_raw(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// Whether a byte belongs to a character that is displayed unchanged, in one column or as a space; most names have no
/// others. These are ASCII without controls, and the letters from U+00C0 to U+017F.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | 0x80..=0xbf | 0xc3..=0xc5)
}

fn breaks_a_row(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

/// The invisible format characters (Unicode general category Cf).
pub fn is_format(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sinks::samples::hostile;

    #[test]
    fn a_cell_keeps_all_but_breaks() {
        assert_eq!(cell("Åsa  Öberg"), "Åsa  Öberg");
        assert_eq!(
            cell("a\tb\rc\nd\u{b}e\u{c}f\u{85}g\u{2028}h\u{2029}i\0j\u{1b}k\u{7f}"),
            "a b c d e f g h i j k "
        );
        assert_eq!(cell("\u{202e}abc"), "\u{202e}abc");
    }

    #[test]
    fn plain_bytes_are_of_characters_that_stay() {
        let mut plain = 0;
        for character in '\0'..=char::MAX {
            let text = format!("a{character}b");
            if text.bytes().all(is_plain) {
                plain += 1;
                assert!(!breaks_a_row(character), "{character:?}");
                assert_eq!(cleaned(&text, 3), text);
            }
        }
        assert_eq!(plain, 95 + 3 * 64);
    }

    #[test]
    fn people_see_one_clean_line() {
        assert_eq!(shown("Åsa Öberg-Ängström", 60), "Åsa Öberg-Ängström");
        assert_eq!(shown(" \r\n Bcc:\t x\u{1b}[31m \u{202e}drow\u{200b}\u{feff} ", 60), "Bcc: x [31m drow");
        assert_eq!(shown("abcdef", 6), "abcdef");
        assert_eq!(shown("abcdefg", 6), "abcde…");
        assert_eq!(shown("日本語のキ", 6), "日本…");
        assert_eq!(shown("abcd efg", 6), "abcd…");
        assert_eq!(shown(&"e\u{301}".repeat(10_000), 10).chars().count(), 10);
        assert_eq!(shown("\u{200b}\n", 6), "");
    }

    proptest! {
        #[test]
        fn json_stays_the_same_value_and_has_nothing_raw(text in hostile()) {
            let escaped = json(serde_json::to_string(&[&text, "\u{9b}\u{e0001}\u{7f}"]).unwrap());
            prop_assert!(!escaped.contains(|c| breaks_a_row(c) || is_format(c)));
            let back: Vec<String> = serde_json::from_str(&escaped).unwrap();
            prop_assert_eq!(&back[0], &text);
            prop_assert_eq!(&back[1], "\u{9b}\u{e0001}\u{7f}");
        }

        #[test]
        fn what_is_shown_is_clean_and_fits(text in hostile(), columns in 1_usize..90) {
            let line = shown(&text, columns);
            prop_assert_eq!(&line, &cleaned(&text, columns));
            prop_assert!(line.width() <= columns);
            prop_assert_eq!(super::columns(&line), line.width());
            prop_assert!(line.chars().count() <= columns);
            prop_assert!(!line.contains(|c| breaks_a_row(c) || is_format(c)));
            prop_assert_eq!(line.trim(), &line);
            prop_assert_eq!(&shown(&line, columns), &line);
        }
    }
}
