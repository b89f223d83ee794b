//! The state of the faults, and of the audit beside them.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use super::Fault;
use crate::{
    consumer::Part,
    messages::Sentence,
    verify::live::{Check, Row},
};

/// Faults that are remembered.
const REMEMBERED: usize = 50;
/// A difference that is younger may be transient.
const MOMENT: Duration = Duration::from_secs(2);

/// How far a fault is.
#[derive(Debug, Clone, PartialEq)]
pub enum State {
    /// It lasts.
    Lasting,
    /// It is over, and the figures do not all agree yet.
    Healing,
    /// All figures agreed again, so long after it was over.
    Healed(Duration),
    /// It was not injected.
    Refused(Sentence),
}

/// One fault and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Injection {
    /// Counts up.
    pub number: u64,
    /// What was done.
    pub fault: Fault,
    /// When it began.
    pub begun: Instant,
    /// When it was over.
    pub over: Option<Instant>,
    /// How far it is.
    pub state: State,
    /// While it is not healed: whole seconds since it began, or since it was over.
    pub age: Duration,
    /// The end offsets of the records that it wrote: the audit must have read them.
    pub written: HashMap<Part, i64>,
    /// The end offsets when it was over: the audit must have counted up to them before it is healed.
    pub due: Option<HashMap<Part, i64>>,
}

/// The audit beside the running shop, and the faults.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LiveAudit {
    /// Whether the audit runs.
    pub runs: bool,
    /// Records of the log that the audit has read.
    pub records: u64,
    /// The figures as they were compared last.
    pub rows: Vec<Row>,
    /// How many values were compared.
    pub values: u64,
    /// Records that consumers should have read by now.
    pub behind: u64,
    /// The differences from the log: sentences in English, as in `verify`.
    pub found: Vec<String>,
    /// Since when there are any.
    pub differs_since: Option<Instant>,
    /// When the figures were compared last.
    pub checked: Option<Instant>,
    /// Why they cannot be compared.
    pub trouble: Option<Sentence>,
    /// The latest faults, oldest first.
    pub injections: VecDeque<Injection>,
    begun_ever: u64,
}

impl LiveAudit {
    /// Whether any figures were compared.
    pub fn has_compared(&self) -> bool {
        self.checked.is_some() && self.values > 0
    }

    /// Whether all figures agreed when they were compared last.
    pub fn agrees(&self) -> bool {
        self.has_compared() && self.trouble.is_none() && self.behind == 0 && self.found.is_empty()
    }

    /// Whether what differs has differed for longer than a moment.
    pub fn is_wrong(&self) -> bool {
        self.differs_since
            .zip(self.checked)
            .is_some_and(|(since, now)| now.saturating_duration_since(since) >= MOMENT)
    }

    /// The audit at a moment: whole seconds pass while faults last and heal.
    #[must_use]
    pub fn at(mut self: Arc<Self>, now: Instant) -> Arc<Self> {
        if self.is_busy() {
            for injection in &mut Arc::make_mut(&mut self).injections {
                let since = now.saturating_duration_since(injection.over.unwrap_or(injection.begun));
                injection.age = Duration::from_secs(since.as_secs());
            }
        }
        self
    }

    /// Whether the same fault is on its way already.
    pub fn is_under_way(&self, fault: Fault) -> bool {
        self.injections
            .iter()
            .any(|injection| injection.fault == fault && matches!(injection.state, State::Lasting))
    }

    /// Whether some fault has not come to its end.
    pub fn is_busy(&self) -> bool {
        self.injections.iter().any(|injection| matches!(injection.state, State::Lasting | State::Healing))
    }

    /// A fault begins; its number.
    pub fn begin(&mut self, fault: Fault, now: Instant) -> u64 {
        self.begun_ever += 1;
        let number = self.begun_ever;
        let (over, state, age) = (None, State::Lasting, Duration::ZERO);
        let (written, due) = (HashMap::new(), None);
        self.injections.push_back(Injection { number, fault, begun: now, over, state, age, written, due });
        while self.injections.len() > REMEMBERED {
            self.injections.pop_front();
        }
        number
    }

    /// A fault did not come about.
    pub fn refuse(&mut self, number: u64, why: Sentence) {
        if let Some(injection) = self.injection(number) {
            injection.state = State::Refused(why);
        }
    }

    /// A fault is over; the records that were `written` end there.
    pub fn over(&mut self, number: u64, written: HashMap<Part, i64>, now: Instant) {
        if let Some(injection) = self.injection(number) {
            (injection.over, injection.state, injection.written) = (Some(now), State::Healing, written);
        }
    }

    /// The fault with a number.
    pub fn injection(&mut self, number: u64) -> Option<&mut Injection> {
        self.injections.iter_mut().find(|injection| injection.number == number)
    }

    /// The faults that were over before `then` and are not healed.
    pub fn healing(&mut self, then: Instant) -> impl Iterator<Item = &mut Injection> {
        self.injections.iter_mut().filter(move |injection| {
            injection.state == State::Healing && injection.over.is_some_and(|over| over < then)
        })
    }

    /// Takes what a comparison came to.
    pub fn take(&mut self, check: Check, records: u64, now: Instant) {
        let Check { rows, values, behind, found } = check;
        self.differs_since = (found.count() > 0).then(|| self.differs_since.unwrap_or(now));
        self.found = found.sentences();
        (self.rows, self.values, self.behind) = (rows, values, behind);
        (self.records, self.checked, self.trouble) = (records, Some(now), None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{chaos::Kind, consumers::Name, verify::Differences};

    #[test]
    fn a_difference_is_told_when_it_lasts_and_a_fault_heals_by_what_is_compared_after_it() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut live_audit = LiveAudit::default();
        let mut found = Differences::default();
        found.add("figures", "sales", 1, 2);
        let wrong = Check { found, ..Check::default() };
        live_audit.take(wrong.clone(), 7, at(0));
        assert!(!live_audit.agrees() && !live_audit.is_wrong(), "another consumer may be a moment ahead");
        live_audit.take(wrong, 7, at(2_000));
        assert!(live_audit.is_wrong());
        live_audit.take(Check::default(), 8, at(2_100));
        assert!(!live_audit.agrees() && !live_audit.is_wrong(), "nothing was compared");
        live_audit.take(Check { values: 1, ..Check::default() }, 8, at(2_100));
        assert!(live_audit.agrees() && !live_audit.is_wrong());

        let fault = Fault::new(Kind::Kill, Name::Sales);
        let number = live_audit.begin(fault, at(3_000));
        assert!(live_audit.is_busy() && live_audit.is_under_way(fault));
        live_audit.over(number, HashMap::new(), at(4_000));
        assert!(!live_audit.is_under_way(fault));
        assert_eq!(
            live_audit.healing(at(4_000)).count(),
            0,
            "what was begun before it was over says nothing"
        );
        assert_eq!(live_audit.healing(at(4_001)).count(), 1);
        let shown = Arc::new(live_audit).at(at(6_500));
        assert_eq!(shown.injections[0].age, Duration::from_secs(2));
    }
}
