//! The words of every sentence, in the languages it can be read in.

mod en;
mod sv;

use crate::{
    messages::Sentence,
    secrets,
    shop::number_format::{self, thousands},
};

/// A language that people read.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Swedish.
    Sv,
}

impl Lang {
    /// All languages.
    pub const ALL: [Self; 2] = [Self::En, Self::Sv];

    /// Renders a message. It may contain outside text: sanitize it before it is shown.
    pub fn say(self, sentence: &Sentence) -> String {
        let words = match self {
            Self::En => en::words(sentence),
            Self::Sv => sv::words(sentence),
        };
        secrets::hide(&words).into_owned()
    }

    /// The decimal separator.
    pub fn decimal_mark(self) -> char {
        match self {
            Self::En => '.',
            Self::Sv => ',',
        }
    }

    /// Whole öre as kronor: `12 345.67 kr`.
    pub fn kronor(self, ore: i64) -> String {
        number_format::kronor_with(ore, self.decimal_mark())
    }

    /// A fraction, 0 or more, with so many decimals: `12 345.67`.
    pub fn decimal(self, number: f64, places: usize) -> String {
        number_format::decimal(number, places, self.decimal_mark())
    }

    /// `5` or `0.5`: orders a second.
    fn rate(self, orders: f64) -> String {
        let text = self.decimal(orders, 1);
        let whole = text.strip_suffix('0').and_then(|text| text.strip_suffix(self.decimal_mark()));
        whole.unwrap_or(&text).to_owned()
    }
}

/// A number with grouped thousands.
fn many(number: impl TryInto<u64>) -> String {
    thousands(number.try_into().unwrap_or(0))
}

/// `One: a.`, `Many: a, b.`
fn naming(one: &str, several: &str, names: &[String]) -> String {
    format!("{}: {}.", if names.len() == 1 { one } else { several }, names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each.
    fn all() -> Vec<Sentence> {
        let text = |text: &str| text.to_owned();
        vec![
            Sentence::Text(text("out of paper")),
            Sentence::KafkaAway,
            Sentence::KafkaBack,
            Sentence::NobodyRuns { view: "sales", others: 0 },
            Sentence::NobodyRuns { view: "sales", others: 1 },
            Sentence::NobodyRuns { view: "orders-today", others: 7 },
            Sentence::RunAgain,
            Sentence::Unreachable { bootstrap: text("127.0.0.1:9092"), reason: text("timed out") },
            Sentence::Disagrees {
                flag: text("tz"),
                kept: text("Europe/Stockholm"),
                ours: text("Asia/Tokyo"),
            },
            Sentence::FolderCopied { instance: text("0123456789abcdef") },
            Sentence::ShelfDiffers { product: text("Mugg"), shelf: 6, balance: -7, others: 2 },
            Sentence::Restarted { view: "sales", why: text("it panicked") },
            Sentence::FilesDoNotFit { view: "mail" },
            Sentence::LogDoesNotFit { view: "stock", why: text("another log") },
            Sentence::NotSaved { view: "journal", why: text("the disk is full") },
            Sentence::Unopened { why: text("Local: Not implemented") },
            Sentence::TooManyWait { orders: 250_000 },
            Sentence::Behind { view: "sales", records: 12_345 },
            Sentence::CaughtUp,
            Sentence::ReportSaved { file: text("reports/2026-11-20.txt") },
            Sentence::ReportRevised { file: text("reports/2026-11-20.txt") },
            Sentence::Midnight { ended: chrono::NaiveDate::from_ymd_opt(2026, 11, 20).unwrap() },
            Sentence::SoldOut { product: text("Kopp"), under_way: 20, others: 0 },
            Sentence::SoldOut { product: text("Kopp"), under_way: 0, others: 2 },
            Sentence::SoldOut { product: text("Kopp"), under_way: 1_210, others: 1 },
            Sentence::Reordered { product: text("Kopp"), pieces: 30, others: 0 },
            Sentence::Reordered { product: text("Kopp"), pieces: 1_210, others: 1 },
            Sentence::Arrived { product: text("Kopp"), pieces: 531_250, others: 0 },
            Sentence::Arrived { product: text("Kopp"), pieces: 1, others: 3 },
            Sentence::Paused,
            Sentence::Resumed,
            Sentence::GoesOn { records: 1_204, lost: 0 },
            Sentence::GoesOn { records: 1, lost: 2 },
            Sentence::Stopped,
            Sentence::Rate(Some(0.5)),
            Sentence::Rate(Some(20_000.0)),
            Sentence::Rate(None),
            Sentence::RushBegan,
            Sentence::RushEnded,
            Sentence::CampaignsBegan { names: vec![text("Black Week")] },
            Sentence::CampaignsEnded { names: vec![text("Black Week"), text("Kaffekväll")] },
            Sentence::Filling,
            Sentence::SoldElsewhere { place: text("host (17)") },
            Sentence::TakenOver { by: text("host (18)") },
            Sentence::SimulatorFailed { why: text("refused") },
            Sentence::RealTime,
            Sentence::NobodySells,
            Sentence::NotWhilePaused,
            Sentence::NoRate,
            Sentence::AlmostMidnight,
            Sentence::FaultBegan { fault: text("kill:sales") },
            Sentence::FaultHealed { fault: text("cut"), took: std::time::Duration::from_millis(1_420) },
            Sentence::FaultUnderWay,
            Sentence::FaultElsewhere,
            Sentence::FaultNoFiles { view: "sales" },
            Sentence::FaultNotOwnBroker,
            Sentence::FaultRealShop,
            Sentence::FaultRule { ids: text("ascending") },
            Sentence::FaultNotWritten { why: text("timed out") },
            Sentence::PictureSaved { path: text("pictures/a") },
            Sentence::NotWritten { path: text("pictures"), why: text("no room") },
            Sentence::NoOrder { order_id: 7, topic: text("shop.orders") },
            Sentence::NotRead { why: text("timed out") },
            Sentence::StillToCome { now: text("2026-11-20 14:00:00") },
            Sentence::NothingBefore { first: text("2026-11-20 08:00:00") },
            Sentence::NothingYet,
            Sentence::NoReport { file: text("reports/2026-11-20.json"), out: text("out") },
            Sentence::ReportUnreadable { file: text("reports/2026-11-20.json"), why: text("line 1") },
            Sentence::BalanceBelowZero { product: text("Kopp"), others: 0 },
            Sentence::BalanceBelowZero { product: text("Kopp"), others: 4 },
            Sentence::OrdersDiffer { produced: 10, pending: 3, handled: 6 },
            Sentence::MailsDiffer { handled: 10, mails: 9 },
        ]
    }

    #[test]
    fn every_sentence_is_one_in_every_language() {
        let mut shown = String::new();
        for sentence in all() {
            for lang in Lang::ALL {
                let words = lang.say(&sentence);
                assert!(words.ends_with('.') || matches!(sentence, Sentence::Text(_)), "{words}");
                assert!(!words.contains(['{', '}', '\n']) && !words.contains("  "), "{words}");
                shown += &words;
                shown.push('\n');
            }
            assert!(
                matches!(sentence, Sentence::Text(_)) || Lang::En.say(&sentence) != Lang::Sv.say(&sentence),
                "{sentence}"
            );
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
            Sentence::NobodyRuns { view: "sales", others },
            Sentence::TooManyWait { orders: others },
            Sentence::Behind { view: "sales", records: count },
            Sentence::SoldOut { product: product(), under_way: 0, others },
            Sentence::SoldOut { product: product(), under_way: many, others },
            Sentence::Reordered { product: product(), pieces, others },
            Sentence::Arrived { product: product(), pieces, others },
            Sentence::Rate(Some(1_234_567.0)),
            Sentence::BalanceBelowZero { product: product(), others },
            Sentence::OrdersDiffer { produced: count, pending: count, handled: count },
            Sentence::MailsDiffer { handled: count, mails: count },
        ];
        for (sentence, lang) in told.iter().flat_map(|sentence| Lang::ALL.map(|lang| (sentence, lang))) {
            let words = lang.say(sentence);
            let digits = words.split(|c: char| !c.is_ascii_digit());
            assert!(digits.clone().any(|group| !group.is_empty()), "{words}");
            assert!(digits.clone().all(|group| group.len() <= 3), "{words}");
        }
    }
}
