//! Orders a second of wall time, by the growth of the log.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// What is measured over.
const SPAN: Duration = Duration::from_secs(5);
/// Less than this says nothing yet.
const LEAST: Duration = Duration::from_millis(500);

/// When the log had which length.
#[derive(Debug, Default)]
pub(super) struct Rate(VecDeque<(Instant, i64)>);

impl Rate {
    /// The rate over the last seconds, with the log of this length now.
    pub(super) fn take(&mut self, now: Instant, end: i64) -> f64 {
        if self.0.back().is_none_or(|(_, last)| *last != end) {
            self.0.push_back((now, end));
        }
        while self.0.get(1).is_some_and(|(then, _)| now.saturating_duration_since(*then) >= SPAN) {
            self.0.pop_front();
        }
        match self.0.front() {
            Some((then, first)) if now.saturating_duration_since(*then) >= LEAST && end > *first => {
                (end - first) as f64 / (now - *then).as_secs_f64()
            }
            _ => 0.0,
        }
    }
}
