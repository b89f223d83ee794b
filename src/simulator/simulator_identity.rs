//! Who a simulator is, and whether another one on this machine still lives.

use rustix::process::{Pid, test_kill_process};

use crate::shop::Pulse;

/// One run of a simulator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// Unique for each run.
    pub(super) who: String,
    /// Host and process id, for people.
    pub(super) place: String,
    /// Process id.
    pub(super) pid: u32,
}

impl Identity {
    /// This process at a moment of wall time, Unix ms.
    pub(super) fn here(wall_ms: i64) -> Self {
        let pid = std::process::id();
        let chance: u32 = rand::random();
        Self { who: format!("{}-{pid}-{wall_ms}-{chance:08x}", host()), place: place(pid), pid }
    }
}

/// Whether a pulse came from a process of this machine that has ended since.
pub(super) fn is_gone(pulse: &Pulse) -> bool {
    let pid = i32::try_from(pulse.pid).ok().and_then(Pid::from_raw);
    pulse.host == place(pulse.pid)
        && pid.is_some_and(|pid| test_kill_process(pid) == Err(rustix::io::Errno::SRCH))
}

fn place(pid: u32) -> String {
    format!("{}, pid {pid}", host())
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shop::Zone;

    fn pulse_of(pid: u32, host: String) -> Pulse {
        Pulse { who: "w".into(), host, pid, ..Pulse::sample(Zone::default().stamp(0), 1.0) }
    }

    #[test]
    fn only_a_process_of_this_machine_that_ended_is_gone() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        child.wait().unwrap();
        assert!(is_gone(&pulse_of(pid, place(pid))));
        assert!(!is_gone(&pulse_of(pid, format!("elsewhere, pid {pid}"))));
        let us = Identity::here(0);
        assert!(!is_gone(&pulse_of(us.pid, us.place)));
    }
}
