//! A loop that stands still for longer than Kafka waits.

use std::{
    io,
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use shop_sim::{
    consumer::outputs::JournalFiles,
    sinks::{
        files::Files,
        memory::{Disk, MemoryFiles},
    },
    store::MemoryStore,
    views::Journal,
};

use crate::{
    bench::{Bench, PATIENCE, journal, orders, until},
    common::shop::Shop,
};

/// A disk that can be made to hang.
#[derive(Default)]
struct Hanging {
    hangs: Mutex<bool>,
    changed: Condvar,
}

impl Hanging {
    fn set(&self, hangs: bool) {
        *self.hangs.lock().unwrap() = hangs;
        self.changed.notify_all();
    }

    fn wait(&self) {
        let hangs = self.hangs.lock().unwrap();
        drop(self.changed.wait_timeout_while(hangs, PATIENCE, |hangs| *hangs).unwrap());
    }
}

struct HangingFiles(MemoryFiles, Arc<Hanging>);

impl Files for HangingFiles {
    fn list(&self, folder: &str) -> io::Result<Vec<(String, u64)>> {
        self.0.list(folder)
    }

    fn append(&mut self, path: &str, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.1.wait();
        self.0.append(path, at, bytes)
    }

    fn cut(&mut self, path: &str, length: u64) -> io::Result<()> {
        self.0.cut(path, length)
    }

    fn replace(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.0.replace(path, bytes)
    }

    fn set_aside(&mut self, path: &str) -> io::Result<()> {
        self.0.set_aside(path)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_loop_that_stood_still_too_long_is_told_of_and_writes_nothing_that_is_anothers() {
    let shop = Shop::new();
    let short = [("max.poll.interval.ms", "6000")];
    let (a, b) = (Bench::open(&shop, "a", &short).await, Bench::open(&shop, "b", &[]).await);
    let (disk_a, disk_b) = (Disk::default(), Disk::default());
    let hanging = Arc::new(Hanging::default());
    let (zone, on_disk, hung) = (a.zone, disk_a.clone(), Arc::clone(&hanging));
    let kept_a = a.keep::<Journal, _, _>(
        &MemoryStore::default(),
        move || JournalFiles::new(zone),
        move || HangingFiles(MemoryFiles::new(&on_disk), Arc::clone(&hung)),
    );
    let on_disk = disk_b.clone();
    let kept_b = b.keep::<Journal, _, _>(
        &MemoryStore::default(),
        move || JournalFiles::new(zone),
        move || MemoryFiles::new(&on_disk),
    );
    let both = || [journal(&disk_a), journal(&disk_b)].concat();
    until("both to have a partition", || {
        [&a, &b].iter().all(|bench| bench.env.board.readings().iter().any(|group| group.partitions == 1))
    })
    .await;
    shop.write("orders", &orders(1..101));
    until("the first orders", || both().len() == 100).await;
    // Until Kafka was told how far both are.
    tokio::time::sleep(Duration::from_secs(3)).await;

    hanging.set(true);
    shop.write("orders", &orders(101..201));
    until("a word of the halt", || a.was_told(&["journal has stood still"])).await;
    until("the other's taking over", || both().len() == 200).await;
    hanging.set(false);
    until("the start again", || a.was_told(&["journal", "starts again"])).await;

    shop.write("orders", &orders(201..301));
    until("all orders", || both().len() >= 300).await;
    a.env.stop.cancel();
    b.env.stop.cancel();
    kept_a.await.unwrap();
    kept_b.await.unwrap();
    let mut ids = both();
    ids.sort_unstable();
    assert_eq!(ids, (1..301).collect::<Vec<_>>(), "each order once: {:?}", a.told());
}
