//! Orders a second of wall time: by what the simulator says of itself, and where none does by the growth of the log.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::shop::{Pulse, pulse::RunState};

/// What is measured over.
const SPAN: Duration = Duration::from_secs(5);
const SPAN_MS: i64 = 5_000;
/// The least time to measure over.
const LEAST: Duration = Duration::from_millis(500);
const LEAST_MS: i64 = 500;

/// Orders a second, over the last seconds.
#[derive(Debug, Default)]
pub(super) struct Rate {
    log: Log,
    pulses: Pulses,
}

/// Past end offsets of the log.
#[derive(Debug, Default)]
struct Log(VecDeque<(Instant, i64)>);

/// Past order counts of a simulator, by its own clock.
#[derive(Debug, Default)]
struct Pulses {
    /// The simulator, and whether it backfills: the rate of a backfill says nothing of live sales.
    of: Option<(String, bool)>,
    /// Wall ms and orders.
    counts: VecDeque<(i64, u64)>,
    /// When the last one was seen.
    seen: Option<Instant>,
}

impl Rate {
    /// The rate by `now`, with the last pulse and the log of this length. A pulse is exact; the ends of a log are seen
    /// late, and after a backfill much at once.
    pub(super) fn take(&mut self, now: Instant, pulse: Option<&Pulse>, end: Option<i64>) -> f64 {
        let fills = self.pulses.fills();
        if let Some(pulse) = pulse {
            self.pulses.note(now, pulse);
        }
        if fills && !self.pulses.fills() {
            self.log = Log::default();
        }
        let by_log = end.map_or(0.0, |end| self.log.take(now, end));
        match pulse {
            // After a simulator has ended, sales by others only show in the log.
            Some(pulse) if pulse.state != RunState::Stopped && self.pulses.are_fresh(now) => {
                self.pulses.rate()
            }
            _ => by_log,
        }
    }
}

impl Rate {
    /// Whether pulses came earlier, but not lately.
    pub(super) fn is_silent(&self, now: Instant) -> bool {
        self.pulses.seen.is_some() && !self.pulses.are_fresh(now)
    }
}

impl Log {
    fn take(&mut self, now: Instant, end: i64) -> f64 {
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

impl Pulses {
    fn fills(&self) -> bool {
        self.of.as_ref().is_some_and(|(_, fills)| *fills)
    }

    fn note(&mut self, now: Instant, pulse: &Pulse) {
        let of = Some((pulse.who.clone(), pulse.speed <= 0.0));
        let wall_ms = pulse.wall_time.timestamp_millis();
        let last = self.counts.back().copied().filter(|_| self.of == of);
        match last {
            Some((before_ms, _)) if before_ms == wall_ms => return,
            Some((before_ms, before)) if before_ms < wall_ms && before <= pulse.orders => {}
            // Another simulator, another phase, or a clock that was set back.
            _ => self.counts.clear(),
        }
        self.of = of;
        self.seen = Some(now);
        self.counts.push_back((wall_ms, pulse.orders));
        while self.counts.get(1).is_some_and(|(then, _)| wall_ms - then >= SPAN_MS) {
            self.counts.pop_front();
        }
    }

    /// Whether pulses still come.
    fn are_fresh(&self, now: Instant) -> bool {
        self.seen.is_some_and(|seen| now.saturating_duration_since(seen) < SPAN)
    }

    fn rate(&self) -> f64 {
        match (self.counts.front(), self.counts.back()) {
            (Some((then, first)), Some((now, last))) if now - then >= LEAST_MS => {
                last.saturating_sub(*first) as f64 * 1000.0 / (now - then) as f64
            }
            _ => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn pulse(ms: i64, orders: u64, speed: f64) -> Pulse {
        let wall_time = DateTime::from_timestamp_millis(1_795_000_000_000 + ms).unwrap().fixed_offset();
        Pulse { orders, wall_time, who: "us".to_owned(), ..Pulse::sample(wall_time, speed) }
    }

    fn assert_rate(rate: f64, want: f64) {
        assert!((rate - want).abs() < 1e-9, "{rate}, not {want}");
    }

    #[test]
    fn what_was_filled_in_a_moment_is_not_in_the_rate_that_comes_after_it() {
        let start = Instant::now();
        let at = |ms: i64| start + Duration::from_millis(ms.unsigned_abs());
        let mut rate = Rate::default();
        // Two thousand a second for three seconds; the end of the log is seen a second late.
        for ms in (0..3_000_i64).step_by(1_000) {
            rate.take(at(ms), Some(&pulse(ms, ms.unsigned_abs() * 2, 0.0)), Some(ms - 1_000));
        }
        for ms in (3_000..12_000_i64).step_by(100) {
            let live = (ms - 3_000) / 200;
            let orders = 6_000 + live.unsigned_abs();
            let shown = rate.take(at(ms), Some(&pulse(ms, orders, 60.0)), Some((ms * 2).min(9_000)));
            assert!(shown <= 10.0, "{shown} orders a second {} ms after", ms - 3_000);
            if ms > 8_000 {
                assert_rate(shown, 5.0);
            }
        }
    }

    #[test]
    fn another_simulator_begins_anew_and_one_that_is_gone_leaves_the_log() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut rate = Rate::default();
        rate.take(at(0), Some(&pulse(0, 100, 1.0)), Some(100));
        assert_rate(rate.take(at(1_000), Some(&pulse(1_000, 110, 1.0)), Some(100)), 10.0);
        let other = Pulse { who: "them".to_owned(), ..pulse(2_000, 900, 1.0) };
        assert_rate(rate.take(at(2_000), Some(&other), Some(100)), 0.0);
        // Its last pulse is still there; a real shop writes two orders a second.
        for second in 3..20 {
            let shown = rate.take(at(second * 1_000), Some(&other), Some(100 + second.cast_signed() * 2));
            if second >= 12 {
                assert_rate(shown, 2.0);
            }
        }
        let stopped = Pulse { state: RunState::Stopped, ..pulse(20_000, 900, 1.0) };
        assert_rate(rate.take(at(20_000), Some(&stopped), Some(140)), 2.0);
    }

    #[test]
    fn without_a_simulator_the_log_alone_counts() {
        let start = Instant::now();
        let mut rate = Rate::default();
        for second in 0..10 {
            let shown = rate.take(start + Duration::from_secs(second), None, Some(second.cast_signed() * 3));
            assert_rate(shown, if second == 0 { 0.0 } else { 3.0 });
        }
        assert_rate(rate.take(start + Duration::from_secs(10), None, None), 0.0);
    }
}
