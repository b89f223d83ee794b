//! The text tables of all orders: which order is the newest.

use std::collections::VecDeque;

use super::{
    Event, Source, View,
    figures::{LatestOrder, Stage, feed_name},
    part::{FEED, PartFigures},
    table::{Saved, Table},
};
use crate::shop::{Order, Zone};

/// The newest order of the partition, and the latest ones for the feed.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    /// One row, 0: the order with the highest id.
    newest: Table<u8, Option<Order>>,
    /// For the feed alone: not kept over a restart.
    latest: VecDeque<LatestOrder>,
}

impl Journal {
    /// The order with the highest id.
    pub fn newest(&self) -> Option<&Order> {
        self.newest.get(0).and_then(Option::as_ref)
    }
}

impl View for Journal {
    const NAME: &'static str = "journal";
    const SOURCES: &'static [Source] = &[Source::Orders];

    fn apply(&mut self, event: &Event, _: Zone) {
        if let Event::Order(order) = event {
            // Ids go up within a partition.
            *self.newest.row(0) = Some(order.clone());
            self.latest.push_front(LatestOrder {
                order_id: order.order_id,
                created_at: order.created_at,
                customer: feed_name(&order.customer.name),
                pieces: order.lines.iter().fold(0, |sum: i64, line| sum.saturating_add(line.quantity)),
                total_ore: order.total_ore,
                stage: Stage::Sold,
                handled_at: None,
            });
            self.latest.truncate(FEED);
        }
    }

    fn figures(&self, _: i64, _: Zone) -> PartFigures {
        PartFigures::Journal { latest: self.latest.iter().cloned().collect() }
    }

    fn tables(&mut self) -> Vec<(&'static str, &mut dyn Saved)> {
        vec![("newest", &mut self.newest)]
    }
}
