//! The sentences in Swedish.

use super::{many, rate};
use crate::dashboard::snapshot::Said;

/// One sentence.
pub(super) fn sentence(said: &Said) -> String {
    match said {
        Said::Text(text) => text.clone(),
        Said::KafkaAway => "Kafka svarar inte: nya försök görs tills det svarar.".to_owned(),
        Said::KafkaBack => "Kafka svarar igen.".to_owned(),
        Said::Unreachable { bootstrap, reason } => format!("Ingen svarar på {bootstrap} ({reason})."),
        Said::Restarted { view, why } => {
            format!("{view} startar om från sin kontrollpunkt: {}.", end(why))
        }
        Said::FilesDoNotFit { view } => {
            format!("{view}: filerna och kontrollpunkten stämmer inte överens: allt räknas om från Kafka.")
        }
        Said::LogDoesNotFit { view, why } => {
            format!("{view}: {}: allt räknas om från det som finns i Kafka.", end(why))
        }
        Said::NotSaved { view, why } => format!("{view} kan inte spara: {}; nytt försök görs.", end(why)),
        Said::TooManyWait { orders } => {
            format!("{} order väntar på sin tid: läsningen pausas tills några är hanterade.", many(*orders))
        }
        Said::Behind { view, records } => {
            format!("Konsumenterna hinner inte med: {view} ligger {} poster efter.", many(*records))
        }
        Said::CaughtUp => "Konsumenterna har hunnit ikapp.".to_owned(),
        Said::ReportSaved { file } => format!("Dagsrapporten är skriven: {file}."),
        Said::ReportRevised { file } => format!("En rapport är rättad, eftersom sena order kom in: {file}."),
        Said::Midnight { ended } => format!("Midnatt: {ended} är slut, dagens siffror börjar om."),
        Said::SoldOut { product, under_way: ..=0, others } => {
            format!("{product} är slut{}.", so_are(*others))
        }
        Said::SoldOut { product, under_way, others } => {
            format!("{product} är slut ({} på väg){}.", many(*under_way), so_are(*others))
        }
        Said::Reordered { product, pieces, others } => {
            format!("Lågt lager: {} × {product} beställt{}.", many(*pieces), and(*others))
        }
        Said::Arrived { product, pieces, others } => {
            format!("Leverans: {} × {product}{}.", many(*pieces), and(*others))
        }
        Said::Paused => "Butiken är pausad.".to_owned(),
        Said::Resumed => "Butiken är igång igen.".to_owned(),
        Said::Stopped => "Simulatorn har stannat.".to_owned(),
        Said::Rate(Some(orders)) => format!("Målet är {} order i sekunden.", rate(*orders)),
        Said::Rate(None) => "Målet är så många order som Kafka tar emot.".to_owned(),
        Said::RushBegan => "Rusning: tio gånger så många kunder i femton sekunder.".to_owned(),
        Said::RushEnded => "Rusningen är över.".to_owned(),
        Said::Filling => "Historiken fylls med order så fort Kafka tar emot dem.".to_owned(),
        Said::SoldElsewhere { place } => {
            format!("Simulatorn på {place} säljer: den visas här.")
        }
        Said::TakenOver { by } => format!("Simulatorn på {by} har tagit över."),
        Said::SimulatorFailed { why } => format!("Simulatorn har stannat: {}.", end(why)),
        Said::RealTime => {
            "I realtid går det inte att skynda på: starta med --demo eller --speed för det.".to_owned()
        }
        Said::NobodySells => "Ingen simulator säljer: det finns ingen som kan göra det.".to_owned(),
        Said::NotWhilePaused => "Butiken är pausad: låt den fortsätta först.".to_owned(),
        Said::NoRate => "Butiken säljer så fort den kan: välj en takt först.".to_owned(),
        Said::AlmostMidnight => "Det är redan nästan midnatt.".to_owned(),
        Said::PictureSaved { path } => format!("Sparat: {path}.txt, .svg och .json."),
        Said::NotWritten { path, why } => format!("{path} kunde inte skrivas: {}.", end(why)),
        Said::NoOrder { order_id, topic } => format!("Det finns ingen order {order_id} i {topic}."),
        Said::NotRead { why } => format!("Loggen kunde inte läsas: {}.", end(why)),
        Said::NoReport { file, out } => {
            format!("{file} finns inte i {out}: den ligger där konsumenterna körs.")
        }
        Said::ReportUnreadable { file, why } => format!("{file} går inte att läsa: {}.", end(why)),
        Said::BalanceBelowZero { product, others } => {
            format!("Det har sålts mer än vad som levererats av {product}{}.", and(*others))
        }
        Said::OrdersDiffer { produced, pending, handled } => format!(
            "{} order har sålts, men {} väntar och {} är hanterade.",
            many(*produced),
            many(*pending),
            many(*handled)
        ),
        Said::MailsDiffer { handled, mails } => {
            format!("{} order är hanterade, men {} mejl är skrivna.", many(*handled), many(*mails))
        }
    }
}

/// Behind what is said of one product: it holds for so many others as well, with numbers of their own.
fn and(others: usize) -> String {
    match others {
        0 => String::new(),
        1 => ", och 1 produkt till".to_owned(),
        _ => format!(", och {} produkter till", many(others)),
    }
}

fn so_are(others: usize) -> String {
    match others {
        0 => String::new(),
        1 => ", liksom 1 produkt till".to_owned(),
        _ => format!(", liksom {} produkter till", many(others)),
    }
}

/// What comes from outside may have its own full stop.
fn end(text: &str) -> &str {
    text.trim_end_matches('.')
}
