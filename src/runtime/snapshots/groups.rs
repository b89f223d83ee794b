//! The consumer groups over time.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use crate::read_model::{GroupState, HISTORY, History, Reading};

/// Between two points of a history, wall time.
const POINT: Duration = Duration::from_secs(1);
/// Points that a rate is measured over: what others publish comes about once a second.
const SPAN: usize = 3;

/// The last quarter of an hour of every group.
#[derive(Debug, Default)]
pub(super) struct Groups {
    pointed: Option<Instant>,
    flows: HashMap<&'static str, Flow>,
}

#[derive(Debug, Default)]
struct Flow {
    counts: VecDeque<(Instant, u64)>,
    /// Partitions that the last count is of.
    partitions: usize,
    rate: f64,
    history: Arc<History>,
}

impl Groups {
    /// The groups at `now`; `up` if Kafka answers. Once a second a point is added to their histories. `lag_seconds`
    /// returns the age of a group's oldest unread record.
    pub(super) fn take(
        &mut self,
        now: Instant,
        readings: Vec<Reading>,
        up: bool,
        lag_seconds: impl Fn(&str) -> u64,
    ) -> Vec<GroupState> {
        let passed = match self.pointed {
            Some(last) => now.saturating_duration_since(last).as_secs(),
            None => 1,
        };
        if passed > 0 {
            // Not `now`: what is late once would make every later point late.
            self.pointed =
                Some(self.pointed.map_or(now, |last| last + POINT * u32::try_from(passed).unwrap_or(1)));
        }
        let group = |reading: Reading| {
            let flow = self.flows.entry(reading.view).or_default();
            if !up {
                flow.pause();
            }
            if passed > 0 {
                flow.point(now, &reading, usize::try_from(passed).unwrap_or(HISTORY));
            }
            if !up {
                flow.pause();
            }
            GroupState {
                view: reading.view,
                rate: flow.rate,
                lag: reading.lag,
                lag_seconds: if reading.lag > 0 { lag_seconds(reading.view) } else { 0 },
                partitions: reading.partitions,
                rebalances: reading.rebalances,
                errors: reading.errors,
                trouble: reading.trouble,
                history: Arc::clone(&flow.history),
            }
        };
        readings.into_iter().map(group).collect()
    }
}

impl Flow {
    /// Nothing is read now, and what is read afterwards is measured anew.
    fn pause(&mut self) {
        self.counts.clear();
        self.rate = 0.0;
    }

    /// Adds a point, more than one where nobody looked for a while.
    fn point(&mut self, now: Instant, reading: &Reading, points: usize) {
        // A restarted consumer counts from 0; for one elsewhere, the count is the sum over its published partitions.
        let of_others = std::mem::replace(&mut self.partitions, reading.partitions) != reading.partitions
            && reading.rebalances.is_none();
        if of_others || self.counts.back().is_some_and(|(_, last)| *last > reading.records) {
            self.counts.clear();
        }
        self.counts.push_back((now, reading.records));
        while self.counts.len() > SPAN {
            self.counts.pop_front();
        }
        self.rate = match self.counts.front() {
            Some((then, before)) if *then < now => {
                (reading.records - before) as f64 / now.duration_since(*then).as_secs_f64()
            }
            _ => 0.0,
        };
        let history = Arc::make_mut(&mut self.history);
        for _ in 0..points.min(HISTORY) {
            history.rate.push_back(self.rate);
            history.lag.push_back(reading.lag);
        }
        while history.rate.len() > HISTORY {
            history.rate.pop_front();
            history.lag.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(records: u64, lag: u64) -> Reading {
        let (partitions, rebalances, errors) = (6, Some(1), Some(0));
        Reading { view: "sales", records, lag, partitions, rebalances, errors, trouble: None }
    }

    #[test]
    fn what_others_have_read_before_it_was_told_here_is_no_rate() {
        let start = Instant::now();
        let mut groups = Groups::default();
        let told = [(0, 0), (1, 400_000), (6, 2_500_000), (6, 2_500_500), (6, 2_501_000)];
        let rates = told.iter().zip(0..).map(|((partitions, records), second)| {
            let elsewhere =
                Reading { partitions: *partitions, rebalances: None, errors: None, ..reading(*records, 0) };
            groups.take(start + POINT * second, vec![elsewhere], true, |_| 0).remove(0).rate
        });
        assert_eq!(rates.collect::<Vec<_>>(), [0.0, 0.0, 0.0, 500.0, 500.0]);
    }

    #[test]
    fn with_kafka_away_nothing_has_a_rate_and_afterwards_it_is_measured_anew() {
        let start = Instant::now();
        let mut groups = Groups::default();
        let told = [(100, true), (105, true), (105, false), (105, false), (905, true), (910, true)];
        let rates = told.iter().zip(0..).map(|((records, up), second)| {
            groups.take(start + POINT * second, vec![reading(*records, 0)], *up, |_| 0).remove(0).rate
        });
        assert_eq!(rates.collect::<Vec<_>>(), [0.0, 5.0, 0.0, 0.0, 0.0, 5.0]);
    }

    #[test]
    fn a_point_a_second_is_kept_for_a_quarter_of_an_hour() {
        let start = Instant::now();
        let mut groups = Groups::default();
        let mut take = |ms: u64, records, lag| {
            groups.take(start + Duration::from_millis(ms), vec![reading(records, lag)], true, |_| 0).remove(0)
        };
        // Five looks a second, ten records a second.
        let mut last = take(0, 0, 0);
        let mut remade = 0;
        for tick in 1..=25_u64 {
            let now = take(tick * 200, tick * 2, tick);
            remade += u32::from(!Arc::ptr_eq(&now.history, &last.history));
            last = now;
        }
        assert_eq!(remade, 5);
        assert_eq!(last.history.lag, [0, 5, 10, 15, 20, 25]);
        assert_eq!(last.history.rate, [0.0, 10.0, 10.0, 10.0, 10.0, 10.0]);
        assert_eq!((last.rate, last.lag), (10.0, 25));
        // The process slept for four seconds, and the consumer started again.
        let late = take(9_000, 3, 7);
        assert_eq!(late.history.lag.iter().rev().take(5).collect::<Vec<_>>(), [&7, &7, &7, &7, &25]);
        assert!(late.rate.abs() < f64::EPSILON);
        for second in 10..2_000 {
            last = take(second * 1_000, second * 30, 0);
        }
        assert_eq!((last.history.rate.len(), last.history.lag.len()), (HISTORY, HISTORY));
        assert!(last.history.rate.iter().all(|rate| (*rate - 30.0).abs() < 1e-9));
    }
}
