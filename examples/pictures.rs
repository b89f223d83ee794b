//! Takes the pictures of the README from the real program in a pseudo-terminal:
//! `cargo run --release --example pictures [FOLDER]` (default `docs/pictures`).
//!
//! One SVG of each page and of a talk, and `demo.svg`, a recording of the demo with its midnight. Takes about six minutes.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::panic)]

#[path = "../tests/common/terminal.rs"]
mod terminal;

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier, Style},
};
use shop_sim::dashboard::screenshot;
use terminal::Terminal;

const COLUMNS: u16 = 120;
const ROWS: u16 = 30;

/// The program in its terminal.
struct Screen {
    terminal: Terminal,
    _out: tempfile::TempDir,
}

impl Screen {
    fn start(arguments: &[&str]) -> Self {
        let out = tempfile::tempdir().unwrap();
        let mut command = Command::new(program());
        command.arg("tui").args(arguments).arg("--out").arg(out.path());
        Self { terminal: Terminal::start(command, COLUMNS, ROWS), _out: out }
    }

    fn press(&self, keys: &str) {
        self.terminal.type_keys(keys);
    }

    fn wait_for(&self, what: &str) {
        self.terminal.see_within(Duration::from_secs(400), what);
    }

    /// The emulator's picture as cells.
    fn cells(&self) -> Buffer {
        let emulator = self.terminal.emulator();
        let mut cells = Buffer::empty(Rect::new(0, 0, COLUMNS, ROWS));
        for row in 0..ROWS {
            for column in 0..COLUMNS {
                let Some(seen) = emulator.screen().cell(row, column) else { continue };
                let colour = |colour| match colour {
                    vt100::Color::Default => Color::Reset,
                    vt100::Color::Idx(index) => Color::Indexed(index),
                    vt100::Color::Rgb(red, green, blue) => Color::Rgb(red, green, blue),
                };
                let mut style = Style::new().fg(colour(seen.fgcolor())).bg(colour(seen.bgcolor()));
                for (is, modifier) in [
                    (seen.bold(), Modifier::BOLD),
                    (seen.dim(), Modifier::DIM),
                    (seen.inverse(), Modifier::REVERSED),
                ] {
                    if is {
                        style = style.add_modifier(modifier);
                    }
                }
                let sign = if seen.contents().is_empty() { " " } else { seen.contents() };
                cells[(column, row)].set_symbol(sign).set_style(style);
            }
        }
        cells
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.terminal.type_keys("q");
        self.terminal.ended_within(Duration::from_secs(2));
    }
}

/// The program, next to this example or one folder up.
fn program() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let folders = own.ancestors().skip(1);
    let mut found = folders.map(|folder| folder.join("shop-sim")).filter(|path| path.is_file());
    found.next().unwrap_or_else(|| panic!("there is no shop-sim beside {}: build it first", own.display()))
}

/// Consecutive pictures with their durations.
#[derive(Default)]
struct Recording {
    frames: Vec<(String, Duration)>,
}

impl Recording {
    /// Records the screen for a while.
    fn watch(&mut self, screen: &Screen, lasts: Duration, every: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < lasts {
            thread::sleep(every);
            let frame = screenshot::svg(&screen.cells());
            match self.frames.last_mut() {
                Some((last, seen)) if *last == frame => *seen += every,
                _ => self.frames.push((frame, every)),
            }
        }
    }

    /// An SVG that shows the pictures in turn (CSS animations; no script).
    fn svg(&self) -> String {
        let all: f64 = self.frames.iter().map(|(_, seen)| seen.as_secs_f64()).sum();
        let mut style = ".f{visibility:hidden}".to_owned();
        let mut body = String::new();
        let mut head = "";
        let mut at = 0.0;
        for (number, (frame, seen)) in self.frames.iter().enumerate() {
            let (outer, inside) = frame.split_once('>').unwrap();
            head = outer;
            let (from, to) = (at / all * 100.0, (at + seen.as_secs_f64()) / all * 100.0);
            at += seen.as_secs_f64();
            let _ = write!(
                style,
                "@keyframes k{number}{{0%{{visibility:hidden}}{from:.3}%{{visibility:visible}}{to:.3}%{{visibility:hidden}}}}\
                 .k{number}{{animation:k{number} {all:.2}s step-end infinite}}"
            );
            let _ = writeln!(
                body,
                "<g class=\"f k{number}\">{}</g>",
                inside.trim_end().trim_end_matches("</svg>")
            );
        }
        format!("{head}>\n<style>{style}</style>\n{body}</svg>\n")
    }
}

fn save(folder: &Path, name: &str, svg: &str) {
    let path = folder.join(format!("{name}.svg"));
    fs::write(&path, svg).unwrap();
    println!("{} ({} KB)", path.display(), svg.len() / 1024);
}

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "docs/pictures".to_owned()));
    fs::create_dir_all(&folder).unwrap();
    let settle = || thread::sleep(Duration::from_millis(1_500));
    let seconds = Duration::from_secs;

    // The demo: a minute is an hour, so midnight comes after four.
    let demo = Screen::start(&["--demo"]);
    demo.wait_for("pending");
    thread::sleep(seconds(45));
    let mut recording = Recording::default();
    let mut film = |keys: &str, lasts: u64| {
        demo.press(keys);
        recording.watch(&demo, seconds(lasts), Duration::from_secs(1));
    };
    film("1", 6);
    film("2", 3);
    film("3", 3);
    film("4", 1);
    film("\x1b[B\x1b[B\r", 4);
    film("5", 3);
    film("7", 3);
    // A consumer is killed; then a rewind by an hour.
    film("9", 2);
    film("\r", 3);
    film("1<", 4);
    film("n", 2);
    save(&folder, "demo", &recording.svg());

    for (key, name) in [
        ("1", "overview"),
        ("2", "sales"),
        ("3", "stock"),
        ("4\x1b[B\x1b[B\x1b[B\x1b[B\r", "orders"),
        ("5", "handling"),
        ("6\r", "reports"),
        ("7", "kafka"),
        ("8", "log"),
        ("9", "faults"),
    ] {
        demo.press(key);
        settle();
        save(&folder, name, &screenshot::svg(&demo.cells()));
        // Leaves the detail view. Sent alone: with a key right after it, Escape would mean Alt.
        demo.press("\x1b");
        settle();
    }
    demo.press("1");
    demo.wait_for("report is written");
    settle();
    save(&folder, "midnight", &screenshot::svg(&demo.cells()));
    drop(demo);

    let talk = Screen::start(&["--demo", "--present"]);
    talk.wait_for("pending");
    thread::sleep(seconds(40));
    save(&folder, "present", &screenshot::svg(&talk.cells()));
}
