//! Consumer 3: the sums of each day, and its report: `reports/DATE.txt` and `reports/DATE.json`, one of each a closed
//! day, written again when a late order revises the day.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{Consumer, Contribution, Recount};
use crate::{
    consumer::Output,
    shop::{Catalog, Zone},
    sinks::{files::Files, report},
    store::Batch,
    views::{
        Event, Source, View,
        day_totals::DayTotals,
        figures::ReportNote,
        summary::Summary,
        table::{Saved, Table},
    },
};

/// Every day's totals. None is forgotten: a late order may revise any of them.
#[derive(Debug, Clone, Default)]
pub struct DailyReport {
    days: Table<NaiveDate, DayTotals>,
}

impl DailyReport {
    /// The days that have orders, oldest first.
    pub fn days(&self) -> impl Iterator<Item = (NaiveDate, &DayTotals)> {
        self.days.rows().map(|(date, totals)| (*date, totals))
    }

    /// One day's totals.
    pub fn day(&self, date: NaiveDate) -> Option<&DayTotals> {
        self.days.get(date)
    }
}

impl View for DailyReport {
    const NAME: &'static str = "daily-report";
    const SOURCES: &'static [Source] = &[Source::Orders];
    const HAS_WINDOWS: bool = false;
    type Figures = Figures;

    fn apply(&mut self, event: &Event, zone: Zone) {
        if let Event::Order(order) = event {
            self.days.row(zone.date(order.second())).add(order);
        }
    }

    fn figures(&self, now: i64, zone: Zone) -> Figures {
        let date = zone.date(now);
        Figures { date, today: self.days.get(date).cloned().unwrap_or_default() }
    }

    fn tables(&mut self) -> Vec<(&'static str, &mut dyn Saved)> {
        vec![("days", &mut self.days)]
    }
}

/// The day so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Which day.
    pub date: NaiveDate,
    /// Its totals.
    pub today: DayTotals,
}

impl Contribution for Figures {
    fn add_to(&self, shop: &mut Summary) {
        // What was said yesterday is of another day.
        if self.date == shop.today() {
            shop.add_day(&self.today);
        }
    }

    fn recount(&self) -> Recount<'_> {
        Recount::DailyReport(self)
    }
}

impl Consumer for DailyReport {
    type Files = ReportFiles;

    fn files(_: Zone, _: &Catalog) -> ReportFiles {
        ReportFiles::default()
    }
}

/// Days without orders get a report too, unless they lie further apart than this.
const GAP: u64 = 400;

/// A report as the checkpoint knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Issue {
    totals: DayTotals,
    revision: u32,
    /// Whether the files are known to hold this.
    written: bool,
}

/// The daily reports.
#[derive(Debug, Default)]
pub struct ReportFiles {
    issues: BTreeMap<NaiveDate, Issue>,
    /// Days whose `written` is not in the checkpoint yet.
    noted: BTreeSet<NaiveDate>,
    /// The first day that the shop was seen.
    opened: Option<NaiveDate>,
}

impl ReportFiles {
    /// The days before `closed_before` that are to have a report.
    fn due(&self, orders: &BTreeMap<NaiveDate, DayTotals>, closed_before: NaiveDate) -> BTreeSet<NaiveDate> {
        let known = orders.keys().chain(self.issues.keys()).chain(self.opened.iter());
        let mut days: BTreeSet<NaiveDate> = known.copied().filter(|date| *date < closed_before).collect();
        // Days in between: without orders, but the shop was open.
        let mut ends: Vec<NaiveDate> = days.iter().copied().collect();
        ends.push(closed_before);
        for pair in ends.windows(2) {
            if let [from, to] = pair
                && u64::try_from((*to - *from).num_days()).is_ok_and(|gap| gap <= GAP)
            {
                days.extend(from.iter_days().take_while(|date| date < to));
            }
        }
        days
    }

    fn store(&self, date: NaiveDate, rows: &mut Batch) {
        if let Some(issue) = self.issues.get(&date) {
            rows.insert(format!("report/{date}"), serde_json::to_vec(issue).ok());
        }
    }
}

impl Output<DailyReport> for ReportFiles {
    fn folders(&self) -> &'static [&'static str] {
        &["reports"]
    }

    fn is_appended(&self, _: &str) -> bool {
        false
    }

    fn restore(&mut self, key: &str, value: &[u8]) -> Result<(), String> {
        if key == "opened" {
            self.opened = Some(serde_json::from_slice(value).map_err(|error| error.to_string())?);
        } else if let Some(date) = key.strip_prefix("report/") {
            let date = date.parse().map_err(|_| format!("{date} is no date"))?;
            self.issues.insert(date, serde_json::from_slice(value).map_err(|error| error.to_string())?);
        }
        Ok(())
    }

    fn reset(&mut self) {
        *self = Self::default();
    }

    fn rewrite(&mut self) {
        for issue in self.issues.values_mut() {
            issue.written = false;
        }
    }

    fn settle(&mut self, parts: &[&DailyReport], closed_before: Option<NaiveDate>, rows: &mut Batch) {
        for date in std::mem::take(&mut self.noted) {
            self.store(date, rows);
        }
        let Some(closed_before) = closed_before else { return };
        if self.opened.is_none() {
            // A day before the shop was first seen has a report where it has orders.
            self.opened = Some(closed_before);
            rows.insert("opened".to_owned(), serde_json::to_vec(&self.opened).ok());
        }
        let mut orders: BTreeMap<NaiveDate, DayTotals> = BTreeMap::new();
        for (date, totals) in parts.iter().flat_map(|view| view.days()) {
            orders.entry(date).or_default().merge(totals);
        }
        for date in self.due(&orders, closed_before) {
            let totals = orders.remove(&date).unwrap_or_default();
            let revision = match self.issues.get(&date) {
                Some(issue) if issue.totals == totals => continue,
                Some(issue) => issue.revision + 1,
                None => 0,
            };
            self.issues.insert(date, Issue { totals, revision, written: false });
            self.store(date, rows);
        }
    }

    fn publish(&mut self, files: &mut dyn Files) -> io::Result<bool> {
        for (date, issue) in self.issues.iter_mut().filter(|(_, issue)| !issue.written) {
            let report = report::Report::new(*date, &issue.totals, issue.revision);
            files.replace(&report::text_file(*date), report.text().as_bytes())?;
            files.replace(&report::json_file(*date), report.json().as_bytes())?;
            issue.written = true;
            self.noted.insert(*date);
        }
        Ok(!self.noted.is_empty())
    }

    fn reports(&self) -> Vec<ReportNote> {
        self.issues
            .iter()
            .filter(|(_, issue)| issue.written)
            .map(|(date, issue)| ReportNote {
                date: *date,
                orders: issue.totals.orders,
                sales_ore: issue.totals.sales_ore,
                revision: issue.revision,
            })
            .collect()
    }
}
