//! Output that would corrupt the screen: panics of any thread, and what C libraries write to standard error.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    fs::File,
    io::{self, IsTerminal},
    os::fd::OwnedFd,
    panic,
    path::Path,
    sync::{
        Once,
        atomic::{AtomicUsize, Ordering},
    },
};

use rustix::stdio;

/// The number of open screens, 0 or 1.
static SCREENS: AtomicUsize = AtomicUsize::new(0);

/// Keeps stray output off the screen, until dropped or paused.
#[derive(Debug)]
pub(super) struct Stray {
    /// The terminal and the log, if standard error is the terminal.
    ways: Option<(OwnedFd, File)>,
    open: bool,
}

impl Stray {
    /// Sends panics to the log, and standard error to the file `log` if it is a terminal.
    pub(super) fn divert(log: &Path) -> Self {
        panics_go_to_the_log();
        let ways = io::stderr().is_terminal().then(|| {
            let log = File::options().create(true).append(true).open(log).ok()?;
            Some((rustix::io::dup(stdio::stderr()).ok()?, log))
        });
        let mut stray = Self { ways: ways.flatten(), open: false };
        stray.go_on();
        stray
    }

    /// Allows output again.
    pub(super) fn pause(&mut self) {
        if std::mem::take(&mut self.open) {
            SCREENS.fetch_sub(1, Ordering::SeqCst);
            if let Some((terminal, _)) = &self.ways {
                let _ = stdio::dup2_stderr(terminal);
            }
        }
    }

    /// Diverts output again.
    pub(super) fn go_on(&mut self) {
        if !std::mem::replace(&mut self.open, true) {
            SCREENS.fetch_add(1, Ordering::SeqCst);
            if let Some((_, log)) = &self.ways {
                let _ = stdio::dup2_stderr(log);
            }
        }
    }
}

impl Drop for Stray {
    fn drop(&mut self) {
        self.pause();
    }
}

/// Instead of ratatui's panic hook, which would restore the terminal on any thread's panic while the screen is in use.
fn panics_go_to_the_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if SCREENS.load(Ordering::SeqCst) == 0 {
                print(info);
                return;
            }
            let trace = Backtrace::capture();
            if trace.status() == BacktraceStatus::Captured {
                tracing::error!("{info}\n{trace}");
            } else {
                tracing::error!("{info}");
            }
        }));
    });
}
