//! The sentences in English.

use super::{many, rate};
use crate::dashboard::snapshot::Said;

/// One sentence.
pub(super) fn sentence(said: &Said) -> String {
    match said {
        Said::Text(text) => text.clone(),
        Said::KafkaAway => "Kafka does not answer: trying again until it does.".to_owned(),
        Said::KafkaBack => "Kafka answers again.".to_owned(),
        Said::Unreachable { bootstrap, reason } => format!("Nothing answers at {bootstrap} ({reason})."),
        Said::Restarted { view, why } => {
            format!("{view} starts again from its checkpoint: {}.", end(why))
        }
        Said::FilesDoNotFit { view } => format!(
            "{view}: its files and its checkpoint do not match: everything is computed again from Kafka."
        ),
        Said::LogDoesNotFit { view, why } => {
            format!("{view}: {}: everything is computed again from what Kafka holds.", end(why))
        }
        Said::NotSaved { view, why } => format!("{view} cannot save: {}; trying again.", end(why)),
        Said::TooManyWait { orders } => {
            format!("{} orders wait for their time: reading pauses until some are handled.", many(*orders))
        }
        Said::Behind { view, records } => {
            format!("The consumers are falling behind: {view} by {} records.", many(*records))
        }
        Said::CaughtUp => "The consumers have caught up.".to_owned(),
        Said::ReportSaved { file } => format!("The daily report is written: {file}."),
        Said::ReportRevised { file } => format!("A report was revised, because late orders came: {file}."),
        Said::Midnight { ended } => format!("Midnight: {ended} is over, today's counts begin at zero."),
        Said::SoldOut { product, under_way: ..=0, others } => {
            format!("{product} is sold out{}.", so_are(*others))
        }
        Said::SoldOut { product, under_way, others } => {
            format!("{product} is sold out ({} on the way){}.", many(*under_way), so_are(*others))
        }
        Said::Reordered { product, pieces, others } => {
            format!("Low shelf: {} × {product} ordered{}.", many(*pieces), and(*others))
        }
        Said::Arrived { product, pieces, others } => {
            format!("Delivered: {} × {product}{}.", many(*pieces), and(*others))
        }
        Said::Paused => "The shop is paused.".to_owned(),
        Said::Resumed => "The shop is running again.".to_owned(),
        Said::Stopped => "The simulator has stopped.".to_owned(),
        Said::Rate(Some(1.0)) => "The aim is 1 order a second.".to_owned(),
        Said::Rate(Some(orders)) => format!("The aim is {} orders a second.", rate(*orders)),
        Said::Rate(None) => "The aim is as many orders as Kafka takes.".to_owned(),
        Said::RushBegan => "A rush: ten times as many customers for fifteen seconds.".to_owned(),
        Said::RushEnded => "The rush is over.".to_owned(),
        Said::Filling => "The past is being filled with orders, as fast as Kafka takes them.".to_owned(),
        Said::SoldElsewhere { place } => {
            format!("The simulator on {place} is selling: this dashboard shows it.")
        }
        Said::TakenOver { by } => format!("The simulator on {by} has taken over."),
        Said::SimulatorFailed { why } => format!("The simulator has stopped: {}.", end(why)),
        Said::RealTime => "In real time nobody can hurry: start with --demo or --speed for that.".to_owned(),
        Said::NobodySells => "No simulator is selling: nobody is there to do that.".to_owned(),
        Said::NotWhilePaused => "The shop is paused: resume it first.".to_owned(),
        Said::NoRate => "The shop sells as fast as it can: choose a rate first.".to_owned(),
        Said::AlmostMidnight => "It is almost midnight already.".to_owned(),
        Said::PictureSaved { path } => format!("Saved: {path}.txt, .svg and .json."),
        Said::NotWritten { path, why } => format!("{path} could not be written: {}.", end(why)),
        Said::NoOrder { order_id, topic } => format!("There is no order {order_id} in {topic}."),
        Said::NotRead { why } => format!("The log could not be read: {}.", end(why)),
        Said::NoReport { file, out } => {
            format!("{file} is not in {out}: it lies where the consumers run.")
        }
        Said::ReportUnreadable { file, why } => format!("{file} cannot be read: {}.", end(why)),
        Said::BalanceBelowZero { product, others } => {
            format!("More was sold than was ever delivered of {product}{}.", and(*others))
        }
        Said::OrdersDiffer { produced, pending, handled } => format!(
            "{} orders were sold, but {} wait and {} are handled.",
            many(*produced),
            many(*pending),
            many(*handled)
        ),
        Said::MailsDiffer { handled, mails } => {
            format!("{} orders are handled, but {} mails are written.", many(*handled), many(*mails))
        }
    }
}

/// Behind what is said of one product: it holds for so many others as well, with numbers of their own.
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

/// What comes from outside may have its own full stop.
fn end(text: &str) -> &str {
    text.trim_end_matches('.')
}
