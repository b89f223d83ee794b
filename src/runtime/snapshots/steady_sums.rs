//! Consistent figures for the audit line while orders flow.
//!
//! Consumers are never at exactly the same position, and nearly every picture has some lag. So that all figures of a
//! picture are of one moment, `produced` is taken from the count of `orders-today`, and `pending` is `produced` less the
//! handled orders shown. This is done only while consumers that count independently have agreed within the last moment.
//! Only lag that has lasted for longer than a moment counts as behind.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use chrono::NaiveDate;

use crate::{
    consumer::Part,
    read_model::Agreed,
    views::shop_figures::{Audit, ShopFigures},
};

/// How long a moment is.
const MOMENT: Duration = Duration::from_secs(3);
/// Ends that are remembered.
const REMEMBERED: usize = 64;

/// Where each log ended.
type Ends = HashMap<Part, i64>;

/// Remembers the last moment.
#[derive(Debug, Default)]
pub(super) struct SteadySums {
    /// Orders before this day, from when `orders-today` and the handling were last at the same offsets.
    before: Option<(Instant, NaiveDate, u64)>,
    /// The end offsets at the start, until they are reached.
    first: Option<(Instant, Ends)>,
    /// Later end offsets, from the oldest on that is not reached.
    ends: VecDeque<(Instant, Ends)>,
}

impl SteadySums {
    /// The sums to show at `now`, from the figures, what consumers have `agreed` on, and the end offsets; `behind`
    /// returns the lag of all consumers up to given ends.
    pub(super) fn steady(
        &mut self,
        figures: &ShopFigures,
        agreed: Agreed,
        ends: &Ends,
        now: Instant,
        behind: impl Fn(&Ends) -> u64,
    ) -> Audit {
        let raw = Audit::of(figures);
        // Before any figures arrive, there is nothing to compare.
        if figures.produced == 0 {
            return raw;
        }
        let is_past = |then: Instant| now.saturating_duration_since(then) > MOMENT;
        let audit = Audit { behind: 0, ..self.of_one_moment(raw, figures, agreed, now) };
        self.note(ends, now, &behind);
        let past = self.ends.iter().rev().find(|(then, _)| is_past(*then));
        let left = [self.first.as_ref(), past].map(|ends| ends.map_or(0, |(_, ends)| behind(ends)));
        let left = left[0].max(left[1]);
        if left == 0 {
            return audit;
        }
        Audit { behind: left, behind_for: self.lag_seconds(now, behind), ..audit }
    }

    /// The age of the oldest record that some consumer has not read yet, by `behind`; seconds.
    pub(super) fn lag_seconds(&self, now: Instant, behind: impl Fn(&Ends) -> u64) -> u64 {
        let first = self.first.as_ref().filter(|(_, ends)| behind(ends) > 0);
        let read = self.ends.partition_point(|(_, ends)| behind(ends) == 0);
        let oldest = first.or(self.ends.get(read));
        oldest.map_or(0, |(then, _)| now.saturating_duration_since(*then).as_secs())
    }

    fn of_one_moment(&mut self, raw: Audit, figures: &ShopFigures, agreed: Agreed, now: Instant) -> Audit {
        if agreed.on_orders
            && let Some(before) = figures.produced.checked_sub(figures.orders_today)
        {
            self.before = Some((now, figures.today, before));
        }
        let is_fresh = |then: Instant| now.saturating_duration_since(then) <= MOMENT;
        if !agreed.on_handled.is_some_and(is_fresh) {
            return raw;
        }
        let before = self.before.filter(|(then, day, _)| is_fresh(*then) && *day == figures.today);
        let produced =
            before.map_or(raw.produced, |(_, _, before)| figures.orders_today.saturating_add(before));
        match produced.checked_sub(raw.handled) {
            Some(pending) => Audit { produced, pending, ..raw },
            None => raw,
        }
    }

    fn note(&mut self, ends: &Ends, now: Instant, behind: &impl Fn(&Ends) -> u64) {
        // A log that became shorter is another one.
        for (_, before) in self.first.iter_mut().chain(&mut self.ends) {
            before.retain(|part, end| ends.get(part).is_some_and(|now| *end <= *now));
        }
        if self.ends.is_empty() {
            self.first = Some((now, ends.clone()));
        }
        if self.ends.back().is_none_or(|(_, last)| last != ends) {
            self.ends.push_back((now, ends.clone()));
        }
        if self.first.as_ref().is_some_and(|(_, ends)| behind(ends) == 0) {
            self.first = None;
        }
        while self.ends.len() > 1 && behind(&self.ends[0].1) == 0 {
            self.ends.pop_front();
        }
        if self.ends.len() > REMEMBERED {
            // The older, the less it matters when exactly it came.
            let mut keep = [true, false].into_iter().cycle();
            let newest = self.ends.pop_back();
            self.ends.retain(|_| keep.next().unwrap_or(true));
            self.ends.extend(newest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::{Source, shop_figures::HandledFigures};

    fn figures(produced: u64, pending: u64, handled: u64, today: u64) -> ShopFigures {
        let handled = HandledFigures { total: handled, ..HandledFigures::default() };
        ShopFigures { produced, pending, handled, orders_today: today, ..ShopFigures::default() }
    }

    #[test]
    fn what_is_shown_together_is_of_one_moment_while_those_who_count_agree() {
        let (mut steady_sums, start) = (SteadySums::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        let mut shown = |figures: ShopFigures, on_handled: Option<u64>, on_orders, ms| {
            let agreed = Agreed { on_handled: on_handled.map(at), on_orders };
            let audit = steady_sums.steady(&figures, agreed, &Ends::new(), at(ms), |_| 0);
            (audit.produced, audit.pending, audit.handled)
        };
        assert_eq!(shown(figures(0, 0, 0, 0), None, false, 0), (0, 0, 0));
        assert_eq!(shown(figures(112, 4, 107, 12), None, true, 0), (112, 4, 107), "nothing has agreed yet");
        assert_eq!(shown(figures(112, 5, 107, 12), Some(100), true, 100), (112, 5, 107));
        // Consumer 1 is ahead of the handling, and that of who counts what it handled.
        assert_eq!(shown(figures(112, 3, 107, 14), Some(100), false, 1_000), (114, 7, 107));
        assert_eq!(shown(figures(112, 3, 109, 14), Some(1_100), false, 1_100), (114, 5, 109));
        // Without a word on where the day began they are as they are told.
        assert_eq!(shown(figures(112, 4, 109, 15), Some(3_000), false, 3_101), (112, 3, 109));
        // What disagrees for longer is not hidden.
        assert_eq!(shown(figures(112, 4, 109, 12), Some(3_000), true, 6_001), (112, 4, 109));
    }

    #[test]
    fn what_has_been_to_read_all_the_time_is_behind() {
        let (mut steady_sums, start) = (SteadySums::default(), Instant::now());
        let part = |partition| Part { source: Source::Orders, partition };
        // Two logs that end there, of which the first is read up to `read` and the second to its end.
        let mut behind = |read: i64, ends: [i64; 2], ms| {
            let ends = Ends::from([(part(0), ends[0]), (part(1), ends[1])]);
            let now = start + Duration::from_millis(ms);
            let left = |ends: &Ends| ends.get(&part(0)).map_or(0, |end| (*end - read).max(0).unsigned_abs());
            let audit = steady_sums.steady(&figures(11, 4, 7, 0), Agreed::default(), &ends, now, left);
            assert!(audit.behind == 0 || steady_sums.lag_seconds(now, left) == audit.behind_for);
            assert_eq!(steady_sums.lag_seconds(now, |_| 0), 0, "another one has read all");
            (audit.behind, audit.behind_for)
        };
        assert_eq!(behind(100, [1_000, 7], 0), (900, 0), "there is a backlog at the start");
        assert_eq!(behind(998, [1_002, 7], 500), (2, 0));
        assert_eq!(behind(1_001, [1_005, 8], 1_000), (0, 0), "what came within the moment may wait");
        assert_eq!(behind(1_001, [1_009, 8], 3_500), (0, 0));
        assert_eq!(behind(1_001, [1_009, 8], 3_501), (1, 3));
        assert_eq!(behind(1_001, [1_009, 8], 4_001), (4, 3));
        assert_eq!(behind(1_009, [1_009, 8], 4_002), (0, 0));
        assert_eq!(behind(1_009, [1_019, 8], 5_000), (0, 0));
        // Nobody reads any more; what it lacks grows, and so does its age.
        for second in 6..600_i64 {
            let (left, age) = behind(1_009, [1_019 + second * 5, 8], second.unsigned_abs() * 1_000);
            let came = if second < 9 { 10 } else { 10 + (second - 4) * 5 };
            assert!(second < 9 || left.abs_diff(came.unsigned_abs()) <= 30, "{left}, not {came}");
            assert!(second < 9 || age.abs_diff(second.unsigned_abs() - 5) <= 1, "{age} after {second} s");
        }
        assert_eq!(behind(0, [3, 8], 600_001), (0, 0), "another log in its place");
        assert_eq!(behind(0, [3, 8], 604_000).0, 3);
    }
}
