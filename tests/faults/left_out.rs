//! A group whose generation started without partitions: a static member that returns to it gets none, and does not
//! learn that it is the leader.

#![allow(dead_code, reason = "members made by hand do more for the broker's tests")]

use shop_sim::{
    consumers::{Journal, journal::JournalFiles},
    sinks::faulty_memory_files::{Disk, MemoryFiles},
    store::MemoryStore,
};

#[path = "../broker/wire/client.rs"]
mod client;
#[path = "../broker/wire/members.rs"]
mod members;

use self::members::Member;
use crate::{
    bench::{Bench, PATIENCE, journal, orders, until},
    common::shop::Shop,
};

/// An assignment of nothing: version 0, no topics, no data of the user's.
const NOTHING: &str = "\0\0\0\0\0\0\0\0\0\0";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_group_whose_partitions_nobody_has_shares_them_out_anew() {
    let shop = Shop::new();
    let bench = Bench::open(&shop, "a", &[]).await;
    shop.write("orders", &orders(1..101));

    // The previous leader found no topic. It is gone without a `LeaveGroup`, as static members go.
    let (bootstrap, group, topic) =
        (shop.bootstrap().to_owned(), shop.topic("journal"), shop.topic("orders"));
    let before = move || {
        let mut member = Member::new(&bootstrap, &group, Some("a"));
        member.begin_join(&[&topic]);
        member.joined();
        let nothing = member.sync_request(&[(&member.id, NOTHING)]);
        assert_eq!(member.wire.ask(members::SYNC, &nothing).error_code, 0);
    };
    tokio::task::spawn_blocking(before).await.unwrap();

    let (store, disk) = (MemoryStore::default(), Disk::default());
    let (zone, written) = (bench.zone, disk.clone());
    let kept = bench.keep::<Journal, _, _, _>(
        &store,
        move || JournalFiles::new(zone),
        move || MemoryFiles::new(&written),
    );
    until("the orders", || journal(&disk).len() >= 100).await;
    assert_eq!(journal(&disk), (1..101).collect::<Vec<_>>());
    bench.env.stop.cancel();
    kept.ended().await;
}
