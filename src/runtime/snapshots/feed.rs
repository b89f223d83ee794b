//! The order feed: longer than what the consumers hand over at any one moment.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use crate::{
    consumers::{Contribution, PartFigures},
    views::{
        figures_merger::{into_feed, newest},
        shop_figures::LatestOrder,
    },
};

/// Orders kept.
const KEPT: usize = 500;

/// The orders whose state changed last, merged over partitions and stages.
#[derive(Debug, Default)]
pub(super) struct Feed {
    rows: HashMap<u64, LatestOrder>,
    changed: bool,
    shown: Arc<Vec<LatestOrder>>,
}

impl Feed {
    /// Takes in what one view says of one partition.
    pub(super) fn take(&mut self, part: &PartFigures) {
        for order in part.latest() {
            self.changed |= into_feed(&mut self.rows, order);
        }
    }

    /// The feed, newest first; the same one until something changed.
    pub(super) fn shown(&mut self) -> Arc<Vec<LatestOrder>> {
        if std::mem::take(&mut self.changed) {
            let rows = newest(self.rows.values().cloned().collect(), KEPT);
            if rows.len() < self.rows.len() {
                let kept: HashSet<u64> = rows.iter().map(|row| row.order_id).collect();
                self.rows.retain(|id, _| kept.contains(id));
            }
            if *self.shown != rows {
                self.shown = Arc::new(rows);
            }
        }
        Arc::clone(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        consumers::{journal, mail},
        views::{naive::time, shop_figures::Stage},
    };

    fn journal(latest: Vec<LatestOrder>) -> PartFigures {
        journal::Figures { latest }.into()
    }

    fn row(order_id: u64, stage: Stage) -> LatestOrder {
        let second = 1_795_000_000 + i64::try_from(order_id).unwrap();
        LatestOrder {
            order_id,
            created_at: time(second, 0),
            customer: "Kund".to_owned(),
            pieces: i64::from(stage == Stage::Sold) * 3,
            total_ore: 100,
            stage,
            handled_at: (stage > Stage::Sold).then(|| time(second + 10_000, 0)),
        }
    }

    #[test]
    fn it_holds_the_newest_five_hundred_with_their_furthest_stage_and_is_remade_on_change_alone() {
        let mut feed = Feed::default();
        for first in (0..700).step_by(10) {
            let latest = (first..first + 10).map(|id| row(id, Stage::Sold)).collect();
            feed.take(&journal(latest));
            feed.shown();
        }
        feed.take(&PartFigures::Mail(mail::Figures { mails: 1, latest: vec![row(300, Stage::Mailed)] }));
        // What was said before is said again: no step back.
        feed.take(&journal(vec![row(300, Stage::Sold)]));
        let shown = feed.shown();
        let ids: Vec<u64> = shown.iter().map(|row| row.order_id).collect();
        let expected: Vec<u64> =
            std::iter::once(300).chain((200..700).rev().filter(|id| *id != 300)).collect();
        assert_eq!(ids, expected[..500]);
        assert_eq!((shown[0].stage, shown[0].pieces), (Stage::Mailed, 3));
        feed.take(&journal(vec![row(699, Stage::Sold), row(5, Stage::Sold)]));
        assert!(Arc::ptr_eq(&shown, &feed.shown()), "nothing that is shown has changed");
        assert!(feed.rows.len() <= KEPT);
    }
}
