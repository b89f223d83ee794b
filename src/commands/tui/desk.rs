//! What a person can ask of the dashboard whatever the shop does: to follow an order, to read a report, to save what is
//! shown.

use std::{convert::Infallible, fs, io, io::Write, path::Path, sync::Arc, time::Duration};

use chrono::{NaiveDate, Utc};
use tokio::sync::{Mutex, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{
    super::{Setting, status},
    demo,
};
use crate::{
    clock::Clock,
    dashboard::{action::Request, picture::Picture, snapshot::OpenedReport},
    engine::Ended,
    messages::{Sentence, Severity},
    read_model::ReadModel,
    runtime::{out_dir::OutDir, services::Services, snapshots::Asked, supervisor::Supervisor, tracker},
    shop::Zone,
    sinks::report::{Report, json_file},
    stream::{Session, order_search::TrackedOrder},
    views::figures::ShopFigures,
};

/// A report that is read may be revised: how often to look, wall time.
const AGAIN: Duration = Duration::from_secs(2);
/// Pictures of one second of shop time, at most.
const PICTURES: usize = 100;
/// Where pictures are saved.
const FOLDER: &str = "pictures";

/// Takes what the person asks for; what is for the shop goes on to it.
pub(super) struct Desk {
    session: Session,
    model: Arc<ReadModel>,
    clock: Clock,
    zone: Zone,
    out_dir: OutDir,
    wanted: watch::Sender<Option<u64>>,
    followed: watch::Sender<Option<TrackedOrder>>,
    opened: watch::Sender<Option<OpenedReport>>,
}

impl Desk {
    /// A desk, and where its answers can be seen.
    pub(super) fn new(setting: &Setting, services: &Services) -> (Self, Asked) {
        let (followed, seen_followed) = watch::channel(None);
        let (opened, seen_opened) = watch::channel(None);
        let desk = Self {
            session: services.session.clone(),
            model: Arc::clone(&services.model),
            clock: services.clock.clone(),
            zone: services.zone,
            out_dir: setting.out_dir.clone(),
            wanted: watch::Sender::new(None),
            followed,
            opened,
        };
        (desk, Asked { followed: seen_followed, opened: seen_opened })
    }

    /// Serves until told to stop; what panics is told of and goes on.
    pub(super) async fn keep(
        self,
        supervisor: Supervisor,
        asked: mpsc::UnboundedReceiver<Request>,
        to_shop: mpsc::UnboundedSender<Request>,
    ) {
        let (desk, stop, asked) = (&self, &supervisor.stop, &Mutex::new(asked));
        let to_shop = &to_shop;
        let serving = supervisor.keep("the desk of the dashboard", || async {
            desk.serve(&mut *asked.lock().await, to_shop, stop).await;
            Ok::<_, Infallible>(Ended::Done)
        });
        let tracking = supervisor.keep("the search for orders", || {
            let (session, zone, followed) = (desk.session.clone(), desk.zone, desk.followed.clone());
            let (wanted, until) = (desk.wanted.subscribe(), stop.clone());
            let tracking = move || tracker::track(&session, zone, wanted, &followed, &until);
            let tracking = tokio::task::spawn_blocking(tracking);
            // Told to stop it ends by itself; nobody waits for what it has begun to read.
            async move { stop.run_until_cancelled(tracking).await.unwrap_or(Ok(())).map(|()| Ended::Done) }
        });
        tokio::join!(serving, tracking);
    }

    async fn serve(
        &self,
        asked: &mut mpsc::UnboundedReceiver<Request>,
        to_shop: &mpsc::UnboundedSender<Request>,
        stop: &CancellationToken,
    ) {
        let mut reading = None;
        loop {
            let request = tokio::select! {
                () = stop.cancelled() => return,
                request = asked.recv() => request,
                () = tokio::time::sleep(AGAIN), if reading.is_some() => Some(Request::Open(reading)),
            };
            match request {
                None => return,
                Some(Request::Follow(order_id)) => drop(self.wanted.send_replace(order_id)),
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
                // A shop that has ended does nothing any more.
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

    /// Saves a picture with the figures that it shows, and says where.
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

/// Writes `NAME.txt`, `NAME.svg` and `NAME.json`, with a number behind the name where there is one of them already. Gives the name.
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
