//! Consumer 3: the sums of each day, and its report: `reports/DATE.txt` and `reports/DATE.json`, one of each a closed
//! day, written again when a late order revises the day.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

use super::{Consumer, Contribution, FileSetting, Recount};
use crate::{
    consumer::Output,
    messages::Lang,
    shop::{Catalog, Zone},
    sinks::{
        files::Files,
        report::{self, Report},
        report_text::{self, COMPARED, Categories},
    },
    store::Batch,
    views::{
        Event, Source, View,
        day_totals::DayTotals,
        figures_merger::Summary,
        shop_figures::ReportNote,
        table::{Saved, Table},
    },
};

/// Every day's totals. All are kept, since a late order may revise any of them.
#[derive(Debug, Clone, Default)]
pub struct DailyReport {
    days: Table<NaiveDate, DayTotals>,
}

impl DailyReport {
    /// The days with orders, oldest first.
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

/// Today's figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Which day.
    pub date: NaiveDate,
    /// Its totals.
    pub today: DayTotals,
}

impl Contribution for Figures {
    fn add_to(&self, shop: &mut Summary) {
        // Yesterday's last figures are of another day.
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

    fn files(setting: &FileSetting<'_>) -> ReportFiles {
        ReportFiles::new(setting.catalog, setting.lang)
    }
}

/// Days without orders get a report, too, in gaps of at most so many days.
const GAP: u64 = 400;

/// The days before `today`: those on which the shop is known to have been open, and the days without sales in between.
pub fn closed(open: BTreeSet<NaiveDate>, today: NaiveDate) -> BTreeSet<NaiveDate> {
    let mut days: BTreeSet<NaiveDate> = open.into_iter().filter(|date| *date < today).collect();
    let mut ends: Vec<NaiveDate> = days.iter().copied().collect();
    ends.push(today);
    for pair in ends.windows(2) {
        if let [from, to] = pair
            && u64::try_from((*to - *from).num_days()).is_ok_and(|gap| gap <= GAP)
        {
            days.extend(from.iter_days().take_while(|date| date < to));
        }
    }
    days
}

/// A report, as recorded in the checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Issue {
    totals: DayTotals,
    revision: u32,
    /// Whether the files are known to hold this.
    written: bool,
    /// Language of the text file; `None` if an earlier version wrote it.
    #[serde(default)]
    lang: Option<Lang>,
}

/// The daily reports.
#[derive(Debug, Default)]
pub struct ReportFiles {
    issues: BTreeMap<NaiveDate, Issue>,
    /// Days whose `written` is not in the checkpoint yet.
    noted: BTreeSet<NaiveDate>,
    /// The first day that the shop was seen.
    opened: Option<NaiveDate>,
    categories: Categories,
    lang: Lang,
}

impl ReportFiles {
    /// Reports in a language, with the categories of the products file.
    pub fn new(catalog: &Catalog, lang: Lang) -> Self {
        Self { categories: Categories::of(catalog), lang, ..Self::default() }
    }

    /// Marks the reports that compare their day with this one as unwritten.
    fn revise_compared(&mut self, date: NaiveDate, rows: &mut Batch) {
        for later in COMPARED.into_iter().filter_map(|days| date.checked_add_days(Days::new(days))) {
            if let Some(issue) = self.issues.get_mut(&later) {
                issue.written = false;
                self.store(later, rows);
            }
        }
    }

    /// The days before `closed_before` that should have a report.
    fn due(&self, orders: &BTreeMap<NaiveDate, DayTotals>, closed_before: NaiveDate) -> BTreeSet<NaiveDate> {
        let known = orders.keys().chain(self.issues.keys()).chain(self.opened.iter());
        closed(known.copied().collect(), closed_before)
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
            let issue = serde_json::from_slice(value).map_err(|error| error.to_string())?;
            self.issues.insert(date, issue);
        }
        Ok(())
    }

    fn reset(&mut self) {
        self.issues.clear();
        self.noted.clear();
        self.opened = None;
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
            // A day before the shop was first seen only has a report if it has orders.
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
            self.issues.insert(date, Issue { totals, revision, written: false, lang: Some(self.lang) });
            self.store(date, rows);
            self.revise_compared(date, rows);
        }
    }

    fn publish(&mut self, files: &mut dyn Files) -> io::Result<bool> {
        let is_due = |issue: &Issue| !issue.written || issue.lang != Some(self.lang);
        let due: Vec<NaiveDate> =
            self.issues.iter().filter(|(_, issue)| is_due(issue)).map(|(date, _)| *date).collect();
        for date in due {
            let Some(issue) = self.issues.get(&date) else { continue };
            let json = Report::new(date, &issue.totals, issue.revision).json();
            let of_day = |date| self.issues.get(&date).map(|issue| &issue.totals);
            let text = report_text::text(date, issue.revision, of_day, &self.categories, self.lang);
            files.replace(&report::text_file(date), text.as_bytes())?;
            files.replace(&report::json_file(date), json.as_bytes())?;
            if let Some(issue) = self.issues.get_mut(&date) {
                issue.written = true;
                issue.lang = Some(self.lang);
            }
            self.noted.insert(date);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        sinks::faulty_memory_files::{Disk, MemoryFiles},
        views::naive,
    };

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn sell(view: &mut DailyReport, order_id: u64, date: NaiveDate) {
        let zone = Zone::default();
        let noon = zone.start_of(date) + 12 * 3600;
        view.apply(&Event::Order(naive::order(order_id, noon, &[(1, 1, 1, 5_000)])), zone);
    }

    #[test]
    fn a_late_order_rewrites_the_reports_that_compare_with_its_day_also_after_a_kill() {
        let (first, next, week_after) = (date("2026-11-19"), date("2026-11-20"), date("2026-11-26"));
        let closed_before = Some(date("2026-11-27"));
        let mut view = DailyReport::default();
        for (order_id, date) in (1..).zip([first, next, week_after]) {
            sell(&mut view, order_id, date);
        }
        let disk = Disk::default();
        let mut files = MemoryFiles::new(&disk);
        let mut checkpoint = Batch::new();
        let mut output = ReportFiles::default();
        for _ in 0..2 {
            output.settle(&[&view], closed_before, &mut checkpoint);
            output.publish(&mut files).unwrap();
        }
        let json = |date| disk.read(&report::json_file(date)).unwrap();
        let before = [json(next), json(week_after)];

        sell(&mut view, 4, first);
        output.settle(&[&view], closed_before, &mut checkpoint);
        // Killed between checkpoint and files.
        let mut output = ReportFiles::default();
        for (key, value) in &checkpoint {
            output.restore(key, value.as_deref().unwrap()).unwrap();
        }
        output.publish(&mut files).unwrap();

        for date in [next, week_after] {
            let text = String::from_utf8(disk.read(&report::text_file(date)).unwrap()).unwrap();
            let row = text.lines().find(|line| line.starts_with("2026-11-19, ")).unwrap();
            let cells: Vec<&str> = row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
            assert_eq!(cells[1..], ["2", "−50,0\u{a0}%", "100,00 kr", "−50,0\u{a0}%"], "{text}");
        }
        assert_eq!([json(next), json(week_after)], before, "no revision of their own");
    }
}
