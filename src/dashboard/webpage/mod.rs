//! The day as a web page, for those who were not there: a single file without scripts, fonts or links.

mod chart;
mod tables;
#[cfg(test)]
mod tests;

use std::fmt::Write;

use chrono::{Datelike, Timelike};

use self::chart::{Bar, Chart};
use super::{lang::Words, screenshot::escape, snapshot::ShelfPlan};
use crate::{
    messages::{Lang, Sentence},
    shop::{
        Zone,
        number_format::{signed, thousands},
    },
    views::shop_figures::{Audit, SLOT_SECONDS, ShopFigures},
};

const STYLE: &str = include_str!("style.css");

/// Slots between two hour labels of a day's chart.
const HOURS: usize = 3 * 12;

/// Seconds of the longest day: 25 hours, at the end of daylight saving time.
const LONGEST_DAY: i64 = 25 * 3600;

/// The content of a page.
#[derive(Debug, Clone, Copy)]
pub struct Day<'a> {
    /// The shop's figures.
    pub figures: &'a ShopFigures,
    /// The shop's time zone.
    pub zone: Zone,
    /// The products file's plan of each product.
    pub shelf: &'a [ShelfPlan],
    /// Customers who left without buying, since the shop opened.
    pub lost_sales: u64,
    /// A problem with the figures.
    pub trouble: Option<&'a Sentence>,
}

/// A day and the texts for it.
struct Page<'a> {
    day: Day<'a>,
    words: &'static Words,
}

/// Renders the page of the shop's figures.
pub fn render(day: Day<'_>, lang: Lang) -> String {
    let page = Page { day, words: lang.words() };
    let (words, figures, zone) = (page.words, day.figures, day.zone);
    let now = zone.at(figures.shop_second);
    let (date, time) = (words.date(&now), format!("{:02}:{:02}", now.hour(), now.minute()));
    let orders = page.over_the_day(
        words.orders,
        "orders",
        figures.orders_by_slot.iter().map(|n| (*n as f64, thousands(*n))),
    );
    let kr = |ore: &i64| ((*ore).max(0) as f64 / 100.0, lang.kronor(*ore));
    let sales = page.over_the_day(words.sales_today, "money", figures.sales_by_slot.iter().map(kr));
    let mut body = format!(
        "<header><h1>shop-sim</h1><span class=\"when\">{time}</span><span class=\"date\">{} {date}</span>{}</header>\n{}",
        words.weekday(now.weekday()),
        page.age(),
        page.sums()
    );
    body += &orders;
    body += &sales;
    body += &page.handled();
    body += "<div class=\"pair\">\n";
    for (title, table, empty) in [
        (words.pages.sold_today, tables::products(&page), figures.products_today.is_empty()),
        (words.stock, tables::stock(&page), figures.stock.is_empty()),
    ] {
        body += &section(title, "", if empty { words.no_stock } else { &table });
    }
    body += "</div>\n";
    if !figures.reports.is_empty() {
        body += &section(words.pages.days, "", &tables::days(&page));
    }
    body += &page.audit();
    format!(
        "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>shop-sim {} {time}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n",
        words.code, figures.today
    )
}

impl Page<'_> {
    /// The age of the figures, if they are no longer published, and why.
    fn age(&self) -> String {
        let (told, words) = (self.day.figures.told_until, self.words);
        let of = told.map(|told| format!("{} {}", words.as_of, self.day.zone.at(told).format("%H:%M:%S")));
        let why = self.day.trouble.map(|trouble| words.say(trouble));
        of.into_iter().chain(why).fold(String::new(), |mut spans, text| {
            let _ = write!(spans, "<span class=\"out\">{}</span>", escape(&text));
            spans
        })
    }

    fn sums(&self) -> String {
        let (figures, words) = (self.day.figures, self.words);
        let handled_today = figures.handled.by_day.get(&figures.today).copied().unwrap_or(0);
        let sums = [
            (words.orders, "orders", thousands(figures.orders_today)),
            (words.sales_today, "money", words.lang.kronor(figures.sales_today_ore)),
            (words.last_hour, "money", words.lang.kronor(figures.sales_last_hour_ore)),
            (words.pages.handled_today, "handled", thousands(handled_today)),
            (words.pending, "", thousands(figures.pending)),
        ];
        let mut list = "<dl class=\"sums\">\n".to_owned();
        for (title, class, sum) in sums {
            let _ = writeln!(list, "<div><dt>{}</dt><dd class=\"{class}\">{sum}</dd></div>", escape(title));
        }
        list + "</dl>\n"
    }

    /// A chart of the day in five-minute slots: each with its value and its text.
    fn over_the_day(&self, title: &str, class: &str, slots: impl Iterator<Item = (f64, String)>) -> String {
        let start = self.day.zone.start_of(self.day.figures.today);
        let end = self.day.zone.end_of(self.day.figures.today);
        let time = |slot: usize| {
            let second = start.saturating_add(i64::try_from(slot).unwrap_or(0).saturating_mul(SLOT_SECONDS));
            let time = self.day.zone.at(second);
            format!("{:02}:{:02}", time.hour(), time.minute())
        };
        let bars: Vec<Bar> = slots
            .enumerate()
            .map(|(slot, (value, text))| Bar { value, says: format!("{}: {text}", time(slot)) })
            .collect();
        // The last date of the calendar has no computable end.
        let long = end.saturating_sub(start).min(LONGEST_DAY);
        let room = usize::try_from(long / SLOT_SECONDS).unwrap_or(0);
        let marks: Vec<_> = (0..room).step_by(HOURS).map(|slot| (slot, time(slot))).collect();
        let chart = Chart { class, about: title, bars: &bars, room, marks: &marks, mean: None };
        let unit = if class == "money" { "kr, " } else { "" };
        section(title, &format!("{unit}{}", self.scale(chart.top())), &chart.html())
    }

    fn handled(&self) -> String {
        let (handled, words) = (&self.day.figures.handled, self.words);
        let ago = |interval: usize| i64::try_from(interval * 5).unwrap_or(0) - 120;
        let bars: Vec<Bar> = handled
            .intervals
            .iter()
            .enumerate()
            .map(|(interval, count)| Bar {
                value: *count as f64,
                says: format!("{} min: {}", ago(interval), thousands(*count)),
            })
            .collect();
        let marks = [(0, "−2 h".to_owned()), (12, "−1 h".to_owned()), (24, words.now.to_owned())];
        let mean = Some(handled.mean_per_5_min());
        let chart =
            Chart { class: "handled", about: words.handled, bars: &bars, room: 24, marks: &marks, mean };
        let mut windows = String::new();
        for (name, count) in [
            ("5 min", handled.last_5_min),
            ("30 min", handled.last_30_min),
            ("1 h", handled.last_1_h),
            ("2 h", handled.last_2_h),
        ] {
            let _ = write!(windows, "{name} <b>{}</b> &nbsp; ", thousands(count));
        }
        let mean = words.lang.decimal(handled.mean_per_5_min(), 2);
        let _ = write!(windows, "{} <b>{mean}</b> {} 5 min", words.mean, words.per);
        let inside = format!("{}<p class=\"note\">{windows}</p>\n", chart.html());
        section(words.handled, &self.scale(chart.top()), &inside)
    }

    /// `0–150 per 5 min`: the value of a full-height bar.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 4 up, and `as` saturates"
    )]
    fn scale(&self, top: f64) -> String {
        format!("0–{} {} 5 min", thousands(top.round() as u64), self.words.per)
    }

    /// The sums that must add up.
    fn audit(&self) -> String {
        let (figures, words) = (self.day.figures, self.words);
        let (delivered, sold) = figures.stock.iter().fold((0_i64, 0_i64), |(delivered, sold), line| {
            (delivered.saturating_add(line.delivered), sold.saturating_add(line.sold))
        });
        let balance = delivered.saturating_sub(sold);
        format!(
            "<p class=\"audit\"><b>{}</b> {} {} <b>{}</b> {} + <b>{}</b> {} &nbsp;·&nbsp; <b>{}</b> {} − <b>{}</b> {} = <b>{}</b> {} &nbsp;·&nbsp; {} {} · {} {} · {} {}</p>\n",
            thousands(figures.produced),
            words.produced,
            // Consumers may differ for a moment.
            if Audit::of(figures).adds_up() { '=' } else { '≈' },
            thousands(figures.pending),
            words.pending,
            thousands(figures.handled.total),
            words.all_handled,
            signed(delivered),
            words.delivered,
            signed(sold),
            words.sold,
            signed(balance),
            words.in_stock,
            thousands(figures.duplicates),
            words.duplicates.of(figures.duplicates),
            thousands(figures.dead_letters),
            words.dead_letters.of(figures.dead_letters),
            thousands(self.day.lost_sales),
            words.lost_sales.of(self.day.lost_sales),
        )
    }
}

fn section(title: &str, note: &str, inside: &str) -> String {
    format!(
        "<section>\n<h2><span>{}</span><span class=\"note\">{}</span></h2>\n{inside}</section>\n",
        escape(title),
        escape(note)
    )
}
