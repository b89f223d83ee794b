//! What a process costs: time, processor time, memory and wake-ups, as /proc tells.

use std::{
    fs,
    io::Read,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

/// Clock ticks a second of /proc/PID/stat (proc(5)): 100 on every Linux that matters.
const TICKS: f64 = 100.0;
/// Between two looks at the peak of a process's memory: the peak only rises, so all that is missed is the last moment.
const GLANCE: Duration = Duration::from_millis(10);

/// What a command took from its start to its end.
pub(crate) struct Spent {
    pub(crate) seconds: f64,
    /// By user and system.
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_mib: f64,
    pub(crate) stdout: String,
}

/// Runs a command to its end; one that fails ends the bench.
///
/// The dead process is looked at before it is waited for: its processor time is still told then, and no other child's
/// is mixed in.
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

/// How often its threads waited for something so far (voluntary context switches of those that live).
pub(crate) fn waits(pid: u32) -> f64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let of = |task: &fs::DirEntry| number(&task.path().join("status"), "voluntary_ctxt_switches:");
    // A thread may end between the listing and the question.
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
