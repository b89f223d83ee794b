//! Only positions of rows on disk are committed.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
};
use shop_sim::{
    consumer::Position,
    consumers::{Journal, journal::JournalFiles},
    sinks::faulty_memory_files::{Disk, MemoryFiles},
    store::{Batch, MemoryStore, Store, StoreError},
    views::View,
};

use crate::{
    bench::{Bench, PATIENCE, journal, orders, until},
    common::shop::{Shop, wait_for},
    gate::{Does, Gate, GatedFiles},
};

/// The committed positions of the journal's partitions.
struct Told {
    client: BaseConsumer,
    places: TopicPartitionList,
}

impl Told {
    fn of(shop: &Shop) -> Self {
        let client = ClientConfig::new()
            .set("bootstrap.servers", shop.bootstrap())
            .set("group.id", shop.topic(Journal::NAME))
            .create()
            .unwrap();
        let mut places = TopicPartitionList::new();
        places.add_partition_range(&shop.topic("orders"), 0, 1);
        Self { client, places }
    }

    fn look(&self) -> Vec<i64> {
        // A coordinator that is being elected answers later.
        let told = wait_for("the committed positions", PATIENCE, || {
            self.client.committed_offsets(self.places.clone(), Duration::from_secs(20)).ok()
        });
        let next = |offset| if let Offset::Offset(next) = offset { next } else { 0 };
        told.elements().iter().map(|place| next(place.offset())).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn while_the_disk_refuses_nothing_is_read_and_no_position_moves() {
    let shop = Shop::new();
    let bench = Bench::open(&shop, "a", &[]).await;
    let (disk, gate) = (Disk::default(), Arc::new(Gate::default()));
    let (zone, on_disk, gated) = (bench.zone, disk.clone(), Arc::clone(&gate));
    let kept = bench.keep::<Journal, _, _, _>(
        &MemoryStore::default(),
        move || JournalFiles::new(zone),
        move || GatedFiles(MemoryFiles::new(&on_disk), Arc::clone(&gated)),
    );
    let told = Told::of(&shop);
    shop.write("orders", &orders(1..101));
    until("word of the first orders", || told.look() == [50, 50]).await;

    gate.set(Does::Refuse);
    shop.write("orders", &orders(101..201));
    // Reading stops after a refusal.
    until("two refusals", || gate.refused() >= 2).await;
    let read = || bench.env.model.parts(Journal::NAME).iter().map(|(_, state)| state.position.next).sum();
    let before: i64 = read();
    shop.write("orders", &orders(201..301));
    let refused = gate.refused();
    until("more refusals", || gate.refused() >= refused + 4).await;
    assert_eq!(read(), before, "what was read meanwhile");
    assert_eq!(told.look(), [50, 50], "what Kafka was told");
    assert_eq!(journal(&disk).len(), 100);

    gate.set(Does::Write);
    until("all orders", || journal(&disk).len() >= 300).await;
    assert_eq!(journal(&disk), (1..301).collect::<Vec<_>>());
    bench.env.stop.cancel();
    kept.ended().await;
}

/// The longest delay of a write to disk.
const ON_ITS_WAY: Duration = Duration::from_millis(500);

/// The positions of the two partitions, and since when.
type Written = (Instant, Vec<i64>);

/// A store that tracks what would survive a kill.
#[derive(Clone, Default)]
struct SlowStore {
    store: MemoryStore,
    written: Arc<Mutex<Vec<Written>>>,
}

impl SlowStore {
    fn note(&self) {
        let next = |partition| {
            let rows = self.store.scan(&format!("position/orders/{partition}.")).unwrap();
            rows.first().map_or(0, |(_, value)| serde_json::from_slice::<Position>(value).unwrap().next)
        };
        self.written.lock().unwrap().push((Instant::now(), vec![next(0), next(1)]));
    }

    fn on_disk(&self) -> Vec<i64> {
        let written = self.written.lock().unwrap();
        let old = written.iter().rev().find(|(since, _)| since.elapsed() >= ON_ITS_WAY);
        old.map_or_else(|| vec![0, 0], |(_, next)| next.clone())
    }
}

impl Store for SlowStore {
    fn scan(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.store.scan(prefix)
    }

    fn write(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.store.write(batch)?;
        self.note();
        Ok(())
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        self.store.clear()
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        std::thread::sleep(ON_ITS_WAY);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn kafka_is_never_told_of_a_position_that_a_kill_would_take_back() {
    let shop = Shop::new();
    let bench = Bench::open(&shop, "a", &[]).await;
    let (store, disk) = (SlowStore::default(), Disk::default());
    let zone = bench.zone;
    let kept = bench.keep::<Journal, _, _, _>(
        &store,
        move || JournalFiles::new(zone),
        move || MemoryFiles::new(&disk),
    );
    let told = Told::of(&shop);
    for round in 0..5 {
        shop.write("orders", &orders(round * 100 + 1..round * 100 + 101));
        let all = i64::try_from((round + 1) * 50).unwrap();
        until("word of the orders", || {
            // In this order, since what is on the disk only grows.
            let (told, on_disk) = (told.look(), store.on_disk());
            assert!(told.iter().zip(&on_disk).all(|(told, safe)| told <= safe), "{told:?} of {on_disk:?}");
            told == [all, all]
        })
        .await;
    }
    bench.env.stop.cancel();
    kept.ended().await;
    assert_eq!(told.look(), store.on_disk());
}
