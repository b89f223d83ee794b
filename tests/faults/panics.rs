//! Tasks that panic are reported, and restart from their checkpoints.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
};

use chrono::NaiveDate;
use shop_sim::{
    consumer::{Output, output::Appends},
    consumers::{Journal, journal::JournalFiles},
    shop::Zone,
    sinks::{
        faulty_memory_files::{Disk, MemoryFiles},
        files::Files,
    },
    store::{Batch, MemoryStore},
    views::{Event, Source, View, table::Saved},
};

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
    const HAS_WINDOWS: bool = Journal::HAS_WINDOWS;
    type Figures = <Journal as View>::Figures;

    fn apply(&mut self, event: &Event, zone: Zone) {
        if matches!(event, Event::Order(order) if order.order_id == STUMBLE)
            && !STUMBLED.swap(true, Ordering::Relaxed)
        {
            panic!("it stumbled");
        }
        self.0.apply(event, zone);
    }

    fn figures(&self, now: i64, zone: Zone) -> Self::Figures {
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
    let kept = bench.keep::<Stumbling, _, _, _>(
        &store,
        move || StumblingFiles(JournalFiles::new(zone)),
        move || MemoryFiles::new(&files),
    );
    until("the journal of what came before", || journal(&disk).len() == 300).await;

    shop.write("orders", &orders(STUMBLE..501));
    until("the journal of all", || journal(&disk).len() >= 500).await;
    assert!(STUMBLED.load(Ordering::Relaxed));
    assert!(bench.was_told(&["journal", "starts again", "it panicked (it stumbled)"]), "{:?}", bench.told());
    bench.env.stop.cancel();
    kept.ended().await;
    assert_eq!(journal(&disk), (1..501).collect::<Vec<_>>(), "each order once");
}
