//! Every sentence on the screen, in the languages it can be read in.

mod en;
mod sv;

use super::{Lang, Words};
use crate::{
    dashboard::snapshot::Said,
    secrets,
    shop::money::{decimal, thousands},
};

impl Lang {
    /// The sentence in this language. It may hold text from outside: clean it before it is shown.
    pub fn say(self, said: &Said) -> String {
        let sentence = match self {
            Self::En => en::sentence(said),
            Self::Sv => sv::sentence(said),
        };
        secrets::hide(&sentence).into_owned()
    }
}

impl Words {
    /// The sentence in this language; see [`Lang::say`].
    pub fn say(&self, said: &Said) -> String {
        self.lang.say(said)
    }
}

/// `5` or `0,5`: orders a second.
fn rate(orders: f64) -> String {
    let text = decimal(orders, 1);
    text.strip_suffix(",0").map_or_else(|| text.clone(), str::to_owned)
}

/// A number with thousands apart.
fn many(number: impl TryInto<u64>) -> String {
    thousands(number.try_into().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each.
    fn all() -> Vec<Said> {
        let text = |text: &str| text.to_owned();
        vec![
            Said::Text(text("out of paper")),
            Said::KafkaAway,
            Said::KafkaBack,
            Said::Unreachable { bootstrap: text("127.0.0.1:9092"), reason: text("timed out") },
            Said::Restarted { view: "sales", why: text("it panicked") },
            Said::FilesDoNotFit { view: "mail" },
            Said::LogDoesNotFit { view: "stock", why: text("another log") },
            Said::NotSaved { view: "journal", why: text("the disk is full") },
            Said::TooManyWait { orders: 250_000 },
            Said::Behind { view: "sales", records: 12_345 },
            Said::CaughtUp,
            Said::ReportSaved { file: text("reports/2026-11-20.txt") },
            Said::ReportRevised { file: text("reports/2026-11-20.txt") },
            Said::Midnight { ended: chrono::NaiveDate::from_ymd_opt(2026, 11, 20).unwrap() },
            Said::SoldOut { product: text("Kopp"), under_way: 20, others: 0 },
            Said::SoldOut { product: text("Kopp"), under_way: 0, others: 2 },
            Said::SoldOut { product: text("Kopp"), under_way: 1_210, others: 1 },
            Said::Reordered { product: text("Kopp"), pieces: 30, others: 0 },
            Said::Reordered { product: text("Kopp"), pieces: 1_210, others: 1 },
            Said::Arrived { product: text("Kopp"), pieces: 531_250, others: 0 },
            Said::Arrived { product: text("Kopp"), pieces: 1, others: 3 },
            Said::Paused,
            Said::Resumed,
            Said::Stopped,
            Said::Rate(Some(0.5)),
            Said::Rate(Some(20_000.0)),
            Said::Rate(None),
            Said::RushBegan,
            Said::RushEnded,
            Said::Filling,
            Said::SoldElsewhere { place: text("host (17)") },
            Said::TakenOver { by: text("host (18)") },
            Said::SimulatorFailed { why: text("refused") },
            Said::RealTime,
            Said::NobodySells,
            Said::NotWhilePaused,
            Said::NoRate,
            Said::AlmostMidnight,
            Said::PictureSaved { path: text("pictures/a") },
            Said::NotWritten { path: text("pictures"), why: text("no room") },
            Said::NoOrder { order_id: 7, topic: text("shop.orders") },
            Said::NotRead { why: text("timed out") },
            Said::NoReport { file: text("reports/2026-11-20.json"), out: text("out") },
            Said::ReportUnreadable { file: text("reports/2026-11-20.json"), why: text("line 1") },
            Said::BalanceBelowZero { product: text("Kopp"), others: 0 },
            Said::BalanceBelowZero { product: text("Kopp"), others: 4 },
            Said::OrdersDiffer { produced: 10, pending: 3, handled: 6 },
            Said::MailsDiffer { handled: 10, mails: 9 },
        ]
    }

    #[test]
    fn every_sentence_is_one_in_every_language() {
        let mut shown = String::new();
        for said in all() {
            for lang in Lang::ALL {
                let sentence = lang.say(&said);
                assert!(sentence.ends_with('.') || matches!(said, Said::Text(_)), "{sentence}");
                assert!(!sentence.contains(['{', '}', '\n']) && !sentence.contains("  "), "{sentence}");
                shown += &sentence;
                shown.push('\n');
            }
            assert!(matches!(said, Said::Text(_)) || Lang::En.say(&said) != Lang::Sv.say(&said), "{said}");
        }
        insta::assert_snapshot!(shown);
    }

    #[test]
    fn no_number_is_told_without_its_thousands_apart() {
        let text = |text: &str| text.to_owned();
        let many = 1_234_567;
        let (pieces, others, count) = (1_234_567, 1_234_567, 1_234_567);
        let product = || text("Kopp");
        let told = [
            Said::TooManyWait { orders: others },
            Said::Behind { view: "sales", records: count },
            Said::SoldOut { product: product(), under_way: 0, others },
            Said::SoldOut { product: product(), under_way: many, others },
            Said::Reordered { product: product(), pieces, others },
            Said::Arrived { product: product(), pieces, others },
            Said::Rate(Some(1_234_567.0)),
            Said::BalanceBelowZero { product: product(), others },
            Said::OrdersDiffer { produced: count, pending: count, handled: count },
            Said::MailsDiffer { handled: count, mails: count },
        ];
        for (said, lang) in told.iter().flat_map(|said| Lang::ALL.map(|lang| (said, lang))) {
            let sentence = lang.say(said);
            let digits = sentence.split(|c: char| !c.is_ascii_digit());
            assert!(digits.clone().any(|group| !group.is_empty()), "{sentence}");
            assert!(digits.clone().all(|group| group.len() <= 3), "{sentence}");
        }
    }
}
