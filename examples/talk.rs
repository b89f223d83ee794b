//! Gives the talk of `docs/presentation.md` in a pseudo-terminal and records it, as asciicast v2
//! (<https://docs.asciinema.org/manual/asciicast/v2/>): `cargo run --release --example talk [FILE]` (by itself
//! `docs/talk.cast`). Takes ten minutes; `asciinema play docs/talk.cast` shows it.
//!
//! Minutes and keys are those of the table in the document, so that the recording is of the talk as it is written there.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::panic)]

#[path = "../tests/common/terminal.rs"]
mod terminal;

use std::{
    fmt::Write as _,
    fs,
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Signal, kill_process};
use terminal::Terminal;

const COLUMNS: u16 = 120;
const ROWS: u16 = 30;
/// Between two looks at the screen.
const GLANCE: Duration = Duration::from_millis(700);
/// Between two keys.
const TYPING: Duration = Duration::from_millis(400);
/// How long a past moment is looked at.
const LOOKING: Duration = Duration::from_secs(4);
/// When the talk is over.
const END: Duration = Duration::from_secs(600);
/// How long the result of a command in the second terminal is looked at.
const READING: Duration = Duration::from_secs(6);

/// What is done at a minute of the talk.
enum Act {
    /// Keys of the dashboard, one after the other.
    Keys(Vec<String>),
    /// The program is killed and started again.
    KillAndStart,
    /// A command of the program in a second terminal.
    Command(Vec<String>),
}

/// A row of the table.
struct Cue {
    at: Duration,
    seen: String,
    act: Act,
}

/// The rows of the table of minutes.
fn cues(document: &str) -> Vec<Cue> {
    let rows = document.lines().filter_map(|line| {
        let cells: Vec<&str> = line.strip_prefix('|')?.split('|').map(str::trim).collect();
        let [minute, keys, seen, ..] = cells[..] else { return None };
        let (minutes, seconds) = minute.split_once(':')?;
        let at = Duration::from_secs(minutes.parse::<u64>().ok()? * 60 + seconds.parse::<u64>().ok()?);
        let quoted: Vec<&str> = keys.split('`').skip(1).step_by(2).collect();
        let act = match keys.strip_prefix("second terminal:") {
            None => Act::Keys(quoted.iter().map(|key| typed(key)).collect()),
            Some(_) if quoted[0].starts_with("pkill") => Act::KillAndStart,
            Some(_) => Act::Command(quoted[0].split(' ').skip(1).map(str::to_owned).collect()),
        };
        Some(Cue { at, seen: seen.to_owned(), act })
    });
    rows.collect()
}

/// What a key of the document sends.
fn typed(key: &str) -> String {
    match key {
        "Enter" => "\r",
        "Esc" => "\x1b",
        "Tab" => "\t",
        "↓" => "\x1b[B",
        "↑" => "\x1b[A",
        key => key,
    }
    .to_owned()
}

/// The recording so far.
struct Cast {
    begun: Instant,
    shown: Option<vt100::Screen>,
    text: String,
}

impl Cast {
    fn begin() -> Self {
        let header = serde_json::json!({
            "version": 2, "width": COLUMNS, "height": ROWS, "title": "shop-sim: a talk of ten minutes",
            "env": {"TERM": "xterm-256color"},
        });
        Self { begun: Instant::now(), shown: None, text: format!("{header}\n") }
    }

    fn event(&mut self, code: &str, data: &str) {
        let seconds = (self.begun.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
        writeln!(self.text, "{}", serde_json::json!([seconds, code, data])).unwrap();
    }

    /// Adds what differs on the screen from what was recorded last.
    fn look(&mut self, terminal: &Terminal) {
        let screen = terminal.emulator().screen().clone();
        let bytes = match &self.shown {
            Some(shown) => screen.contents_diff(shown),
            None => screen.contents_formatted(),
        };
        if !bytes.is_empty() {
            self.event("o", &bytes);
        }
        self.shown = Some(screen);
    }

    /// Records a screen for a while.
    fn watch(&mut self, terminal: &Terminal, lasts: Duration) {
        let end = Instant::now() + lasts;
        while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            thread::sleep(left.min(GLANCE));
            self.look(terminal);
        }
    }
}

/// The program beside this example, or above it.
fn program() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let folders = own.ancestors().skip(1);
    let mut found = folders.map(|folder| folder.join("shop-sim")).filter(|path| path.is_file());
    found.next().unwrap_or_else(|| panic!("there is no shop-sim beside {}: build it first", own.display()))
}

fn main() {
    let file = std::env::args().nth(1).unwrap_or_else(|| "docs/talk.cast".to_owned());
    let cues = cues(&fs::read_to_string("docs/presentation.md").unwrap());
    let home = tempfile::tempdir().unwrap();
    let start = |arguments: &[&str]| {
        let mut command = Command::new(program());
        command.args(arguments).current_dir(home.path());
        Terminal::start(command, COLUMNS, ROWS)
    };
    let demo = || start(&["tui", "--demo", "--present"]);
    let mut stage = demo();
    stage.see("RUNNING");
    let mut cast = Cast::begin();
    cast.look(&stage);
    for (number, cue) in cues.iter().enumerate() {
        cast.watch(&stage, cue.at.saturating_sub(cast.begun.elapsed()));
        println!("{:>3} s  {}", cue.at.as_secs(), cue.seen);
        cast.event("m", &cue.seen);
        match &cue.act {
            Act::Keys(keys) => {
                for key in keys {
                    stage.type_keys(key);
                    cast.watch(&stage, if key == "<" { LOOKING } else { TYPING });
                }
            }
            Act::KillAndStart => {
                kill_process(stage.pid(), Signal::KILL).unwrap();
                assert!(stage.ended_within(READING).is_some());
                stage = demo();
            }
            Act::Command(arguments) => {
                let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
                let mut second = start(&arguments);
                while second.ended_within(Duration::ZERO).is_none() {
                    cast.watch(&second, TYPING);
                }
                let next = cues.get(number + 1).map_or(END, |next| next.at);
                cast.watch(&second, READING.min(next.saturating_sub(cast.begun.elapsed())));
            }
        }
    }
    cast.watch(&stage, END.saturating_sub(cast.begun.elapsed()));
    fs::write(&file, &cast.text).unwrap();
    println!("{file} ({} KB)", cast.text.len() / 1024);
    stage.type_keys("q");
    stage.ended_within(READING);
}
