//! What each consumer knows: pure values, kept per partition and merged for show. The views themselves are among the
//! [`consumers`](crate::consumers), one file each.
//!
//! A view is built from [`table::Table`]s, which know what changed since the last checkpoint. It never
//! sees Kafka, a clock, a disk or a terminal: events and shop time are handed to it.

pub mod day_totals;
pub mod figures;
pub mod seconds;
pub mod summary;
pub mod table;

#[cfg(test)]
pub(crate) mod naive;

use crate::shop::{Delivery, Handled, Order, Zone};
use table::Saved;

/// Something that happened in the shop, as a consumer reads it.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A finished sale: valid, and not seen before.
    Order(Order),
    /// Goods that arrived.
    Delivery(Delivery),
    /// An order that was handled.
    Handled(Handled),
}

/// Which log a view reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// Finished orders.
    Orders,
    /// Goods that arrived.
    Deliveries,
    /// Handled orders.
    Handled,
}

/// What a consumer knows of one partition.
pub trait View: Default + Clone + Send + 'static {
    /// The consumer's name, as in its group.
    const NAME: &'static str;
    /// The logs it reads.
    const SOURCES: &'static [Source];
    /// Whether its figures change while nothing happens.
    const HAS_WINDOWS: bool;
    /// What it says of one partition.
    type Figures;

    /// Takes in one event.
    fn apply(&mut self, event: &Event, zone: Zone);

    /// Forgets what no figure needs at shop second `now` or later. Shop time never goes backwards.
    fn advance(&mut self, now: i64, zone: Zone) {
        let _ = (now, zone);
    }

    /// What it says at shop second `now`.
    fn figures(&self, now: i64, zone: Zone) -> Self::Figures;

    /// Everything it knows, for checkpoints.
    fn tables(&mut self) -> Vec<(&'static str, &mut dyn Saved)>;
}
