//! Orders a second, measured over the last seconds: pure.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// What is measured over.
const WINDOW: Duration = Duration::from_secs(5);
/// How often progress is told.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// Counts of the last five seconds, one a tick.
#[derive(Debug, Default)]
pub(super) struct Meter {
    counts: VecDeque<(Instant, u64)>,
}

impl Meter {
    /// Whether a tick has passed since the last count.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.counts.back().is_none_or(|(last, _)| now.saturating_duration_since(*last) >= TICK)
    }

    /// Takes the count of all orders so far and says how many a second they were.
    pub(super) fn rate(&mut self, now: Instant, count: u64) -> f64 {
        self.counts.push_back((now, count));
        while self.counts.get(1).is_some_and(|(next, _)| now.saturating_duration_since(*next) >= WINDOW) {
            self.counts.pop_front();
        }
        let Some((first, before)) = self.counts.front() else { return 0.0 };
        let elapsed = now.saturating_duration_since(*first).as_secs_f64();
        if elapsed > 0.0 { count.saturating_sub(*before) as f64 / elapsed } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_five_seconds() {
        let start = Instant::now();
        let mut meter = Meter::default();
        let mut rate = 0.0;
        for tick in 0..=100_u64 {
            // Ten a second for five seconds, then thirty a second.
            let count = if tick <= 50 { tick } else { 50 + (tick - 50) * 3 };
            rate = meter.rate(start + TICK * u32::try_from(tick).unwrap(), count);
            if tick == 50 {
                assert!((rate - 10.0).abs() < 1e-9, "{rate}");
            }
        }
        assert!((rate - 30.0).abs() < 1e-9, "{rate}");
        assert!(!meter.is_due(start + TICK * 100) && meter.is_due(start + TICK * 101));
    }
}
