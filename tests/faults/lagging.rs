//! A lagging or stuck consumer does not hold up the others, and reads on its own until it has caught up.

use std::sync::Arc;

use shop_sim::{
    consumer::output::NoOutput,
    consumers::{Journal, OrdersToday, journal::JournalFiles},
    sinks::faulty_memory_files::{Disk, MemoryFiles},
    store::MemoryStore,
    views::View,
};

use crate::{
    bench::{Bench, journal, orders, until},
    common::shop::Shop,
    gate::{Does, Gate, GatedFiles},
};

/// More orders (4 MiB) than a consumer's queue holds, and than are read again to rejoin the others.
const MANY: u64 = 60_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_consumer_whose_disk_refuses_holds_nobody_up_and_catches_up_on_its_own() {
    let shop = Shop::new();
    let bench = Bench::open(&shop, "a", &[]).await;
    let (disk, gate) = (Disk::default(), Arc::new(Gate::default()));
    let (zone, on_disk, gated) = (bench.zone, disk.clone(), Arc::clone(&gate));
    let lagging = bench.keep::<Journal, _, _, _>(
        &MemoryStore::default(),
        move || JournalFiles::new(zone),
        move || GatedFiles(MemoryFiles::new(&on_disk), Arc::clone(&gated)),
    );
    let other = bench.keep::<OrdersToday, _, _, _>(
        &MemoryStore::default(),
        || NoOutput,
        || MemoryFiles::new(&Disk::default()),
    );
    let read =
        |name| -> i64 { bench.env.model.parts(name).iter().map(|(_, state)| state.position.next).sum() };
    let all = |count: u64| i64::try_from(count).unwrap();
    shop.write("orders", &orders(1..101));
    until("the first orders", || journal(&disk).len() == 100 && read(OrdersToday::NAME) == 100).await;

    gate.set(Does::Refuse);
    shop.write("orders", &orders(101..201));
    until("a disk that refuses", || gate.refused() > 0).await;
    shop.write("orders", &orders(201..MANY + 1));
    until("the other's reading to the end", || read(OrdersToday::NAME) == all(MANY)).await;
    assert!(read(Journal::NAME) < all(MANY), "it has read {}", read(Journal::NAME));

    gate.set(Does::Write);
    until("all orders", || journal(&disk).len() >= usize::try_from(MANY).unwrap()).await;
    // It shares the reader again: new records reach both.
    shop.write("orders", &orders(MANY + 1..MANY + 101));
    until("what came last", || read(OrdersToday::NAME) == all(MANY + 100)).await;
    until("what came last in the journal", || read(Journal::NAME) == all(MANY + 100)).await;
    bench.env.stop.cancel();
    lagging.ended().await;
    other.ended().await;
    assert_eq!(journal(&disk), (1..MANY + 101).collect::<Vec<_>>());
}
