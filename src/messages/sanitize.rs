//! Sanitizes text that comes from orders and other outside sources.
//!
//! The result is safe to draw: one line, no control characters or escape sequences, no invisible characters or changes
//! of text direction, no stacks of combining marks, and no wider than allowed.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Combining marks per letter; living scripts do not stack more in practice.
const MARKS_A_LETTER: u32 = 2;

/// `text` sanitized and cut to at most `width` columns, with `…` at a cut.
pub fn clean(text: &str, width: usize) -> String {
    // Detecting a cut takes one character more than fits; the rest of a text is not read, however long it is.
    let mut shown = String::new();
    let mut kept = 0; // bytes of `shown` that leave room for the ellipsis
    for character in Visible::new(text) {
        shown.push(character);
        let columns = shown.width();
        if columns > width {
            shown.truncate(kept);
            // No blank before the ellipsis.
            shown.truncate(shown.trim_end().len());
            if width > 0 {
                shown.push('…');
            }
            return shown;
        }
        if columns < width {
            kept = shown.len();
        }
    }
    shown.truncate(shown.trim_end().len());
    shown
}

/// The visible characters of a text, whitespace collapsed.
struct Visible<'a> {
    rest: std::str::Chars<'a>,
    /// Combining marks that the current letter may still get.
    marks_left: u32,
    after_blank: bool,
}

impl<'a> Visible<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text.chars(), marks_left: 0, after_blank: true }
    }

    /// Skips the rest of an escape sequence after its introducer (ECMA-48, 5.4 and 5.6).
    fn skip_sequence(&mut self, introducer: char) {
        match introducer {
            // Control sequence: up to a final byte.
            '[' | '\u{9b}' => {
                let _ = self.rest.find(|c| ('\u{40}'..='\u{7e}').contains(c));
            }
            // A command string: up to its terminator; without one it is not skipped.
            ']' | 'P' | 'X' | '^' | '_' | '\u{9d}' | '\u{90}' | '\u{98}' | '\u{9e}' | '\u{9f}' => {
                let mut ahead = self.rest.clone();
                if let Some(end) = ahead.find(|c| matches!(c, '\u{7}' | '\u{9c}' | '\u{1b}')) {
                    if end == '\u{1b}' && ahead.as_str().starts_with('\\') {
                        ahead.next();
                    }
                    self.rest = ahead;
                }
            }
            _ => {}
        }
    }
}

impl Iterator for Visible<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        loop {
            let character = self.rest.next()?;
            if character == '\u{1b}' {
                if let Some(introducer) = self.rest.next() {
                    self.skip_sequence(introducer);
                }
            } else if matches!(character, '\u{90}' | '\u{98}' | '\u{9b}' | '\u{9d}'..='\u{9f}') {
                self.skip_sequence(character);
            } else if character.is_whitespace() {
                if !self.after_blank {
                    self.after_blank = true;
                    self.marks_left = 0;
                    return Some(' ');
                }
            } else if !character.is_control() && !is_invisible(character) {
                if character.width() == Some(0) {
                    if self.marks_left == 0 {
                        continue;
                    }
                    self.marks_left -= 1;
                } else {
                    self.marks_left = MARKS_A_LETTER;
                }
                self.after_blank = false;
                return Some(character);
            }
        }
    }
}

/// Invisible characters: direction marks, joiners, fillers, variation selectors,
/// tags and the like (Unicode's `Default_Ignorable_Code_Point` and `Cf`).
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}' | '\u{891}'
        | '\u{8e2}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
        | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_person_wrote_stays() {
        assert_eq!(clean("Åsa Öberg-Ñandú", 40), "Åsa Öberg-Ñandú");
        assert_eq!(clean("e\u{301}tude", 40), "e\u{301}tude");
        assert_eq!(clean("山田太郎", 8), "山田太郎");
    }

    #[test]
    fn what_would_harm_a_terminal_goes() {
        assert_eq!(clean("a\u{1b}[31;1mred\u{1b}[0m", 40), "ared");
        assert_eq!(clean("x\u{1b}]0;title\u{7}y\u{9b}2Jz", 40), "xyz");
        assert_eq!(clean("an end\u{1b}]that never comes", 40), "an endthat never comes");
        assert_eq!(clean("Bob\u{202e}gpj.exe\u{200b}\u{feff}", 40), "Bobgpj.exe");
        assert_eq!(clean("two\r\n\tlines\u{2028}here", 40), "two lines here");
        let tower = format!("Z{}!", "\u{336}".repeat(500));
        assert_eq!(clean(&tower, 40), "Z\u{336}\u{336}!");
        assert_eq!(clean("\u{301}bare mark", 40), "bare mark");
    }

    #[test]
    fn a_cut_is_shown_and_never_splits_a_wide_character() {
        assert_eq!(clean("Margareta", 5), "Marg…");
        assert_eq!(clean("Anna Berg", 6), "Anna…");
        assert_eq!(clean("山田太郎", 4), "山…");
        assert_eq!(clean("anything", 0), "");
        assert_eq!(clean("ab", 1), "…");
    }

    proptest! {
        #[test]
        fn whatever_comes_in_what_goes_out_is_safe(text in "\\PC*|.*|(\\x1b|\\[|\\]|[a-z]|[\u{300}-\u{36f}]|[\u{200b}-\u{202e}]|\\x{7})*", width in 0_usize..60) {
            let shown = clean(&text, width);
            prop_assert!(shown.width() <= width, "{shown:?} is {} wide", shown.width());
            prop_assert!(shown.chars().all(|c| !c.is_control() && !is_invisible(c)));
            prop_assert!(shown.trim() == shown);
            let mut run = 0;
            for c in shown.chars() {
                run = if c.width() == Some(0) { run + 1 } else { 0 };
                prop_assert!(run <= MARKS_A_LETTER);
            }
            prop_assert_eq!(clean(&shown, width), shown.clone(), "cleaning twice changes nothing");
        }

        #[test]
        fn plain_text_that_fits_is_untouched(text in "[A-Za-zÅÄÖåäö]{1,12}( [A-Za-zÅÄÖåäö]{1,12}){0,3}") {
            prop_assert_eq!(clean(&text, 60), text);
        }
    }
}
