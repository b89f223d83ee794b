//! `report [DATE]`: prints a daily report.

use std::{collections::HashMap, fs, io::ErrorKind, ops::ControlFlow, path::Path};

use chrono::NaiveDate;
use rdkafka::Message;

use super::{Failure, Setting, exists, print};
use crate::{
    cli::ReportArgs,
    clock::Clock,
    consumer::{Rule, order_ids::Index},
    messages::Lang,
    runtime::{
        kafka::{Kafka, Want},
        services::Services,
    },
    shop::{Order, Zone},
    sinks::{
        report::{Report, json_file, text_file},
        report_text::{self, COMPARED, Categories},
    },
    stream::{Session, StreamError, Topic, retry::FAILOVER, scan::scan},
    views::day_totals::DayTotals,
};

/// Prints the report of a day, or the newest.
pub(super) async fn run(setting: Setting, args: &ReportArgs) -> Result<(), Failure> {
    let out = setting.out_dir.path();
    match args.date {
        Some(date) if args.rebuild => print(rebuild(&setting, date, args.lang).await?.trim_end()),
        Some(date) => print(saved(out, date)?.trim_end()),
        None => print(saved(out, newest(out)?)?.trim_end()),
    }
}

fn saved(out: &Path, date: NaiveDate) -> Result<String, Failure> {
    let path = out.join(text_file(date));
    fs::read_to_string(&path).map_err(|error| {
        let path = path.display();
        Failure::Other(match error.kind() {
            ErrorKind::NotFound => format!(
                "there is no report of {date} in {path}: the consumers write it when the day has ended; \
                 `report {date} --rebuild` computes it from the log"
            ),
            _ => format!(
                "the report {path} cannot be read ({error}): `report {date} --rebuild` computes it from the log"
            ),
        })
    })
}

fn newest(out: &Path) -> Result<NaiveDate, Failure> {
    let folder = out.join("reports");
    let dates = fs::read_dir(&folder).into_iter().flatten().flatten().filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        name.strip_suffix(".txt")?.parse::<NaiveDate>().ok()
    });
    dates.max().ok_or_else(|| {
        Failure::Other(format!(
            "there are no reports in {}: the first is written when the shop's day ends, at 00:00",
            folder.display()
        ))
    })
}

/// Recomputes a day's report from the log of orders; does not change files.
async fn rebuild(setting: &Setting, date: NaiveDate, lang: Lang) -> Result<String, Failure> {
    let kafka = Kafka::open(&setting.common, &setting.out_dir, Want::Data).await?;
    let zone = setting.zone;
    let session = kafka.session.clone();
    let counted = match ids(&kafka, zone).await {
        Ok(ids) => match tokio::task::spawn_blocking(move || count(&session, date, zone, ids)).await {
            Ok(counted) => counted.map_err(Failure::from),
            Err(error) => Err(Failure::Other(error.to_string())),
        },
        Err(failure) => Err(failure),
    };
    kafka.close().await;
    let revision = fs::read(setting.out_dir.path().join(json_file(date)))
        .ok()
        .and_then(|bytes| Report::parse(&bytes).ok())
        .map_or(0, |report| report.revision);
    let (days, categories) = (counted?, Categories::of(&setting.catalog));
    Ok(report_text::text(date, revision, |date| days.get(&date), &categories, lang))
}

/// The shop's rule for duplicates.
async fn ids(kafka: &Kafka, zone: Zone) -> Result<Rule, Failure> {
    exists(&kafka.session, zone).await?;
    let mut services = Services::open(kafka, zone, Clock::default())?;
    services.known(FAILOVER).await;
    let kept = services.model.rules();
    services.close().await;
    Ok(kept.first().map_or_else(Rule::default, |(kept, _)| *kept))
}

/// Counts a day and those that it is compared with.
fn count(
    session: &Session,
    date: NaiveDate,
    zone: Zone,
    ids: Rule,
) -> Result<HashMap<NaiveDate, DayTotals>, StreamError> {
    let others = COMPARED.into_iter().filter_map(|days| report_text::days_before(date, days));
    let mut days: HashMap<NaiveDate, DayTotals> =
        others.chain([date]).map(|date| (date, DayTotals::default())).collect();
    let mut seen: HashMap<i32, Index> = HashMap::new();
    scan(session, Topic::Orders, |message| {
        if let Ok(order) = Order::decode(message.payload())
            && seen
                .entry(message.partition())
                .or_insert_with(|| Index::new(ids, None))
                .admit(&order)
                .unwrap_or(true)
            && let Some(totals) = days.get_mut(&zone.date(order.second()))
        {
            totals.add(&order);
        }
        ControlFlow::<()>::Continue(())
    })?;
    Ok(days)
}
