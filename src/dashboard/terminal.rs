//! The terminal as the dashboard's screen; always restored in the end.
//!
//! A frame is written as the difference to the previous one, and only once that is written completely: a slow terminal
//! gets fewer frames and never blocks the loop. The terminal is restored when the [`Screen`] is dropped, also during a
//! panic, and while the program is suspended. Until then nothing else writes to it: panics of other threads and
//! standard error go to the log.

mod bytes;
mod stray;

use std::{
    ffi::OsStr,
    fs::File,
    future::Future,
    io::{self, IsTerminal},
    os::{fd::AsFd, unix::fs::OpenOptionsExt},
    path::Path,
    time::{Duration, Instant},
};

use crossterm::{style, terminal};
use ratatui::{buffer::Buffer, layout::Size};
use rustix::{
    fs::OFlags,
    io::Errno,
    process::{self, Signal},
    termios::{self, QueueSelector},
};
use terminal_colorsaurus::{QueryOptions, background_color};
use tokio::net::unix::pipe::Sender;

use self::stray::Stray;

/// Time-out for writing the rest before the terminal is restored.
const PATIENCE: Duration = Duration::from_millis(300);

/// Time-out for the terminal to report its background. One that does not know the query says so at once.
const ANSWER: Duration = Duration::from_millis(500);

/// Whether the terminal reports a light background (OSC 11); `None` without a response in time. Blocks and reads the
/// terminal's input: nothing else may read it meanwhile.
pub fn is_light() -> Option<bool> {
    let mut options = QueryOptions::default();
    options.timeout = ANSWER;
    background_color(options).ok().map(|ground| ground.perceived_lightness() > 0.5)
}

/// Why there is no screen, or no longer one.
#[derive(Debug, thiserror::Error)]
pub enum ScreenError {
    /// Standard input or output is a file or a pipe.
    #[error(
        "the dashboard needs a terminal for its input and output; use `shop-sim status` for its figures \
         once, or `shop-sim consume` to run the consumers without a screen"
    )]
    NoTerminal,
    /// `TERM` is `dumb`: it has no cursor addressing.
    #[error(
        "the dashboard needs a terminal that can place its cursor, and TERM={0} cannot: set TERM to what it really is, or use \
         `shop-sim tui --plain` for lines of text"
    )]
    Dumb(String),
    /// The terminal returned an error.
    #[error("the terminal cannot be used ({0}); `shop-sim status` shows the figures without one")]
    Io(#[from] io::Error),
    /// The drawing panicked.
    #[error("the dashboard failed ({0}); the log says where, and the data are safe: start it again")]
    Failed(String),
}

/// A surface that shows frames.
pub trait Surface {
    /// Its size in cells.
    fn size(&self) -> Result<Size, ScreenError>;

    /// Starts to write a frame, if the previous one is written completely.
    fn show(&mut self, picture: Buffer) -> Result<(), ScreenError>;

    /// Whether it can take a frame now.
    fn is_ready(&self) -> bool;

    /// Waits until it can take a frame. Cancel safe.
    fn ready(&mut self) -> impl Future<Output = Result<(), ScreenError>> + Send;

    /// Its content is unknown now: the next frame is drawn in full.
    fn forget(&mut self);

    /// Sends SIGTSTP to the process group; `false` if no shell could resume it.
    fn ask_to_stop(&mut self) -> Result<bool, ScreenError>;

    /// Restores the terminal and stops the process until SIGCONT.
    fn stop(&mut self) -> Result<(), ScreenError>;

    /// Enters the screen again after SIGCONT.
    fn resume(&mut self) -> Result<(), ScreenError>;
}

/// The process's terminal in raw mode, on its alternate screen; restored when dropped.
#[derive(Debug)]
pub struct Screen {
    tty: Sender,
    /// The terminal's content once all of `bytes` is written; `None` if unknown.
    shown: Option<Buffer>,
    /// The bytes of the last frame, still to be written from `written` on.
    bytes: Vec<u8>,
    written: usize,
    mouse: bool,
    /// Whether the terminal is restored because the program is suspended.
    away: bool,
    stray: Option<Stray>,
}

impl Screen {
    /// Enters the screen; stray output of others goes to `log`. Captures the mouse only if asked, since that disables
    /// the terminal's own text selection. Must run inside a tokio runtime.
    pub fn enter(mouse: bool, log: &Path) -> Result<Self, ScreenError> {
        check()?;
        // The theme decides on colours, also for `NO_COLOR` (see `ThemeName::choose`). By default crossterm would
        // replace each colour by a reset, which clears bold and reversed, too.
        style::force_color_output(true);
        // Unchecked: tokio only accepts pipes, and has no safe API for other descriptors; a terminal supports all that is needed.
        let tty = Sender::from_file_unchecked(open()?)?;
        // From here on, dropping it restores the terminal, also if the next lines fail.
        let mut screen =
            Self { tty, shown: None, bytes: Vec::new(), written: 0, mouse, away: false, stray: None };
        screen.stray = Some(Stray::divert(log));
        screen.take_over()?;
        Ok(screen)
    }

    fn take_over(&mut self) -> io::Result<()> {
        // In a background process this blocks until it is in the foreground (SIGTTOU), before any output.
        terminal::enable_raw_mode()?;
        self.shown = None;
        self.written = 0;
        self.bytes = bytes::enter(self.mouse);
        Ok(())
    }

    /// Restores the terminal. Errors are ignored: the terminal may be gone.
    fn give_back(&mut self) {
        let rest = self.bytes.split_off(self.written.min(self.bytes.len()));
        self.bytes.clear();
        self.written = 0;
        self.shown = None;
        let restore = bytes::leave();
        // Completes a frame in progress. If the terminal is too slow, discards the unwritten rest, and cancels the
        // escape sequence that this may have cut.
        if !(write_by_force(&self.tty, &rest) && write_by_force(&self.tty, &restore)) {
            let _ = termios::tcflush(&self.tty, QueueSelector::OFlush);
            write_by_force(&self.tty, &[bytes::CANCEL, &restore].concat());
        }
        let _ = terminal::disable_raw_mode();
    }
}

/// Prints a text on the terminal after the [`Screen`] is gone. Gives up on a terminal that is blocked: nobody could read it.
pub fn say(text: &str) {
    if let Ok(tty) = open() {
        write_by_force(&tty, text.as_bytes());
    }
}

/// Writes without a runtime; `false` after a time-out.
fn write_by_force(tty: impl AsFd, mut bytes: &[u8]) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while !bytes.is_empty() {
        match rustix::io::write(&tty, bytes) {
            Ok(0) => return false,
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(2)),
            Err(_) => return false,
        }
    }
    true
}

impl Surface for Screen {
    fn size(&self) -> Result<Size, ScreenError> {
        let size = termios::tcgetwinsize(&self.tty).map_err(io::Error::from)?;
        Ok(size_of(size.ws_col, size.ws_row))
    }

    fn show(&mut self, picture: Buffer) -> Result<(), ScreenError> {
        if self.is_ready() {
            self.bytes = bytes::picture(self.shown.as_ref(), &picture)?;
            self.shown = Some(picture);
        }
        Ok(())
    }

    fn is_ready(&self) -> bool {
        !self.away && self.bytes.is_empty()
    }

    async fn ready(&mut self) -> Result<(), ScreenError> {
        if self.away {
            std::future::pending::<()>().await;
        }
        while let Some(rest) = self.bytes.get(self.written..).filter(|rest| !rest.is_empty()) {
            self.tty.writable().await?;
            match self.tty.try_write(rest) {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                Ok(written) => self.written += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.bytes.clear();
        self.written = 0;
        Ok(())
    }

    fn forget(&mut self) {
        self.shown = None;
    }

    fn ask_to_stop(&mut self) -> Result<bool, ScreenError> {
        // A shell with job control gives each job its own process group. In the session leader's group, no shell would
        // notice the stop.
        let job = process::getsid(None).map_err(io::Error::from)? != process::getpgrp();
        if job {
            process::kill_current_process_group(Signal::TSTP).map_err(io::Error::from)?;
        }
        Ok(job)
    }

    fn stop(&mut self) -> Result<(), ScreenError> {
        if !self.away {
            self.give_back();
            self.stray.as_mut().map(Stray::pause);
            self.away = true;
        }
        // The default action of SIGTSTP, which the signal handler replaced.
        process::kill_process(process::getpid(), Signal::STOP).map_err(io::Error::from)?;
        Ok(())
    }

    fn resume(&mut self) -> Result<(), ScreenError> {
        // After SIGSTOP the terminal was not restored, and a shell may have changed its modes.
        let _ = terminal::disable_raw_mode();
        self.take_over()?;
        self.stray.as_mut().map(Stray::go_on);
        self.away = false;
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if !self.away {
            self.give_back();
        }
    }
}

/// The terminal of standard output, opened again: making it non-blocking must not affect the shell, which shares
/// standard output.
fn open() -> io::Result<File> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let open = |path: &str| File::options().write(true).custom_flags(flags).open(path).ok();
    match ["/proc/self/fd/1", "/dev/tty"].into_iter().find_map(open) {
        Some(own) => Ok(own),
        // If opening is denied, as after `su`, writes may block.
        None => Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?)),
    }
}

/// Fails if there is no terminal for a [`Screen`].
pub fn check() -> Result<(), ScreenError> {
    require_terminal(
        io::stdin().is_terminal(),
        io::stdout().is_terminal(),
        std::env::var_os("TERM").as_deref(),
    )
}

fn require_terminal(stdin: bool, stdout: bool, term: Option<&OsStr>) -> Result<(), ScreenError> {
    match term.and_then(OsStr::to_str) {
        _ if !(stdin && stdout) => Err(ScreenError::NoTerminal),
        Some(term @ "dumb") => Err(ScreenError::Dumb(term.to_owned())),
        _ => Ok(()),
    }
}

/// A terminal of unknown size, for example on a serial line, reports 0: then 80 × 24 is assumed.
fn size_of(columns: u16, rows: u16) -> Size {
    let known = |length: u16, usual| if length == 0 { usual } else { length };
    Size::new(known(columns, 80), known(rows, 24))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_terminal_a_sentence_names_what_works_without_one() {
        let usual = Some(OsStr::new("xterm"));
        assert!(require_terminal(true, true, usual).is_ok() && require_terminal(true, true, None).is_ok());
        for (stdin, stdout) in [(false, true), (true, false), (false, false)] {
            let sentence = require_terminal(stdin, stdout, usual).unwrap_err().to_string();
            assert!(
                sentence.contains("shop-sim status") && sentence.contains("shop-sim consume"),
                "{sentence}"
            );
        }
        let dumb = require_terminal(true, true, Some(OsStr::new("dumb"))).unwrap_err().to_string();
        assert!(dumb.contains("TERM=dumb") && dumb.contains("shop-sim tui --plain"), "{dumb}");
    }

    #[test]
    fn a_terminal_that_does_not_know_its_size_is_a_usual_one() {
        assert_eq!(size_of(0, 0), Size::new(80, 24));
        assert_eq!(size_of(132, 0), Size::new(132, 24));
        assert_eq!(size_of(40, 10), Size::new(40, 10));
    }
}
