//! The mails: how many were written, and the newest of them.

use std::collections::VecDeque;

use super::{
    Event, Source, View,
    figures::{LatestOrder, Stage, feed_name},
    part::{FEED, PartFigures},
    table::{Saved, Table},
};
use crate::shop::Zone;

/// One mail for each handled order.
#[derive(Debug, Clone, Default)]
pub struct Mail {
    /// One row, 0: all mails of the partition.
    written: Table<u8, u64>,
    /// For the feed alone: not kept over a restart.
    latest: VecDeque<LatestOrder>,
}

impl View for Mail {
    const NAME: &'static str = "mail";
    const SOURCES: &'static [Source] = &[Source::Handled];

    fn apply(&mut self, event: &Event, _: Zone) {
        if let Event::Handled(handled) = event {
            *self.written.row(0) += 1;
            self.latest.push_front(LatestOrder {
                order_id: handled.order_id,
                created_at: handled.created_at,
                customer: feed_name(&handled.customer.name),
                pieces: 0,
                total_ore: handled.total_ore,
                stage: Stage::Mailed,
                handled_at: Some(handled.handled_at),
            });
            self.latest.truncate(FEED);
        }
    }

    fn figures(&self, _: i64, _: Zone) -> PartFigures {
        PartFigures::Mail {
            mails: self.written.get(0).copied().unwrap_or(0),
            latest: self.latest.iter().cloned().collect(),
        }
    }

    fn tables(&mut self) -> Vec<(&'static str, &mut dyn Saved)> {
        vec![("written", &mut self.written)]
    }
}
