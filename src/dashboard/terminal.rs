//! The terminal as the dashboard's screen, given back whatever happens.
//!
//! All bytes for the terminal pass one [`Gate`]. It is open while a [`Screen`] lives and shut for good when
//! that is dropped, also by a panic of the task that draws, or when the terminal is [given back](give_back) because
//! the process ends: nothing is drawn over what is printed afterwards. Ratatui's own panic hook is not used: it
//! would give the terminal back at a panic of any thread.

use std::{
    io::{self, IsTerminal, Write},
    sync::{Mutex, TryLockError},
    time::{Duration, Instant},
};

use crossterm::{
    cursor, event, execute, queue, style,
    terminal::{
        self, BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    },
};
use ratatui::{Frame, Terminal, backend::CrosstermBackend};
use tokio_util::sync::CancellationToken;

/// Why there is no screen, or none any more.
#[derive(Debug, thiserror::Error)]
pub enum ScreenError {
    /// Standard input or output is a file or a pipe.
    #[error(
        "the dashboard needs a terminal for its input and output; use `shop-sim status` for its figures \
         once, or `shop-sim consume` to run the consumers without a screen"
    )]
    NoTerminal,
    /// The terminal answered with an error.
    #[error("the terminal cannot be used ({0}); `shop-sim status` shows the figures without one")]
    Io(#[from] io::Error),
    /// The process ends by a panic; its message stands on the terminal.
    #[error("the dashboard was closed because the program failed; its message stands above")]
    Failed,
}

/// Something that pictures can be drawn on.
pub trait Surface {
    /// Draws one picture, all at once.
    fn paint(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> Result<(), ScreenError>;

    /// Cancelled when nothing can be drawn any more.
    fn lost(&self) -> CancellationToken;
}

/// The process's terminal in raw mode, on its alternate screen; restored when dropped.
#[derive(Debug)]
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Gated>>,
    lost: CancellationToken,
}

impl Screen {
    /// Takes the terminal over. The mouse is only captured when asked, since that takes away the
    /// terminal's own selection of text.
    pub fn enter(mouse: bool) -> Result<Self, ScreenError> {
        require_terminal(io::stdin().is_terminal(), io::stdout().is_terminal())?;
        // The theme decides on colours, `NO_COLOR` included (see `ThemeName::choose`). Left to itself,
        // crossterm turns each colour into a bare reset then, which wipes bold and reversed as well.
        style::force_color_output(true);
        let lost = CancellationToken::new();
        open(mouse, &lost)?;
        // From here on dropping `screen` restores, also when the next lines fail.
        let terminal = Terminal::new(CrosstermBackend::new(Gated::default()));
        match terminal {
            Ok(terminal) => Ok(Self { terminal, lost }),
            Err(error) => {
                shut();
                Err(error.into())
            }
        }
    }
}

impl Surface for Screen {
    fn paint(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> Result<(), ScreenError> {
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(draw)?;
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)?;
        if self.lost.is_cancelled() { Err(ScreenError::Failed) } else { Ok(()) }
    }

    fn lost(&self) -> CancellationToken {
        self.lost.clone()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        shut();
    }
}

fn require_terminal(stdin: bool, stdout: bool) -> Result<(), ScreenError> {
    if stdin && stdout { Ok(()) } else { Err(ScreenError::NoTerminal) }
}

/// Whether bytes may pass to the terminal, and who is told when they no longer may.
#[derive(Debug)]
enum Gate {
    Shut,
    Open { lost: CancellationToken },
}

static GATE: Mutex<Gate> = Mutex::new(Gate::Shut);

fn open(mouse: bool, lost: &CancellationToken) -> io::Result<()> {
    let mut gate = GATE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let entered = (|| {
        terminal::enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen, cursor::Hide)?;
        if mouse { execute!(io::stdout(), event::EnableMouseCapture) } else { Ok(()) }
    })();
    if entered.is_err() {
        restore();
    } else {
        *gate = Gate::Open { lost: lost.clone() };
    }
    entered
}

/// Gives the terminal back at once, where a screen has it: for a process that ends by a panic.
pub fn give_back() {
    shut();
}

/// Whether a screen has the terminal.
pub fn is_taken() -> bool {
    match GATE.try_lock() {
        Ok(gate) => matches!(*gate, Gate::Open { .. }),
        Err(TryLockError::Poisoned(poisoned)) => matches!(*poisoned.into_inner(), Gate::Open { .. }),
        // Somebody is drawing.
        Err(TryLockError::WouldBlock) => true,
    }
}

/// Shuts the gate and restores the terminal, where that was not done before.
fn shut() {
    // Whoever holds the gate is writing a picture, which takes no time unless the terminal hangs;
    // then a torn picture is better than a message that never comes.
    let deadline = Instant::now() + Duration::from_millis(300);
    let mut gate = loop {
        match GATE.try_lock() {
            Ok(gate) => break gate,
            Err(TryLockError::Poisoned(poisoned)) => break poisoned.into_inner(),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::yield_now(),
            Err(TryLockError::WouldBlock) => {
                restore();
                return;
            }
        }
    };
    if let Gate::Open { lost } = std::mem::replace(&mut *gate, Gate::Shut) {
        restore();
        lost.cancel();
    }
}

/// Gives the terminal back as it was. What fails here cannot be helped: the terminal may be gone.
fn restore() {
    let _ = execute!(
        io::stdout(),
        EndSynchronizedUpdate,
        event::DisableMouseCapture,
        style::ResetColor,
        LeaveAlternateScreen,
        cursor::Show
    );
    let _ = terminal::disable_raw_mode();
}

/// Collects the bytes of a picture and lets them pass while the gate is open.
#[derive(Debug, Default)]
struct Gated {
    bytes: Vec<u8>,
}

impl Write for Gated {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let gate = GATE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match *gate {
            Gate::Open { .. } => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(&self.bytes)?;
                self.bytes.clear();
                stdout.flush()
            }
            // No error: ratatui still shows the cursor when it is dropped, and would complain.
            Gate::Shut => {
                self.bytes.clear();
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_terminal_a_sentence_names_what_works_without_one() {
        assert!(require_terminal(true, true).is_ok());
        for (stdin, stdout) in [(false, true), (true, false), (false, false)] {
            let sentence = require_terminal(stdin, stdout).unwrap_err().to_string();
            assert!(
                sentence.contains("shop-sim status") && sentence.contains("shop-sim consume"),
                "{sentence}"
            );
        }
    }

    #[test]
    fn nothing_passes_a_shut_gate() {
        let mut out = Gated::default();
        out.write_all(b"this must not be seen").unwrap();
        out.flush().unwrap();
        assert!(out.bytes.is_empty(), "what was held back would pass a gate opened later");
    }
}
