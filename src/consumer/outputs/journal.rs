//! `orders/DATE.txt` with every order, `orders/last.txt` with the newest alone.

use std::io;

use chrono::NaiveDate;

use crate::{
    consumer::output::{Appends, DayPath, Output},
    shop::Zone,
    sinks::{files::Files, journal},
    store::Batch,
    views::{Event, Journal},
};

/// The journal's files.
#[derive(Debug)]
pub struct JournalFiles {
    zone: Zone,
    path: DayPath,
    last: Vec<u8>,
    due: bool,
}

impl JournalFiles {
    /// Days are those of `zone`.
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

    fn settle(&mut self, parts: &[&Journal], _: Option<NaiveDate>, _: &mut Batch) {
        let newest = parts.iter().filter_map(|view| view.newest()).max_by_key(|order| order.order_id);
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
