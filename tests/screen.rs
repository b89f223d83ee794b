//! The dashboard in a real pseudo-terminal: what an emulator shows, and that the terminal is given back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{
    io::{ErrorKind, Read, Write},
    path::Path,
    process::{Child, Command, ExitStatus},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use common::shop::{Shop, wait_for};
use pty_process::blocking::{Pts, Pty};
use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use rustix::{
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    process::{Pid, Signal, kill_process},
    termios::{LocalModes, tcgetattr},
};
use shop_sim::dashboard::terminal::{Screen, Surface};

/// How long anything may take to be seen; other programs may have the machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long leaving may take.
const LEAVING: Duration = Duration::from_secs(20);

/// A dashboard that needs no shop: it says that Kafka does not answer, and waits.
const ALONE: [&str; 3] = ["tui", "--bootstrap", "127.0.0.1:1"];

/// An emulator with a program in it.
struct Terminal {
    pty: Option<Arc<Pty>>,
    /// Kept open, so that its modes can be looked at when the program is gone.
    side: Pts,
    child: Child,
    emulator: Arc<Mutex<vt100::Parser>>,
    /// The emulator takes nothing for now.
    stuck: Arc<AtomicBool>,
    gone: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

impl Terminal {
    fn start(command: Command, columns: u16, rows: u16) -> Self {
        let (pty, side) = pty_process::blocking::open().unwrap();
        pty.resize(pty_process::Size::new(rows, columns)).unwrap();
        fcntl_setfl(&pty, fcntl_getfl(&pty).unwrap() | OFlags::NONBLOCK).unwrap();
        let child = pty_process::blocking::Command::from(command)
            .env("TERM", "xterm-256color")
            .env_remove("NO_COLOR")
            .env_remove("SHOP_SIM_BOOTSTRAP")
            .spawn_borrowed(&side)
            .unwrap();
        let (pty, stuck, gone) = (Arc::new(pty), Arc::default(), Arc::default());
        let size = |length: u16| length.try_into().unwrap();
        let emulator = Arc::new(Mutex::new(vt100::Parser::new(size(rows), size(columns), 0)));
        let reader = Some(read(Arc::clone(&pty), &emulator, &stuck, &gone));
        Self { pty: Some(pty), side, child, emulator, stuck, gone, reader }
    }

    fn emulator(&self) -> MutexGuard<'_, vt100::Parser> {
        self.emulator.lock().unwrap()
    }

    fn text(&self) -> String {
        self.emulator().screen().contents()
    }

    fn type_keys(&self, keys: &str) {
        let mut rest = keys.as_bytes();
        wait_for("the keys to be taken", PATIENCE, || {
            match self.pty.as_deref().unwrap().write(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
            rest.is_empty().then_some(())
        });
    }

    #[track_caller]
    fn see(&self, what: &str) {
        self.see_that(what, |text| text.contains(what));
    }

    #[track_caller]
    fn see_that(&self, what: &str, holds: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(&self.text()) {
            assert!(Instant::now() < deadline, "waited in vain for {what}:\n{}", self.text());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// What is shown when nothing has changed for a while.
    fn settled(&self) -> String {
        let (mut last, mut since) = (self.text(), Instant::now());
        wait_for("a still picture", PATIENCE, || {
            let text = self.text();
            if text != last {
                (last, since) = (text, Instant::now());
            }
            (since.elapsed() > Duration::from_secs(2)).then_some(())
        });
        last
    }

    fn resize(&self, columns: u16, rows: u16) {
        let size = |length: u16| length.try_into().unwrap();
        // The emulator first: no program can know a size before its terminal has it.
        self.emulator().screen_mut().set_size(size(rows), size(columns));
        self.pty.as_deref().unwrap().resize(pty_process::Size::new(rows, columns)).unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    fn is_cooked(&self) -> bool {
        let modes = tcgetattr(&self.side).unwrap().local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    }

    #[track_caller]
    fn end(&mut self) -> ExitStatus {
        wait_for("the end", LEAVING, || self.child.try_wait().unwrap())
    }

    /// As a person expects to find it: the shell's own screen, a cursor, an echo.
    #[track_caller]
    fn assert_given_back(&self) {
        // What was written last may still be on its way.
        wait_for("the shell's own screen", PATIENCE, || {
            (!self.emulator().screen().alternate_screen()).then_some(())
        });
        let emulator = self.emulator();
        assert!(!emulator.screen().hide_cursor(), "the cursor is hidden");
        assert_eq!(emulator.screen().mouse_protocol_mode(), vt100::MouseProtocolMode::None);
        assert!(self.is_cooked(), "what is typed is not shown");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.gone.store(true, Ordering::SeqCst);
        let reader = self.reader.take().map(JoinHandle::join);
        assert!(thread::panicking() || reader.is_none_or(|ended| ended.is_ok()));
    }
}

/// Feeds the emulator with what the program writes.
fn read(
    pty: Arc<Pty>,
    emulator: &Arc<Mutex<vt100::Parser>>,
    stuck: &Arc<AtomicBool>,
    gone: &Arc<AtomicBool>,
) -> JoinHandle<()> {
    let (emulator, stuck, gone) = (Arc::clone(emulator), Arc::clone(stuck), Arc::clone(gone));
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while !gone.load(Ordering::SeqCst) {
            if stuck.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(2));
                continue;
            }
            match (&*pty).read(&mut bytes) {
                Ok(count) => emulator.lock().unwrap().process(&bytes[..count]),
                Err(_) => thread::sleep(Duration::from_millis(2)),
            }
        }
    })
}

fn command(shop: &Shop, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shop-sim"));
    command.args(arguments).args(["--out", "out"]).current_dir(shop.home());
    command
}

fn alone(shop: &Shop) -> Terminal {
    let terminal = Terminal::start(command(shop, &ALONE), 120, 30);
    terminal.see("Orders since midnight");
    terminal
}

#[test]
fn a_shop_is_shown_on_every_page_at_every_size_and_leaves_nothing_behind() {
    let shop = Shop::embedded();
    let mut terminal = Terminal::start(command(&shop, &["tui", "--rate", "50", "--mouse"]), 120, 30);
    terminal.see("Orders since midnight");
    assert!(terminal.emulator().screen().alternate_screen() && terminal.emulator().screen().hide_cursor());
    assert!(!terminal.is_cooked());
    terminal.see("running");
    // The first orders.
    terminal.see("● sold");
    terminal.see_that("orders in the audit line", |text| {
        text.lines().any(|line| line.contains("produced") && !line.contains(" 0 produced"))
    });

    for (key, title) in [
        ("2", "Products"),
        ("3", "Reorder at"),
        ("4", "Customer"),
        ("5", "Handled in all"),
        ("6", "Daily reports"),
        ("7", "Consumer groups"),
        ("8", "Log ─"),
        ("1", "Messages"),
    ] {
        terminal.type_keys(key);
        terminal.see(title);
    }
    // A panel is enlarged and given back, by key and by mouse.
    terminal.type_keys("\t\r");
    terminal.see_that("one panel alone", |text| !text.contains("Messages") && text.contains("Orders since"));
    terminal.type_keys("\x1b[Z");
    terminal
        .see_that("the panel before it", |text| text.contains("Messages") && !text.contains("Orders since"));
    terminal.type_keys("\x1b");
    terminal.see_that("the overview", |text| text.contains("Messages") && text.contains("Orders since"));
    terminal.type_keys("\x1b[<0;14;4M\x1b[<0;14;4m");
    terminal.see("Products");
    // A filter: letters are letters, also `q`.
    terminal.type_keys("3/qz");
    terminal.see("Nothing found.");
    terminal.type_keys("\x7f\x7fte");
    terminal.see("Tekanna");
    terminal.type_keys("\ro\x1b");
    terminal.see("q quit");
    // The help, and the rate.
    terminal.type_keys("1?");
    terminal.see("leave the dashboard");
    terminal.type_keys("?+");
    terminal.see("target 100");
    terminal.type_keys(" ");
    terminal.see(" paused ");
    terminal.type_keys(" ");
    terminal.see("● running");

    // Sizes as from a hand that cannot decide, and in the end a still picture.
    terminal.type_keys("f");
    terminal.see(" frozen ");
    for step in 0_u16..60 {
        terminal.resize(40 + step * 37 % 170, 5 + step * 23 % 50);
        if step % 7 == 0 {
            thread::sleep(Duration::from_millis(20));
        }
    }
    terminal.resize(80, 24);
    terminal.see("1 Overview 2 3");
    // Nothing of another size is left: drawn once more, it is the same.
    let still = terminal.settled();
    assert_eq!(still.lines().count(), 24, "{still}");
    terminal.emulator().process(b"\x1b[2J");
    terminal.signal(Signal::WINCH);
    terminal.see_that("the same picture", |text| text == still);
    terminal.resize(200, 50);
    terminal.see("8 Log");

    terminal.type_keys("q");
    assert!(terminal.end().success());
    terminal.assert_given_back();
    terminal.see("shop-sim ran for");
}

#[test]
fn signals_give_the_terminal_back_and_a_kill_harms_no_later_start() {
    let shop = Shop::embedded();
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let mut terminal = alone(&shop);
        terminal.signal(signal);
        assert!(terminal.end().success(), "{signal:?}");
        terminal.assert_given_back();
    }
    let mut terminal = alone(&shop);
    terminal.signal(Signal::KILL);
    assert!(!terminal.end().success());
    let mut terminal = alone(&shop);
    terminal.type_keys("\x03");
    assert!(terminal.end().success(), "control and c");
    terminal.assert_given_back();
}

#[test]
fn a_terminal_that_vanishes_or_takes_nothing_more_holds_nobody_up() {
    let shop = Shop::embedded();
    // It takes nothing for a while: keys are obeyed, and then the newest picture comes.
    let mut terminal = alone(&shop);
    terminal.stuck.store(true, Ordering::SeqCst);
    // Fewer bytes than crossterm reads at once (1024): what is left in the kernel it sees with the next key.
    for _ in 0..300 {
        terminal.type_keys("2");
        terminal.type_keys("5");
        terminal.type_keys("?");
    }
    terminal.type_keys("3");
    thread::sleep(Duration::from_millis(300));
    terminal.stuck.store(false, Ordering::SeqCst);
    terminal.see("Reorder at");

    // It takes nothing at all any more.
    terminal.stuck.store(true, Ordering::SeqCst);
    for step in 0..200 {
        terminal.type_keys(["1", "4", "?"][step % 3]);
        thread::sleep(Duration::from_millis(5));
    }
    terminal.signal(Signal::TERM);
    assert!(terminal.end().success());
    terminal.stuck.store(false, Ordering::SeqCst);
    terminal.assert_given_back();

    // Its window is closed.
    let mut terminal = alone(&shop);
    terminal.gone.store(true, Ordering::SeqCst);
    terminal.reader.take().unwrap().join().unwrap();
    drop(terminal.pty.take());
    terminal.end();
}

#[test]
fn a_shell_stops_it_and_calls_it_back() {
    let shop = Shop::embedded();
    let mut shell = Command::new("bash");
    shell.args(["--norc", "--noprofile", "-i"]).env("PS1", "$PROMPT ").env("PROMPT", "ready>");
    shell.current_dir(shop.home());
    let terminal = Terminal::start(shell, 120, 30);
    terminal.see("ready>");
    let binary = env!("CARGO_BIN_EXE_shop-sim");
    terminal.type_keys(&format!("{binary} {} --out out\r", ALONE.join(" ")));
    terminal.see("Orders since midnight");

    terminal.type_keys("\x1a");
    terminal.see("Stopped");
    assert!(!terminal.emulator().screen().alternate_screen() && !terminal.emulator().screen().hide_cursor());
    terminal.type_keys("clear; echo still $((40 + 2))\r");
    terminal.see("still 42");
    terminal.type_keys("fg\r");
    terminal.see("Orders since midnight");
    terminal.type_keys("5");
    terminal.see("Handled in all");

    // The same from outside.
    let pid = find(binary, shop.home());
    kill_process(pid, Signal::TSTP).unwrap();
    terminal.see("Stopped");
    terminal.type_keys("clear; fg\r");
    terminal.see("Handled in all");

    // And one that nobody can listen to: the shell has spoilt the screen and the modes.
    kill_process(pid, Signal::STOP).unwrap();
    terminal.see("Stopped");
    terminal.type_keys("clear; fg\r");
    terminal.see("Handled in all");
    terminal.see_that("a picture drawn whole", |text| !text.contains("Stopped") && text.contains("shop-sim"));
    terminal.type_keys("1");
    terminal.see("Orders since midnight");

    terminal.type_keys("q");
    terminal.see("shop-sim ran for");
    terminal.type_keys("clear; echo it ended with $?\r");
    terminal.see("it ended with 0");
    assert!(!terminal.emulator().screen().alternate_screen() && !terminal.emulator().screen().hide_cursor());
}

/// The process of a program that runs in a folder.
fn find(program: &str, folder: &Path) -> Pid {
    wait_for("the program's process", PATIENCE, || {
        std::fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let runs = std::fs::read_link(entry.path().join("exe")).ok()?;
            let stands = std::fs::read_link(entry.path().join("cwd")).ok()?;
            (runs == Path::new(program) && stands == folder.canonicalize().ok()?)
                .then(|| Pid::from_raw(pid))
                .flatten()
        })
    })
}

/// Set for the process that panics on its terminal.
const PANICS: &str = "SHOP_SIM_TEST_PANICS";

#[test]
fn only_the_drawings_own_panic_takes_the_screen_away() {
    if std::env::var_os(PANICS).is_some() {
        panic_twice();
        return;
    }
    let mut itself = Command::new(std::env::current_exe().unwrap());
    itself.args(["--exact", "only_the_drawings_own_panic_takes_the_screen_away", "--nocapture"]);
    itself.env(PANICS, "1");
    let mut terminal = Terminal::start(itself, 80, 24);
    terminal.see("the second picture");
    let text = terminal.text();
    assert!(!text.contains("panicked") && !text.contains("standard error"), "{text}");
    assert!(terminal.emulator().screen().alternate_screen());
    terminal.type_keys("x");
    terminal.end();
    terminal.assert_given_back();
}

/// Draws, lets another thread panic and something write to standard error, draws again, and panics itself.
fn panic_twice() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let drawing = async {
        let mut screen = Screen::enter(false, &folder.path().join("log")).unwrap();
        let mut show = async |text: &str| {
            let mut picture = Buffer::empty(Rect::new(0, 0, 80, 24));
            picture.set_string(3, 3, text, Style::default());
            screen.ready().await.unwrap();
            screen.show(picture).unwrap();
            screen.ready().await.unwrap();
        };
        show("the first picture").await;
        thread::spawn(|| panic!("of another thread")).join().unwrap_err();
        let _ = writeln!(std::io::stderr(), "standard error");
        show("the second picture").await;
        let _ = std::io::stdin().read(&mut [0]);
        panic!("of the drawing");
    };
    runtime.block_on(drawing);
}
