//! A program in a pseudo-terminal, and an emulator that shows what a person would see.

// Tests, measurements and pictures each use their own part of this.
#![allow(dead_code, unreachable_pub)]

use std::{
    fs::File,
    io::{ErrorKind, Read, Write},
    os::{fd::AsRawFd, unix::fs::OpenOptionsExt},
    process::{Child, Command, ExitStatus},
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use pty_process::blocking::{Pts, Pty};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    process::Pid,
    termios::{LocalModes, tcgetattr},
};

/// Time-out for anything to appear, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// Period of checks for what sends no notification.
const GLANCE: Duration = Duration::from_millis(2);
/// Time the reader waits for output before it checks whether to stop.
const BREATH: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };

/// The end of a picture: the end of a synchronized update.
const PICTURE_END: &[u8] = b"\x1b[?2026l";

/// The question that ends those about the terminal itself: every one answers it.
const DEVICE_ATTRIBUTES: &[u8] = b"\x1b[c";

/// A callback for each complete picture, on the reader's thread.
type Watcher = Box<dyn FnMut(&vt100::Screen) + Send>;

/// An emulator running a program, which is killed on drop.
pub struct Terminal {
    pty: Option<Arc<Pty>>,
    /// Kept open to read its modes after the program has ended.
    side: Pts,
    child: Child,
    shown: Arc<Shown>,
    reader: Option<JoinHandle<()>>,
}

/// Sets a flag when dropped.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Shared between the reader and the test.
struct Shown {
    emulator: Mutex<vt100::Parser>,
    watcher: Mutex<Option<Watcher>>,
    /// Notified of every change.
    changed: Condvar,
    /// What it says when it is asked for the colour of its ground.
    ground: &'static str,
    /// Whether the emulator reads nothing.
    stuck: AtomicBool,
    gone: AtomicBool,
}

impl Terminal {
    /// Starts a program in a terminal of its own, with a dark ground.
    pub fn start(command: Command, columns: u16, rows: u16) -> Self {
        Self::start_on("rgb:1212/1212/1212", command, columns, rows)
    }

    /// The same with another ground.
    pub fn start_on(ground: &'static str, command: Command, columns: u16, rows: u16) -> Self {
        let (pty, side) = pty_process::blocking::open().unwrap();
        pty.resize(pty_process::Size::new(rows, columns)).unwrap();
        fcntl_setfl(&pty, fcntl_getfl(&pty).unwrap() | OFlags::NONBLOCK).unwrap();
        let child = pty_process::blocking::Command::from(command)
            .env("TERM", "xterm-256color")
            .env("LC_ALL", "C.UTF-8")
            .env_remove("NO_COLOR")
            .env_remove("COLORFGBG")
            .env_remove("SHOP_SIM_BOOTSTRAP")
            .spawn_borrowed(&side)
            .unwrap();
        let size = |length: u16| length.try_into().unwrap();
        let shown = Arc::new(Shown {
            emulator: Mutex::new(vt100::Parser::new(size(rows), size(columns), 0)),
            watcher: Mutex::new(None),
            changed: Condvar::new(),
            ground,
            stuck: AtomicBool::new(false),
            gone: AtomicBool::new(false),
        });
        let pty = Arc::new(pty);
        let (read, fed) = (Arc::clone(&pty), Arc::clone(&shown));
        let reader = Some(thread::spawn(move || fed.follow(&read)));
        Self { pty: Some(pty), side, child, shown, reader }
    }

    /// What the program has made of the screen.
    pub fn emulator(&self) -> MutexGuard<'_, vt100::Parser> {
        self.shown.emulator.lock().unwrap()
    }

    /// Calls `watcher` for every complete picture from now on.
    pub fn watch(&self, watcher: impl FnMut(&vt100::Screen) + Send + 'static) {
        *self.shown.watcher.lock().unwrap() = Some(Box::new(watcher));
    }

    /// The text of the screen.
    pub fn text(&self) -> String {
        self.emulator().screen().contents()
    }

    /// Types keys as soon as the program takes them.
    #[track_caller]
    pub fn type_keys(&self, keys: &str) {
        let mut rest = keys.as_bytes();
        let deadline = Instant::now() + PATIENCE;
        while !rest.is_empty() {
            match self.pty.as_deref().unwrap().write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    assert!(Instant::now() < deadline, "nobody takes the keys:\n{}", self.text());
                    thread::sleep(GLANCE);
                }
            }
        }
    }

    /// Waits until a text is seen.
    #[track_caller]
    pub fn see(&self, what: &str) {
        self.see_within(PATIENCE, what);
    }

    /// The same for as long as it may take.
    #[track_caller]
    pub fn see_within(&self, patience: Duration, what: &str) {
        self.wait(patience, what, |screen| screen.contents().contains(what));
    }

    /// Waits until something holds for the text that is seen.
    #[track_caller]
    pub fn see_that(&self, what: &str, holds: impl Fn(&str) -> bool) {
        self.wait(PATIENCE, what, |screen| holds(&screen.contents()));
    }

    #[track_caller]
    fn wait(&self, patience: Duration, what: &str, holds: impl Fn(&vt100::Screen) -> bool) {
        let deadline = Instant::now() + patience;
        let mut emulator = self.emulator();
        while !holds(emulator.screen()) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                // Unlocked first: the reader and other waits continue.
                drop(emulator);
                panic!("waited in vain for {what}:\n{}", self.text());
            }
            (emulator, _) = self.shown.changed.wait_timeout(emulator, left).unwrap();
        }
    }

    /// Gives it another size.
    pub fn resize(&self, columns: u16, rows: u16) {
        let size = |length: u16| length.try_into().unwrap();
        // The emulator first: the program may draw as soon as its terminal is resized.
        self.emulator().screen_mut().set_size(size(rows), size(columns));
        self.pty.as_deref().unwrap().resize(pty_process::Size::new(rows, columns)).unwrap();
    }

    /// Takes nothing of what the program writes, or goes on with it.
    pub fn set_stuck(&self, stuck: bool) {
        self.shown.stuck.store(stuck, Ordering::SeqCst);
    }

    /// Runs `act` while another program keeps the terminal's buffer full.
    pub fn while_full<T>(&mut self, act: impl FnOnce(&mut Self) -> T) -> T {
        self.set_stuck(true);
        let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
        let way = format!("/proc/self/fd/{}", self.side.as_raw_fd());
        let mut other = File::options().write(true).custom_flags(flags).open(way).unwrap();
        let done = AtomicBool::new(false);
        let value = thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    if other.write(&[b'x'; 64]).is_err() {
                        thread::yield_now();
                    }
                }
            });
            // Also if `act` panics.
            let _ended = Ends(&done);
            act(self)
        });
        self.set_stuck(false);
        value
    }

    /// Closes the terminal while the program runs, as a closed window does.
    pub fn vanish(&mut self) {
        self.shown.gone.store(true, Ordering::SeqCst);
        self.reader.take().unwrap().join().unwrap();
        drop(self.pty.take());
    }

    /// The program's process.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// The exit status, if the program ends in time.
    pub fn ended_within(&mut self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            let ended = self.child.try_wait().unwrap();
            if ended.is_some() || Instant::now() > deadline {
                return ended;
            }
            thread::sleep(GLANCE);
        }
    }

    /// Asserts that the terminal is restored after the program: main screen, cursor, echo.
    #[track_caller]
    pub fn assert_given_back(&self) {
        // The last output may not have arrived yet.
        self.wait(PATIENCE, "the shell's own screen, with a cursor and without the mouse", |screen| {
            !screen.alternate_screen()
                && !screen.hide_cursor()
                && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
        });
        assert!(self.is_cooked(), "what is typed is not shown");
    }

    /// Whether it is in cooked mode: lines, an echo, signals by key.
    pub fn is_cooked(&self) -> bool {
        let modes = tcgetattr(&self.side).unwrap().local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.shown.gone.store(true, Ordering::SeqCst);
        let reader = self.reader.take().map(JoinHandle::join);
        assert!(thread::panicking() || reader.is_none_or(|ended| ended.is_ok()));
    }
}

impl Shown {
    /// Feeds the emulator with what the program writes.
    fn follow(&self, mut pty: &Pty) {
        let mut bytes = [0; 4096];
        let mut ended = 0;
        while !self.gone.load(Ordering::SeqCst) {
            let mut output = [PollFd::new(pty, PollFlags::IN)];
            if poll(&mut output, Some(&BREATH)).is_ok_and(|ready| ready == 0) {
                continue;
            }
            if self.stuck.load(Ordering::SeqCst) {
                thread::sleep(GLANCE);
                continue;
            }
            match pty.read(&mut bytes) {
                Ok(count) => {
                    if bytes[..count].ends_with(DEVICE_ATTRIBUTES) {
                        let answers = format!("\x1b]11;{}\x1b\\\x1b[?62;22c", self.ground);
                        pty.write_all(answers.as_bytes()).unwrap();
                    }
                    let mut rest = &bytes[..count];
                    while let Some(length) = to_end(rest, &mut ended) {
                        let (picture, next) = rest.split_at(length);
                        self.show(picture);
                        if let Some(watcher) = &mut *self.watcher.lock().unwrap() {
                            watcher(self.emulator.lock().unwrap().screen());
                        }
                        rest = next;
                    }
                    self.show(rest);
                }
                Err(_) => thread::sleep(GLANCE),
            }
        }
    }
    fn show(&self, bytes: &[u8]) {
        self.emulator.lock().unwrap().process(bytes);
        self.changed.notify_all();
    }
}

/// The number of bytes up to the end of the picture, if they contain it; `ended` bytes of the end mark came before.
fn to_end(bytes: &[u8], ended: &mut usize) -> Option<usize> {
    for (at, byte) in bytes.iter().enumerate() {
        // The first byte of the mark occurs only once in it.
        *ended = if *byte == PICTURE_END[*ended] { *ended + 1 } else { usize::from(*byte == PICTURE_END[0]) };
        if *ended == PICTURE_END.len() {
            *ended = 0;
            return Some(at + 1);
        }
    }
    None
}
