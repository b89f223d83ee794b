//! The sentences in English.

use super::{many, naming};
use crate::{
    messages::{Lang, Sentence},
    shop::number_format::signed,
};

/// The words of one sentence.
#[expect(clippy::too_many_lines, reason = "one arm for each sentence")]
pub(super) fn words(sentence: &Sentence) -> String {
    match sentence {
        Sentence::Text(text) => text.clone(),
        Sentence::KafkaAway => "Kafka does not answer: trying again until it does.".to_owned(),
        Sentence::KafkaBack => "Kafka answers again.".to_owned(),
        Sentence::NobodyRuns { view, others } => {
            let more = match others {
                0 => String::new(),
                1 => " and 1 more consumer".to_owned(),
                _ => format!(" and {} more consumers", many(*others)),
            };
            format!("Nobody runs {view}{more}: start `shop-sim consume`.")
        }
        Sentence::RunAgain => "Every consumer is running again.".to_owned(),
        Sentence::Unreachable { bootstrap, reason } => format!("Nothing answers at {bootstrap} ({reason})."),
        Sentence::Disagrees { flag, kept, ours } => format!(
            "The others of this shop run with --{flag} {kept}, and this one with {ours}: it ends; give --{flag} {kept}."
        ),
        Sentence::FolderCopied { instance } => format!(
            "Another process runs with the identity of this folder (state/instance is {instance}): it was copied; stop one of both, and give the other an empty folder with --out."
        ),
        Sentence::Restarted { view, why } => {
            format!("{view} starts again from its checkpoint: {}.", end(why))
        }
        Sentence::FilesDoNotFit { view } => format!(
            "{view}: its files and its checkpoint do not match: everything is computed again from Kafka."
        ),
        Sentence::LogDoesNotFit { view, why } => {
            format!("{view}: {}: everything is computed again from what Kafka holds.", end(why))
        }
        Sentence::NotSaved { view, why } => format!("{view} cannot save: {}; trying again.", end(why)),
        Sentence::Unopened { why } => format!(
            "Records of a topic cannot be opened ({why}): they are compressed in a way that is not known here, or damaged; their partition waits."
        ),
        Sentence::TooManyWait { orders } => {
            format!(
                "Orders that wait for their time: {}. Reading pauses until some are handled.",
                many(*orders)
            )
        }
        Sentence::Behind { view, records } => {
            format!("The lag of the consumers grows: {view} has {} to read.", records_of(*records))
        }
        Sentence::CaughtUp => "The consumers have caught up.".to_owned(),
        Sentence::ReportSaved { file } => format!("The daily report is written: {file}."),
        Sentence::ReportRevised { file } => {
            format!("A report was revised, because late orders came: {file}.")
        }
        Sentence::Midnight { ended } => format!("Midnight: {ended} is over, today's counts begin at zero."),
        Sentence::SoldOut { product, under_way: ..=0, others } => {
            format!("{product} is sold out{}.", so_are(*others))
        }
        Sentence::SoldOut { product, under_way, others } => {
            format!("{product} is sold out ({} on the way){}.", many(*under_way), so_are(*others))
        }
        Sentence::Reordered { product, pieces, others } => {
            format!("Low stock: reordered {} × {product}{}.", many(*pieces), and(*others))
        }
        Sentence::Arrived { product, pieces, others } => {
            format!("Delivered: {} × {product}{}.", many(*pieces), and(*others))
        }
        Sentence::Paused => "The shop is paused.".to_owned(),
        Sentence::Resumed => "The shop is running again.".to_owned(),
        Sentence::GoesOn { records, lost: 0 } => {
            format!("Resumed: {} read again, none lost.", records_of(*records))
        }
        Sentence::GoesOn { records, lost } => {
            format!("Resumed: {} read again, but orders are missing: {}.", records_of(*records), many(*lost))
        }
        Sentence::Stopped => "The simulator has stopped.".to_owned(),
        Sentence::Rate(Some(1.0)) => "Target: 1 order/s.".to_owned(),
        Sentence::Rate(Some(orders)) => format!("Target: {} orders/s.", Lang::En.rate(*orders)),
        Sentence::Rate(None) => "Target: as many orders as Kafka takes.".to_owned(),
        Sentence::RushBegan => "A rush: ten times as many customers for fifteen seconds.".to_owned(),
        Sentence::RushEnded => "The rush is over.".to_owned(),
        Sentence::CampaignsBegan { names } => naming("Campaign begins", "Campaigns begin", names),
        Sentence::CampaignsEnded { names } => naming("Campaign ends", "Campaigns end", names),
        Sentence::Filling => "Backfilling: past orders are written as fast as Kafka takes them.".to_owned(),
        Sentence::SoldElsewhere { place } => {
            format!("The simulator on {place} is selling: this dashboard shows it.")
        }
        Sentence::TakenOver { by } => format!("The simulator on {by} has taken over."),
        Sentence::SimulatorFailed { why } => format!("The simulator has stopped: {}.", end(why)),
        Sentence::RealTime => "Only available in accelerated time: start with --demo or --speed.".to_owned(),
        Sentence::NobodySells => "No simulator is selling: nobody is there to do that.".to_owned(),
        Sentence::NotWhilePaused => "The shop is paused: resume it first.".to_owned(),
        Sentence::NoRate => "The shop sells as fast as it can: choose a rate first.".to_owned(),
        Sentence::AlmostMidnight => "It is just before midnight already.".to_owned(),
        Sentence::FaultBegan { fault } => format!("Fault on demand: {fault}."),
        Sentence::FaultHealed { fault, took } => {
            format!(
                "All figures agree with the log again, {} s after the fault {fault}.",
                Lang::En.decimal(took.as_secs_f64(), 1)
            )
        }
        Sentence::FaultUnderWay => "This fault is under way already: wait until it is over.".to_owned(),
        Sentence::FaultElsewhere => {
            "This process runs no consumers: break them where the shop runs, with `shop-sim tui`.".to_owned()
        }
        Sentence::FaultNoFiles { view } => {
            format!("{view} writes no files: choose daily-report, stock, mail or journal.")
        }
        Sentence::FaultNotOwnBroker => {
            "This Kafka serves others too: only the built-in broker of this process is cut off.".to_owned()
        }
        Sentence::FaultRealShop => {
            "No simulator has sold here: nothing is written among the orders of a real shop.".to_owned()
        }
        Sentence::FaultRule { ids } => {
            format!(
                "With --ids {ids} these records would change what comes after them: begin a shop with --ids seen."
            )
        }
        Sentence::FaultNotWritten { why } => format!("The records could not be written: {}.", end(why)),
        Sentence::PictureSaved { path } => format!("Saved: {path}.txt, .svg and .json."),
        Sentence::NotWritten { path, why } => format!("{path} could not be written: {}.", end(why)),
        Sentence::NoOrder { order_id, topic } => format!("There is no order {order_id} in {topic}."),
        Sentence::NotRead { why } => format!("The log could not be read: {}.", end(why)),
        Sentence::StillToCome { now } => format!("Not yet: the shop's time is {now}."),
        Sentence::NothingBefore { first } => {
            format!("The log begins at {first}.")
        }
        Sentence::NothingYet => "There is no past yet: the log is empty.".to_owned(),
        Sentence::NoReport { file, out } => {
            format!("{file} is not in {out}: it lies where the consumers run.")
        }
        Sentence::ReportUnreadable { file, why } => format!("{file} cannot be read: {}.", end(why)),
        Sentence::BalanceBelowZero { product, others } => {
            format!("More was sold than was ever delivered of {product}{}.", and(*others))
        }
        Sentence::ShelfDiffers { product, shelf, balance, others } => format!(
            "The simulator has {} × {product} on its shelf, and the balance is {}{}.",
            signed(*shelf),
            signed(*balance),
            and(*others)
        ),
        Sentence::OrdersDiffer { produced, pending, handled } => format!(
            "The orders do not add up: sold {}, waiting {}, handled {}.",
            many(*produced),
            many(*pending),
            many(*handled)
        ),
        Sentence::MailsDiffer { handled, mails } => {
            format!(
                "The emails do not add up: orders handled {}, emails written {}.",
                many(*handled),
                many(*mails)
            )
        }
    }
}

fn records_of(count: u64) -> String {
    if count == 1 { "1 record".to_owned() } else { format!("{} records", many(count)) }
}

/// A suffix for messages about one product that also apply to others, with other numbers.
fn and(others: usize) -> String {
    match others {
        0 => String::new(),
        1 => ", and 1 more product".to_owned(),
        _ => format!(", and {} more products", many(others)),
    }
}

fn so_are(others: usize) -> String {
    match others {
        0 => String::new(),
        1 => ", and so is 1 more product".to_owned(),
        _ => format!(", and so are {} more products", many(others)),
    }
}

/// Outside text may end with a full stop.
fn end(text: &str) -> &str {
    text.trim_end_matches('.')
}
