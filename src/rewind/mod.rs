//! The shop as it was at any moment: pure, from the records of its logs.
//!
//! A moment is a whole second of shop time. It includes orders by `created_at`, deliveries by `at` and handled orders
//! by `handled_at`. An order that came late, or was dated ahead, appears at its own time, since no record says at which
//! shop time it arrived. A record without effect (a duplicate or a dead letter) appears at the time of the order before
//! it in its partition.
//!
//! The consumers' own views compute it: the records are sorted by their time (`timeline`), and copies of all views are
//! kept at intervals, so that a moment only needs the records since the last copy before it.

mod replayed_views;
mod timeline;

use std::collections::{BTreeSet, HashMap};

use replayed_views::{Counts, Replay};
use timeline::Timeline;

use crate::{
    consumers::{PartFigures, daily_report, summarize},
    handling::{HandlingFigures, Resume},
    shop::Zone,
    views::{
        figures_merger::{self, into_feed, newest},
        shop_figures::{LatestOrder, ReportNote, ShopFigures},
    },
};

pub use timeline::{Fact, Uncounted};

/// Orders in the feed, as many as the live one has.
const FEED: usize = 500;
/// Records between two copies of the views, at least; of a long log a share, so that there are never many copies.
const APART: usize = 16_384;
const COPIES: usize = 64;

/// What the logs hold.
#[derive(Debug)]
pub struct History {
    zone: Zone,
    timeline: Timeline,
    /// The views at moments on the way, the earliest first.
    copies: Vec<Replay>,
    apart: usize,
}

/// The shop at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    /// All figures.
    pub figures: ShopFigures,
    /// The orders whose state had changed last, newest first.
    pub feed: Vec<LatestOrder>,
}

impl History {
    /// Nothing was read yet.
    pub fn new(zone: Zone) -> Self {
        Self { zone, timeline: Timeline::default(), copies: Vec::new(), apart: APART }
    }

    /// Adds what a record says.
    pub fn add(&mut self, fact: Fact) {
        self.timeline.add(fact);
    }

    /// The second of the first order or delivery; `None` where there is none.
    pub fn first(&mut self) -> Option<i64> {
        self.settle();
        self.timeline.first()
    }

    /// Whether what was added since the last look belongs to the second `moment` or before it.
    pub fn is_news(&self, moment: i64) -> bool {
        self.timeline.unsorted_from().is_some_and(|second| second <= moment)
    }

    /// The shop at the second `moment`.
    pub fn at(&mut self, moment: i64) -> Moment {
        self.settle();
        let zone = self.zone;
        let replay = self.replay(moment);
        let Counts { orders, handled, duplicates, dead_letters } = self.timeline.counts(moment);
        let mut parts: Vec<PartFigures> = replay.figures(moment, zone);
        let figures = HandlingFigures { accepted: orders, handled, dead_letters, duplicates };
        parts.push(PartFigures::Handling(Resume { figures, ..Resume::default() }));
        let mut figures = summarize(parts.iter(), moment, zone);
        figures.reports = self.reports(&replay, moment);
        let feed = self.feed(moment);
        figures.latest = feed.iter().take(figures_merger::FEED).cloned().collect();
        Moment { figures, feed }
    }

    /// Sorts new records in, and drops the copies that lack them.
    fn settle(&mut self) {
        if let Some(from) = self.timeline.sort() {
            self.copies.retain(|copy| copy.until() < from);
            self.apart = APART.max(self.timeline.len() / COPIES);
        }
    }

    /// Leaves copies of the views on the way to a moment, so that it takes little time to compute. After each copy `step`
    /// says whether to go on, given how many records of how many were applied; whether it came to the end.
    pub fn approach(&mut self, moment: i64, mut step: impl FnMut(u64, u64) -> bool) -> bool {
        self.settle();
        let of = self.timeline.count(moment);
        let (mut replay, mut place) = self.last_copy(moment);
        while let Some(until) =
            self.timeline.further(replay.until(), self.apart).filter(|until| *until < moment)
        {
            self.apply(&mut replay, until);
            replay.tidy(self.zone);
            self.copies.insert(place, replay.clone());
            place += 1;
            if !step(self.timeline.count(until), of) {
                return false;
            }
        }
        true
    }

    /// The views at a moment; copies are left on the way.
    fn replay(&mut self, moment: i64) -> Replay {
        self.approach(moment, |_, _| true);
        let (mut replay, _) = self.last_copy(moment);
        self.apply(&mut replay, moment);
        replay
    }

    /// The views at the last copy up to a moment, and the place of the next copy.
    fn last_copy(&self, moment: i64) -> (Replay, usize) {
        let place = self.copies.partition_point(|copy| copy.until() <= moment);
        let before = place.checked_sub(1).and_then(|before| self.copies.get(before));
        (before.cloned().unwrap_or_default(), place)
    }

    fn apply(&self, replay: &mut Replay, until: i64) {
        self.timeline.between(replay.until(), until, |event| replay.apply(&event, self.zone));
        replay.reach(until);
    }

    /// The days that had ended, with the orders of each.
    fn reports(&self, replay: &Replay, moment: i64) -> Vec<ReportNote> {
        let (Some(days), Some(first)) = (replay.daily_report(), self.timeline.first()) else {
            return Vec::new();
        };
        let today = self.zone.date(moment);
        let known: BTreeSet<_> = days.days().map(|(date, _)| date).chain([self.zone.date(first)]).collect();
        let note = |date| {
            let totals = days.day(date);
            let (orders, sales_ore) = totals.map_or((0, 0), |totals| (totals.orders, totals.sales_ore));
            ReportNote { date, orders, sales_ore, revision: 0 }
        };
        daily_report::closed(known, today).into_iter().map(note).collect()
    }

    /// The newest orders, each with the stage that it had reached.
    fn feed(&self, moment: i64) -> Vec<LatestOrder> {
        // An order is handled after its sale, so what is neither among the last sold nor the last handled is not among
        // those whose state changed last.
        let mut rows = HashMap::new();
        for row in self.timeline.last_sold(moment, FEED).chain(self.timeline.last_handled(moment, FEED)) {
            into_feed(&mut rows, &row);
        }
        newest(rows.into_values().collect(), FEED)
    }
}

#[cfg(test)]
mod tests;
