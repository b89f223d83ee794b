//! What the whole program costs with its screen: broker, simulator, eight consumers and dashboard in one process, in
//! a pseudo-terminal of 120×30. Run by `cargo bench --bench dashboard`; figures and method in docs/benchmarks.md.
//!
//! Arguments: `quick` for a tenth of the time.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::panic)]

#[path = "../tests/common/terminal.rs"]
mod terminal;

use std::{
    fs,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use terminal::Terminal;

/// Clock ticks a second of /proc/PID/stat (proc(5)): 100 on every Linux that matters.
const TICKS: f64 = 100.0;

/// The program in its terminal.
struct Screen {
    terminal: Terminal,
    _out: tempfile::TempDir,
    begun: Instant,
}

impl Screen {
    fn start(arguments: &[&str]) -> Self {
        let out = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_shop-sim"));
        command.arg("tui").args(arguments).arg("--out").arg(out.path());
        let begun = Instant::now();
        Self { terminal: Terminal::start(command, 120, 30), _out: out, begun }
    }

    /// Waits until the screen shows something; gives the time from `since`.
    fn see(&self, what: &str, since: Instant) -> Duration {
        self.terminal.see_within(Duration::from_secs(60), what);
        since.elapsed()
    }

    fn press(&self, key: &str) -> Instant {
        let now = Instant::now();
        self.terminal.type_keys(key);
        now
    }

    /// Seconds of a core used so far, by user and system.
    fn used(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.terminal.pid())).unwrap();
        // The name in parentheses may hold blanks; utime and stime are the 12th and 13th fields behind it.
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / TICKS
    }

    /// Resident memory in MB.
    fn resident(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.terminal.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.terminal.type_keys("q");
        self.terminal.ended_within(Duration::from_secs(10));
    }
}

/// Lowest, middle and highest of some figures.
fn spread(mut figures: Vec<f64>) -> [f64; 3] {
    figures.sort_by(f64::total_cmp);
    [figures[0], figures[figures.len() / 2], figures[figures.len() - 1]]
}

fn tell(what: &str, unit: &str, figures: Vec<f64>, aim: &str) {
    let count = figures.len();
    let [low, middle, high] = spread(figures);
    println!("{what:<58} {middle:>8.1} {unit:<9} {low:>8.1} to {high:<8.1} {count:>3} ×   {aim}");
}

/// Shares of a core in per cent, and memory, over `rounds` stretches of wall time.
fn cost(what: &str, arguments: &[&str], warm: Duration, rounds: usize, stretch: Duration, aim: &str) {
    let screen = Screen::start(arguments);
    screen.see("produced", screen.begun);
    thread::sleep(warm);
    let (mut shares, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (before, begun) = (screen.used(), Instant::now());
        thread::sleep(stretch);
        shares.push((screen.used() - before) / begun.elapsed().as_secs_f64() * 100.0);
        memory.push(screen.resident());
    }
    tell(what, "% of core", shares, aim);
    tell(&format!("{what}, memory"), "MB", memory, "≤ 120");
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "quick");
    let part = |seconds: u64| Duration::from_secs(if quick { seconds.div_ceil(10) } else { seconds });
    println!("{:<58} {:>8} {:<9} {:>8}    {:<8} {:>5}   aim", "", "median", "", "lowest", "highest", "runs");

    let first = |_| {
        let screen = Screen::start(&["--rate", "5"]);
        screen.see("Orders since midnight", screen.begun).as_secs_f64() * 1000.0
    };
    tell("first picture", "ms", (0..10).map(first).collect(), "≤ 150");

    let busy = Screen::start(&["--rate", "10000"]);
    busy.see("produced", busy.begun);
    thread::sleep(part(20));
    let key = |turn: usize| {
        let (key, sign) =
            if turn.is_multiple_of(2) { ("3", "Reorder at") } else { ("1", "Orders since midnight") };
        thread::sleep(Duration::from_millis(173));
        busy.see(sign, busy.press(key)).as_secs_f64() * 1000.0
    };
    tell("a key's effect at 10 000 orders/s", "ms", (0..40).map(key).collect(), "≤ 50");
    drop(busy);

    // The first ten seconds are no measure: a young process looks up twice as often.
    let (warm, stretch) = (part(20).max(Duration::from_secs(12)), part(30));
    cost("whole process at 5 orders/s", &["--rate", "5"], warm, 5, stretch, "≤ 3");
    cost("whole process at 1 000 orders/s", &["--rate", "1000"], warm, 5, stretch, "≤ 40");
    // An hour of the shop is a minute: two hours and more.
    let fast = ["--rate", "5", "--speed", "60", "--start", "2030-01-01 12:00"];
    cost("whole process at 5 orders/s, two hours at ×60", &fast, warm, 5, stretch, "≤ 3");
}
