//! Interfaces of the consumers' states: pure values, kept per partition and merged for display. The views are in
//! [`consumers`](crate::consumers), one file each.
//!
//! A view consists of [`table::Table`]s, which track changes since the last checkpoint. It has no access to Kafka,
//! clock, disk or terminal: it gets events and shop time as arguments.

pub mod day_totals;
pub mod figures_merger;
pub mod shop_figures;
pub mod table;
pub mod window_sums;

#[cfg(test)]
pub(crate) mod naive;

use crate::shop::{Delivery, Handled, Order, Zone};
use table::Saved;

/// A shop event, as read by a consumer.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A finished sale: valid, and not seen before.
    Order(Order),
    /// Goods that arrived.
    Delivery(Delivery),
    /// An order that was handled.
    Handled(Handled),
}

/// A log that views read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// Finished orders.
    Orders,
    /// Goods that arrived.
    Deliveries,
    /// Handled orders.
    Handled,
}

impl Source {
    /// All logs.
    pub const ALL: [Self; 3] = [Self::Orders, Self::Deliveries, Self::Handled];

    /// Its name in keys and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Deliveries => "deliveries",
            Self::Handled => "handled",
        }
    }
}

/// A consumer's state of one partition.
pub trait View: Default + Clone + Send + 'static {
    /// The consumer's name, as in its group.
    const NAME: &'static str;
    /// The logs it reads.
    const SOURCES: &'static [Source];
    /// Whether its figures change with time alone.
    const HAS_WINDOWS: bool;
    /// Its figures for a partition.
    type Figures;

    /// Applies an event.
    fn apply(&mut self, event: &Event, zone: Zone);

    /// Drops what no figure needs from shop second `now` on. Shop time never goes backwards.
    fn advance(&mut self, now: i64, zone: Zone) {
        let _ = (now, zone);
    }

    /// Its figures at shop second `now`.
    fn figures(&self, now: i64, zone: Zone) -> Self::Figures;

    /// Its whole state, for checkpoints.
    fn tables(&mut self) -> Vec<(&'static str, &mut dyn Saved)>;
}
