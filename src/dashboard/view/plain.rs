//! The shop in lines of text, for screen readers and logs.

use chrono::Timelike;

use super::number::{Numbers, signed};
use crate::{
    dashboard::{lang::Words, snapshot::Snapshot},
    messages::{Sentence, Severity, sanitize::clean},
    views::shop_figures::{Audit, StockLine},
};

/// The longest line, in columns.
const LONGEST: usize = 400;

/// What was already reported.
#[derive(Debug, Default)]
pub(in super::super) struct Told {
    /// The highest reported message number.
    messages: u64,
    alarms: Vec<Sentence>,
}

impl Told {
    /// A line for each new alarm and message, in order.
    pub(in super::super) fn news(&mut self, words: &Words, shop: &Snapshot) -> Vec<String> {
        let mut lines = Vec::new();
        for alarm in shop.alarms.iter().filter(|alarm| !self.alarms.contains(alarm)) {
            lines.push(line(shop, shop.figures.shop_second, words.alarm, &words.say(alarm)));
        }
        self.alarms.clone_from(&shop.alarms);
        for message in shop.messages.iter().filter(|message| message.number > self.messages) {
            let grave = if message.severity == Severity::Info { "" } else { "!" };
            lines.push(line(shop, message.shop_second, grave, &words.say(&message.sentence)));
        }
        self.messages = shop.messages.last().map_or(self.messages, |last| last.number.max(self.messages));
        lines
    }
}

/// The figures in one line.
pub(in super::super) fn figures(words: &Words, shop: &Snapshot) -> String {
    let (figures, numbers) = (&shop.figures, Numbers::of(words.lang));
    let count = |value: u64| numbers.count(signed(value), 30);
    let pieces = figures.stock.iter().map(StockLine::balance).fold(0_i64, i64::saturating_add);
    let text = [
        format!("{} {}", words.orders, count(figures.orders_today)),
        format!("{} {}", words.sales_today, numbers.kronor(figures.sales_today_ore, 40)),
        format!("{} {}", words.last_hour, numbers.kronor(figures.sales_last_hour_ore, 40)),
        format!("{} {}", count(shop.audit.pending), words.pending),
        format!("{} {}", count(shop.audit.handled), words.all_handled),
        format!("{} {}", numbers.count(pieces, 30), words.in_stock),
        format!("{} {}", numbers.decimal(shop.orders_per_second), words.orders_a_second),
    ];
    let Audit { behind, behind_for, .. } = shop.audit;
    let lag = (behind > 0).then(|| format!("{} ({behind_for} s)", words.lag_of(&count(behind), behind)));
    let text: Vec<String> = text.into_iter().chain(lag).collect();
    line(shop, figures.shop_second, "", &text.join(", "))
}

/// A line that starts with the shop's time.
fn line(shop: &Snapshot, shop_second: i64, mark: &str, text: &str) -> String {
    let time = shop.zone.at(shop_second);
    let gap = if mark.is_empty() { "" } else { " " };
    let text = clean(text, LONGEST);
    format!("{:02}:{:02}:{:02}  {mark}{gap}{text}", time.hour(), time.minute(), time.second())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{dashboard::fixture, messages::Lang};

    #[test]
    fn what_is_new_is_told_once_and_the_figures_are_those_of_the_picture() {
        let (words, mut shop) = (Lang::En.words(), fixture::afternoon());
        let mut told = Told::default();
        let first = told.news(words, &shop);
        assert_eq!(first.len(), shop.messages.len() + shop.alarms.len());
        assert!(told.news(words, &shop).is_empty());
        let mut message = shop.messages.last().unwrap().clone();
        (message.number, message.severity) = (message.number + 1, Severity::Warning);
        message.sentence = Sentence::RushBegan;
        shop.messages.push(message);
        let [line] = &told.news(words, &shop)[..] else { panic!("one line") };
        assert!(line.ends_with("  ! A rush: ten times as many customers for fifteen seconds."), "{line}");
        let line = figures(words, &shop);
        let orders = clean(&Numbers::of(Lang::En).count(signed(shop.figures.orders_today), 30), LONGEST);
        assert!(line.contains(&format!("  Orders since midnight {orders}, Sales today ")), "{line}");
        assert!(line.contains(" pending, ") && line.ends_with("orders/s"), "{line}");
    }

    #[test]
    fn nothing_hostile_comes_through() {
        let (words, mut shop) = (Lang::En.words(), fixture::afternoon());
        shop.alarms = vec![Sentence::from("a\u{1b}[2Jb\nc".to_owned())];
        let lines = Told::default().news(words, &shop);
        assert!(lines.iter().all(|line| !line.chars().any(char::is_control)), "{lines:?}");
    }
}
