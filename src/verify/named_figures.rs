//! Figures by name, so that any two of a kind can be compared.

use std::{collections::BTreeMap, fmt::Display};

use chrono::NaiveDate;

use crate::{
    consumers::{Contribution, PartFigures, Recount, daily_report, mail, orders_today, sales, stock},
    handling::Resume,
    views::shop_figures::HandledFigures,
};

/// Seconds of a slot of the charts.
pub(super) const SLOT: i64 = 300;

/// The windows over handled orders, in seconds.
pub(super) const WINDOWS: [(i64, &str); 4] = [(300, "5 min"), (1800, "30 min"), (3600, "1 h"), (7200, "2 h")];

/// Values by the name of the figure.
pub(super) type NamedFigures = BTreeMap<String, String>;

pub(super) fn fact(what: impl Into<String>, value: impl Display) -> (String, String) {
    (what.into(), format!("{value}"))
}

pub(super) fn day_key(date: NaiveDate) -> String {
    format!("the day {date}")
}

pub(super) fn slot_key(slot: i64) -> String {
    format!("the five minutes from second {}", slot.saturating_mul(SLOT))
}

pub(super) fn wait_key(seconds: i64) -> String {
    format!("handled after {seconds} s")
}

pub(super) fn product_facts(id: u64, units: i64, sales_ore: i64, name: &str) -> [(String, String); 3] {
    [
        fact(format!("units of product {id}"), units),
        fact(format!("sales of product {id}"), sales_ore),
        fact(format!("name of product {id}"), name),
    ]
}

pub(super) fn intervals(counts: &[u64; 24]) -> impl Iterator<Item = (String, String)> + '_ {
    counts
        .iter()
        .zip(1..)
        .map(|(count, number)| fact(format!("handled in five-minute interval {number}"), count))
}

/// Published figures, by name.
pub(super) fn said(figures: &PartFigures) -> NamedFigures {
    let mut facts = NamedFigures::new();
    match figures.recount() {
        Recount::OrdersToday(orders_today::Figures { days, slots }) => {
            facts.extend(days.iter().map(|(date, count)| fact(day_key(*date), count)));
            facts.extend(slots.iter().map(|(slot, count)| fact(slot_key(*slot), count)));
        }
        Recount::Sales(sales::Figures { days, slots, last_hour_ore }) => {
            facts.extend(days.iter().map(|(date, ore)| fact(day_key(*date), ore)));
            facts.extend(slots.iter().map(|(slot, ore)| fact(slot_key(*slot), ore)));
            facts.extend([fact("the last hour", last_hour_ore)]);
        }
        Recount::DailyReport(daily_report::Figures { today, .. }) => {
            facts.extend([fact("orders", today.orders), fact("sales", today.sales_ore)]);
            facts.extend(today.products.iter().flat_map(|(id, product)| {
                product_facts(*id, product.units, product.sales_ore, &product.name)
            }));
        }
        Recount::Stock(stock::Figures { lines }) => facts.extend(lines.iter().flat_map(|line| {
            let id = line.product_id;
            [
                fact(format!("sold of product {id}"), line.sold),
                fact(format!("delivered of product {id}"), line.delivered),
            ]
        })),
        Recount::Handling(Resume { figures, .. }) => facts.extend([
            fact("orders", figures.accepted),
            fact("duplicates", figures.duplicates),
            fact("dead letters", figures.dead_letters),
            fact("handled", figures.handled),
        ]),
        Recount::Mail(mail::Figures { mails, .. }) => facts.extend([fact("mails", mails)]),
        Recount::HandledWindows(windows) => {
            let HandledFigures { total, last_5_min, last_30_min, last_1_h, last_2_h, .. } = &**windows;
            facts.extend([fact("handled", total)]);
            let last = WINDOWS.iter().zip([last_5_min, last_30_min, last_1_h, last_2_h]);
            facts.extend(last.map(|((_, name), count)| fact(format!("handled in {name}"), count)));
            facts.extend(intervals(&windows.intervals));
            facts.extend(windows.waits.counts().map(|(seconds, count)| fact(wait_key(seconds), count)));
        }
        Recount::Journal | Recount::None => {}
    }
    facts
}
