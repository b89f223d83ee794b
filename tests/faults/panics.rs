//! Tasks that panic: told, started again from their checkpoints, and the terminal stays whole.

use std::{
    io,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::NaiveDate;
use shop_sim::{
    consumer::{Output, output::Appends, outputs::JournalFiles},
    dashboard::{self, ScreenOptions, snapshot::Link},
    runtime::{panics, snapshots::Painter, supervisor::Supervisor},
    shop::{Catalog, Zone},
    sinks::{
        files::Files,
        memory::{Disk, MemoryFiles},
    },
    store::{Batch, MemoryStore},
    stream::{board::Board, clock::Clock, env::Ended},
    views::{Event, Journal, Source, View, part::PartFigures, table::Saved},
};
use tokio_util::sync::CancellationToken;

use crate::{
    bench::{Bench, journal, orders, until},
    common::shop::Shop,
};

/// A journal that panics once, at the order with this id.
#[derive(Debug, Clone, Default)]
struct Stumbling(Journal);

const STUMBLE: u64 = 301;
static STUMBLED: AtomicBool = AtomicBool::new(false);

impl View for Stumbling {
    const NAME: &'static str = Journal::NAME;
    const SOURCES: &'static [Source] = Journal::SOURCES;

    fn apply(&mut self, event: &Event, zone: Zone) {
        if matches!(event, Event::Order(order) if order.order_id == STUMBLE)
            && !STUMBLED.swap(true, Ordering::Relaxed)
        {
            panic!("it stumbled");
        }
        self.0.apply(event, zone);
    }

    fn figures(&self, now: i64, zone: Zone) -> PartFigures {
        self.0.figures(now, zone)
    }

    fn tables(&mut self) -> Vec<(&'static str, &mut dyn Saved)> {
        self.0.tables()
    }
}

struct StumblingFiles(JournalFiles);

impl Output<Stumbling> for StumblingFiles {
    fn folders(&self) -> &'static [&'static str] {
        self.0.folders()
    }

    fn is_appended(&self, path: &str) -> bool {
        self.0.is_appended(path)
    }

    fn event(&mut self, event: &Event, appends: &mut Appends) {
        self.0.event(event, appends);
    }

    fn settle(&mut self, parts: &[&Stumbling], closed: Option<NaiveDate>, rows: &mut Batch) {
        self.0.settle(&parts.iter().map(|part| &part.0).collect::<Vec<_>>(), closed, rows);
    }

    fn publish(&mut self, files: &mut dyn Files) -> io::Result<bool> {
        self.0.publish(files)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_view_that_panics_goes_on_from_its_checkpoint() {
    let shop = Shop::new();
    let bench = Bench::open(&shop, "a", &[]).await;
    let (store, disk) = (MemoryStore::default(), Disk::default());
    shop.write("orders", &orders(1..STUMBLE));
    let (zone, files) = (bench.zone, disk.clone());
    let kept = bench.keep::<Stumbling, _, _>(
        &store,
        move || StumblingFiles(JournalFiles::new(zone)),
        move || MemoryFiles::new(&files),
    );
    until("the journal of what came before", || journal(&disk).len() == 300).await;

    shop.write("orders", &orders(STUMBLE..501));
    until("the journal of all", || journal(&disk).len() >= 500).await;
    assert!(STUMBLED.load(Ordering::Relaxed));
    assert!(bench.was_told(&["journal starts again", "it panicked (it stumbled)"]), "{:?}", bench.told());
    bench.env.stop.cancel();
    kept.await.unwrap();
    assert_eq!(journal(&disk), (1..501).collect::<Vec<_>>(), "each order once");
}

/// What the test below runs in a terminal of its own: a dashboard, beside which a task panics.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "draws on the terminal"]
async fn a_dashboard_beside_a_task_that_panics() {
    panics::tell();
    let link = Link { bootstrap: "nowhere".to_owned(), embedded: true, up: true, trouble: None };
    let zone = Zone(chrono_tz::Europe::Stockholm);
    let (board, stop) = (Arc::new(Board::new(zone, link)), CancellationToken::new());
    let clock = Clock::fixed(1_795_172_400);
    let mut painter = Painter::new(Arc::clone(&board), clock.clone(), zone, Arc::new(Catalog::builtin()));
    let (pictures, drawn) = tokio::sync::watch::channel(Arc::new(painter.paint()));
    let (ask, _asked) = tokio::sync::mpsc::unbounded_channel();
    let supervisor = Supervisor { board: Arc::clone(&board), clock, stop: stop.clone() };
    let screen = tokio::spawn(dashboard::run(ScreenOptions::default(), drawn, ask, stop.clone()));
    tokio::spawn(painter.run(pictures, stop.clone()));
    until("the screen", shop_sim::dashboard::terminal::is_taken).await;

    let mut attempts = 0;
    let run = || {
        attempts += 1;
        let attempt = attempts;
        async move {
            assert!(attempt > 1, "on purpose");
            Ok::<_, String>(Ended::Done)
        }
    };
    supervisor.keep("the follower", run).await;
    // A thread that nobody keeps is no reason to close the screen either.
    let _ = std::thread::spawn(|| panic!("in vain")).join();
    tokio::time::sleep(Duration::from_secs(1)).await;
    stop.cancel();
    screen.await.unwrap().unwrap();
    println!("the screen was left in good order");
}

#[test]
fn a_panic_beside_the_dashboard_leaves_the_screen_whole_and_is_told_on_it() {
    let shop = Shop::embedded();
    let mut command = Command::new("script");
    let me = std::env::current_exe().unwrap();
    let inside = format!(
        "stty cols 120 rows 40; exec {} --exact panics::a_dashboard_beside_a_task_that_panics --ignored --nocapture",
        me.display()
    );
    command.env("TERM", "xterm-256color").args(["-qefc", &inside, "/dev/null"]);
    let screen = shop.spawn(command, inside).finish().ok().stdout;
    let [entered, left] =
        ["\u{1b}[?1049h", "\u{1b}[?1049l"].map(|code| screen.match_indices(code).collect::<Vec<_>>());
    assert_eq!((entered.len(), left.len()), (1, 1), "the screen was left before its end: {screen}");
    let told = screen.find("it panicked (on purpose)").expect("the message on the screen");
    assert!(entered[0].0 < told && told < left[0].0, "{screen}");
    assert!(!screen.contains("panicked at"), "something was printed over the screen: {screen}");
    assert!(screen[left[0].0..].contains("the screen was left in good order"), "{screen}");
}

#[test]
fn the_panic_of_a_drawing_task_gives_the_terminal_back_and_ends_the_program() {
    // The task's screen is dropped while it unwinds: what is printed afterwards stands on a whole terminal.
    let shop = Shop::embedded();
    let mut command = Command::new("script");
    let me = std::env::current_exe().unwrap();
    let inside = format!(
        "stty cols 120 rows 40; exec {} --exact panics::a_drawing_task_that_panics --ignored --nocapture",
        me.display()
    );
    command.env("TERM", "xterm-256color").args(["-qefc", &inside, "/dev/null"]);
    let screen = shop.spawn(command, inside).finish().ok().stdout;
    let left = screen.find("\u{1b}[?1049l").expect("the terminal was given back");
    assert!(screen[left..].contains("the screen failed"), "{screen}");
}

/// What the test above runs in a terminal of its own.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "draws on the terminal"]
async fn a_drawing_task_that_panics() {
    panics::tell();
    let drawing = tokio::spawn(async {
        let _screen = shop_sim::dashboard::terminal::Screen::enter(false).unwrap();
        panic!("while drawing");
    });
    assert!(drawing.await.is_err());
    println!("the screen failed");
}
