//! Thread priorities, and timer slack for threads behind a screen.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether there is a screen that goes first.
static SCREEN: AtomicBool = AtomicBool::new(false);

/// Niceness (nice(1)) of all threads but the screen's: each step divides their share by 1.25.
#[cfg(target_os = "linux")]
const NICER: i32 = 5;

/// Timer slack of the threads of consumers, broker and simulator, ns of wall time (`PR_SET_TIMERSLACK`, prctl(2)). Most
/// are librdkafka's and poll periodically: with the slack the kernel wakes many of them at once, and the simulator for
/// many sales, which costs less. Only timed waits end late; a wait for a record does not.
#[cfg(target_os = "linux")]
const LATE_NS: u64 = 30_000_000;

/// Enables [`stand_back`] and [`may_be_late`].
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

/// Lets the waits of the calling thread, and of those that it starts, end a little late where there is a screen: then an
/// idle shop wakes the processor seldom. Linux alone knows such a slack.
pub fn may_be_late() {
    #[cfg(target_os = "linux")]
    if SCREEN.load(Ordering::Relaxed)
        && let Err(error) = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(LATE_NS))
    {
        tracing::debug!("timers are punctual: {error}");
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn whoever_may_be_late_may_be_so_with_all_that_it_starts() {
        let slack = || rustix::thread::current_timer_slack().unwrap();
        let (before, late) = std::thread::spawn(move || {
            let before = slack();
            screen_first();
            may_be_late();
            (before, [slack(), std::thread::spawn(slack).join().unwrap()])
        })
        .join()
        .unwrap();
        assert!(before < LATE_NS);
        assert_eq!(late, [LATE_NS; 2]);
    }
}
