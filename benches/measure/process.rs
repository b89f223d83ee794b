//! The cost of a process, from /proc: time, processor time, memory and wake-ups.

use std::{
    fs,
    io::Read,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

/// Clock ticks a second of /proc/PID/stat (proc(5)): 100 on every Linux that matters.
const TICKS: f64 = 100.0;
/// Period of the reads of the peak memory: as it only rises, only the last moment is missed.
const GLANCE: Duration = Duration::from_millis(10);

/// How long a program may take to end.
const LEAVING: Duration = Duration::from_secs(20);

/// A process that is stopped with SIGTERM or SIGINT.
pub(crate) struct Background(Child);

impl Background {
    pub(crate) fn start(mut command: Command) -> Self {
        Self(command.stdout(Stdio::null()).spawn().unwrap())
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if self.0.try_wait().unwrap().is_some() {
            return;
        }
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        let deadline = Instant::now() + LEAVING;
        while self.0.try_wait().unwrap().is_none() {
            if Instant::now() > deadline {
                let _ = self.0.kill();
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The cost of a command.
pub(crate) struct Spent {
    pub(crate) seconds: f64,
    /// By user and system.
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_mib: f64,
    pub(crate) stdout: String,
}

/// Runs a command to its end; one that fails ends the bench.
///
/// /proc is read after the process's death but before the wait: its processor time is still there, without that of
/// other children.
pub(crate) fn run(mut command: Command) -> Spent {
    let begun = Instant::now();
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let pid = child.id();
    let peak = thread::spawn(move || {
        let mut peak = f64::NAN;
        while let Some(now) = peak_mib(pid) {
            peak = now;
            thread::sleep(GLANCE);
        }
        peak
    });
    let mut stdout = String::new();
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    waitid(WaitId::Pid(Pid::from_child(&child)), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    let cpu_seconds = cpu_seconds(pid);
    let peak_mib = peak.join().unwrap();
    assert!(child.wait().unwrap().success(), "{command:?}");
    Spent { seconds, cpu_seconds, peak_mib, stdout }
}

/// Seconds of a core used so far, by user and system.
pub(crate) fn cpu_seconds(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name in parentheses may hold blanks; utime and stime are the 12th and 13th fields behind it.
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / TICKS
}

/// Voluntary context switches of its live threads so far.
pub(crate) fn waits(pid: u32) -> f64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let of = |task: &fs::DirEntry| number(&task.path().join("status"), "voluntary_ctxt_switches:");
    // A thread may end after the listing.
    tasks.filter_map(|task| of(&task.ok()?)).sum()
}

/// Memory in use (MiB).
pub(crate) fn resident_mib(pid: u32) -> Option<f64> {
    Some(status(pid, "VmRSS:")? / 1024.0)
}

/// The most memory that was in use so far (MiB); none for a process that has ended.
pub(crate) fn peak_mib(pid: u32) -> Option<f64> {
    Some(status(pid, "VmHWM:")? / 1024.0)
}

fn status(pid: u32, field: &str) -> Option<f64> {
    number(format!("/proc/{pid}/status").as_ref(), field)
}

fn number(path: &std::path::Path, field: &str) -> Option<f64> {
    let status = fs::read_to_string(path).ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix(field))?;
    value.trim().trim_end_matches(" kB").parse().ok()
}
