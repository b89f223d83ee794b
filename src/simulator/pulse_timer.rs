//! When a pulse is due, and which shop time it may report: pure.

use std::time::{Duration, Instant};

/// A reorder is told at once, but not more often than this.
const REORDERS: Duration = Duration::from_millis(100);

/// The rhythm of the pulses and the time told last.
#[derive(Debug)]
pub(super) struct PulseTimer {
    /// Shop time of the last pulse in the log, Unix ms; the next one is never before it.
    told_ms: Option<i64>,
    /// Nothing happens before this moment of shop time, Unix ms.
    from_ms: i64,
    last: Option<Instant>,
    /// Something changed that everybody should know at once.
    changed: bool,
    reorders: u64,
}

impl PulseTimer {
    pub(super) fn new(told_ms: Option<i64>, from_ms: i64) -> Self {
        Self { told_ms, from_ms, last: None, changed: false, reorders: 0 }
    }

    /// Makes the next pulse due at once.
    pub(super) fn change(&mut self) {
        self.changed = true;
    }

    /// Whether no pulse has yet told a moment of shop time (Unix ms) or a later one.
    pub(super) fn is_behind(&self, ms: i64) -> bool {
        self.told_ms.is_none_or(|told| told < ms)
    }

    /// Whether a pulse is due, with one `every` so often and so many reorders made so far.
    pub(super) fn is_due(&self, every: Duration, reorders: u64, now: Instant) -> bool {
        let Some(last) = self.last else { return true };
        let since = now.saturating_duration_since(last);
        self.changed || since >= every || (reorders != self.reorders && since >= REORDERS)
    }

    /// The shop time that a pulse may tell, Unix ms: everything up to it has happened and, with the oldest
    /// record that is not acknowledged at `oldest_ms`, is in the log. `None` before there is any.
    pub(super) fn time_ms(&self, complete_ms: i64, oldest_ms: Option<i64>) -> Option<i64> {
        let acknowledged_ms =
            oldest_ms.map_or(complete_ms, |oldest| complete_ms.min(oldest.saturating_sub(1)));
        match self.told_ms {
            Some(told) => Some(told.max(acknowledged_ms)),
            None => (acknowledged_ms >= self.from_ms).then_some(acknowledged_ms),
        }
    }

    /// A pulse went out.
    pub(super) fn sent(&mut self, told_ms: i64, reorders: u64, now: Instant) {
        *self =
            Self { told_ms: Some(told_ms), last: Some(now), changed: false, reorders, from_ms: self.from_ms };
    }

    /// How long ago the last pulse went out.
    pub(super) fn since(&self, now: Instant) -> Duration {
        self.last.map_or(Duration::ZERO, |last| now.saturating_duration_since(last))
    }

    /// When the next pulse is due by the rhythm alone.
    pub(super) fn next(&self, every: Duration, now: Instant) -> Instant {
        self.last.map_or(now, |last| last + every)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pulse_tells_only_what_is_acknowledged_and_never_goes_back() {
        let mut beat = PulseTimer::new(None, 100);
        assert_eq!(beat.time_ms(99, None), None);
        assert_eq!(beat.time_ms(150, Some(100)), None);
        assert_eq!(beat.time_ms(150, Some(120)), Some(119));
        assert_eq!(beat.time_ms(150, Some(200)), Some(150));
        beat.sent(150, 0, Instant::now());
        assert_eq!(beat.time_ms(170, Some(130)), Some(150));
    }

    #[test]
    fn a_pulse_is_due_by_rhythm_at_a_change_and_soon_after_a_reorder() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let every = Duration::from_secs(1);
        let mut beat = PulseTimer::new(None, 0);
        assert!(beat.is_due(every, 0, start));
        beat.sent(5, 0, start);
        assert!(!beat.is_due(every, 0, at(999)));
        assert!(beat.is_due(every, 0, at(1_000)));
        assert!(!beat.is_due(every, 1, at(99)));
        assert!(beat.is_due(every, 1, at(100)));
        beat.change();
        assert!(beat.is_due(every, 0, at(1)));
    }
}
