//! Who goes first where the processor is short.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether there is a screen that goes first.
static SCREEN: AtomicBool = AtomicBool::new(false);

/// How much nicer than the screen everything behind it is: nice(1), 1.25 times the share per step.
#[cfg(target_os = "linux")]
const NICER: i32 = 5;

/// From here on, whoever stands back stands behind the screen.
pub fn screen_first() {
    SCREEN.store(true, Ordering::Relaxed);
}

/// Puts the calling thread, and those that it starts, behind the screen: a key shows its effect at once, whatever
/// the load. On Linux a thread has a niceness of its own (sched(7)); elsewhere nothing changes.
pub fn stand_back() {
    #[cfg(target_os = "linux")]
    if SCREEN.load(Ordering::Relaxed)
        && let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICER)
    {
        tracing::debug!("the screen has no precedence: {error}");
    }
}
