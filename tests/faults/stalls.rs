//! A loop that blocks for longer than Kafka tolerates.

use std::{sync::Arc, time::Duration};

use shop_sim::{
    consumers::{Journal, journal::JournalFiles},
    sinks::faulty_memory_files::{Disk, MemoryFiles},
    store::MemoryStore,
};

use crate::{
    bench::{Bench, journal, orders, until},
    common::shop::Shop,
    gate::{Does, Gate, GatedFiles},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_loop_that_stood_still_too_long_is_told_of_and_writes_nothing_that_is_anothers() {
    let shop = Shop::new();
    // librdkafka requires at least the session time-out.
    let short = [("max.poll.interval.ms", "6000"), ("session.timeout.ms", "6000")];
    let (a, b) = (Bench::open(&shop, "a", &short).await, Bench::open(&shop, "b", &[]).await);
    let (disk_a, disk_b) = (Disk::default(), Disk::default());
    let gate = Arc::new(Gate::default());
    let (zone, on_disk, gated) = (a.zone, disk_a.clone(), Arc::clone(&gate));
    let kept_a = a.keep::<Journal, _, _, _>(
        &MemoryStore::default(),
        move || JournalFiles::new(zone),
        move || GatedFiles(MemoryFiles::new(&on_disk), Arc::clone(&gated)),
    );
    let on_disk = disk_b.clone();
    let kept_b = b.keep::<Journal, _, _, _>(
        &MemoryStore::default(),
        move || JournalFiles::new(zone),
        move || MemoryFiles::new(&on_disk),
    );
    let both = || [journal(&disk_a), journal(&disk_b)].concat();
    until("both to have a partition", || {
        [&a, &b].iter().all(|bench| bench.env.model.readings().iter().any(|group| group.partitions == 1))
    })
    .await;
    shop.write("orders", &orders(1..101));
    until("the first orders", || both().len() == 100).await;
    // Until both have committed their positions.
    tokio::time::sleep(Duration::from_secs(3)).await;

    gate.set(Does::Hang);
    shop.write("orders", &orders(101..201));
    until("a word of the halt", || a.was_told(&["journal has stood still"])).await;
    until("the other's taking over", || both().len() == 200).await;
    gate.set(Does::Write);
    until("the start again", || a.was_told(&["journal", "starts again"])).await;

    shop.write("orders", &orders(201..301));
    until("all orders", || both().len() >= 300).await;
    a.env.stop.cancel();
    b.env.stop.cancel();
    kept_a.ended().await;
    kept_b.ended().await;
    let mut ids = both();
    ids.sort_unstable();
    assert_eq!(ids, (1..301).collect::<Vec<_>>(), "each order once: {:?}", a.told());
}
