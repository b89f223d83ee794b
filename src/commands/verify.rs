//! `verify`: audits the shop. It only reads: the topics once, and the files beside them.

mod checkpoints;
mod files;
mod folders;
mod topics;

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    time::{Duration, Instant},
};

use self::folders::{Audited, Told, Workload};
use super::{Failure, Setting, counted, exists, print};
use crate::{
    cli::VerifyArgs,
    clock::Clock,
    consumer::{Part, Rule},
    consumers::{Contribution, NAMES, Recount},
    messages::Lang,
    runtime::{
        kafka::{Kafka, Want},
        out_dir::OutDir,
        services::Services,
    },
    shop::{Zone, number_format::thousands},
    sinks::sanitize::shown,
    stream::{
        Session, StreamError, Topic,
        ends::EndWatch,
        retention_gaps::gaps,
        retry::{FAILOVER, retry},
    },
    verify::{Claim, Differences, Folder, FolderRows, Log, STATE},
    views::shop_figures::{ReportNote, ShopFigures},
};

/// Files may lag behind states published more recently than this: a checkpoint is made each second.
const SETTLED_MS: i64 = 3_000;
/// The age that shop time may have had when it was read, wall time.
const AHEAD: Duration = Duration::from_secs(2);
/// Most columns of a difference.
const COLUMNS: usize = 600;

/// Audits, and prints what differs. `--ids` overrides the shop's rule for duplicates.
pub(super) async fn run(setting: Setting, args: VerifyArgs) -> Result<(), Failure> {
    let begun = Instant::now();
    setting.out_dir.check_zone(setting.zone.0)?;
    let kafka = Kafka::open(&setting.common, &setting.out_dir, Want::Data).await?;
    let audited = match hear(&setting, &kafka).await {
        Ok(heard) => audit(&setting, &kafka, args, heard).await,
        Err(failure) => Err(failure),
    };
    kafka.close().await;
    let Audit { found, notes, summary, is_empty } = audited?;
    if is_empty {
        return Err(Failure::Other(format!(
            "there is nothing to audit: no order was ever sold, and nothing is counted; `shop-sim tui` or `shop-sim produce` sells, \
             and --out names another shop than {}",
            setting.out_dir.path().display()
        )));
    }
    for line in found.sentences() {
        print(&shown(&line, COLUMNS))?;
    }
    for line in notes {
        print(&line)?;
    }
    let seconds = begun.elapsed().as_secs_f64();
    print(&format!(
        "{summary}; {}; {} s",
        counted(found.count(), "difference"),
        Lang::En.decimal(seconds, 1)
    ))?;
    if found.count() == 0 {
        return Ok(());
    }
    Err(Failure::Other(
        "the audit found differences: where consumers were killed, run `shop-sim consume --until-end` and verify again; \
         what differs then was changed from outside"
            .to_owned(),
    ))
}

/// The published states, all of one moment.
struct Heard {
    figures: ShopFigures,
    claims: Vec<Claim>,
    told: Told,
    reports: Vec<ReportNote>,
    /// The rules for duplicates, by view.
    ids: Vec<(Rule, &'static str)>,
    /// The shop second up to which days were closed, as far as is known.
    reported: i64,
    /// When the states were read.
    at: Instant,
    /// Shop seconds per wall second.
    speed: f64,
}

impl Heard {
    /// The content of the read model.
    fn on(services: &Services, setting: &Setting) -> Self {
        let figures = services.figures(&setting.catalog);
        let reports = services.model.parts("daily-report");
        let mut heard = Self {
            reports: figures.reports.clone(),
            reported: reports.iter().map(|(_, state)| state.shop_second).min().unwrap_or(i64::MIN),
            at: Instant::now(),
            speed: services.clock.pulse().map_or(1.0, |pulse| pulse.speed),
            figures,
            ids: services.model.rules(),
            claims: Vec::new(),
            told: Told::new(),
        };
        for view in NAMES {
            for (part, state) in services.model.parts(view) {
                let told = heard.told.entry(view).or_default();
                told.insert(part, (state.who.clone(), state.position.next));
                heard.claims.push(Claim { by: STATE, view, part, state });
            }
        }
        heard
    }
}

impl Heard {
    /// An upper bound of the current shop second: the shop may have gone on since.
    fn latest_second(&self) -> i64 {
        #[expect(clippy::cast_possible_truncation, reason = "saturates, and so does the sum")]
        let gone = ((self.at.elapsed() + AHEAD).as_secs_f64() * self.speed.max(1.0)).ceil() as i64;
        self.figures.shop_second.saturating_add(gone)
    }
}

/// Reads the published states, as `status` does.
async fn hear(setting: &Setting, kafka: &Kafka) -> Result<Heard, Failure> {
    exists(&kafka.session, setting.zone).await?;
    let mut services = Services::open(kafka, setting.zone, Clock::default())?;
    let known = services.known(FAILOVER).await;
    // A running shop publishes all the time: figures and claims must be of one moment.
    let heard = loop {
        let before = services.model.changes();
        let heard = Heard::on(&services, setting);
        if services.model.changes() == before {
            break heard;
        }
    };
    services.close().await;
    if !known {
        let reason = "the shop's state could not be read in time".to_owned();
        return Err(kafka.session.halted(reason).into());
    }
    let newest = heard.claims.iter().map(|claim| claim.state.wall_ms).max().unwrap_or(i64::MIN);
    let age = chrono::Utc::now().timestamp_millis().saturating_sub(newest);
    if let Ok(wait) = u64::try_from(SETTLED_MS - age) {
        tokio::time::sleep(Duration::from_millis(wait.min(SETTLED_MS.unsigned_abs()))).await;
    }
    Ok(heard)
}

/// The result of an audit.
struct Audit {
    found: Differences,
    /// What could not be compared, and why.
    notes: Vec<String>,
    summary: String,
    /// Whether there was nothing to compare: no records, and no figures.
    is_empty: bool,
}

async fn audit(setting: &Setting, kafka: &Kafka, args: VerifyArgs, heard: Heard) -> Result<Audit, Failure> {
    let session = kafka.session.clone();
    let mut outs = vec![setting.out_dir.clone()];
    for with in &args.with {
        let out = OutDir::new(with);
        if out.kept("instance")?.is_none() {
            let with = with.display();
            return Err(Failure::Other(format!(
                "no consumer ever wrote to {with}: give --with the --out of one"
            )));
        }
        out.check_zone(setting.zone.0)?;
        let real = |out: &OutDir| fs::canonicalize(out.path()).ok();
        // A folder that is named twice counts once.
        if outs.iter().all(|other| real(other) != real(&out)) {
            outs.push(out);
        }
    }
    let zone = setting.zone;
    let ids = args.ids.ids.or(heard.ids.first().map(|(kept, _)| *kept)).unwrap_or_default();
    let work = move || audit_all(&session, &outs, (zone, ids), heard);
    match tokio::task::spawn_blocking(work).await {
        Ok(audited) => audited,
        Err(error) => Err(Failure::Other(error.to_string())),
    }
}

/// The end offsets, to detect growth.
type Ends = HashMap<Part, i64>;

fn audit_all(
    session: &Session,
    outs: &[OutDir],
    (zone, ids): (Zone, Rule),
    mut heard: Heard,
) -> Result<Audit, Failure> {
    let logs = [Topic::Orders, Topic::Deliveries, Topic::Handled, Topic::DeadLetters];
    if let Some(gap) = gaps(session, &logs)?.into_iter().next() {
        let what = "what was counted from them cannot be counted again".to_owned();
        return Err(StreamError::Lost { gap, what }.into());
    }
    let mut notes = Vec::new();
    let mut folders = Vec::new();
    for out in outs {
        let (mut checkpoints, note) = checkpoints::read(&out.state(), zone, || heard.latest_second());
        heard.claims.append(&mut checkpoints.claims);
        notes.extend(note);
        let instance = out.kept("instance")?.unwrap_or_default();
        folders.push(Audited { out: out.path(), instance, checkpoints });
    }
    notes.extend(not_recounted(&heard.claims));
    let watch = EndWatch::new(session)?;
    let ends = watch.look_when_settled()?;

    let told = &heard.told;
    let claims = std::mem::take(&mut heard.claims);
    let expected =
        |folder: &Audited<'_>| Folder::new(folder.shares("journal", told), folder.shares("mail", told));
    let expected = folders.iter().map(expected).collect();
    // Files and topics are read in parallel.
    let (log, written) = std::thread::scope(|scope| {
        let reading = scope.spawn(|| folders.iter().map(|folder| folder.rows(told)).collect());
        let log = topics::read(session, zone, ids, claims, expected, &ends);
        let written: Result<Vec<FolderRows>, Failure> =
            reading.join().map_err(|_| Failure::Other("a thread of the audit failed".to_owned()))?;
        Ok::<_, Failure>((log?, written?))
    })?;
    let mut count: usize = written.iter().map(FolderRows::files).sum();
    let (mut log, mut found) = log.finish();
    let behind = log.behind();
    let moved = retry(FAILOVER, |_| watch.look())? != ends;

    let mut of_files = Differences::default();
    let mut not = BTreeSet::new();
    let workload = Workload { behind: &behind, told };
    let alone = folders.len() == 1;
    for ((folder, expected), written) in folders.iter().zip(log.take_rows()).zip(written) {
        let path = |kind: &'static str, ending: &'static str| {
            move |date| folder.path(&format!("{kind}/{date}.{ending}"), alone)
        };
        if workload.has_rows("journal", folder, &mut not) {
            let path = path("orders", "txt");
            expected.journal.compare(written.journal, ("tables", "row"), path, &mut of_files);
        }
        if workload.has_rows("mail", folder, &mut not) {
            let path_of_rows = path("handled", "txt");
            expected.register.compare(written.register, ("tables", "row"), path_of_rows, &mut of_files);
            expected.mails.compare(written.mails, ("mails", "mail"), path("mail", "mbox"), &mut of_files);
        }
    }
    if let Some(folder) = workload.writer("journal", &folders, &mut not) {
        log.compare_last(files::text(&folder.out.join("orders/last.txt"))?.as_deref(), &mut of_files);
        count += 1;
    }
    if let Some(folder) = workload.writer("stock", &folders, &mut not) {
        log.compare_stock(files::text(&folder.out.join("stock.txt"))?.as_deref(), &mut of_files);
        count += 1;
    }
    if let Some(folder) = workload.writer("daily-report", &folders, &mut not) {
        let reports = files::reports(folder.out)?;
        count += reports.texts.len() + reports.jsons.len();
        let today = zone.date(heard.figures.shop_second);
        let closed = zone.date(heard.reported);
        log.compare_reports(&reports, &heard.reports, closed, today, &mut of_files);
    }
    workload.coverage(log.coverage(), alone, &mut of_files, &mut not, &mut notes);
    if !not.is_empty() {
        let not = not.into_iter().collect::<Vec<_>>().join(", ");
        let remedy = if outs.iter().any(OutDir::consumers_run) {
            "pause the shop for some seconds, and verify again"
        } else {
            "`shop-sim consume --until-end` processes the log"
        };
        notes.push(format!("Not compared: files, because {not}; {remedy}."));
    }
    log.compare_status(&heard.figures, zone, &mut found);
    if behind.values().all(|behind| *behind == 0) && behind.len() == NAMES.len() {
        log.compare_sums(&heard.figures, &mut found);
    }
    // If the log has grown meanwhile, files may have grown, too: differences then prove nothing.
    if moved && of_files.count() > 0 {
        notes.push("Not compared: the files, because the log grew while they were read.".to_owned());
    } else {
        found.append(of_files);
    }
    let is_empty = ends.values().all(|end| *end == 0) && found.count() == 0;
    let summary = summary(&log, &heard.figures, count);
    Ok(Audit { found, notes, summary, is_empty })
}

/// The consumers that the audit cannot recount.
fn not_recounted(claims: &[Claim]) -> Option<String> {
    let is_left_out = |claim: &&Claim| matches!(claim.state.figures.recount(), Recount::None);
    let names: BTreeSet<&str> = claims.iter().filter(is_left_out).map(|claim| claim.view).collect();
    let names: Vec<&str> = names.into_iter().collect();
    (!names.is_empty())
        .then(|| format!("Not recounted: {}, whose figures and files are not audited.", names.join(", ")))
}

fn summary(log: &Log, figures: &ShopFigures, files: usize) -> String {
    let (delivered, sold) = log.delivered_and_sold();
    format!(
        "{} = {} pending + {} handled; {} in {}; {} delivered − {} sold; {}; {}",
        counted(log.orders(), "order"),
        thousands(log.orders().saturating_sub(log.handled_orders())),
        thousands(log.handled_orders()),
        Lang::En.kronor(log.sales_ore()),
        counted(log.day_count() as u64, "day"),
        thousands(delivered),
        thousands(sold),
        counted(figures.mails, "mail"),
        counted(files as u64, "file")
    )
}
