//! The terminal output, as bytes.

use std::io;

use crossterm::{
    cursor, event, queue, style,
    terminal::{
        BeginSynchronizedUpdate, Clear, ClearType, DisableLineWrap, EnableLineWrap, EndSynchronizedUpdate,
        EnterAlternateScreen, LeaveAlternateScreen,
    },
};
use ratatui::{
    backend::{Backend, CrosstermBackend},
    buffer::Buffer,
};

/// Cancels an escape sequence that was cut (ECMA-48, 8.3.9: CAN).
pub(super) const CANCEL: &[u8] = b"\x18";

/// Onto the alternate screen.
pub(super) fn enter(mouse: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to a vector cannot fail.
    let _ = queue!(bytes, EnterAlternateScreen, DisableLineWrap, cursor::Hide, event::EnableBracketedPaste);
    if mouse {
        let _ = queue!(bytes, event::EnableMouseCapture);
    }
    bytes
}

/// Leaves it.
pub(super) fn leave() -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = queue!(
        bytes,
        EndSynchronizedUpdate,
        event::DisableMouseCapture,
        event::DisableBracketedPaste,
        style::ResetColor,
        EnableLineWrap,
        // After a resize, some terminals would keep the alternate screen's content.
        Clear(ClearType::All),
        LeaveAlternateScreen,
        cursor::Show
    );
    bytes
}

/// The update from `shown` to `picture`; empty if they are equal.
pub(super) fn picture(shown: Option<&Buffer>, picture: &Buffer) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    queue!(bytes, BeginSynchronizedUpdate)?;
    let blank;
    let shown = shown.filter(|shown| shown.area == picture.area);
    let known = shown.is_some();
    let shown = if let Some(shown) = shown {
        shown
    } else {
        queue!(bytes, style::ResetColor, Clear(ClearType::All))?;
        blank = Buffer::empty(picture.area);
        &blank
    };
    let changes = shown.diff(picture);
    if changes.is_empty() && known {
        return Ok(Vec::new());
    }
    CrosstermBackend::new(&mut bytes).draw(changes.into_iter())?;
    queue!(bytes, EndSynchronizedUpdate)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::{layout::Rect, style::Style};

    use super::*;

    fn of(lines: &[String], area: Rect) -> Buffer {
        let mut buffer = Buffer::empty(area);
        for (row, line) in (0..area.height).zip(lines) {
            buffer.set_stringn(0, row, line, area.width.into(), Style::default());
        }
        buffer
    }

    fn text(buffer: &Buffer) -> Vec<String> {
        let rows = buffer.area.rows();
        rows.map(|row| row.columns().map(|at| buffer[at].symbol().to_owned()).collect::<String>()).collect()
    }

    proptest! {
        /// Whichever frames are skipped, the terminal shows the last one that was written.
        #[test]
        fn a_terminal_shows_the_picture_that_was_written_last(
            pictures in prop::collection::vec((prop::collection::vec("[a-zåé ]{0,30}", 10), any::<bool>()), 1..8),
        ) {
            let area = Rect::new(0, 0, 30, 10);
            let mut terminal = vt100::Parser::new(10.try_into().unwrap(), 30.try_into().unwrap(), 0);
            terminal.process(&enter(false));
            let mut shown: Option<Buffer> = None;
            for (lines, known) in &pictures {
                let next = of(lines, area);
                terminal.process(&picture(shown.as_ref().filter(|_| *known), &next).unwrap());
                let rows: Vec<String> = text(&next).iter().map(|row| row.trim_end().to_owned()).collect();
                let seen: Vec<String> =
                    terminal.screen().rows(0, area.width).map(|row| row.trim_end().to_owned()).collect();
                prop_assert_eq!(seen, rows);
                shown = Some(next);
            }
            prop_assert!(terminal.screen().alternate_screen() && terminal.screen().hide_cursor());
            prop_assert!(terminal.screen().bracketed_paste(), "what is pasted is no keys");
            terminal.process(&leave());
            prop_assert!(!terminal.screen().alternate_screen() && !terminal.screen().hide_cursor());
            prop_assert!(!terminal.screen().bracketed_paste());
        }
    }

    #[test]
    fn where_nothing_changed_nothing_is_written() {
        let one = of(&["the same".to_owned()], Rect::new(0, 0, 20, 2));
        let changed = picture(Some(&one), &one).unwrap();
        assert!(changed.is_empty(), "{:?}", String::from_utf8_lossy(&changed));
    }
}
