//! The audit line's figures, so that they can be read while orders flow.
//!
//! One consumer is always a moment ahead of another: at five orders a second the sums agree in every second picture,
//! and some records are to be read in nearly each. So orders are shown as they were when all counted them alike, where
//! that was a moment ago, and as behind what has been to read all that time.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use crate::{consumer::Part, views::figures::Audit};

/// How long a moment is.
const MOMENT: Duration = Duration::from_secs(3);

/// Where each log ended.
type Ends = HashMap<Part, i64>;

/// Remembers the last moment.
#[derive(Debug, Default)]
pub(super) struct Auditor {
    agreed: Option<(Instant, Audit)>,
    /// From the last one that was before this moment on.
    ends: VecDeque<(Instant, Ends)>,
}

impl Auditor {
    /// What is shown at `now`, where the figures say this and the logs end there; `behind` says how many records lie
    /// between all consumers and some ends.
    pub(super) fn steady(
        &mut self,
        figures: Audit,
        ends: Ends,
        now: Instant,
        behind: impl Fn(&Ends) -> u64,
    ) -> Audit {
        let is_past = |then: Instant| now.saturating_duration_since(then) > MOMENT;
        // Where nothing is known yet, nothing agrees and nobody is up with anything.
        if figures.produced == 0 {
            return figures;
        }
        // A log that became shorter is another one.
        for (_, before) in &mut self.ends {
            before.retain(|part, end| ends.get(part).is_some_and(|now| *end <= *now));
        }
        if self.ends.back().is_none_or(|(_, last)| *last != ends) {
            self.ends.push_back((now, ends));
        }
        while self.ends.get(1).is_some_and(|(then, _)| is_past(*then)) {
            self.ends.pop_front();
        }
        if figures.adds_up() {
            self.agreed = Some((now, figures));
        }
        let agreed = self.agreed.filter(|(then, _)| !is_past(*then));
        let behind = self.ends.front().map_or(figures.behind, |(_, ends)| behind(ends));
        Audit { behind, ..agreed.map_or(figures, |(_, agreed)| agreed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::Source;

    fn audit(produced: u64, handled: u64, behind: u64) -> Audit {
        Audit { produced, pending: 4, handled, behind }
    }

    #[test]
    fn sums_that_agreed_a_moment_ago_are_shown_and_what_disagrees_for_longer_is_not_hidden() {
        let (mut auditor, start) = (Auditor::default(), Instant::now());
        let mut shown =
            |figures, ms| auditor.steady(figures, Ends::new(), start + Duration::from_millis(ms), |_| 0);
        let apart = audit(12, 7, 0);
        shown(Audit { produced: 0, pending: 0, handled: 0, behind: 0 }, 0);
        assert_eq!(shown(apart, 0), apart, "nothing has agreed yet");
        assert_eq!(shown(audit(11, 7, 0), 500), audit(11, 7, 0));
        assert_eq!(shown(apart, 1_000), audit(11, 7, 0));
        assert_eq!(shown(apart, 3_500), audit(11, 7, 0));
        assert_eq!(shown(apart, 3_501), apart);
    }

    #[test]
    fn what_has_been_to_read_all_the_time_is_behind() {
        let (mut auditor, start) = (Auditor::default(), Instant::now());
        let part = |partition| Part { source: Source::Orders, partition };
        // Two logs that end there, of which the first is read up to `read` and the second to its end.
        let mut behind = |read: i64, ends: [i64; 2], ms| {
            let ends = Ends::from([(part(0), ends[0]), (part(1), ends[1])]);
            let now = start + Duration::from_millis(ms);
            let left = |ends: &Ends| ends.get(&part(0)).map_or(0, |end| (*end - read).max(0).unsigned_abs());
            auditor.steady(audit(11, 7, 0), ends, now, left).behind
        };
        assert_eq!(behind(100, [1_000, 7], 0), 900, "there is a backlog at the start");
        assert_eq!(behind(998, [1_002, 7], 500), 2);
        assert_eq!(behind(1_001, [1_005, 8], 1_000), 0, "what came within the moment may wait");
        assert_eq!(behind(1_001, [1_009, 8], 3_500), 0);
        assert_eq!(behind(1_001, [1_009, 8], 3_501), 1);
        assert_eq!(behind(1_001, [1_009, 8], 4_001), 4);
        assert_eq!(behind(1_009, [1_009, 8], 4_002), 0);
        assert_eq!(behind(1_001, [1_009, 8], 9_000), 8, "nothing new comes");
        assert_eq!(behind(0, [3, 8], 9_001), 0, "another log in its place");
        assert_eq!(behind(0, [3, 8], 12_002), 3);
    }
}
