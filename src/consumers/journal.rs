//! The text tables of all orders: `orders/DATE.txt` with every order, `orders/last.txt` with the newest alone.

use std::{collections::VecDeque, io};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Consumer, Contribution, FileSetting, Recount};
use crate::{
    consumer::output::{Appends, DayPath, Output},
    shop::{Order, Zone},
    sinks::{files::Files, journal},
    store::Batch,
    views::{
        Event, Source, View,
        figures_merger::Summary,
        shop_figures::{FEED, LatestOrder, Stage, feed_name},
        table::{Saved, Table},
    },
};

/// The newest order of the partition, and the latest ones for the feed.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    /// One row, key 0: the last order.
    newest: Table<u8, Option<Order>>,
    /// Only for the feed: lost at a restart.
    latest: VecDeque<LatestOrder>,
}

impl Journal {
    /// The last order.
    pub fn newest(&self) -> Option<&Order> {
        self.newest.get(0).and_then(Option::as_ref)
    }
}

impl View for Journal {
    const NAME: &'static str = "journal";
    const SOURCES: &'static [Source] = &[Source::Orders];
    const HAS_WINDOWS: bool = false;
    type Figures = Figures;

    fn apply(&mut self, event: &Event, _: Zone) {
        if let Event::Order(order) = event {
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

    fn figures(&self, _: i64, _: Zone) -> Figures {
        Figures { latest: self.latest.iter().cloned().collect() }
    }

    fn tables(&mut self) -> Vec<(&'static str, &mut dyn Saved)> {
        vec![("newest", &mut self.newest)]
    }
}

/// The newest orders.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Newest first, at most [`FEED`].
    pub latest: Vec<LatestOrder>,
}

impl Contribution for Figures {
    fn add_to(&self, shop: &mut Summary) {
        shop.add_latest(&self.latest);
    }

    fn latest(&self) -> &[LatestOrder] {
        &self.latest
    }

    fn recount(&self) -> Recount<'_> {
        Recount::Journal
    }
}

impl Consumer for Journal {
    type Files = JournalFiles;

    fn files(setting: &FileSetting<'_>) -> JournalFiles {
        JournalFiles::new(setting.zone)
    }
}

/// The journal's files.
#[derive(Debug)]
pub struct JournalFiles {
    zone: Zone,
    path: DayPath,
    last: Vec<u8>,
    due: bool,
}

impl JournalFiles {
    /// `zone` determines the days.
    pub fn new(zone: Zone) -> Self {
        Self { zone, path: DayPath::new(journal::file), last: Vec::new(), due: false }
    }
}

impl Output<Journal> for JournalFiles {
    fn folders(&self) -> &'static [&'static str] {
        &["orders"]
    }

    fn is_appended(&self, path: &str) -> bool {
        path != journal::LAST
    }

    fn single_files(&self) -> &'static [&'static str] {
        &[journal::LAST]
    }

    fn event(&mut self, event: &Event, appends: &mut Appends) {
        if let Event::Order(order) = event {
            let path = self.path.of(self.zone.date(order.second()));
            appends.push(path, journal::HEADING, |out| journal::write(order, out));
        }
    }

    fn reset(&mut self) {
        self.last.clear();
        self.due = false;
    }

    fn rewrite(&mut self) {
        self.last.clear();
    }

    fn settle(&mut self, parts: &[&Journal], _: Option<NaiveDate>, _: &mut Batch) {
        let newest = parts
            .iter()
            .filter_map(|view| view.newest())
            .max_by_key(|order| (order.created_at, order.order_id));
        if let Some(order) = newest {
            let last = journal::last(order);
            if last != self.last {
                self.last = last;
                self.due = true;
            }
        }
    }

    fn publish(&mut self, files: &mut dyn Files) -> io::Result<bool> {
        if self.due {
            files.replace(journal::LAST, &self.last)?;
            self.due = false;
        }
        Ok(false)
    }
}
