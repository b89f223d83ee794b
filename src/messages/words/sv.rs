//! The sentences in Swedish.

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
        Sentence::KafkaAway => "Kafka svarar inte: nya försök görs tills det svarar.".to_owned(),
        Sentence::KafkaBack => "Kafka svarar igen.".to_owned(),
        Sentence::NobodyRuns { view, others } => {
            let more = match others {
                0 => String::new(),
                1 => " och 1 konsument till".to_owned(),
                _ => format!(" och {} konsumenter till", many(*others)),
            };
            format!("Ingen kör {view}{more}: starta `shop-sim consume`.")
        }
        Sentence::RunAgain => "Alla konsumenter är igång igen.".to_owned(),
        Sentence::Unreachable { bootstrap, reason } => format!("Ingen svarar på {bootstrap} ({reason})."),
        Sentence::Disagrees { flag, kept, ours } => format!(
            "De andra i butiken kör med --{flag} {kept}, och den här med {ours}: den avslutas; ange --{flag} {kept}."
        ),
        Sentence::FolderCopied { instance } => format!(
            "En annan process kör med den här mappens identitet (state/instance är {instance}): den har kopierats; stoppa en av dem och ge den andra en tom mapp med --out."
        ),
        Sentence::Restarted { view, why } => {
            format!("{view} startar om från sin kontrollpunkt: {}.", end(why))
        }
        Sentence::FilesDoNotFit { view } => {
            format!("{view}: filerna och kontrollpunkten stämmer inte överens: allt räknas om från Kafka.")
        }
        Sentence::LogDoesNotFit { view, why } => {
            format!("{view}: {}: allt räknas om från det som finns i Kafka.", end(why))
        }
        Sentence::NotSaved { view, why } => format!("{view} kan inte spara: {}; nytt försök görs.", end(why)),
        Sentence::Unopened { why } => format!(
            "Poster i ett ämne kan inte öppnas ({why}): de är komprimerade på ett sätt som inte är känt här, eller skadade; deras partition väntar."
        ),
        Sentence::TooManyWait { orders } => {
            format!("{} order väntar på sin tid: läsningen pausas tills några är hanterade.", many(*orders))
        }
        Sentence::Behind { view, records } => {
            format!("Konsumenternas eftersläpning växer: {view} har {} kvar att läsa.", records_of(*records))
        }
        Sentence::CaughtUp => "Konsumenterna har hunnit ikapp.".to_owned(),
        Sentence::ReportSaved { file } => format!("Dagsrapporten är klar: {file}."),
        Sentence::ReportRevised { file } => {
            format!("En rapport är rättad, eftersom sena order kom in: {file}.")
        }
        Sentence::Midnight { ended } => {
            format!("Midnatt: {ended} är avslutad, räkningen börjar om från noll.")
        }
        Sentence::SoldOut { product, under_way: ..=0, others } => {
            format!("{product} är slut{}.", so_are(*others))
        }
        Sentence::SoldOut { product, under_way, others } => {
            format!("{product} är slut ({} på väg){}.", many(*under_way), so_are(*others))
        }
        Sentence::Reordered { product, pieces, others } => {
            format!("Lågt saldo: {} × {product} beställda{}.", many(*pieces), and(*others))
        }
        Sentence::Arrived { product, pieces, others } => {
            format!("Leverans: {} × {product}{}.", many(*pieces), and(*others))
        }
        Sentence::Paused => "Butiken är pausad.".to_owned(),
        Sentence::Resumed => "Butiken är igång igen.".to_owned(),
        Sentence::GoesOn { records, lost: 0 } => {
            format!("Återupptagen: {} igen, inga order förlorade.", records_read(*records))
        }
        Sentence::GoesOn { records, lost } => {
            format!("Återupptagen: {} igen, men {} order saknas.", records_read(*records), many(*lost))
        }
        Sentence::Stopped => "Simulatorn har stannat.".to_owned(),
        Sentence::Rate(Some(orders)) => format!("Målet är {} order i sekunden.", Lang::Sv.rate(*orders)),
        Sentence::Rate(None) => "Målet är så många order som Kafka tar emot.".to_owned(),
        Sentence::RushBegan => "Kundrusning: tio gånger så många kunder i femton sekunder.".to_owned(),
        Sentence::RushEnded => "Kundrusningen är över.".to_owned(),
        Sentence::CampaignsBegan { names } => naming("Kampanjen börjar", "Kampanjer börjar", names),
        Sentence::CampaignsEnded { names } => naming("Kampanjen slutar", "Kampanjer slutar", names),
        Sentence::Filling => "Historiken fylls med order så fort Kafka tar emot dem.".to_owned(),
        Sentence::SoldElsewhere { place } => {
            format!("Simulatorn på {place} säljer: den visas här.")
        }
        Sentence::TakenOver { by } => format!("Simulatorn på {by} har tagit över."),
        Sentence::SimulatorFailed { why } => format!("Simulatorn har stannat: {}.", end(why)),
        Sentence::RealTime => {
            "I realtid går det inte att skynda på: starta med --demo eller --speed för det.".to_owned()
        }
        Sentence::NobodySells => "Ingen simulator säljer: det finns ingen som kan göra det.".to_owned(),
        Sentence::NotWhilePaused => "Butiken är pausad: låt den fortsätta först.".to_owned(),
        Sentence::NoRate => "Butiken säljer så fort den kan: välj en takt först.".to_owned(),
        Sentence::AlmostMidnight => "Det är redan nästan midnatt.".to_owned(),
        Sentence::FaultBegan { fault } => format!("Fel på beställning: {fault}."),
        Sentence::FaultHealed { fault, took } => {
            format!(
                "Alla siffror stämmer med loggen igen, {} s efter felet {fault}.",
                Lang::Sv.decimal(took.as_secs_f64(), 1)
            )
        }
        Sentence::FaultUnderWay => "Det här felet pågår redan: vänta tills det är över.".to_owned(),
        Sentence::FaultElsewhere => {
            "Den här processen kör inga konsumenter: framkalla fel där butiken körs, med `shop-sim tui`."
                .to_owned()
        }
        Sentence::FaultNoFiles { view } => {
            format!("{view} skriver inga filer: välj daily-report, stock, mail eller journal.")
        }
        Sentence::FaultNotOwnBroker => {
            "Andra använder också denna Kafka: bara den egna inbyggda brokern kopplas bort.".to_owned()
        }
        Sentence::FaultRealShop => {
            "Ingen simulator har sålt här: inget skrivs bland en verklig butiks order.".to_owned()
        }
        Sentence::FaultRule { ids } => {
            format!(
                "Med --ids {ids} skulle posterna ändra det som kommer efter dem: starta en butik med --ids seen."
            )
        }
        Sentence::FaultNotWritten { why } => format!("Posterna kunde inte skrivas: {}.", end(why)),
        Sentence::PictureSaved { path } => format!("Sparat: {path}.txt, .svg och .json."),
        Sentence::NotWritten { path, why } => format!("{path} kunde inte skrivas: {}.", end(why)),
        Sentence::NoOrder { order_id, topic } => format!("Det finns ingen order {order_id} i {topic}."),
        Sentence::NotRead { why } => format!("Loggen kunde inte läsas: {}.", end(why)),
        Sentence::StillToCome { now } => format!("Inte än: butikens tid är {now}."),
        Sentence::NothingBefore { first } => format!("Loggen börjar {first}."),
        Sentence::NothingYet => "Det finns inget förflutet än: loggen är tom.".to_owned(),
        Sentence::NoReport { file, out } => {
            format!("{file} finns inte i {out}: den ligger där konsumenterna körs.")
        }
        Sentence::ReportUnreadable { file, why } => format!("{file} går inte att läsa: {}.", end(why)),
        Sentence::BalanceBelowZero { product, others } => {
            format!("Det har sålts mer än vad som levererats av {product}{}.", and(*others))
        }
        Sentence::ShelfDiffers { product, shelf, balance, others } => format!(
            "Simulatorn har {} × {product} på hyllan, men saldot är {}{}.",
            signed(*shelf),
            signed(*balance),
            and(*others)
        ),
        Sentence::OrdersDiffer { produced, pending, handled } => format!(
            "Orderna går inte ihop: sålda {}, väntande {}, hanterade {}.",
            many(*produced),
            many(*pending),
            many(*handled)
        ),
        Sentence::MailsDiffer { handled, mails } => {
            format!(
                "Mejlen går inte ihop: hanterade order {}, skrivna mejl {}.",
                many(*handled),
                many(*mails)
            )
        }
    }
}

fn records_of(count: u64) -> String {
    if count == 1 { "1 post".to_owned() } else { format!("{} poster", many(count)) }
}

fn records_read(count: u64) -> String {
    format!("{} {}", records_of(count), if count == 1 { "läst" } else { "lästa" })
}

/// A suffix for messages about one product that also apply to others, with other numbers.
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

/// Outside text may end with a full stop.
fn end(text: &str) -> &str {
    text.trim_end_matches('.')
}
