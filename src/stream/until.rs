//! The end that `consume --until-end` works up to.

use std::collections::HashMap;

use tokio::sync::watch;

use crate::{consumer::Part, views::Source};

/// A fixed shop time, where the logs ended then, and who has come that far.
#[derive(Debug)]
pub struct Until {
    /// Shop second T.
    pub shop_second: i64,
    /// The end of each partition of orders and deliveries at the start.
    pub ends: HashMap<Part, i64>,
    /// Where the handled orders end: known when `handling` has come to its end.
    pub handled_ends: watch::Sender<Option<HashMap<Part, i64>>>,
}

impl Until {
    /// The end of a partition, once it is known.
    pub fn end(&self, part: Part) -> Option<i64> {
        if part.source == Source::Handled {
            self.handled_ends.borrow().as_ref().map(|ends| ends.get(&part).copied().unwrap_or(0))
        } else {
            Some(self.ends.get(&part).copied().unwrap_or(0))
        }
    }

    /// Whether a record is one that this run takes.
    pub fn takes(&self, part: Part, offset: i64) -> bool {
        self.end(part).is_none_or(|end| offset < end)
    }
}
