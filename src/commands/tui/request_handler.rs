//! Handles requests that do not depend on the shop: follow an order, read a report, go back in time, save the screen.

use std::{convert::Infallible, fs, io, io::Write, path::Path, sync::Arc, time::Duration};

use chrono::{NaiveDate, Utc};
use tokio::{
    sync::{Mutex, Notify, mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{
    super::{Setting, status},
    demo,
};
use crate::{
    chaos::Fault,
    clock::Clock,
    consumer::Rule,
    dashboard::{
        action::Request,
        screenshot::Picture,
        snapshot::{OpenedReport, Rewound},
    },
    engine::Ended,
    messages::{Sentence, Severity},
    read_model::ReadModel,
    runtime::{
        chaos::Injector, order_tracking, out_dir::OutDir, rewinder::Rewinder, services::Services,
        snapshots::Asked, supervisor::Supervisor,
    },
    shop::Zone,
    sinks::report::{Report, json_file},
    stream::{Session, order_search::TrackedOrder},
    views::shop_figures::ShopFigures,
};

/// An open report may be revised: period of the checks, wall time.
const AGAIN: Duration = Duration::from_secs(2);
/// Most pictures per second of shop time.
const PICTURES: usize = 100;
/// Where pictures are saved.
const FOLDER: &str = "pictures";

/// Handles the user's requests; forwards those for the shop.
pub(super) struct RequestHandler {
    session: Session,
    model: Arc<ReadModel>,
    clock: Clock,
    zone: Zone,
    out_dir: OutDir,
    wanted: watch::Sender<Option<u64>>,
    followed: watch::Sender<Option<TrackedOrder>>,
    opened: watch::Sender<Option<OpenedReport>>,
    rewinder: Arc<Rewinder>,
    moment: watch::Sender<Option<i64>>,
    rewound: watch::Sender<Option<Arc<Rewound>>>,
    injector: Injector,
    /// Notified when the live audit is needed.
    audit: Notify,
}

impl RequestHandler {
    /// A handler, and receivers of its results. `ids` is the rule for duplicates if no consumer has published one.
    pub(super) fn new(
        setting: &Setting,
        services: &Services,
        ids: Option<Rule>,
        injector: Injector,
    ) -> (Self, Asked) {
        let (followed, seen_followed) = watch::channel(None);
        let (opened, seen_opened) = watch::channel(None);
        let (rewound, seen_rewound) = watch::channel(None);
        let rewinder = Rewinder {
            session: services.session.clone(),
            model: Arc::clone(&services.model),
            clock: services.clock.clone(),
            zone: services.zone,
            catalog: Arc::clone(&setting.catalog),
            ready: services.ready(),
            ids,
        };
        let handler = Self {
            session: services.session.clone(),
            model: Arc::clone(&services.model),
            clock: services.clock.clone(),
            zone: services.zone,
            out_dir: setting.out_dir.clone(),
            wanted: watch::Sender::new(None),
            followed,
            opened,
            rewinder: Arc::new(rewinder),
            moment: watch::Sender::new(None),
            rewound,
            injector,
            audit: Notify::new(),
        };
        let live_audit = handler.injector.live_audit();
        (handler, Asked { followed: seen_followed, opened: seen_opened, rewound: seen_rewound, live_audit })
    }

    /// Serves until stopped; a panic is reported, and the handler restarts.
    pub(super) async fn keep(
        self,
        supervisor: Supervisor,
        asked: mpsc::UnboundedReceiver<Request>,
        to_shop: mpsc::UnboundedSender<Request>,
    ) {
        let (handler, stop, asked) = (&self, &supervisor.stop, &Mutex::new(asked));
        let to_shop = &to_shop;
        let serving = supervisor.keep("the handler of the dashboard", || async {
            handler.serve(&mut *asked.lock().await, to_shop, stop).await;
            Ok::<_, Infallible>(Ended::Done)
        });
        let tracking = supervisor.keep_blocking("the search for orders", || {
            let (session, zone, followed) = (handler.session.clone(), handler.zone, handler.followed.clone());
            let (wanted, until) = (handler.wanted.subscribe(), stop.clone());
            move || {
                order_tracking::track(&session, zone, wanted, &followed, &until);
                Ok::<_, Infallible>(Ended::Done)
            }
        });
        let rewinding = supervisor.keep_blocking("the way back in time", || {
            let (rewinder, rewound) = (Arc::clone(&handler.rewinder), handler.rewound.clone());
            let (moment, until) = (handler.moment.subscribe(), stop.clone());
            move || {
                rewinder.run(moment, &rewound, &until);
                Ok::<_, Infallible>(Ended::Done)
            }
        });
        let auditing = async {
            if stop.run_until_cancelled(handler.audit.notified()).await.is_some() {
                handler.injector.auditor().keep(&supervisor).await;
            }
        };
        tokio::join!(serving, tracking, rewinding, auditing);
    }

    async fn serve(
        &self,
        asked: &mut mpsc::UnboundedReceiver<Request>,
        to_shop: &mpsc::UnboundedSender<Request>,
        stop: &CancellationToken,
    ) {
        let mut reading = None;
        let mut faults = JoinSet::new();
        loop {
            let request = tokio::select! {
                () = stop.cancelled() => return,
                request = asked.recv() => request,
                Some(_) = faults.join_next() => continue,
                () = tokio::time::sleep(AGAIN), if reading.is_some() => Some(Request::Open(reading)),
            };
            match request {
                None => return,
                Some(Request::Follow(order_id)) => drop(self.wanted.send_replace(order_id)),
                Some(Request::Rewind(moment)) => drop(self.moment.send_replace(moment)),
                Some(Request::Open(date)) => {
                    reading = date;
                    self.open(date).await;
                }
                Some(Request::Save(picture, figures)) => self.save(picture, &figures).await,
                Some(Request::TalkBegan) => {
                    if let Err(error) = demo::note(&self.out_dir, |demo| demo.talk = Some(Utc::now())) {
                        tracing::warn!("a start after this one will not know when the talk began: {error}");
                    }
                }
                Some(Request::Audit) => self.audit.notify_one(),
                Some(Request::Break(fault)) => {
                    self.audit.notify_one();
                    drop(faults.spawn(bring_about(
                        self.injector.clone(),
                        Arc::clone(&self.model),
                        self.clock.clone(),
                        fault,
                    )));
                }
                Some(Request::Quit) => {
                    // Reverts lasting faults: the shop needs its broker and disks to close.
                    faults.shutdown().await;
                    drop(to_shop.send(Request::Quit));
                }
                // A shop that has ended ignores requests.
                Some(request) => drop(to_shop.send(request)),
            }
        }
    }

    async fn open(&self, date: Option<NaiveDate>) {
        let out_dir = self.out_dir.clone();
        let read = tokio::task::spawn_blocking(move || date.map(|date| read(out_dir.path(), date)));
        let Ok(opened) = read.await else { return };
        self.opened.send_if_modified(|last| {
            let news = *last != opened;
            *last = opened;
            news
        });
    }

    /// Saves a picture and its figures, and reports the path.
    async fn save(&self, picture: Picture, figures: &ShopFigures) {
        let name = self.zone.at(figures.shop_second).format("%Y-%m-%d-%H%M%S").to_string();
        let json = status::json(figures, self.zone);
        let folder = self.out_dir.path().join(FOLDER);
        let written = tokio::task::spawn_blocking(move || {
            let saved = save(&folder, &name, &picture, &json);
            saved.map_err(|error| Sentence::NotWritten {
                path: folder.display().to_string(),
                why: error.to_string(),
            })
        });
        let (severity, sentence) = match written.await {
            Ok(Ok(name)) => {
                let path = self.out_dir.path().join(FOLDER).join(name).display().to_string();
                (Severity::Info, Sentence::PictureSaved { path })
            }
            Ok(Err(sentence)) => (Severity::Error, sentence),
            Err(error) => (Severity::Error, Sentence::Text(error.to_string())),
        };
        self.model.say(self.clock.now().unwrap_or(figures.shop_second), severity, sentence);
    }
}

/// Injects a fault; reports why if it is refused.
async fn bring_about(injector: Injector, model: Arc<ReadModel>, clock: Clock, fault: Fault) {
    if let Err(why) = injector.inject(fault, rand::random()).await {
        model.say(clock.now().unwrap_or_default(), Severity::Info, why);
    }
}

/// The report of a day, or why it cannot be read.
fn read(out: &Path, date: NaiveDate) -> OpenedReport {
    let file = json_file(date);
    let report = match fs::read(out.join(&file)) {
        Ok(bytes) => Report::parse(&bytes)
            .map(Arc::new)
            .map_err(|error| Sentence::ReportUnreadable { file, why: error.to_string() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Sentence::NoReport { file, out: out.display().to_string() })
        }
        Err(error) => Err(Sentence::ReportUnreadable { file, why: error.to_string() }),
    };
    OpenedReport { date, report }
}

/// Writes `NAME.txt`, `NAME.svg` and `NAME.json`, with a number after the name if it is taken. Returns the name.
fn save(folder: &Path, name: &str, picture: &Picture, json: &str) -> io::Result<String> {
    fs::create_dir_all(folder)?;
    for number in 1..=PICTURES {
        let name = if number == 1 { name.to_owned() } else { format!("{name}-{number}") };
        let path = |end: &str| folder.join(format!("{name}.{end}"));
        let new = |end| fs::File::options().write(true).create_new(true).open(path(end));
        if path("json").exists() || path("svg").exists() {
            continue;
        }
        match new("txt") {
            Ok(mut file) => {
                writeln!(file, "{}", picture.text.trim_end())?;
                new("svg")?.write_all(picture.svg.as_bytes())?;
                writeln!(new("json")?, "{json}")?;
                return Ok(name);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("{PICTURES} pictures of {name} are there")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::day_totals::DayTotals;

    fn picture(text: &str) -> Picture {
        Picture { text: text.into(), svg: "<svg/>".into() }
    }

    #[test]
    fn a_picture_is_saved_beside_its_figures_and_never_over_another() {
        let out = tempfile::tempdir().unwrap();
        let folder = out.path().join(FOLDER);
        let name = "2026-11-20-140307";
        assert_eq!(save(&folder, name, &picture("first\n\n"), "{}").unwrap(), name);
        assert_eq!(save(&folder, name, &picture("second"), "{\"n\":2}").unwrap(), format!("{name}-2"));
        let held = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
        assert_eq!(held("2026-11-20-140307.txt"), "first\n");
        assert_eq!(held("2026-11-20-140307-2.txt"), "second\n");
        assert_eq!(held("2026-11-20-140307-2.json"), "{\"n\":2}\n");
        fs::write(folder.join("other.json"), "kept").unwrap();
        assert_eq!(save(&folder, "other", &picture("third"), "{}").unwrap(), "other-2");
        assert_eq!(held("other.json"), "kept");
        assert!(!folder.join("other.txt").exists());
        let file = out.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(save(&file, name, &picture(""), "").is_err());
    }

    #[test]
    fn a_report_is_read_or_the_reason_is_told() {
        let out = tempfile::tempdir().unwrap();
        let date = NaiveDate::from_ymd_opt(2026, 11, 20).unwrap();
        let missing = read(out.path(), date);
        assert!(matches!(missing.report, Err(Sentence::NoReport { .. })) && missing.date == date);
        let report = Report::new(date, &DayTotals { orders: 3, ..DayTotals::default() }, 1);
        fs::create_dir(out.path().join("reports")).unwrap();
        fs::write(out.path().join(json_file(date)), report.json()).unwrap();
        assert_eq!(read(out.path(), date).report, Ok(Arc::new(report)));
        fs::write(out.path().join(json_file(date)), "{").unwrap();
        assert!(matches!(read(out.path(), date).report, Err(Sentence::ReportUnreadable { .. })));
    }
}
