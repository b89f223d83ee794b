//! The position that `handling` claims in a partition, and the orders that it must have handled by then.

use super::claim::Claim;
use crate::{
    handling::{Parameters, Resume},
    shop::Order,
};

/// A claim of `handling` for a partition of the orders.
#[derive(Debug)]
pub(super) struct Handling {
    /// The offset that it reads next.
    pub(super) next: i64,
    /// How many orders it has read.
    read: usize,
    /// Everything that was due up to this shop second has been sent.
    pub(super) sent_until: i64,
    /// Parameters, with the offset and, once read, the index of the first order they apply to.
    parameters: Vec<(i64, Option<usize>, Parameters)>,
}

impl Handling {
    pub(super) fn new(claim: &Claim, resume: &Resume) -> Self {
        Self {
            next: claim.state.position.next,
            read: 0,
            sent_until: resume.sent_until.unwrap_or(i64::MIN),
            parameters: resume
                .parameters
                .iter()
                .map(|(since, parameters)| (*since, None, *parameters))
                .collect(),
        }
    }

    /// Adds the order with an index; returns whether it must have been handled.
    pub(super) fn is_due(&mut self, offset: i64, index: usize, order: &Order) -> bool {
        for (since, first, _) in &mut self.parameters {
            if offset >= *since && first.is_none() {
                *first = Some(index);
            }
        }
        if offset < self.next {
            self.read = index + 1;
        }
        offset < self.next
            && self
                .parameters_of(index)
                .and_then(|parameters| {
                    parameters.handled_ms(order.order_id, order.created_at.timestamp_millis())
                })
                .is_some_and(|due_ms| due_ms.div_euclid(1000) <= self.sent_until)
    }

    /// The parameters for an order that was read; `None` if they are no longer stored.
    pub(super) fn parameters_of(&self, index: usize) -> Option<Parameters> {
        if index >= self.read {
            return None;
        }
        let mut latest = self.parameters.iter().rev();
        latest.find(|(_, first, _)| first.is_some_and(|first| first <= index)).map(|(_, _, known)| *known)
    }
}
