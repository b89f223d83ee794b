//! The terminal as the dashboard's screen, given back whatever happens.
//!
//! A picture is written as the difference to what the terminal has taken already, and only when it has taken all
//! of that: a slow terminal gets fewer pictures and is never waited for. The terminal is restored when the
//! [`Screen`] is dropped, also while the drawing panics, and for as long as the program is suspended. Until then
//! nothing else reaches it: panics of other threads go to the log, and so does standard error.

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
use tokio::net::unix::pipe::Sender;

use self::stray::Stray;

/// How long a terminal may take what is left to write when it is given back.
const PATIENCE: Duration = Duration::from_millis(300);

/// Why there is no screen, or none any more.
#[derive(Debug, thiserror::Error)]
pub enum ScreenError {
    /// Standard input or output is a file or a pipe.
    #[error(
        "the dashboard needs a terminal for its input and output; use `shop-sim status` for its figures \
         once, or `shop-sim consume` to run the consumers without a screen"
    )]
    NoTerminal,
    /// The terminal says that it only takes lines.
    #[error(
        "the dashboard needs a terminal that can place its cursor, and TERM={0} cannot: set TERM to what it really is, or use \
         `shop-sim status` for the figures once"
    )]
    Dumb(String),
    /// The terminal answered with an error.
    #[error("the terminal cannot be used ({0}); `shop-sim status` shows the figures without one")]
    Io(#[from] io::Error),
    /// The drawing panicked.
    #[error("the dashboard failed ({0}); the log says where, and the data are safe: start it again")]
    Failed(String),
}

/// Something that pictures can be shown on.
pub trait Surface {
    /// Its columns and rows.
    fn size(&self) -> Result<Size, ScreenError>;

    /// Begins to show a picture, where the last one is shown whole.
    fn show(&mut self, picture: Buffer) -> Result<(), ScreenError>;

    /// Whether it could take a picture now.
    fn is_ready(&self) -> bool;

    /// Waits until it can take a picture; loses nothing when it is dropped before.
    fn ready(&mut self) -> impl Future<Output = Result<(), ScreenError>> + Send;

    /// What is on it cannot be relied on any more: the next picture is drawn whole.
    fn forget(&mut self);

    /// Asks this program and those that were started with it to stop; `false` where no shell could call them back.
    fn ask_to_stop(&mut self) -> Result<bool, ScreenError>;

    /// Gives the terminal back and stops the program, until SIGCONT.
    fn stop(&mut self) -> Result<(), ScreenError>;

    /// Takes the terminal again after SIGCONT.
    fn resume(&mut self) -> Result<(), ScreenError>;
}

/// The process's terminal in raw mode, on its alternate screen; restored when dropped.
#[derive(Debug)]
pub struct Screen {
    tty: Sender,
    /// What the terminal shows when all of `bytes` is written; `None` where nobody knows.
    shown: Option<Buffer>,
    /// What of the last picture is to be written, from `written` on.
    bytes: Vec<u8>,
    written: usize,
    mouse: bool,
    /// The terminal is given back for as long as the program is suspended.
    away: bool,
    stray: Option<Stray>,
}

impl Screen {
    /// Takes the terminal over; what would be printed on it by mistake goes to `log`. The mouse is only captured
    /// when asked, since that takes away the terminal's own selection of text. Must run inside a tokio runtime.
    pub fn enter(mouse: bool, log: &Path) -> Result<Self, ScreenError> {
        check()?;
        // The theme decides on colours, `NO_COLOR` included (see `ThemeName::choose`). Left to itself,
        // crossterm turns each colour into a bare reset then, which wipes bold and reversed as well.
        style::force_color_output(true);
        // What tokio needs of a pipe, a terminal does as well; for descriptors of other kinds it has no safe way.
        let tty = Sender::from_file_unchecked(open()?)?;
        // From here on dropping it restores, also when the next lines fail.
        let mut screen =
            Self { tty, shown: None, bytes: Vec::new(), written: 0, mouse, away: false, stray: None };
        screen.stray = Some(Stray::divert(log));
        screen.take_over()?;
        Ok(screen)
    }

    fn take_over(&mut self) -> io::Result<()> {
        // In the background this waits for the foreground (SIGTTOU), before anything is written.
        terminal::enable_raw_mode()?;
        self.shown = None;
        self.written = 0;
        self.bytes = bytes::enter(self.mouse);
        Ok(())
    }

    /// Gives the terminal back as it was. What fails here cannot be helped: the terminal may be gone.
    fn give_back(&mut self) {
        let rest = self.bytes.split_off(self.written.min(self.bytes.len()));
        self.bytes.clear();
        self.written = 0;
        self.shown = None;
        let restore = bytes::leave();
        // A picture that was begun is ended, unless the terminal takes too long; then what it has not
        // taken is thrown away, and with it whatever command was cut.
        if !(write_by_force(&self.tty, &rest) && write_by_force(&self.tty, &restore)) {
            let _ = termios::tcflush(&self.tty, QueueSelector::OFlush);
            write_by_force(&self.tty, &[bytes::CANCEL, &restore].concat());
        }
        let _ = terminal::disable_raw_mode();
    }
}

/// Says something on the terminal when the [`Screen`] is gone. One that takes nothing more does not hold the end up:
/// there is nobody to read it.
pub fn say(text: &str) {
    if let Ok(tty) = open() {
        write_by_force(&tty, text.as_bytes());
    }
}

/// Writes without a runtime; `false` when the terminal does not take it in time.
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
        // A shell with job control gives each job a process group of its own. In the group of the session's
        // leader there is nobody who would notice that it stops.
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
        // What SIGTSTP would have done, had nobody listened to it.
        process::kill_process(process::getpid(), Signal::STOP).map_err(io::Error::from)?;
        Ok(())
    }

    fn resume(&mut self) -> Result<(), ScreenError> {
        // After SIGSTOP nothing was given back, and a shell may have changed the terminal's modes.
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

/// The terminal behind standard output, opened once more, so that it can be made not to block without doing
/// that to the shell, which shares standard output.
fn open() -> io::Result<File> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let open = |path: &str| File::options().write(true).custom_flags(flags).open(path).ok();
    match ["/proc/self/fd/1", "/dev/tty"].into_iter().find_map(open) {
        Some(own) => Ok(own),
        // Where it may not be opened, as after `su`, it may block.
        None => Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?)),
    }
}

/// An error where there is no terminal for a [`Screen`].
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

/// A terminal that does not know its size, as on a serial line, says 0: then it is taken for the usual one.
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
        assert!(dumb.contains("TERM=dumb") && dumb.contains("shop-sim status"), "{dumb}");
    }

    #[test]
    fn a_terminal_that_does_not_know_its_size_is_a_usual_one() {
        assert_eq!(size_of(0, 0), Size::new(80, 24));
        assert_eq!(size_of(132, 0), Size::new(132, 24));
        assert_eq!(size_of(40, 10), Size::new(40, 10));
    }
}
