//! The audit line's figures, so that they can be read while orders flow.
//!
//! One consumer is always a moment ahead of another: at five orders a second the sums agree in every second picture,
//! and some records are to be read in nearly each. So orders are shown as they were when all counted them alike, where
//! that was a moment ago, and as behind what has been to read all that time.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::dashboard::snapshot::Audit;

/// How long a moment is.
const MOMENT: Duration = Duration::from_secs(3);

/// Remembers the last moment.
#[derive(Debug, Default)]
pub(super) struct Auditor {
    agreed: Option<(Instant, Audit)>,
    behind: VecDeque<(Instant, u64)>,
}

impl Auditor {
    /// What is shown at `now`, where the figures say this.
    pub(super) fn steady(&mut self, figures: Audit, now: Instant) -> Audit {
        let is_past = |then: Instant| now.saturating_duration_since(then) > MOMENT;
        // Where nothing is known yet, nothing agrees and nobody is up with anything.
        if figures.produced == 0 {
            return figures;
        }
        self.behind.push_back((now, figures.behind));
        while self.behind.front().is_some_and(|(then, _)| is_past(*then)) {
            self.behind.pop_front();
        }
        if figures.adds_up() {
            self.agreed = Some((now, figures));
        }
        let agreed = self.agreed.filter(|(then, _)| !is_past(*then));
        let behind = self.behind.iter().map(|(_, behind)| *behind).min().unwrap_or(figures.behind);
        Audit { behind, ..agreed.map_or(figures, |(_, agreed)| agreed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audit(produced: u64, handled: u64, behind: u64) -> Audit {
        Audit { produced, pending: 4, handled, behind }
    }

    #[test]
    fn sums_that_agreed_a_moment_ago_are_shown_and_what_disagrees_for_longer_is_not_hidden() {
        let (mut auditor, start) = (Auditor::default(), Instant::now());
        let mut shown = |figures, ms| auditor.steady(figures, start + Duration::from_millis(ms));
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
        let mut behind =
            |count, ms| auditor.steady(audit(11, 7, count), start + Duration::from_millis(ms)).behind;
        assert_eq!(behind(900, 0), 900, "there is a backlog at the start");
        assert_eq!(behind(2, 500), 2);
        assert_eq!(behind(24, 1_000), 2);
        assert_eq!(behind(0, 1_500), 0);
        assert_eq!(behind(24, 4_500), 0);
        assert_eq!(behind(30, 4_501), 24);
    }
}
