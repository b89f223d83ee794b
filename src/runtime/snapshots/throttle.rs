//! Keeps messages from flooding the screen.

use std::time::{Duration, Instant};

use crate::messages::{Sentence, Severity};

/// Between two messages of one kind, wall time.
const APART: Duration = Duration::from_secs(1);

/// One kind of message: of those that come within [`APART`], the last one is shown.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    told: Option<Instant>,
    waiting: Option<(Severity, Sentence)>,
}

impl Throttle {
    /// Adds a message.
    pub(super) fn offer(&mut self, severity: Severity, sentence: Sentence) {
        self.waiting = Some((severity, sentence));
    }

    /// The message due at `now`.
    pub(super) fn due(&mut self, now: Instant) -> Option<(Severity, Sentence)> {
        if self.told.is_some_and(|told| now.saturating_duration_since(told) < APART) {
            return None;
        }
        let due = self.waiting.take()?;
        self.told = Some(now);
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_one_a_second_and_the_last_of_many() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut quiet = Throttle::default();
        let rate = |rate| (Severity::Info, Sentence::Rate(Some(rate)));
        assert_eq!(quiet.due(start), None);
        quiet.offer(Severity::Info, Sentence::Rate(Some(1.0)));
        assert_eq!(quiet.due(start), Some(rate(1.0)));
        for step in [2.0, 5.0, 10.0] {
            quiet.offer(Severity::Info, Sentence::Rate(Some(step)));
            assert_eq!(quiet.due(at(999)), None);
        }
        assert_eq!(quiet.due(at(1_000)), Some(rate(10.0)));
        assert_eq!(quiet.due(at(9_000)), None);
    }
}
