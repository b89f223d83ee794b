//! All text on the screen, in each language.

mod en;
mod exit_summary;
mod pages;
mod speaker_notes;
mod sv;

use chrono::{Datelike, Weekday};

pub use self::{
    en::EN,
    exit_summary::{ExitSummary, Tally},
    pages::PageWords,
    speaker_notes::SpeakerNotes,
    sv::SV,
};
use super::{page::Page, snapshot::Step};
use crate::messages::{Lang, Sentence};

impl Lang {
    /// The texts of the language.
    pub fn words(self) -> &'static Words {
        match self {
            Self::En => &EN,
            Self::Sv => &SV,
        }
    }
}

/// A noun after a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// The singular.
    pub one: &'static str,
    /// The plural.
    pub many: &'static str,
}

impl Unit {
    /// The form for a count.
    pub fn of(self, count: u64) -> &'static str {
        if count == 1 { self.one } else { self.many }
    }
}

/// The texts of one language.
#[derive(Debug)]
pub struct Words {
    /// The language.
    pub lang: Lang,
    /// Monday to Sunday.
    pub weekdays: [&'static str; 7],
    /// January to December.
    pub months: [&'static str; 12],
    /// January to December, three letters.
    pub months_short: [&'static str; 12],

    /// Shop time is wall time.
    pub real_time: &'static str,
    /// Health: a past period is being backfilled, as fast as Kafka takes orders.
    pub filling: &'static str,
    /// Health: the simulator sells.
    pub running: &'static str,
    /// Health: the simulator is paused.
    pub paused: &'static str,
    /// Health: the simulator has stopped.
    pub stopped: &'static str,
    /// Health: Kafka does not respond.
    pub no_kafka: &'static str,
    /// Health: a publisher of figures has gone silent.
    pub stale: &'static str,
    /// Health: a rush of customers.
    pub rush: &'static str,
    /// Health: no simulator was seen yet.
    pub waiting: &'static str,
    /// Before the time of figures that are no longer published.
    pub as_of: &'static str,
    /// The frame is frozen.
    pub frozen: &'static str,
    /// Before the past moment that is shown.
    pub at: &'static str,
    /// The logs are read for a past moment.
    pub reading: &'static str,
    /// The figures of a past moment are computed.
    pub computing: &'static str,
    /// `340 000 of 1 000 000 records`: between the numbers.
    pub out_of: &'static str,
    /// Instead of data not recorded for a past moment.
    pub unrecorded: &'static str,
    /// Kafka runs inside a shop-sim process.
    pub embedded: &'static str,
    /// `4,8 orders/s`.
    pub orders_a_second: &'static str,
    /// The same if shop time is not wall time.
    pub orders_a_real_second: &'static str,
    /// Orders per hour of shop time.
    pub shop_time: &'static str,
    /// The target rate.
    pub target: &'static str,
    /// An unlimited target rate.
    pub as_fast_as_possible: &'static str,

    /// Title: orders since 00:00.
    pub orders: &'static str,
    /// Title: sales since 00:00.
    pub sales_today: &'static str,
    /// Title: sales of the last hour.
    pub last_hour: &'static str,
    /// Title: handled orders.
    pub handled: &'static str,
    /// Title: stock.
    pub stock: &'static str,
    /// Title: the order feed.
    pub latest: &'static str,
    /// Title: the order feed, short form.
    pub latest_short: &'static str,
    /// Title: messages.
    pub messages: &'static str,
    /// Title: key bindings.
    pub keys: &'static str,

    /// `per` of `per 20 min`.
    pub per: &'static str,
    /// Mean per five minutes over the last two hours.
    pub mean: &'static str,
    /// Orders not handled yet.
    pub pending: &'static str,
    /// The day before.
    pub yesterday: &'static str,
    /// Title: the orders of the last minute of wall time.
    pub last_minute: &'static str,
    /// Now, at the end of a time axis.
    pub now: &'static str,

    /// No piece left.
    pub sold_out: &'static str,
    /// `and 13 more`: before the number.
    pub and: &'static str,
    /// `and 13 more`: after the number.
    pub more: &'static str,
    /// Pieces on their way, in the title of the stock.
    pub on_the_way: &'static str,

    /// Stage of an order.
    pub stage_sold: &'static str,
    /// Stage of an order.
    pub stage_handled: &'static str,
    /// For many orders.
    pub all_handled: &'static str,
    /// Stage of an order.
    pub stage_mailed: &'static str,
    /// Pieces, short.
    pub pieces: Unit,

    /// No messages yet.
    pub no_messages: &'static str,
    /// No orders yet.
    pub no_orders: &'static str,
    /// No products yet.
    pub no_stock: &'static str,

    /// Audit: orders produced.
    pub produced: &'static str,
    /// Audit: pieces delivered, short.
    pub delivered_short: &'static str,
    /// Audit: pieces sold, short.
    pub sold_short: &'static str,
    /// Audit: pieces delivered.
    pub delivered: &'static str,
    /// Audit: pieces sold.
    pub sold: &'static str,
    /// Audit: pieces on the shelves.
    pub in_stock: &'static str,
    /// Records not read yet.
    pub lag: &'static str,
    /// The unit of lag.
    pub records: Unit,
    /// Audit: before the lag while consumers catch up.
    pub catching_up: &'static str,
    /// Audit: before the lag if a consumer does not run.
    pub nobody_reads: &'static str,
    /// Audit: duplicates.
    pub duplicates: Unit,
    /// Audit: dead letters.
    pub dead_letters: Unit,
    /// Customers who left without buying.
    pub lost_sales: Unit,
    /// A title of an alarm.
    pub alarm: &'static str,

    /// The names of the pages, in the order of their keys.
    pub page_names: [&'static str; Page::ALL.len()],
    /// Name of a key.
    pub key_space: &'static str,
    /// Name of a key.
    pub key_enter: &'static str,
    /// Key hint.
    pub do_quit: &'static str,
    /// Key hint.
    pub do_pause: &'static str,
    /// Key hint.
    pub do_resume: &'static str,
    /// Key hint.
    pub do_rate: &'static str,
    /// Key hint.
    pub do_freeze: &'static str,
    /// Key hint.
    pub do_unfreeze: &'static str,
    /// Key hint.
    pub do_help: &'static str,
    /// Key hint.
    pub do_back: &'static str,
    /// Key hint.
    pub do_focus: &'static str,
    /// Key hint.
    pub do_enlarge: &'static str,
    /// Key hint.
    pub do_shrink: &'static str,
    /// Key hint.
    pub do_follow: &'static str,
    /// Key hint.
    pub do_read: &'static str,
    /// Key hint.
    pub do_break: &'static str,
    /// Key hint.
    pub do_victim: &'static str,
    /// Key hint.
    pub do_choose: &'static str,
    /// Key hint.
    pub do_filter: &'static str,
    /// Key hint.
    pub do_sort: &'static str,
    /// Key hint.
    pub do_span: &'static str,
    /// Key hint.
    pub do_rewind: &'static str,
    /// Key hint.
    pub do_midnight: &'static str,
    /// Key hint.
    pub do_rush: &'static str,
    /// Key hint.
    pub do_save: &'static str,
    /// Key hint.
    pub do_keep: &'static str,
    /// Key hint.
    pub do_clear: &'static str,
    /// What the keys do, at length.
    pub about_quit: &'static str,
    /// What the keys do, at length.
    pub about_help: &'static str,
    /// What the keys do, at length.
    pub about_back: &'static str,
    /// What the keys do, at length.
    pub about_pages: &'static str,
    /// What the keys do, at length.
    pub about_focus: &'static str,
    /// What the keys do, at length.
    pub about_enter: &'static str,
    /// What the keys do, at length.
    pub about_choose: &'static str,
    /// What the keys do, at length.
    pub about_filter: &'static str,
    /// What the keys do, at length.
    pub about_sort: &'static str,
    /// What the keys do, at length.
    pub about_span: &'static str,
    /// What the keys do, at length.
    pub about_now: &'static str,
    /// What the keys do, at length.
    pub about_minute: &'static str,
    /// What the keys do, at length.
    pub about_hour: &'static str,
    /// What the keys do, at length.
    pub about_midnight: &'static str,
    /// What the keys do, at length.
    pub about_rush: &'static str,
    /// What the keys do, at length.
    pub about_pause: &'static str,
    /// What the keys do, at length.
    pub about_rate: &'static str,
    /// What the keys do, at length.
    pub about_freeze: &'static str,
    /// What the keys do, at length.
    pub about_save: &'static str,
    /// What the keys do, at length.
    pub about_suspend: &'static str,
    /// What the keys do, at length.
    pub about_keep: &'static str,
    /// What the keys do, at length.
    pub about_clear: &'static str,
    /// What the keys do, at length.
    pub about_erase: &'static str,
    /// Why a key did nothing.
    pub notice_real_time: &'static str,
    /// Why a key did nothing.
    pub notice_nobody_sells: &'static str,
    /// Why a key did nothing: a past moment is on the screen.
    pub notice_past: &'static str,
    /// Why a key did nothing.
    pub notice_no_shell: &'static str,
    /// Why a key did nothing: the list is empty.
    pub notice_nothing_to_open: &'static str,
    /// Why a key did nothing: no panel has the focus.
    pub notice_no_panel: &'static str,
    /// Why a key did nothing: there is no higher rate.
    pub notice_fastest: &'static str,
    /// Why a key did nothing: there is no lower rate.
    pub notice_slowest: &'static str,
    /// A presenter's lines.
    pub speech: SpeakerNotes,

    /// The language's code (BCP 47).
    pub code: &'static str,

    /// The window is too small: before the required size.
    pub needs_at_least: &'static str,
    /// The window is too small: before its size.
    pub this_one_is: &'static str,

    /// The pages beside the overview.
    pub pages: PageWords,
}

impl Words {
    /// What is done on the way to a past moment.
    pub(super) fn doing(&self, step: Step) -> &'static str {
        match step {
            Step::Read => self.reading,
            Step::Compute => self.computing,
        }
    }

    /// `340 000 of 1 000 000 records`, with `done` and `all` as the numbers.
    pub(super) fn of_all(&self, done: &str, all: &str, records: u64) -> String {
        format!("{done} {} {all} {}", self.out_of, self.records.of(records))
    }

    /// `lag 226 records`, with `figure` as the number.
    pub(super) fn lag_of(&self, figure: &str, records: u64) -> String {
        format!("{} {figure} {}", self.lag, self.records.of(records))
    }

    /// The sentence as text; see [`Lang::say`].
    pub fn say(&self, sentence: &Sentence) -> String {
        self.lang.say(sentence)
    }

    /// The day's name.
    pub fn weekday(&self, day: Weekday) -> &'static str {
        // `num_days_from_monday` is 0 to 6.
        self.weekdays.get(day.num_days_from_monday() as usize).copied().unwrap_or_default()
    }

    /// `20 November 2026`.
    pub fn date(&self, date: &impl Datelike) -> String {
        format!("{} {} {}", date.day(), month(&self.months, date), date.year())
    }

    /// `20 Nov`.
    pub fn date_short(&self, date: &impl Datelike) -> String {
        format!("{} {}", date.day(), month(&self.months_short, date))
    }
}

fn month(names: &[&'static str; 12], date: &impl Datelike) -> &'static str {
    // `month0` is 0 to 11.
    names.get(date.month0() as usize).copied().unwrap_or_default()
}
