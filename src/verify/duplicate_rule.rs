//! Which orders of a partition are duplicates, implemented a second time from the contract.

use std::collections::HashMap;

use super::order_set::OrderSet;
use crate::{consumer::Rule, shop::Order};

/// New orders after which it is looked which day has come.
const SAMPLE: usize = 1_000;

/// The rule for one partition, whose orders come in the order of the log.
#[derive(Debug)]
pub(super) struct Duplicates {
    rule: Rule,
    highest: Option<u64>,
    /// With days: in which period each id was new; a period is as long as the days asked for.
    periods: HashMap<u64, u64>,
    period: u64,
    /// The days (UTC, since 1970) of the new orders since the last look.
    sample: Vec<i64>,
    /// The day that has come, and the day that the period began with.
    come: Option<i64>,
    begun: i64,
}

impl Duplicates {
    pub(super) fn new(rule: Rule) -> Self {
        Self {
            rule,
            highest: None,
            periods: HashMap::new(),
            period: 1,
            sample: Vec::new(),
            come: None,
            begun: 0,
        }
    }

    /// Whether the next order is one; `known` has the orders before it that were none.
    pub(super) fn has(&mut self, order: &Order, known: &OrderSet) -> bool {
        let id = order.order_id;
        match self.rule {
            Rule::None => false,
            Rule::Seen { days: None } => known.find(id).next().is_some(),
            Rule::Ascending => {
                let is_above = self.highest.is_none_or(|highest| highest < id);
                self.highest = self.highest.max(Some(id));
                !is_above
            }
            // An id is remembered for the period in which it was new and for the one after it.
            Rule::Seen { days: Some(days) } => {
                if self.periods.get(&id).is_some_and(|new_in| self.period - new_in <= 1) {
                    return true;
                }
                self.periods.insert(id, self.period);
                self.sample.push(order.created_at.timestamp().div_euclid(86_400));
                if self.sample.len() == SAMPLE {
                    self.look(i64::from(days));
                }
                false
            }
        }
    }

    /// A day has come when half of a sample is of it or later; it never goes back.
    fn look(&mut self, days: i64) {
        self.sample.sort_unstable();
        let Some(middle) = self.sample.get(SAMPLE / 2).copied() else { return };
        self.sample.clear();
        if self.come.is_none() {
            self.begun = middle;
        }
        let come = self.come.map_or(middle, |come| come.max(middle));
        self.come = Some(come);
        if come - self.begun >= days {
            self.begun = come;
            self.period += 1;
            let period = self.period;
            self.periods.retain(|_, new_in| period - *new_in <= 1);
        }
    }
}
